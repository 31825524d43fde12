"""Links by themselves; what :mod:`fand.communication` makes of them is tested there."""

import gc
import logging
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from fand import util
from fand.exceptions import TerminatingError, UnpicklableError
from fand.links import Link, Links, shut_down
from fand.wire import HEADER_SIZE, Request, decode, encode

NOTICE = encode(Request.DISCONNECT, (None,))


@pytest.fixture(autouse=True)
def ending(monkeypatch: pytest.MonkeyPatch) -> util.Termination:
    """An end of the program that is for one test only."""
    end = util.Termination()
    monkeypatch.setattr(util, "_end", end)
    return end


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs):
        yield ours, theirs


def test_a_frame_is_encoded_once_for_who_asks_the_same_again(pair: tuple[socket.socket, socket.socket]) -> None:
    link = Link(pair[0])
    first = link.frame(Request.GET_PWM, ("shelf1",))
    assert decode(first[HEADER_SIZE:]) == (Request.GET_PWM, ("shelf1",))
    assert link.frame(Request.GET_PWM, ("shelf1",)) is first
    assert link.frame(Request.GET_PWM, ("shelf2",)) != first
    assert link.frame(Request.GET_RPM, ("shelf2",)) == encode(Request.GET_RPM, ("shelf2",))
    assert link.frame(Request.SET_RPM, ("shelf1", 1200)) == encode(Request.SET_RPM, ("shelf1", 1200))
    with pytest.raises(UnpicklableError):
        link.frame(Request.GET_PWM, ("x" * 70_000,))


def test_the_peer_has_a_name(pair: tuple[socket.socket, socket.socket]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as sock:
            assert Link(sock).peer == f"127.0.0.1 port {port}"
    assert Link(pair[0]).peer == "the peer"
    pair[0].close()
    assert Link(pair[0]).peer == "the peer"


def test_a_socket_keeps_its_link(pair: tuple[socket.socket, socket.socket]) -> None:
    links = Links()
    link = links.of(pair[0])
    links.manage(pair[0])
    links.manage(pair[0])
    assert links.of(pair[0]) is link
    assert links.of(pair[1]) is not link
    assert links.is_managed(pair[0])
    assert not links.is_managed(pair[1])
    assert links.release(pair[0]) is link
    assert links.release(pair[0]) is None


def test_who_is_not_managed_costs_nothing_once_he_is_gone() -> None:
    links = Links()
    ours, theirs = socket.socketpair()
    with closing(theirs):
        links.of(ours)
        ours.close()
        del ours
        gc.collect()
        assert len(links._others) == 0


def test_it_ends_with_a_notice(pair: tuple[socket.socket, socket.socket], caplog: pytest.LogCaptureFixture) -> None:
    ours, theirs = pair
    links = Links()
    links.end(ours, NOTICE)
    assert ours.fileno() >= 0, "it is somebody else's"
    links.manage(ours)
    with caplog.at_level(logging.INFO, "fand.links"):
        links.end(ours, NOTICE)
    assert ours.fileno() < 0
    assert theirs.recv(100) == NOTICE
    assert theirs.recv(100) == b""
    assert "closed the connection to the peer" in caplog.text


@pytest.mark.parametrize("broken", [True, False])
def test_it_ends_without_a_notice(pair: tuple[socket.socket, socket.socket], broken: bool) -> None:
    ours, theirs = pair
    links = Links()
    links.manage(ours)
    links.of(ours).broken = broken
    links.end(ours, NOTICE if broken else None)
    assert theirs.recv(100) == b""


def test_a_notice_that_cannot_leave_is_logged(
    pair: tuple[socket.socket, socket.socket], caplog: pytest.LogCaptureFixture
) -> None:
    ours, theirs = pair
    links = Links()
    links.manage(ours)
    theirs.close()
    with caplog.at_level(logging.INFO, "fand.links"):
        links.end(ours, NOTICE)
    assert "could not tell the peer that the connection ends" in caplog.text
    assert ours.fileno() < 0


def test_all_end_with_the_program(ending: util.Termination) -> None:
    links = Links()
    pairs = [socket.socketpair() for _ in range(3)]
    for ours, _ in pairs:
        links.manage(ours)
    util.terminate()
    for ours, theirs in pairs:
        with theirs:
            assert ours.fileno() < 0
            assert theirs.recv(100) == NOTICE
    one, other = socket.socketpair()
    with one, other:
        with pytest.raises(TerminatingError):
            links.manage(one)
        assert not links.is_managed(one)


def test_to_shut_down_what_has_ended_is_no_error(pair: tuple[socket.socket, socket.socket]) -> None:
    shut_down(pair[0])
    shut_down(pair[0])
    assert pair[1].recv(1) == b""
    pair[0].close()
    shut_down(pair[0])
