import socket
from collections.abc import Iterator
from typing import Any

import pytest

from fand.communication import Request, recv, send
from fand.exceptions import CorruptedDataError, FandConnectionResetError, FandTimeoutError, SendReceiveError
from fand.fanclient.conversation import Conversation
from fand.fanclient.events import FanReport
from fand.units import Percent, Rpm, Seconds
from tests.fanclient.parts import MovedClock

FRONT = FanReport("front", Rpm(1480.26), Percent(40), "ok")
REAR = FanReport("rear", None, None, "fault")


class Rig:
    """A conversation over a socket pair. What the server says is said beforehand and waits in the socket."""

    def __init__(self) -> None:
        self.clock = MovedClock(0)
        self.server, self.client = socket.socketpair()
        self.server.settimeout(10)
        self.heard: list[tuple[float, float]] = []
        self.talk = Conversation(
            self.client, "shelf1", Seconds(10), self.clock, lambda duty, asked: self.heard.append((duty, asked))
        )

    def says(self, *messages: tuple[Any, ...]) -> None:
        for request, *args in messages:
            send(self.server, request, *args)

    def serves(self, *duties: float) -> None:
        self.says(*((Request.SET_PWM, "shelf1", duty) for duty in duties))

    def was_asked(self) -> tuple[Any, ...]:
        request, args = recv(self.server)
        return request, *args


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig()
    with rig.server, rig.client:
        yield rig


def begun(rig: Rig, *, subscribe: bool = True) -> Rig:
    rig.serves(40)
    rig.talk.begin(subscribe=subscribe)
    rig.was_asked()
    return rig


def test_the_first_answer_is_as_young_as_the_first_question(rig: Rig) -> None:
    rig.clock.now = 3
    rig.serves(40)
    rig.talk.begin(subscribe=True)
    assert rig.was_asked() == (Request.SUBSCRIBE_PWM, "shelf1")
    assert rig.heard == [(40, 3)]


def test_a_round_is_sure_when_the_report_is_acknowledged(rig: Rig) -> None:
    begun(rig)
    rig.clock.now = 5
    rig.serves(50)
    rig.talk.ask()
    assert rig.heard[1:] == [(50, 0)]  # it could be a push of long ago
    rig.serves(51)
    rig.says((Request.ACK,))
    rig.clock.now = 6
    rig.talk.report([FRONT, REAR])
    assert rig.heard[2:] == [(51, 0), (51, 5)]
    assert rig.was_asked() == (Request.GET_PWM, "shelf1")
    front = {"name": "front", "rpm": 1480.3, "duty": 40, "state": "ok"}
    rear = {"name": "rear", "rpm": None, "duty": None, "state": "fault"}
    assert rig.was_asked() == (Request.SET_FANS, "shelf1", [front, rear])


def test_pushes_are_heard_as_old_as_the_last_round(rig: Rig) -> None:
    begun(rig)
    rig.says((Request.ACK,), (Request.SET_PWM, "shelf1", 60), (Request.SET_PWM, "shelf1", 61))
    rig.talk.report([FRONT])
    rig.server.shutdown(socket.SHUT_WR)
    with pytest.raises(FandConnectionResetError):
        rig.talk.listen(Seconds(5))
    assert rig.heard == [(40, 0), (60, 0), (61, 0)]


def test_a_plain_server_is_asked_each_time_and_its_answer_is_sure(rig: Rig) -> None:
    begun(rig, subscribe=False)
    rig.clock.now = 5
    rig.serves(50)
    rig.says((Request.ACK,))
    rig.talk.ask()
    rig.talk.report([FRONT, FanReport("rear", Rpm(900), None, "ok")])
    assert rig.heard == [(40, 0), (50, 5)]
    assert rig.was_asked() == (Request.GET_PWM, "shelf1")
    assert rig.was_asked() == (Request.SET_RPM, "shelf1", 900)


def test_a_plain_server_is_told_no_speed_that_nobody_knows(rig: Rig) -> None:
    begun(rig, subscribe=False)
    rig.talk.report([REAR])
    rig.serves(50)
    rig.talk.ask()
    assert rig.was_asked() == (Request.GET_PWM, "shelf1")


def test_listening_ends_in_time(rig: Rig) -> None:
    begun(rig)
    rig.clock.now = 5
    rig.talk.listen(Seconds(5))
    rig.talk.listen(Seconds(5.001))
    assert len(rig.heard) == 1


@pytest.mark.parametrize(
    "args",
    [("shelf1",), ("shelf2", 40), ("shelf1", 40, 1), ("shelf1", 101), ("shelf1", float("nan")), ("shelf1", None)],
)
def test_a_duty_that_is_none_is_refused(rig: Rig, args: tuple[object, ...]) -> None:
    rig.says((Request.SET_PWM, *args))
    with pytest.raises(CorruptedDataError):
        rig.talk.begin(subscribe=True)
    assert rig.heard == []


def test_another_answer_than_asked_for_is_refused(rig: Rig) -> None:
    rig.says((Request.ACK,))
    with pytest.raises(CorruptedDataError, match="ACK, not SET_PWM"):
        rig.talk.begin(subscribe=True)


def test_a_plain_server_that_answers_out_of_step_is_refused(rig: Rig) -> None:
    begun(rig, subscribe=False)
    rig.serves(41)
    with pytest.raises(CorruptedDataError, match="SET_PWM, not ACK"):
        rig.talk.report([FRONT])


@pytest.mark.parametrize("subscribe", [True, False])
def test_what_nobody_asked_for_is_refused(rig: Rig, subscribe: bool) -> None:
    begun(rig, subscribe=subscribe)
    rig.says((Request.ACK,) if subscribe else (Request.SET_PWM, "shelf1", 30))
    with pytest.raises(CorruptedDataError, match="without being asked"):
        rig.talk.listen(Seconds(5))


def test_a_server_that_says_nothing_is_given_up(rig: Rig) -> None:
    talk = Conversation(rig.client, "shelf1", Seconds(0.01), rig.clock, lambda duty, asked: None)
    with pytest.raises(FandTimeoutError, match=r"no answer for 0\.01 s"):
        talk.begin(subscribe=True)


def test_a_server_that_pushes_instead_of_answering_is_given_up(rig: Rig) -> None:
    def heard(duty: Percent, asked: Seconds) -> None:
        rig.clock.now += 3

    talk = Conversation(rig.client, "shelf1", Seconds(10), rig.clock, heard)
    rig.serves(40, 41, 42, 43, 44, 45, 46)
    talk.begin(subscribe=True)
    with pytest.raises(FandTimeoutError, match="no answer for 10 s"):
        talk.report([FRONT])


def test_a_refusal_tells_whether_it_was_announced(rig: Rig) -> None:
    rig.says((Request.DISCONNECT, "shelf1 is unknown"))
    with pytest.raises(FandConnectionResetError, match="shelf1 is unknown") as caught:
        rig.talk.begin(subscribe=True)
    assert caught.value.announced
    rig.server.shutdown(socket.SHUT_WR)
    with pytest.raises(FandConnectionResetError) as caught:
        rig.talk.begin(subscribe=True)
    assert not caught.value.announced


def test_a_connection_closed_by_another_thread_is_an_ordinary_end(rig: Rig) -> None:
    begun(rig)
    rig.client.close()
    with pytest.raises(SendReceiveError, match="closed"):
        rig.talk.ask()
