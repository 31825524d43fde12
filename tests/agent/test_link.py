import logging
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fand import util
from fand.agent.board import Board
from fand.agent.conversation import Conversation, News
from fand.agent.link import Link
from fand.clock import SystemClock
from fand.communication import Request, recv, send
from fand.exceptions import CommunicationError, SendReceiveError
from fand.ports import Clock, Temperature
from fand.units import Celsius, Seconds
from tests.fanclient.processes import until

Peer = Callable[["Rig", socket.socket], None]


class Jumping(SystemClock):
    """The clock of this host, and ``by`` so many seconds later."""

    by = 0.0

    def mono(self) -> Seconds:
        return Seconds(super().mono() + self.by)


class Rig:
    """A link and a server of one thread, which treats each connection as the next of its ``peers`` does."""

    def __init__(self, *peers: Peer, interval: float = 0.05, clock: Clock | None = None) -> None:
        self.asked: queue.SimpleQueue[tuple[Request, Any]] = queue.SimpleQueue()
        self.clock = clock or SystemClock()
        self.board = Board()
        self.board.beat(Seconds(self.clock.mono() + 1e6))
        self._peers = peers
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._server = threading.Thread(target=self._serve, daemon=True)
        self._server.start()
        address = ("127.0.0.1", self._listener.getsockname()[1])
        self.link = Link(address, "nas2", Seconds(interval), board=self.board, clock=self.clock)

    def put(self, device: str, celsius: float) -> None:
        self.board.put(device, News(Temperature(Celsius(celsius), self.clock.mono()), "hdd"))

    def report(self, *devices: str) -> dict[str, float]:
        """Wait for a report of these devices; gives their temperatures."""
        while True:
            request, args = self.asked.get(timeout=30)
            if request is Request.SET_TEMPERATURES and [each["device"] for each in args[0]] == list(devices):
                return {each["device"]: each["celsius"] for each in args[0]}

    def _serve(self) -> None:
        for peer in self._peers:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with sock:
                sock.settimeout(30)
                try:
                    peer(self, sock)
                except CommunicationError:
                    continue

    def close(self) -> None:
        self.link.stop()
        self.link.join(30)
        assert not self.link.is_alive()
        self._listener.close()
        self._server.join(30)


def serves(rig: Rig, sock: socket.socket) -> None:
    """Take every report."""
    answers(rig, sock)


def answers(rig: Rig, sock: socket.socket, *args: object, most: int = 10**9) -> None:
    """Take so many requests; ``args`` is what every report is answered by."""
    for _ in range(most):
        request, values = recv(sock)
        rig.asked.put((request, values))
        send(sock, Request.ACK, *(args if request is Request.SET_TEMPERATURES and values[0] else ()))


@pytest.fixture
def rigs() -> Iterator[Callable[..., Rig]]:
    made: list[Rig] = []

    def make(*peers: Peer, **options: Any) -> Rig:
        made.append(Rig(*peers, **options))
        return made[-1]

    yield make
    for rig in made:
        rig.close()


def test_what_is_news_is_told_at_once(rigs: Callable[..., Rig]) -> None:
    rig = rigs(serves, interval=5.0)
    rig.put("sda", 40)
    rig.link.start()
    assert rig.report("sda") == {"sda": 40}
    rig.put("sda", 41)
    assert rig.report("sda") == {"sda": 41}


def test_a_sign_of_life_comes_without_news(rigs: Callable[..., Rig]) -> None:
    rig = rigs(serves)
    rig.link.start()
    assert rig.report() == {}
    assert rig.report() == {}


def test_a_server_that_goes_is_told_everything_again(
    rigs: Callable[..., Rig], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)

    def goes(rig: Rig, sock: socket.socket) -> None:
        answers(rig, sock, most=2)
        send(sock, Request.DISCONNECT, "the server stops")

    rig = rigs(goes, serves)
    rig.put("sda", 40)
    rig.link.start()
    rig.report("sda")
    rig.report("sda")
    until(lambda: "takes our reports" in caplog.text)
    assert "the server stops" in caplog.text


def test_what_the_server_does_not_take_is_logged_once(
    rigs: Callable[..., Rig], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)

    def strange(rig: Rig, sock: socket.socket) -> None:
        names = [f"d{number}" for number in range(7)]
        answers(rig, sock, names, "nas", most=5)
        serves(rig, sock)

    rig = rigs(strange)
    for number in range(7):
        rig.put(f"d{number}", 40)
    rig.link.start()
    until(lambda: "takes our reports on" in caplog.text)
    told = [record.getMessage().partition(" takes ")[2] for record in caplog.records if record.levelname == "WARNING"]
    assert told == [
        "no report of agent nas on d0, d1, d2, d3, d4 and 2 more",
        "our reports on d0, d1, d2, d3, d4 and 2 more now",
    ]


def test_an_answer_that_is_none_ends_the_connection_with_a_reason(rigs: Callable[..., Rig]) -> None:
    said: queue.SimpleQueue[str] = queue.SimpleQueue()

    def errs(rig: Rig, sock: socket.socket) -> None:
        recv(sock)
        send(sock, Request.SET_PWM, "shelf1", 20)
        try:
            recv(sock)
        except CommunicationError as error:
            said.put(str(error))

    rigs(errs).link.start()
    assert "the server answered by SET_PWM, not ACK" in said.get(timeout=30)


def test_a_server_that_does_not_answer_is_given_up(
    rigs: Callable[..., Rig], caplog: pytest.LogCaptureFixture
) -> None:
    clock = Jumping()

    def hangs(rig: Rig, sock: socket.socket) -> None:
        recv(sock)
        clock.by += 60.0
        recv(sock)

    rigs(hangs, serves, clock=clock).link.start()
    until(lambda: "no answer for 10 s" in caplog.text)
    clock.by += 60.0
    until(lambda: "takes our reports" in caplog.text)


def test_nothing_is_told_of_sensors_that_nobody_looks_after(
    rigs: Callable[..., Rig], caplog: pytest.LogCaptureFixture
) -> None:
    rig = rigs(serves, serves)
    rig.link.start()
    rig.report()
    rig.board.beat(Seconds(rig.clock.mono() - 20))
    until(lambda: "are not looked after" in caplog.text)
    rig.board.beat(Seconds(rig.clock.mono() + 1e6))
    until(lambda: "takes our reports" in caplog.text)


def test_a_fault_of_our_own_does_not_end_the_thread(
    rigs: Callable[..., Rig], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = rigs(serves, serves)
    beat = rig.board.alive
    faults = iter([True])

    def alive(now: Seconds) -> bool:
        if next(faults, False):
            raise ZeroDivisionError
        return beat(now)

    monkeypatch.setattr(rig.board, "alive", alive)
    rig.link.start()
    until(lambda: "takes our reports" in caplog.text)
    assert "failed in a way of its own" in caplog.text


def test_a_connection_that_is_closed_while_it_waits_is_told() -> None:
    board, (one, other) = Board(), socket.socketpair()
    link = Link(("127.0.0.1", 9), "nas2", Seconds(5), board=board, clock=SystemClock())
    one.close()
    with board.watched() as waker, other, pytest.raises(SendReceiveError, match="the connection is closed"):
        link._wait(one, waker, Conversation("nas2", Seconds(5)))


def test_the_end_of_the_program_ends_it(rigs: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch) -> None:
    rig = rigs()
    monkeypatch.setattr(util, "terminating", lambda: True)
    rig.link.start()
    rig.link.join(30)
    assert not rig.link.is_alive()


def test_it_ends_while_it_waits_to_connect_again(rigs: Callable[..., Rig], caplog: pytest.LogCaptureFixture) -> None:
    rig = rigs(interval=5.0)
    rig._listener.close()
    rig.link.start()
    until(lambda: "cannot connect" in caplog.text)
