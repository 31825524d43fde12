from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fand.agent.conversation import MOST, PATIENCE, Conversation, Message, News
from fand.dispatch.mailbox import SIGN
from fand.dispatch.reports import OLDEST, reports
from fand.exceptions import CorruptedDataError, FandTimeoutError
from fand.ports import Asleep, Failed, Reading, Temperature
from fand.units import Celsius, Seconds
from fand.wire import Request, encode


def warm(celsius: float = 40.0, at: float = 0.0, family: str | None = "hdd") -> News:
    return News(Temperature(Celsius(celsius), Seconds(at)), family)


class Talk:
    """A conversation whose server has answered the first word at 0, and what the sensors said."""

    def __init__(self, **news: News) -> None:
        self.news = news
        self.talk = Conversation("nas2", SIGN)
        assert self.talk.begin(Seconds(0)) == (Request.PING, ())
        self.answer(0)

    def turn(self, now: float) -> Message | None:
        return self.talk.turn(self.news, Seconds(now))

    def says(self, now: float) -> list[dict[str, Any]]:
        """The readings in the report that is to be sent now."""
        said = self.turn(now)
        assert said is not None
        request, (entries, name, since) = said
        assert (request, name) == (Request.SET_TEMPERATURES, "nas2")
        assert isinstance(since, int | float)
        assert isinstance(entries, list)
        return entries

    def answer(self, now: float, *args: object) -> None:
        self.talk.received(Request.ACK, args, Seconds(now))


def test_first_of_all_a_sign_of_life_is_asked_for() -> None:
    talk = Conversation("nas2", SIGN)
    assert talk.begin(Seconds(0)) == (Request.PING, ())
    assert talk.waiting
    assert talk.turn({"sda": warm()}, Seconds(1)) is None
    assert not talk.told


def test_then_every_device_is_told_of_with_its_age() -> None:
    talk = Talk(sda=warm(at=-3), sdb=News(Asleep(Seconds(1)), None), sdc=News(Failed("broken", Seconds(2)), "ssd"))
    said = talk.turn(2.5)
    assert said == (
        Request.SET_TEMPERATURES,
        (
            [
                {"device": "sda", "age": 5.5, "family": "hdd", "state": "ok", "celsius": 40.0},
                {"device": "sdb", "age": 1.5, "state": "asleep"},
                {"device": "sdc", "age": 0.5, "family": "ssd", "state": "failed", "reason": "broken"},
            ],
            "nas2",
            2.5,
        ),
    )
    talk.answer(3)
    assert talk.talk.told


def test_one_thing_is_said_at_a_time() -> None:
    talk = Talk(sda=warm())
    talk.says(0)
    talk.news["sda"] = warm(50, at=1)
    assert talk.turn(1) is None
    talk.answer(2)
    assert [entry["celsius"] for entry in talk.says(2)] == [50]


def test_what_was_told_is_not_told_again() -> None:
    talk = Talk(sda=warm())
    talk.says(0)
    talk.answer(1)
    assert talk.turn(2) is None
    talk.news["sda"] = warm(at=2)
    assert [entry["age"] for entry in talk.says(3)] == [1]


def test_a_sign_of_life_tells_of_nothing() -> None:
    talk = Talk()
    assert talk.turn(SIGN - 0.1) is None
    assert talk.talk.due == SIGN
    assert talk.says(SIGN) == []


def test_a_long_list_goes_in_several_reports() -> None:
    talk = Talk(**{f"d{number}": warm() for number in range(2 * MOST + 1)})
    told = []
    for second in range(3):
        told.append([entry["device"] for entry in talk.says(second)])
        talk.answer(second)
    assert [len(each) for each in told] == [MOST, MOST, 1]
    assert len({device for each in told for device in each}) == 2 * MOST + 1
    assert talk.turn(3) is None


def test_what_the_server_does_not_take_is_told_again_with_the_next_sign_of_life() -> None:
    talk = Talk(sda=warm(), sdb=warm())
    talk.says(0)
    talk.answer(1, ["sdb"], "nas")
    assert (talk.talk.strange, talk.talk.known_as) == ({"sdb"}, "nas")
    assert talk.turn(5.9) is None
    assert [entry["device"] for entry in talk.says(6)] == ["sdb"]
    talk.answer(6)
    assert talk.talk.strange == frozenset()


def test_what_the_server_calls_us_makes_no_second_line_of_a_log() -> None:
    talk = Talk(sda=warm())
    talk.says(0)
    talk.answer(1, ["sda"], "nas2\nERROR fand.agent.link: \x1b[2J" + "x" * 50_000)
    assert talk.talk.known_as.startswith("nas2 ERROR fand.agent.link:  [2Jxxx")
    assert len(talk.talk.known_as) == 200


def test_names_that_were_not_asked_are_not_strange() -> None:
    talk = Talk(sda=warm())
    talk.says(0)
    talk.answer(1, ["sdz"])
    assert talk.talk.strange == frozenset()
    talk.news["sda"] = warm()
    talk.says(2)
    talk.answer(2, ["sda"])
    assert (talk.talk.strange, talk.talk.known_as) == ({"sda"}, "nas2")


@pytest.mark.parametrize("args", [("sda",), ([3],), (None,)])
def test_an_answer_that_is_not_as_it_should_be(args: tuple[object, ...]) -> None:
    talk = Talk(sda=warm())
    talk.says(0)
    with pytest.raises(CorruptedDataError, match="not as it should be"):
        talk.answer(1, *args)


def test_what_was_not_asked_for_is_no_answer() -> None:
    talk = Talk()
    with pytest.raises(CorruptedDataError, match="sent ACK without being asked"):
        talk.answer(1)
    talk.says(SIGN)
    with pytest.raises(CorruptedDataError, match="answered by SET_PWM, not ACK"):
        talk.talk.received(Request.SET_PWM, ("shelf1", 20), Seconds(6))


def test_an_answer_is_not_waited_for_for_ever() -> None:
    talk = Talk(sda=warm())
    talk.says(0)
    assert talk.turn(PATIENCE - 0.1) is None
    with pytest.raises(FandTimeoutError, match="no answer for 10 s"):
        talk.turn(PATIENCE)


_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
_READINGS: st.SearchStrategy[Reading] = st.one_of(
    st.builds(Temperature, st.floats(-19, 124).map(Celsius), st.floats(-1e9, 1e9).map(Seconds)),
    st.builds(Asleep, st.floats(-1e9, 1e9).map(Seconds)),
    st.builds(Failed, _TEXTS, st.floats(-1e9, 1e9).map(Seconds)),
)


@given(_READINGS, st.none() | st.text(), st.floats(0, 1e9))
def test_whatever_a_sensor_said_a_server_takes_the_report(reading: Reading, family: str | None, now: float) -> None:
    (entry,) = Talk(sda=News(reading, family)).says(now)
    (report,) = reports([entry], Seconds(now), Seconds(now))
    assert type(report.reading) is type(reading)
    assert report.reading.at == pytest.approx(max(min(reading.at, now), now - OLDEST))


def test_the_longest_report_fits_a_frame() -> None:
    name = "\N{PILE OF POO}" * 50
    reading = Failed("\N{PILE OF POO}" * 1000, Seconds(0))
    talk = Talk(**{f"{number:02}{name}"[:50]: News(reading, name * 10) for number in range(MOST)})
    assert len(encode(Request.SET_TEMPERATURES, (talk.says(0), name, 1.0))) < 65_000
