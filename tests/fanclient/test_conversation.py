import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fand.exceptions import CommunicationError, CorruptedDataError, FandConnectionResetError, FandTimeoutError
from fand.fanclient.conversation import Conversation, Message, Stage
from fand.fanclient.events import FanReport
from fand.fanclient.lease import Terms
from fand.units import Percent, Rpm, Seconds
from fand.wire import Request

FRONT = FanReport("front", Rpm(1480.26), Percent(40), "ok")
REAR = FanReport("rear", None, None, "fault")
ACK = (Request.ACK,)
GOODBYE = (Request.DISCONNECT, "the server stops")


def duty(percent: object, shelf: str = "shelf1") -> tuple[Any, ...]:
    return Request.SET_PWM, shelf, percent


class Talk:
    """A conversation as seen from its server; ``heard`` and ``said`` are what came of it."""

    def __init__(self, *, subscribe: bool = True, fans: Sequence[FanReport] = (FRONT,), now: float = 0) -> None:
        self.now = now
        self.fans = fans
        self.heard: list[tuple[float, float]] = []
        self.rounds = 0
        self.it = Conversation("shelf1", Terms(interval=Seconds(5), lease=Seconds(20)))
        self.said: list[Message] = [self.it.begin(Seconds(now), subscribe=subscribe)]

    def hears(self, *messages: tuple[Any, ...]) -> None:
        for request, *args in messages:
            turn = self.it.received(request, tuple(args), self.fans, Seconds(self.now))
            self.rounds += turn.whole
            self.heard += [] if turn.heard is None else [turn.heard]
            self.said += [] if turn.say is None else [turn.say]

    def at(self, now: float) -> None:
        self.now = now
        say = self.it.tick(Seconds(now)).say
        self.said += [] if say is None else [say]


def begun(*, subscribe: bool = True, fans: Sequence[FanReport] = (FRONT,)) -> Talk:
    """The first round, of 40 %, is over."""
    talk = Talk(subscribe=subscribe, fans=fans)
    talk.hears(duty(40), ACK)
    return talk


def test_the_first_answer_is_as_young_as_the_first_question() -> None:
    talk = Talk(now=3)
    assert talk.said == [(Request.SUBSCRIBE_PWM, ("shelf1",))]
    talk.now = 4
    talk.hears(duty(40))
    assert talk.heard == [(40, 3)]


def test_the_fans_are_reported_as_soon_as_the_duty_is_known() -> None:
    talk = Talk(fans=(FRONT, REAR))
    talk.hears(duty(40))
    front = {"name": "front", "rpm": 1480.3, "duty": 40, "state": "ok"}
    rear = {"name": "rear", "rpm": None, "duty": None, "state": "fault"}
    assert talk.said[1:] == [(Request.SET_FANS, ("shelf1", [front, rear]))]
    assert talk.rounds == 0
    talk.hears(ACK)
    assert talk.rounds == 1


def test_a_round_is_sure_when_the_report_is_acknowledged() -> None:
    talk = begun()
    talk.at(5)
    assert talk.said[2:] == [(Request.GET_PWM, ("shelf1",))]
    talk.hears(duty(50))
    assert talk.heard[1:] == [(50, 0)]  # it could be a push of long ago
    talk.now = 6
    talk.hears(duty(51), ACK)
    assert talk.heard[2:] == [(51, 0), (51, 5)]


def test_pushes_are_heard_as_old_as_the_last_round() -> None:
    talk = begun()
    talk.now = 4
    talk.hears(duty(60), duty(61))
    assert talk.heard == [(40, 0), (60, 0), (61, 0)]
    assert len(talk.said) == 2


def test_a_duty_said_again_is_no_news_unless_it_is_surer() -> None:
    talk = begun()
    talk.hears(duty(40), duty(40))
    talk.at(5)
    talk.hears(duty(40))
    assert talk.heard == [(40, 0)]
    talk.hears(ACK)
    assert talk.heard == [(40, 0), (40, 5)]
    talk.hears(duty(50), duty(40))
    assert talk.heard[2:] == [(50, 5), (40, 5)]


def test_a_round_begins_an_interval_after_the_last_began() -> None:
    talk = begun()
    assert talk.it.due == 5
    talk.at(4.999)
    assert len(talk.said) == 2
    talk.at(5)
    talk.now = 7
    talk.hears(duty(40), ACK)
    assert talk.it.due == 10


def test_what_was_due_long_ago_is_done_at_once() -> None:
    """After a suspend, or a time in which the process was stopped."""
    talk = begun()
    talk.at(86_400)
    assert talk.said[2:] == [(Request.GET_PWM, ("shelf1",))]
    talk.hears(duty(60), ACK)
    assert talk.heard[-1:] == [(60, 86_400)]


def test_an_answer_that_waited_for_us_counts_and_is_as_old_as_it_is() -> None:
    talk = begun()
    talk.at(5)
    talk.now = 3600
    talk.hears(duty(60), ACK)
    assert talk.heard[-1:] == [(60, 5)]
    assert talk.said[-1] == (Request.GET_PWM, ("shelf1",))


def test_a_plain_server_is_asked_each_time_and_its_answer_is_sure() -> None:
    talk = begun(subscribe=False, fans=(FRONT, FanReport("rear", Rpm(900), None, "ok")))
    talk.at(5)
    talk.hears(duty(50), ACK)
    assert talk.heard == [(40, 0), (50, 5)]
    question, report = (Request.GET_PWM, ("shelf1",)), (Request.SET_RPM, ("shelf1", 900))
    assert talk.said == [question, report, question, report]


def test_a_plain_server_is_told_no_speed_that_nobody_knows() -> None:
    talk = Talk(subscribe=False, fans=(REAR,))
    talk.hears(duty(50))
    assert talk.rounds == 1
    talk.at(5)
    assert talk.said == [(Request.GET_PWM, ("shelf1",))] * 2


@pytest.mark.parametrize(
    "args",
    [("shelf1",), ("shelf2", 40), ("shelf1", 40, 1), ("shelf1", 101), ("shelf1", math.nan), ("shelf1", None), ()],
)
@pytest.mark.parametrize("subscribe", [True, False])
def test_a_duty_that_is_none_is_refused(args: tuple[object, ...], subscribe: bool) -> None:
    talk = Talk(subscribe=subscribe)
    with pytest.raises(CorruptedDataError):
        talk.hears((Request.SET_PWM, *args))
    assert talk.heard == []
    assert not talk.it.answered


def test_a_push_for_another_shelf_is_refused() -> None:
    talk = begun()
    with pytest.raises(CorruptedDataError, match="not for this shelf"):
        talk.hears(duty(0, "shelf2"))


def test_another_answer_than_asked_for_is_refused() -> None:
    with pytest.raises(CorruptedDataError, match="ACK, not SET_PWM"):
        Talk().hears(ACK)


def test_a_plain_server_that_answers_twice_is_refused() -> None:
    talk = Talk(subscribe=False)
    with pytest.raises(CorruptedDataError, match="SET_PWM, not ACK"):
        talk.hears(duty(40), duty(41))


def test_a_second_acknowledgement_is_refused() -> None:
    talk = Talk()
    with pytest.raises(CorruptedDataError, match="ACK without being asked"):
        talk.hears(duty(40), ACK, ACK)


@pytest.mark.parametrize("subscribe", [True, False])
def test_what_nobody_asked_for_is_refused(subscribe: bool) -> None:
    talk = begun(subscribe=subscribe)
    with pytest.raises(CorruptedDataError, match="without being asked"):
        talk.hears(ACK if subscribe else duty(30))


@pytest.mark.parametrize("message", [duty(40), ACK], ids=["duty", "ack"])
def test_what_comes_before_anything_was_asked_is_refused(message: tuple[Any, ...]) -> None:
    talk = Conversation("shelf1", Terms())
    with pytest.raises(CorruptedDataError, match="without being asked"):
        talk.received(message[0], message[1:], (), Seconds(0))


@pytest.mark.parametrize(("lease", "patience"), [(20.0, 10), (1000.0, 10), (4.0, 2)])
def test_a_server_that_says_nothing_is_given_up(lease: float, patience: float) -> None:
    talk = Conversation("shelf1", Terms(lease=Seconds(lease)))
    talk.begin(Seconds(0), subscribe=True)
    assert talk.due == patience
    talk.tick(Seconds(patience - 0.01))
    with pytest.raises(FandTimeoutError, match=f"no answer for {patience} s"):
        talk.tick(Seconds(patience))
    assert talk.stage is Stage.ENDED


def test_a_server_that_answers_and_never_acknowledges_is_given_up() -> None:
    talk = Talk()
    talk.now = 3
    talk.hears(duty(40))
    with pytest.raises(FandTimeoutError):
        talk.at(13)


def test_a_server_that_pushes_instead_of_acknowledging_is_given_up() -> None:
    talk = Talk()
    while talk.now < 10:
        talk.hears(duty(40 + talk.now))
        talk.now += 1
    with pytest.raises(FandTimeoutError, match="no answer for 10 s"):
        talk.hears(duty(50))
    assert {sure for _, sure in talk.heard} == {0}


def test_a_server_that_never_stops_pushing_is_asked_all_the_same() -> None:
    talk = begun()
    for second in range(1, 7):
        talk.now = second
        talk.hears(duty(40 + second))
    assert talk.said[2] == (Request.GET_PWM, ("shelf1",))
    assert talk.it.stage is Stage.REPORTED  # the push at 6 s was taken for the answer ...
    talk.hears(duty(80))
    assert talk.heard[-1:] == [(80, 0)]  # ... and that makes nothing younger
    talk.hears(ACK)
    assert talk.heard[-1:] == [(80, 5)]


def test_a_refusal_tells_its_reason_and_that_it_was_announced() -> None:
    talk = Talk()
    with pytest.raises(FandConnectionResetError, match="ended the connection: shelf1 is unknown") as caught:
        talk.hears((Request.DISCONNECT, "shelf1 is unknown"))
    assert caught.value.announced
    assert caught.value.reason == "shelf1 is unknown"
    with pytest.raises(FandConnectionResetError, match=r"ended the connection$"):
        Talk().hears((Request.DISCONNECT, None))


@pytest.mark.parametrize("message", [duty(40), ACK, GOODBYE], ids=["duty", "ack", "goodbye"])
def test_what_comes_after_the_end_is_not_heard(message: tuple[Any, ...]) -> None:
    talk = begun()
    with pytest.raises(FandConnectionResetError):
        talk.hears(GOODBYE)
    with pytest.raises(FandConnectionResetError):
        talk.hears(message)
    assert talk.heard == [(40, 0)]


MESSAGES = st.sampled_from([duty(40), duty(60), ACK, GOODBYE, duty(0, "shelf2"), (Request.SET_RPM, "shelf1", 900)])


@given(st.booleans(), st.lists(st.tuples(st.floats(0, 30), st.none() | MESSAGES), max_size=30))
def test_whatever_the_server_does_no_duty_is_younger_than_a_question(
    subscribe: bool, events: list[tuple[float, tuple[Any, ...] | None]]
) -> None:
    talk = Talk(subscribe=subscribe, now=100)
    asked = [100.0]
    try:
        for wait, message in events:
            talk.now += wait
            if message is None:
                talk.at(talk.now)
            else:
                talk.hears(message)
            if talk.said[-1][0] is Request.GET_PWM and talk.it.stage is Stage.ASKED and talk.now > asked[-1]:
                asked.append(talk.now)
            assert talk.it.due <= talk.now + 10
    except CommunicationError:
        assert talk.it.stage is Stage.ENDED
    sures = [sure for _, sure in talk.heard]
    assert sures == sorted(sures)
    assert set(sures) <= set(asked)
