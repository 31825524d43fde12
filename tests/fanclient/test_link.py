import logging
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fand.clock import SystemClock
from fand.communication import Request, recv, send
from fand.exceptions import CommunicationError, TerminatingError
from fand.fanclient.events import CROWDED, Answer, Board, Event, FanReport, Missed, Post
from fand.fanclient.lease import Terms
from fand.fanclient.link import Link
from fand.ports import Clock
from fand.units import Percent, Rpm, Seconds
from tests.fanclient.parts import MovedClock

Peer = Callable[["Rig", socket.socket], None]
Asked = tuple[Request, tuple[Any, ...]]


class Rig:
    """A link and a server of one thread, which treats each connection as the next of its ``peers`` does."""

    def __init__(self, *peers: Peer, lease: float = 20.0, interval: float = 0.02, clock: Clock | None = None) -> None:
        self.asked: queue.SimpleQueue[Asked] = queue.SimpleQueue()
        self.post = Post()
        self.board = Board((FanReport("front", Rpm(1500), Percent(40), "ok"),))
        self.clock = clock or SystemClock()
        self.board.at = self.clock.mono()
        self._peers = peers
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._server = threading.Thread(target=self._serve, daemon=True)
        self._server.start()
        terms = Terms(interval=Seconds(interval), lease=Seconds(lease))
        address = ("127.0.0.1", self._listener.getsockname()[1])
        self.link = Link(0, address, "shelf1", terms, post=self.post, board=self.board, clock=self.clock)
        self._events: list[Event] = []

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

    def event(self) -> Event:
        """The next thing that the loop is told."""
        while not self._events:
            self._events = self.post.get(Seconds(30))
        return self._events.pop(0)

    def until(self, event: Event | type[Event]) -> Event:
        while True:
            got = self.event()
            if got == event or type(got) is event:
                return got

    def close(self) -> None:
        self.link.stop()
        self.link.join(30)
        assert not self.link.is_alive()
        self._listener.close()
        self._server.join(30)


@pytest.fixture
def rigs() -> Iterator[Callable[..., Rig]]:
    made: list[Rig] = []

    def make(*peers: Peer, listening: bool = True, **options: Any) -> Rig:
        made.append(Rig(*peers, **options))
        if not listening:
            made[-1]._listener.close()
        made[-1].link.start()
        return made[-1]

    yield make
    for rig in made:
        rig.close()


def modern(duty: float = 40, rounds: float = float("inf")) -> Peer:
    """Our server, which answers so many rounds and then closes without a word."""

    def peer(rig: Rig, sock: socket.socket) -> None:
        left = rounds
        while left > 0:
            request, args = recv(sock)
            rig.asked.put((request, args))
            if request in (Request.SUBSCRIBE_PWM, Request.GET_PWM):
                send(sock, Request.SET_PWM, args[0], duty)
            else:
                send(sock, Request.ACK)
                left -= 1

    return peer


def old(duty: float = 50, rounds: float = float("inf")) -> Peer:
    """fand 0.1.1: it cannot even read what it does not know, and ends the connection without giving a reason."""

    def peer(rig: Rig, sock: socket.socket) -> None:
        left = rounds
        while left > 0:
            request, args = recv(sock)
            rig.asked.put((request, args))
            if request is Request.GET_PWM:
                send(sock, Request.SET_PWM, args[0], duty)
            elif request is Request.SET_RPM:
                send(sock, Request.ACK)
                left -= 1
            else:
                send(sock, Request.DISCONNECT, None)
                return

    return peer


def saying(*frames: bytes) -> Peer:
    def peer(rig: Rig, sock: socket.socket) -> None:
        recv(sock)
        for frame in frames:
            sock.sendall(frame)
        sock.recv(1000)

    return peer


def refusing(reason: str) -> Peer:
    def peer(rig: Rig, sock: socket.socket) -> None:
        rig.asked.put(recv(sock))
        send(sock, Request.DISCONNECT, reason)

    return peer


def test_it_subscribes_and_reports_and_each_round_renews_the_lease(rigs: Callable[..., Rig]) -> None:
    rig = rigs(modern(40))
    first = rig.event()
    assert isinstance(first, Answer)
    assert first.duty == 40
    seen, last = 1, first.asked
    while seen < 4:
        event = rig.event()
        assert isinstance(event, Answer)
        assert event.asked >= last
        seen, last = seen + (event.asked > last), event.asked
    assert rig.asked.get()[0] is Request.SUBSCRIBE_PWM
    fans = [{"name": "front", "rpm": 1500, "duty": 40, "state": "ok"}]
    assert rig.asked.get() == (Request.SET_FANS, ("shelf1", fans))
    assert rig.asked.get()[0] is Request.GET_PWM


def test_with_an_old_server_it_asks_and_reports_one_speed(rigs: Callable[..., Rig]) -> None:
    rig = rigs(old(50), old(50))
    first, second = rig.event(), rig.event()
    assert isinstance(first, Answer)
    assert isinstance(second, Answer)
    assert (first.duty, second.duty) == (50, 50)
    assert second.asked > first.asked
    assert [rig.asked.get()[0] for _ in range(4)] == [
        Request.SUBSCRIBE_PWM,
        Request.GET_PWM,
        Request.SET_RPM,
        Request.GET_PWM,
    ]


def test_when_an_old_server_is_replaced_what_is_newer_is_tried_again(rigs: Callable[..., Rig]) -> None:
    rig = rigs(old(50), old(50, rounds=2), modern(40))
    rig.until(Missed(0))
    while (event := rig.event()) == Missed(0):
        pass
    assert isinstance(event, Answer)
    assert event.duty == 40
    requests = []
    while Request.SET_FANS not in requests:
        requests.append(rig.asked.get()[0])
    assert requests.count(Request.SUBSCRIBE_PWM) == 2


def test_a_connection_that_breaks_is_no_reason_to_give_up_subscribing(rigs: Callable[..., Rig]) -> None:
    def vanishing(rig: Rig, sock: socket.socket) -> None:
        rig.asked.put(recv(sock))

    rig = rigs(vanishing, modern(40))
    assert rig.event() == Missed(0)
    assert isinstance(rig.event(), Answer)
    assert [rig.asked.get()[0] for _ in range(2)] == [Request.SUBSCRIBE_PWM] * 2


def test_it_connects_again_for_ever(rigs: Callable[..., Rig]) -> None:
    rig = rigs(*[modern(40, rounds=1)] * 3, modern(60))
    for _ in range(3):
        rig.until(Missed(0))
    while True:
        event = rig.until(Answer)
        assert isinstance(event, Answer)
        if event.duty == 60:
            break


def test_nobody_listening_is_a_miss_told_once(rigs: Callable[..., Rig], caplog: pytest.LogCaptureFixture) -> None:
    rig = rigs(listening=False)
    for _ in range(3):
        assert rig.event() == Missed(0)
    assert len([record for record in caplog.records if record.name == "fand.fanclient.link"]) == 1


def test_the_reason_of_a_refusal_is_told_and_its_end(
    rigs: Callable[..., Rig], caplog: pytest.LogCaptureFixture
) -> None:
    refusal = refusing("no shelf is called 'shelf1'")
    rig = rigs(refusal, refusal, modern(40))
    assert rig.event() == Missed(0)
    rig.until(Answer)
    rig.until(Answer)
    texts = [record.message for record in caplog.records if record.name == "fand.fanclient.link"]
    assert len(texts) == 2
    assert "no shelf is called 'shelf1'" in texts[0]
    assert texts[1].endswith("answers")


@pytest.mark.parametrize(
    "frame", [b"99F9zzzz", b"HTTP/1.1 400 Bad Request\r\n", b"99F90004\x80\x04N."], ids=["length", "http", "none"]
)
def test_a_bad_answer_is_a_miss(rigs: Callable[..., Rig], frame: bytes) -> None:
    rig = rigs(saying(frame), modern(40))
    assert rig.event() == Missed(0)
    assert isinstance(rig.event(), Answer)


def test_a_server_that_hangs_is_a_miss(rigs: Callable[..., Rig]) -> None:
    def hanging(rig: Rig, sock: socket.socket) -> None:
        while sock.recv(1000):
            pass

    rig = rigs(hanging, modern(40), lease=0.2)
    assert rig.event() == Missed(0)
    assert isinstance(rig.event(), Answer)


def test_an_error_of_our_own_does_not_end_the_link(
    rigs: Callable[..., Rig], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Post, "crowded", property(lambda self: 1 / 0))
    rig = rigs(modern(40), modern(40))
    rig.until(Missed(0))
    rig.until(Missed(0))
    assert "ZeroDivisionError" in caplog.text


def test_a_flood_waits_for_the_loop(rigs: Callable[..., Rig]) -> None:
    def flooding(rig: Rig, sock: socket.socket) -> None:
        recv(sock)
        for number in range(CROWDED * 2):
            send(sock, Request.SET_PWM, "shelf1", 40 + number % 2)
        sock.recv(1000)

    rig = rigs(flooding)
    rig.event()
    while not rig.post.crowded:
        assert rig.link.is_alive()
    assert len(rig.post.get(Seconds(0))) == CROWDED
    rig.event()


def test_a_loop_that_hangs_is_reported_as_a_fault(rigs: Callable[..., Rig], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    rig = rigs(modern(40), lease=5.0)
    rig.until(Answer)
    rig.board.at = Seconds(rig.clock.mono() - 6)
    reports = [{"name": "front", "rpm": None, "duty": None, "state": "fault"}]
    while True:
        request, args = rig.asked.get(timeout=30)
        if request is Request.SET_FANS and args[1] == reports:
            break


def test_after_a_suspend_the_server_is_asked_at_once(
    rigs: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fand.fanclient.link.GLANCE", 0.01)
    # the server has read the report when the clock moves, the client not yet its acknowledgement perhaps
    monkeypatch.setattr("fand.fanclient.conversation.PATIENCE", 10_000.0)
    clock = MovedClock()

    def peer(rig: Rig, sock: socket.socket) -> None:
        modern(40, rounds=1)(rig, sock)
        send(sock, Request.SET_PWM, "shelf1", 41)  # heard after the acknowledgement, when the round is over
        modern(40)(rig, sock)

    rig = rigs(peer, interval=3600.0, lease=20_000.0, clock=clock)
    rig.until(Answer(0, Percent(41), Seconds(clock.now)))
    assert [rig.asked.get(timeout=30)[0] for _ in range(2)] == [Request.SUBSCRIBE_PWM, Request.SET_FANS]
    clock.now += 3600
    assert rig.asked.get(timeout=30)[0] is Request.GET_PWM


def test_after_a_suspend_the_next_connection_is_made_at_once(
    rigs: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fand.fanclient.link.GLANCE", 0.01)
    clock = MovedClock()
    rig = rigs(modern(40, rounds=1), modern(60), interval=3600.0, lease=20_000.0, clock=clock)
    rig.until(Missed(0))
    clock.now += 3600
    answer = rig.until(Answer)
    assert isinstance(answer, Answer)
    assert (answer.duty, answer.asked) == (60, clock.now)


def test_stopping_tells_the_server() -> None:
    ends: queue.SimpleQueue[str] = queue.SimpleQueue()

    def peer(rig: Rig, sock: socket.socket) -> None:
        modern(40, rounds=1)(rig, sock)
        rig.asked.put(recv(sock))  # the question of the second round, whose answer never comes
        try:
            recv(sock)
        except CommunicationError as error:
            ends.put(str(error))

    rig = Rig(peer)
    rig.link.start()
    while rig.asked.get(timeout=30)[0] is not Request.GET_PWM:
        pass
    rig.close()
    assert "ended the connection" in ends.get(timeout=30)


def test_stopped_in_the_middle_of_a_round_it_ends_with_the_round() -> None:
    def peer(rig: Rig, sock: socket.socket) -> None:
        modern(40, rounds=1)(rig, sock)
        recv(sock)
        rig.link._stopped.set()
        send(sock, Request.SET_PWM, "shelf1", 41)
        with pytest.raises(CommunicationError, match="ended the connection"):
            recv(sock)

    rig = Rig(peer)
    rig.link.start()
    rig.link.join(30)
    assert not rig.link.is_alive()
    rig.close()


def test_while_the_program_ends_no_connection_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def dial(address: str, port: int, table: object) -> socket.socket:
        raise TerminatingError

    monkeypatch.setattr("fand.communication.dial", dial)
    rig = Rig()
    rig.link.start()
    rig.link.join(30)
    assert not rig.link.is_alive()
    assert rig.post.get(Seconds(0)) == []
    rig.close()


def test_stopped_before_it_began_it_ends() -> None:
    rig = Rig()
    rig.link.stop()
    rig.link.start()
    rig.close()
