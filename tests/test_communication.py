"""fand.communication over real sockets."""

import logging
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from fand import communication as com
from fand import util
from fand.communication import Request
from fand.exceptions import (
    ConnectionFailedError,
    CorruptedDataError,
    FandConnectionResetError,
    FandTimeoutError,
    SendReceiveError,
    TerminatingError,
    UnpicklableError,
)
from fand.links import Links
from fand.wire import Decoder, encode
from tests.child import Child

Pair = tuple[socket.socket, socket.socket]
PING = encode(Request.PING, ())


@pytest.fixture(params=["managed", "unmanaged"])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """Two connected sockets."""
    ends = socket.socketpair()
    for end in ends:
        end.settimeout(10)
        if request.param == "managed":
            com.add_socket(end)
    yield ends
    for end in ends:
        com.reset_connection(end, notice=False)
        end.close()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        sock.settimeout(30)
        yield sock


def _port(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


def _everything(sock: socket.socket) -> list[Any]:
    """All requests that come until the other end closes."""
    decoder = Decoder()
    requests = []
    while data := sock.recv(65_536):
        decoder.feed(data)
        while (request := decoder.next()) is not None:
            requests.append(request)
    assert not decoder.mid_frame
    return requests


def test_the_public_names() -> None:
    names: dict[str, Any] = {}
    exec("from fand.communication import *", names)
    assert set(names) - {"__builtins__"} == {
        "ConnectionFailedError",
        "CorruptedDataError",
        "FandConnectionResetError",
        "FandTimeoutError",
        "Request",
        "SendReceiveError",
        "TerminatingError",
        "UnpicklableError",
        "add_socket",
        "connect",
        "is_socket_open",
        "recv",
        "reset_connection",
        "send",
    }


class TestSend:
    def test_what_is_sent_is_received(self, pair: Pair) -> None:
        com.send(pair[0], Request.SET_PWM, "shelf1", 40)
        com.send(pair[0], Request.PING)
        assert com.recv(pair[1]) == (Request.SET_PWM, ("shelf1", 40))
        assert com.recv(pair[1]) == (Request.PING, ())

    @pytest.mark.parametrize("bad", [object(), "x" * 70_000, "\ud800"], ids=["object", "long", "surrogate"])
    def test_nothing_is_sent_of_what_has_no_form(self, pair: Pair, bad: object) -> None:
        with pytest.raises(UnpicklableError):
            com.send(pair[0], Request.GET_PWM, bad)
        com.send(pair[0], Request.PING)
        assert com.recv(pair[1]) == (Request.PING, ())

    def test_the_same_question_again_and_others_between(self, pair: Pair) -> None:
        class Name(str):
            __slots__ = ()

        asked = [(Request.GET_PWM, "a"), (Request.GET_PWM, "a"), (Request.GET_RPM, "a"), (Request.GET_PWM, "b")]
        for request, name in [*asked, *asked]:
            com.send(pair[0], request, name)
            assert com.recv(pair[1]) == (request, (name,))
        with pytest.raises(UnpicklableError):
            com.send(pair[0], Request.GET_PWM, Name("b"))
        com.send(pair[0], Request.SET_PWM, "b", 1)
        assert com.recv(pair[1]) == (Request.SET_PWM, ("b", 1))

    def test_what_goes_and_comes_can_be_logged(self, pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.DEBUG, "fand.communication"):
            com.send(pair[0], Request.PING)
            com.recv(pair[1])
        assert [message.split()[0] for message in caplog.messages] == ["sent", "received"]

    def test_what_is_not_a_request_is_not_sent(self, pair: Pair) -> None:
        with pytest.raises(UnpicklableError, match="not a Request"):
            com.send(pair[0], "ping")  # type: ignore[arg-type]

    def test_a_closed_socket(self, pair: Pair) -> None:
        pair[0].close()
        with pytest.raises(SendReceiveError, match="the socket is closed"):
            com.send(pair[0], Request.PING)

    def test_a_socket_that_was_never_connected(self) -> None:
        with socket.socket() as sock, pytest.raises(SendReceiveError, match="cannot send to the peer"):
            com.send(sock, Request.PING)

    def test_a_peer_that_is_gone(self, pair: Pair) -> None:
        pair[1].close()
        with pytest.raises(SendReceiveError):
            com.send(pair[0], Request.PING)

    def test_a_peer_that_takes_nothing(self, pair: Pair) -> None:
        pair[0].settimeout(0)
        try:
            while True:
                pair[0].send(b"x")  # until there is no room for the first byte
        except BlockingIOError:
            pass
        with pytest.raises(FandTimeoutError, match="took nothing"):
            com.send(pair[0], Request.PING)
        pair[1].setblocking(False)
        try:
            while True:
                pair[1].recv(65_536)
        except BlockingIOError:
            pass
        com.send(pair[0], Request.PING)  # not a byte of the first was sent, so the next can be
        assert com.recv(pair[1]) == (Request.PING, ())


class Slow(socket.socket):
    """A socket that takes a few bytes at a time, and then possibly none."""

    takes: list[int] | None = None

    def send(self, data: Any, flags: int = 0, /) -> int:
        size = 7 if self.takes is None else self.takes.pop(0)
        if not size:
            raise TimeoutError
        return super().send(data[:size], flags)


@pytest.fixture(params=["managed", "unmanaged"])
def slow(request: pytest.FixtureRequest) -> Iterator[tuple[Slow, socket.socket]]:
    ours, theirs = socket.socketpair()
    sock = Slow(ours.family, ours.type, fileno=ours.detach())
    sock.settimeout(10)
    theirs.settimeout(10)
    if request.param == "managed":
        com.add_socket(sock)
    yield sock, theirs
    com.reset_connection(sock, notice=False)
    sock.close()
    theirs.close()


class TestPartialSends:
    def test_all_of_a_frame_is_sent(self, slow: tuple[Slow, socket.socket]) -> None:
        com.send(slow[0], Request.GET_PWM, "shelf1")
        assert com.recv(slow[1]) == (Request.GET_PWM, ("shelf1",))

    def test_a_frame_cut_short_ends_the_connection(self, slow: tuple[Slow, socket.socket]) -> None:
        slow[0].takes = [10, 10, 0, 10]
        with pytest.raises(FandTimeoutError):
            com.send(slow[0], Request.PING)
        assert not com.is_socket_open(slow[0])
        with pytest.raises(SendReceiveError):
            com.send(slow[0], Request.PING)
        with pytest.raises(FandConnectionResetError, match="in the middle of a frame"):
            com.recv(slow[1])

    def test_two_threads_take_turns(self, slow: tuple[Slow, socket.socket]) -> None:
        def talk(name: str) -> None:
            for number in range(50):
                com.send(slow[0], Request.SET_RPM, name, number)

        with ThreadPoolExecutor(4) as pool:
            for name in "abcd":
                pool.submit(talk, name)
            got = [com.recv(slow[1]) for _ in range(200)]
        for name in "abcd":
            assert [args[1] for _, args in got if args[0] == name] == list(range(50))


class TestRecv:
    def test_a_time_out_in_mid_frame_loses_nothing(self, pair: Pair) -> None:
        pair[1].settimeout(0)
        for byte in PING[:-1]:
            pair[0].send(bytes((byte,)))
            with pytest.raises(FandTimeoutError, match="no whole frame"):
                com.recv(pair[1])
        pair[0].send(PING[-1:] + PING)
        assert com.recv(pair[1]) == (Request.PING, ())
        assert com.recv(pair[1]) == (Request.PING, ())

    def test_a_time_out(self, pair: Pair) -> None:
        pair[1].settimeout(0.001)
        with pytest.raises(FandTimeoutError):
            com.recv(pair[1])

    def test_a_drip_is_not_waited_for_for_ever(self, pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
        """Each byte comes within the time-out of 10 s; the clock says that 4 s pass for each."""
        seconds = iter(range(0, 1000, 4))
        monkeypatch.setattr("time.monotonic", lambda: next(seconds))

        class Dripping(socket.socket):
            def recv(self, size: int, flags: int = 0, /) -> bytes:
                return super().recv(min(size, 1), flags)

        pair[0].sendall(PING)
        with Dripping(pair[1].family, pair[1].type, fileno=pair[1].detach()) as sock:
            sock.settimeout(10)
            with pytest.raises(FandTimeoutError):
                com.recv(sock)
            assert next(seconds) < 20

    def test_without_a_time_out_a_drip_is(self, pair: Pair) -> None:
        pair[1].settimeout(None)
        sender = threading.Thread(target=lambda: [pair[0].send(bytes((byte,))) for byte in PING])
        sender.start()
        assert com.recv(pair[1]) == (Request.PING, ())
        sender.join()

    def test_no_more_is_read_than_one_frame(self, pair: Pair) -> None:
        pair[0].send(PING + b"what follows")
        com.recv(pair[1])
        assert pair[1].recv(100) == b"what follows"

    def test_the_peer_closes(self, pair: Pair) -> None:
        pair[0].close()
        with pytest.raises(FandConnectionResetError, match="without a notice"):
            com.recv(pair[1])

    def test_the_peer_closes_in_mid_frame(self, pair: Pair) -> None:
        pair[0].send(PING[:20])
        pair[0].close()
        with pytest.raises(FandConnectionResetError, match="in the middle of a frame"):
            com.recv(pair[1])

    @pytest.mark.parametrize(
        ("args", "told"),
        [
            ((), "ended the connection$"),
            ((None,), "ended the connection$"),
            (("no such shelf", 1), "ended the connection: no such shelf$"),
            ((5,), "ended the connection: 5$"),
            (("a\x1b[31mred\r\nb\x00",), r"ended the connection: a \[31mred  b$"),
            (("long" * 1000,), r": (long){500}$"),
        ],
    )
    def test_the_peer_ends_the_connection(self, pair: Pair, args: tuple[Any, ...], told: str) -> None:
        com.send(pair[0], Request.DISCONNECT, *args)
        with pytest.raises(FandConnectionResetError, match=told):
            com.recv(pair[1])

    @pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n", b"99F90000", b"99F90001.", PING[:-1] + b"x"])
    def test_what_is_no_frame(self, pair: Pair, data: bytes) -> None:
        pair[0].send(data)
        with pytest.raises(CorruptedDataError, match=r"^from the peer: "):
            com.recv(pair[1])

    def test_a_closed_socket(self, pair: Pair) -> None:
        pair[0].close()
        with pytest.raises(SendReceiveError, match="the socket is closed"):
            com.recv(pair[0])

    def test_a_socket_that_was_never_connected(self) -> None:
        with socket.socket() as sock, pytest.raises(SendReceiveError, match="cannot receive from the peer"):
            com.recv(sock)

    def test_two_threads_take_turns(self, pair: Pair) -> None:
        with ThreadPoolExecutor(4) as pool:
            got = [pool.submit(com.recv, pair[1]) for _ in range(40)]
            for byte in b"".join(encode(Request.SET_RPM, ("s", number)) for number in range(40)):
                pair[0].send(bytes((byte,)))
            assert sorted(future.result()[1][1] for future in got) == list(range(40))

    def test_becoming_managed_keeps_what_has_come(self) -> None:
        ours, theirs = socket.socketpair()
        with closing(ours), closing(theirs):
            ours.settimeout(0)
            theirs.send(PING[:11])
            with pytest.raises(FandTimeoutError):
                com.recv(ours)
            com.add_socket(ours)
            theirs.send(PING[11:])
            assert com.recv(ours) == (Request.PING, ())
            com.reset_connection(ours)


class TestConnect:
    @pytest.mark.parametrize("address", ["127.0.0.1", "localhost"])
    def test_an_address_or_a_name(self, listener: socket.socket, address: str) -> None:
        sock = com.connect(address, _port(listener))
        assert com.is_socket_open(sock)
        assert sock.gettimeout() == 10
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        com.send(sock, Request.PING)
        com.reset_connection(sock, "that was all")
        with listener.accept()[0] as peer:
            assert _everything(peer) == [(Request.PING, ()), (Request.DISCONNECT, ("that was all",))]

    def test_ipv6(self) -> None:
        try:
            listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
        except OSError as error:
            pytest.skip(f"no IPv6 here: {error}")
        with listener:
            sock = com.connect("::1", _port(listener))
            with listener.accept()[0] as peer:
                com.send(peer, Request.DISCONNECT, "bye")
                with pytest.raises(FandConnectionResetError, match=r"^::1 port \d+ ended the connection: bye$"):
                    com.recv(sock)
            com.reset_connection(sock)

    def test_all_addresses_of_a_name_are_tried(
        self, listener: socket.socket, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            refused = other.getsockname()
        found = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in (refused, listener.getsockname())
        ]
        monkeypatch.setattr("socket.getaddrinfo", lambda *_args: found)
        sock = com.connect("fans.example.org", 9999)
        assert sock.getpeername() == listener.getsockname()
        com.reset_connection(sock)

    def test_nobody_listens(self, listener: socket.socket) -> None:
        port = _port(listener)
        listener.close()
        with pytest.raises(ConnectionFailedError, match=f"to 127.0.0.1 port {port}: Connection refused"):
            com.connect("127.0.0.1", port)

    def test_no_such_name(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def unknown(*_args: object) -> None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        monkeypatch.setattr("socket.getaddrinfo", unknown)
        with pytest.raises(ConnectionFailedError, match=r"nowhere.example.org port 9999: Name or service not known"):
            com.connect("nowhere.example.org", 9999)

    @pytest.mark.parametrize("address", ["x" * 64 + ".org", "a\0b", "\u00fc1"])
    def test_what_can_be_no_address(self, address: str) -> None:
        with pytest.raises(ConnectionFailedError, match="cannot connect to"):
            com.connect(address, 9999)

    @pytest.mark.parametrize("beyond", [1 << 16, -(1 << 16), 1 << 64])
    def test_what_can_be_no_port(self, listener: socket.socket, beyond: int) -> None:
        port = _port(listener) + beyond
        with pytest.raises(ConnectionFailedError, match=f"{port} is not a port"):
            com.connect("127.0.0.1", port)

    def test_no_answer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(com, "TIMEOUT", 0.05)
        with ExitStack() as stack:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
            with pytest.raises(FandTimeoutError, match="did not answer"):
                _connect_for_ever(stack, _port(listener))


class TestUnixSocket:
    def test_a_path_is_a_unix_socket_whatever_the_port(self, tmp_path: Path) -> None:
        path = str(tmp_path / "fand.sock")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen()
            sock = com.connect(path, 9999)
            assert com.is_socket_open(sock)
            assert sock.gettimeout() == 10
            with listener.accept()[0] as peer:
                com.send(sock, Request.PING)
                com.send(peer, Request.DISCONNECT, "bye")
                with pytest.raises(FandConnectionResetError, match=f"^{path} ended the connection: bye$"):
                    com.recv(sock)
                com.reset_connection(sock, "that was all")
                assert _everything(peer) == [(Request.PING, ()), (Request.DISCONNECT, ("that was all",))]

    def test_nobody_listens(self, tmp_path: Path) -> None:
        path = str(tmp_path / "fand.sock")
        with pytest.raises(ConnectionFailedError, match=f"^cannot connect to {path}: No such file or directory; is "):
            com.connect(path, 9999)
        with socket.socket(socket.AF_UNIX) as left_behind:
            left_behind.bind(path)
        with pytest.raises(ConnectionFailedError, match=f"^cannot connect to {path}: Connection refused$"):
            com.connect(path, 9999)

    def test_its_queue_is_full(self, tmp_path: Path) -> None:
        path = str(tmp_path / "fand.sock")
        with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as waiting:
            listener.bind(path)
            listener.listen(0)
            waiting.connect(path)
            with pytest.raises(ConnectionFailedError, match=f"^cannot connect to {path}: "):
                com.connect(path, 9999)

    @pytest.mark.parametrize("path", ["/a\0b", "/" + "x" * 200])
    def test_what_can_be_no_path(self, path: str) -> None:
        with pytest.raises(ConnectionFailedError, match="cannot connect to"):
            com.connect(path, 9999)

    def test_one_that_others_may_not_use(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(_self: socket.socket, _path: str) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(socket.socket, "connect", refuse)
        with pytest.raises(ConnectionFailedError, match="Permission denied; only the owner and the group"):
            com.connect(str(tmp_path / "fand.sock"), 9999)


def _connect_for_ever(stack: ExitStack, port: int) -> None:
    """Connect until the queue of those who wait to be accepted is full."""
    while True:
        stack.callback(com.reset_connection, com.connect("127.0.0.1", port))


class TestMessages:
    def test_the_other_end_has_a_name_even_when_it_is_gone(self, listener: socket.socket) -> None:
        sock = com.connect("127.0.0.1", _port(listener))
        with listener.accept()[0] as peer:
            com.send(peer, Request.DISCONNECT, "full")
            com.send(sock, Request.PING)
        # Closed with bytes unread: that is a reset, after which the system does not know the other end any more.
        with pytest.raises(FandConnectionResetError, match=f"^127.0.0.1 port {_port(listener)} ended"):
            com.recv(sock)
        with pytest.raises(OSError):
            sock.getpeername()
        com.reset_connection(sock)


class TestManaged:
    def test_only_what_was_added(self, pair: Pair) -> None:
        ours, theirs = socket.socketpair()
        with closing(ours), closing(theirs):
            assert not com.is_socket_open(ours)
            com.add_socket(ours)
            com.add_socket(ours)
            assert com.is_socket_open(ours)
            assert not com.is_socket_open(theirs)
            com.reset_connection(ours)
            assert not com.is_socket_open(ours)
            assert ours.fileno() < 0

    def test_a_reset_tells_the_reason(self) -> None:
        ours, theirs = socket.socketpair()
        with closing(theirs):
            com.add_socket(ours)
            com.reset_connection(ours, "no such shelf")
            com.reset_connection(ours, "again")
            assert _everything(theirs) == [(Request.DISCONNECT, ("no such shelf",))]

    def test_a_reset_without_a_reason(self) -> None:
        ours, theirs = socket.socketpair()
        with closing(theirs):
            com.add_socket(ours)
            com.reset_connection(ours)
            assert _everything(theirs) == [(Request.DISCONNECT, (None,))]

    def test_a_reset_without_notice(self) -> None:
        ours, theirs = socket.socketpair()
        with closing(theirs):
            com.add_socket(ours)
            com.reset_connection(ours, notice=False)
            assert _everything(theirs) == []

    def test_a_socket_not_managed_is_left_alone(self) -> None:
        ours, theirs = socket.socketpair()
        with closing(ours), closing(theirs):
            com.reset_connection(ours)
            com.send(ours, Request.PING)
            assert com.recv(theirs) == (Request.PING, ())

    def test_a_reason_that_has_no_form(self) -> None:
        ours, theirs = socket.socketpair()
        with closing(theirs):
            com.add_socket(ours)
            with pytest.raises(UnpicklableError):
                com.reset_connection(ours, "x" * 70_000)
            assert com.is_socket_open(ours)
            com.reset_connection(ours)

    def test_a_socket_closed_by_its_owner_is_forgotten(self) -> None:
        ours, theirs = socket.socketpair()
        with closing(theirs):
            with ours:
                com.add_socket(ours)
            assert not com.is_socket_open(ours)
            com.add_socket(theirs)
            assert ours not in com._links._managed
            com.reset_connection(ours)
            com.reset_connection(theirs)

    def test_a_peer_that_takes_nothing_is_not_waited_for(self) -> None:
        ours, theirs = socket.socketpair()
        with closing(theirs):
            ours.settimeout(0)
            try:
                while True:
                    ours.send(b"x" * 1000)
            except BlockingIOError:
                ours.settimeout(None)
            com.add_socket(ours)
            com.reset_connection(ours, "never read")
            assert ours.fileno() < 0

    def test_a_thread_that_receives_is_woken(self, pair: Pair) -> None:
        com.add_socket(pair[0])
        pair[0].settimeout(None)
        started = threading.Event()

        def wait() -> None:
            started.set()
            com.recv(pair[0])

        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(wait)
            started.wait(10)
            com.reset_connection(pair[0])
            with pytest.raises((FandConnectionResetError, SendReceiveError)):
                waiting.result(10)

    def test_many_threads_come_and_go(self, listener: socket.socket) -> None:
        def serve() -> None:
            with listener.accept()[0] as peer:
                request, args = com.recv(peer)
                com.send(peer, request, *args)
                assert _everything(peer) == [(Request.DISCONNECT, (None,))]

        def ask(number: int) -> bool:
            sock = com.connect("127.0.0.1", _port(listener))
            com.send(sock, Request.SET_RPM, "s", number)
            fine = com.recv(sock) == (Request.SET_RPM, ("s", number)) and com.is_socket_open(sock)
            com.reset_connection(sock)
            return fine and not com.is_socket_open(sock)

        with ThreadPoolExecutor(8) as servers, ThreadPoolExecutor(8) as clients:
            served = [servers.submit(serve) for _ in range(200)]
            assert all(clients.map(ask, range(200)))
            for future in served:
                future.result()


@pytest.fixture
def ending(monkeypatch: pytest.MonkeyPatch) -> util.Termination:
    """An end of the program that is for one test only, and nobody's sockets."""
    end = util.Termination()
    monkeypatch.setattr(util, "_end", end)
    monkeypatch.setattr(com, "_links", Links())
    return end


class TestTerminating:
    def test_all_are_closed_with_a_notice(self, ending: util.Termination) -> None:
        pairs = [socket.socketpair() for _ in range(3)]
        for ours, _ in pairs:
            com.add_socket(ours)
        util.terminate("not for the peers")
        for ours, theirs in pairs:
            with theirs:
                assert not com.is_socket_open(ours)
                assert ours.fileno() < 0
                assert _everything(theirs) == [(Request.DISCONNECT, (None,))]

    def test_none_is_taken_on(self, ending: util.Termination, listener: socket.socket) -> None:
        ending.begin()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            with pytest.raises(TerminatingError):
                com.add_socket(ours)
            assert not com.is_socket_open(ours)
            assert ours.fileno() >= 0
        with pytest.raises(TerminatingError):
            com.connect("127.0.0.1", _port(listener))

    def test_one_that_comes_at_that_moment_is_closed_or_refused(
        self, ending: util.Termination, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answers = iter([False, True])
        monkeypatch.setattr(util, "terminating", lambda: next(answers))
        ours, theirs = socket.socketpair()
        with ours, theirs:
            with pytest.raises(TerminatingError):
                com.add_socket(ours)
            assert not com.is_socket_open(ours)

    def test_a_connection_made_at_that_moment_is_closed(
        self, ending: util.Termination, listener: socket.socket, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answers = iter([False, True])
        monkeypatch.setattr(util, "terminating", lambda: next(answers))
        with pytest.raises(TerminatingError):
            com.connect("127.0.0.1", _port(listener))
        with listener.accept()[0] as peer:
            assert peer.recv(1) == b""

    def test_in_the_middle_of_a_frame_no_notice_is_sent(self, ending: util.Termination) -> None:
        ours, theirs = socket.socketpair()
        with closing(theirs):
            com.add_socket(ours)
            with com._links.of(ours).sending:
                util.terminate()
            assert _everything(theirs) == []


_CHILD = """
import os, signal, sys, threading
from fand import util
from fand.communication import *
s = connect("127.0.0.1", int(sys.argv[1]))
send(s, Request.PING)
recv(s)
"""

_ENDS: dict[str, tuple[str, int]] = {
    "end of main": ("", 0),
    "sys.exit": ("sys.exit(3)", 3),
    "an exception": ("raise SystemError('expected')", 1),
    "KeyboardInterrupt": ("raise KeyboardInterrupt", -2),
    "terminate": ("util.terminate()", 0),
    "terminate with an error": ("util.terminate('failed'); util.sys_exit()", 1),
    "sys_exit": ("util.sys_exit()", 0),
    "the reference is dropped": ("s = None", 0),
    "daemon thread in recv": ("threading.Thread(target=recv, args=(s,), daemon=True).start()", 0),
    "another thread terminates": (
        "threading.Timer(0, util.terminate).start()\nwhile not util.terminating(): util.sleep(60)\nutil.sys_exit()",
        0,
    ),
    "a forked child exits first": (
        """
        if (pid := os.fork()) == 0:
            sys.exit()
        os.waitpid(pid, 0)
        send(s, Request.PING)
        """,
        0,
    ),
}


def _run_child(listener: socket.socket, program: str) -> Child[str]:
    return Child(
        [sys.executable, "-c", _CHILD + textwrap.dedent(program), str(_port(listener))],
        stderr=subprocess.PIPE,
        text=True,
    )


class TestEndOfTheProgram:
    @pytest.mark.parametrize("name", _ENDS)
    def test_the_other_end_is_told(self, listener: socket.socket, name: str) -> None:
        program, status = _ENDS[name]
        with _run_child(listener, program) as child, listener.accept()[0] as peer:
            assert com.recv(peer) == (Request.PING, ())
            com.send(peer, Request.ACK)
            requests = _everything(peer)
            assert child.wait() == status
        assert requests.pop() == (Request.DISCONNECT, (None,))
        assert requests == ([(Request.PING, ())] if "forked" in name else [])

    @pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
    @pytest.mark.parametrize("doing", ["recv(s)", "util.sleep(60)", "while not util.terminating(): pass"])
    def test_a_signal_ends_whatever_it_is_doing(self, listener: socket.socket, sig: int, doing: str) -> None:
        program = f"""
        signal.signal({sig:d}, util.default_signal_handler)
        send(s, Request.ACK)
        s.settimeout(None)
        try:
            {doing}
        except ConnectionError:
            pass
        util.sys_exit()
        """
        with _run_child(listener, program) as child, listener.accept()[0] as peer:
            assert com.recv(peer) == (Request.PING, ())
            com.send(peer, Request.ACK)
            assert com.recv(peer) == (Request.ACK, ())
            os.kill(child.pid, sig)
            assert _everything(peer) == [(Request.DISCONNECT, (None,))]
            assert child.wait() == 0
            assert child.stderr is not None
            assert child.stderr.read() == ""

    def test_a_peer_that_reads_nothing_does_not_hold_it_up(self, listener: socket.socket) -> None:
        program = """
        s.settimeout(0)
        try:
            while True:
                s.send(bytes(65536))
        except BlockingIOError:
            s.settimeout(None)
        """
        with _run_child(listener, program) as child, listener.accept()[0] as peer:
            assert com.recv(peer) == (Request.PING, ())
            com.send(peer, Request.ACK)
            assert child.wait() == 0
