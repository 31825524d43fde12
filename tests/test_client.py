"""fand.client against a server that answers by script, over real sockets."""

import math
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest

from fand import communication as com
from fand.client import Client, ask
from fand.communication import Request
from fand.exceptions import (
    CommunicationError,
    CorruptedDataError,
    FandConnectionResetError,
    SendReceiveError,
    ShelfPwmBadValue,
    ShelfRpmBadValue,
    UnpicklableError,
)
from fand.units import Percent, Rpm, Seconds
from fand.wire import Decoder, encode

Line = tuple[Request, tuple[Any, ...]]
Exchange = tuple[Line, list[Line]]


class Script:
    """A server for one connection: for each request that comes in turn, what it must be and what is answered."""

    def __init__(self, exchanges: list[Exchange]) -> None:
        self._exchanges = exchanges
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(10)
        self.port: int = self._listener.getsockname()[1]
        self.faults: list[object] = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with self._listener, self._listener.accept()[0] as sock:
            sock.settimeout(10)
            decoder = Decoder()
            for expected, answers in self._exchanges:
                while (request := decoder.next()) is None:
                    data = sock.recv(4096)
                    if not data:
                        self.faults.append(f"closed, and {expected} had not come")
                        return
                    decoder.feed(data)
                if request != expected:
                    self.faults.append((request, expected))
                sock.sendall(b"".join(encode(*answer) for answer in answers))

    def end(self) -> None:
        self._thread.join(10)
        assert not self._thread.is_alive()
        assert self.faults == []


Serve = Callable[..., Client]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server with a script, and connect a client to it."""
    scripts: list[Script] = []
    clients: list[Client] = []

    def start(*exchanges: Exchange) -> Client:
        scripts.append(Script(list(exchanges)))
        clients.append(Client("127.0.0.1", scripts[-1].port))
        return clients[-1]

    yield start
    for script in scripts:
        script.end()
    for client in clients:
        client.close()


def _device(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "kind": "fake",
        "position": "1,1",
        "family": "hdd",
        "health": "good",
        "celsius": 38.5,
        "age": 0.5,
        "failure": None,
        "optional": False,
    }


def _status(**changes: Any) -> dict[str, Any]:
    return {
        "duty": 50,
        "reason": "hdd a at 38.5 degC on curve drives -> 50 %",
        "demand": 50.0,
        "faults": [{"duty": 100, "reason": "b lost"}],
        "alarms": [{"sort": "lost", "subject": "b", "reason": "b lost", "since": 1.7e9, "state": "raised"}],
        "override": {"percent": 50, "until": None},
        "rpm": 1200,
        "fans": [{"name": "front", "rpm": None, "duty": 50, "state": "ok"}],
        "fans_age": 1.5,
        "client": {"address": "127.0.0.1", "state": "live", "age": 1.5},
        "certificates": [{"whose": "pi1", "until": 1.7e9}],
        "devices": [_device("a")],
        "next": None,
        **changes,
    }


ACK: Line = (Request.ACK, ())


def test_an_exchange_takes_whatever_comes(serve: Serve) -> None:
    client = serve(
        ((Request.GET_PWM, ("s",)), [(Request.SET_RPM, ("other", math.inf))]),
        ((Request.ACK, ()), [(Request.DISCONNECT, ("no",))]),
    )
    with client:
        assert client.exchange(Request.GET_PWM, "s") == (Request.SET_RPM, ("other", math.inf))
        with pytest.raises(UnpicklableError):
            client.exchange(Request.PING, object())
        with pytest.raises(FandConnectionResetError, match="no"):
            client.exchange(Request.ACK)


def test_every_command_is_acknowledged(serve: Serve) -> None:
    when = datetime(2030, 1, 1, tzinfo=UTC)
    fans = [{"name": "front", "rpm": 1200, "duty": 50, "state": "ok"}]
    client = serve(
        ((Request.PING, ()), [ACK]),
        ((Request.RELOAD, ()), [ACK]),
        ((Request.SET_RPM, ("s", 1200)), [ACK]),
        ((Request.SET_FANS, ("s", fans)), [ACK]),
        ((Request.SET_PWM_OVERRIDE, ("s", 50)), [ACK]),
        ((Request.SET_PWM_OVERRIDE, ("s", 33.3)), [ACK]),
        ((Request.SET_PWM_OVERRIDE, ("s", None)), [ACK]),
        ((Request.SET_PWM_EXPIRE, ("s", when)), [ACK]),
        ((Request.SET_PWM_EXPIRE, ("s", None)), [ACK]),
    )
    with client:
        client.ping()
        client.reload()
        client.report_rpm("s", Rpm(1200.0))
        client.report_fans("s", fans)
        client.override("s", Percent(50.0))
        client.override("s", Percent(33.3))
        client.override("s", None)
        client.expire("s", when)
        client.expire("s", None)


def test_questions_are_answered(serve: Serve) -> None:
    client = serve(
        ((Request.GET_PWM, ("s",)), [(Request.SET_PWM, ("s", 40))]),
        ((Request.GET_RPM, ("s",)), [(Request.SET_RPM, ("s", 1234.5))]),
        ((Request.GET_STATUS, ("s",)), [(Request.SET_STATUS, ("s", _status()))]),
    )
    assert client.pwm("s") == Percent(40)
    assert client.rpm("s") == 1234.5
    assert client.status("s") == _status()


def test_what_may_be_unknown_may_be_none(serve: Serve) -> None:
    bare = _status(override=None, rpm=None, fans_age=None, client=None, fans=[], devices=[], faults=[])
    client = serve(((Request.GET_STATUS, ("s",)), [(Request.SET_STATUS, ("s", bare))]))
    assert client.status("s") == bare


def test_what_a_newer_server_adds_is_passed_on(serve: Serve) -> None:
    client = serve(((Request.GET_STATUS, ("s",)), [(Request.SET_STATUS, ("s", _status(more=1)))]))
    assert client.status("s")["more"] == Percent(1)


def test_pages_are_put_together(serve: Serve) -> None:
    a, b, c = _device("a"), _device("b"), _device("c")
    client = serve(
        ((Request.GET_SHELVES, ()), [(Request.SET_SHELVES, (["x", "y"], True))]),
        ((Request.GET_SHELVES, ("y",)), [(Request.SET_SHELVES, (["z"], False))]),
        ((Request.GET_STATUS, ("s",)), [(Request.SET_STATUS, ("s", _status(devices=[a, b], next=2)))]),
        ((Request.GET_STATUS, ("s", 2)), [(Request.SET_STATUS, ("s", _status(devices=[c])))]),
    )
    assert client.shelves() == ["x", "y", "z"]
    assert client.status("s") == _status(devices=[a, b, c])


@pytest.mark.parametrize(
    ("offsets", "devices"), [((2, None), ["b"]), ((1, 3), ["b"]), ((1, None), []), ((-1, None), ["b"])]
)
def test_pages_that_do_not_follow_are_refused(
    serve: Serve, offsets: tuple[int, int | None], devices: list[str]
) -> None:
    second = _status(devices=[_device(name) for name in devices], next=offsets[1])
    client = serve(
        ((Request.GET_STATUS, ("s",)), [(Request.SET_STATUS, ("s", _status(next=offsets[0])))]),
        ((Request.GET_STATUS, ("s", offsets[0])), [(Request.SET_STATUS, ("s", second))]),
        *([((Request.GET_STATUS, ("s", 3)), [(Request.SET_STATUS, ("s", _status()))])] if offsets[1] else []),
    )
    with pytest.raises(CorruptedDataError, match="do not follow"):
        client.status("s")


def test_shelves_without_end_are_refused(serve: Serve) -> None:
    client = serve(((Request.GET_SHELVES, ()), [(Request.SET_SHELVES, ([], True))]))
    with pytest.raises(CorruptedDataError, match="never ends"):
        client.shelves()


@pytest.mark.parametrize(
    "answer",
    [
        ACK,
        (Request.SET_RPM, ("s", 40)),
        (Request.SET_PWM, ("other", 40)),
        (Request.SET_PWM, ()),
        (Request.SET_PWM, ("s",)),
        (Request.SET_PWM, ("s", None)),
        (Request.SET_PWM, ("s", "40")),
        (Request.SET_PWM, ("s", True)),
        (Request.SET_PWM, ("s", math.nan)),
        (Request.SET_PWM, ("s", -1)),
        (Request.SET_PWM, ("s", 100.5)),
        (Request.SET_PWM, ("s", 2**60)),
    ],
    ids=str,
)
def test_a_bad_answer_ends_the_connection(serve: Serve, answer: Line) -> None:
    client = serve(((Request.GET_PWM, ("s",)), [answer]))
    with pytest.raises(CorruptedDataError):
        client.pwm("s")
    with pytest.raises(SendReceiveError):
        client.ping()


@pytest.mark.parametrize("speed", [-1, math.inf, None, 300_000])
def test_a_bad_speed_is_refused(serve: Serve, speed: object) -> None:
    client = serve(((Request.GET_RPM, ("s",)), [(Request.SET_RPM, ("s", speed))]))
    with pytest.raises(CorruptedDataError):
        client.rpm("s")


@pytest.mark.parametrize(
    "change",
    [
        {"duty": 101},
        {"reason": None},
        {"faults": {}},
        {"faults": [{"duty": 100}]},
        {"alarms": [{"sort": "lost"}]},
        {"override": {"percent": 50, "until": math.inf}},
        {"rpm": -1},
        {"fans": [[]]},
        {"fans_age": -0.5},
        {"fans_age": "1"},
        {"client": {"address": "a", "state": "live", "age": None}},
        {"devices": [{**_device("a"), "celsius": math.nan}]},
        {"devices": [{**_device("a"), "optional": 1}]},
        {"devices": [{}]},
        {"certificates": [{"whose": "pi1"}]},
        {"next": 1.0},
    ],
    ids=str,
)
def test_a_bad_status_is_refused(serve: Serve, change: dict[str, Any]) -> None:
    client = serve(((Request.GET_STATUS, ("s",)), [(Request.SET_STATUS, ("s", _status(**change)))]))
    with pytest.raises(CorruptedDataError, match="GET_STATUS is not as it should be"):
        client.status("s")


@pytest.mark.parametrize("answer", [(["s"],), ([1], False), (["s"], 0), ("s", False), ()], ids=str)
def test_bad_shelves_are_refused(serve: Serve, answer: tuple[Any, ...]) -> None:
    client = serve(((Request.GET_SHELVES, ()), [(Request.SET_SHELVES, answer)]))
    with pytest.raises(CorruptedDataError):
        client.shelves()


def test_the_reason_of_a_refusal_reaches_the_caller(serve: Serve) -> None:
    client = serve(((Request.GET_PWM, ("s",)), [(Request.DISCONNECT, ("no shelf is named s",))]))
    with pytest.raises(FandConnectionResetError, match="no shelf is named s"):
        client.pwm("s")


def test_the_reason_reaches_a_caller_who_can_send_no_more() -> None:
    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs):
        theirs.sendall(encode(Request.ACK, ()) + encode(Request.DISCONNECT, ("server is full",)))
        theirs.close()
        with pytest.raises(FandConnectionResetError, match="server is full"):
            ask(ours, Request.PING)


def test_without_last_words_the_failure_to_send_is_told() -> None:
    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs):
        ours.shutdown(socket.SHUT_WR)
        with pytest.raises(SendReceiveError, match="cannot send"):
            ask(ours, Request.PING)


def test_ask_takes_no_other_answer() -> None:
    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs):
        com.send(theirs, Request.SET_PWM, "s", 40)
        with pytest.raises(CorruptedDataError, match="PING by SET_PWM"):
            ask(ours, Request.PING)


def test_a_mistake_of_the_caller_costs_nothing(serve: Serve) -> None:
    client = serve(((Request.PING, ()), [ACK]))
    with pytest.raises(UnpicklableError):
        client.pwm(object())  # type: ignore[arg-type]
    with pytest.raises(ShelfPwmBadValue):
        client.override("s", Percent(101))
    with pytest.raises(ShelfRpmBadValue):
        client.report_rpm("s", Rpm(-1))
    client.ping()


def test_pushes_are_kept_apart_from_answers(serve: Serve) -> None:
    client = serve(
        ((Request.SUBSCRIBE_PWM, ("s",)), [(Request.SET_PWM, ("s", 40)), (Request.SET_PWM, ("s", 45))]),
        (
            (Request.PING, ()),
            [(Request.SET_PWM, ("s", 50)), ACK],
        ),
        ((Request.GET_PWM, ("t",)), [(Request.SET_PWM, ("s", 60)), (Request.SET_PWM, ("t", 10))]),
        ((Request.PING, ()), [ACK, (Request.SET_PWM, ("s", 70))]),
    )
    assert client.subscribe("s") == Percent(40)
    client.ping()
    assert client.pushed(Seconds(10)) == Percent(50)  # the newest of two
    assert client.pwm("t") == Percent(10)
    assert client.pushed(Seconds(10)) == Percent(60)
    client.ping()
    assert client.pushed(Seconds(10)) == Percent(70)


def test_no_push_is_no_error(serve: Serve) -> None:
    client = serve(
        ((Request.SUBSCRIBE_PWM, ("s",)), [(Request.SET_PWM, ("s", 40))]),
        ((Request.PING, ()), [ACK]),
    )
    client.subscribe("s")
    assert client.pushed(Seconds(0)) is None
    client.ping()


@pytest.mark.parametrize("push", [ACK, (Request.SET_PWM, ("t", 1)), (Request.SET_PWM, ("s", math.nan))], ids=str)
def test_a_bad_push_ends_the_connection(serve: Serve, push: Line) -> None:
    client = serve(((Request.SUBSCRIBE_PWM, ("s",)), [(Request.SET_PWM, ("s", 40)), push]))
    client.subscribe("s")
    with pytest.raises(CorruptedDataError):
        client.pushed(Seconds(10))
    with pytest.raises(CommunicationError):
        client.pushed(Seconds(0))


def test_the_end_of_a_subscription_is_told(serve: Serve) -> None:
    client = serve(((Request.SUBSCRIBE_PWM, ("s",)), [(Request.SET_PWM, ("s", 40)), (Request.DISCONNECT, ("bye",))]))
    client.subscribe("s")
    with pytest.raises(FandConnectionResetError, match="bye"):
        client.pushed(Seconds(10))


class TestExchange:
    def test_anything_is_sent_and_anything_taken(self, serve: Serve) -> None:
        client = serve(((Request.ACK, ("x", 1)), [(Request.SET_RPM, (None,))]))
        assert client.exchange(Request.ACK, "x", 1) == (Request.SET_RPM, (None,))

    def test_what_has_no_form_costs_nothing(self, serve: Serve) -> None:
        client = serve(((Request.PING, ()), [ACK]))
        with pytest.raises(UnpicklableError):
            client.exchange(Request.PING, object())
        client.ping()

    def test_a_refusal_ends_the_connection(self, serve: Serve) -> None:
        client = serve(((Request.ACK, ()), [(Request.DISCONNECT, ("the server takes no ACK",))]))
        with pytest.raises(FandConnectionResetError, match="takes no ACK"):
            client.exchange(Request.ACK)
        with pytest.raises(SendReceiveError, match="closed"):
            client.exchange(Request.ACK)
