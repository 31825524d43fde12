from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fand.dispatch import ALL, Grant, Peer, Role
from fand.dispatch.reports import MOST_REPORTS, OLDEST, Report, agent_name, reports, sent
from fand.exceptions import RequestError, ShelfTemperatureBadValue
from fand.ports import Asleep, Failed, Temperature
from fand.units import Celsius, Seconds

from .halls import peer

OK: dict[str, Any] = {"device": "sda", "state": "ok", "celsius": 38.5, "age": 2}


def taken(*entries: object, earliest: float = 99.0, now: float = 100.0) -> tuple[Report, ...]:
    return reports(list(entries), Seconds(earliest), Seconds(now))


def test_a_reading_is_as_old_as_it_can_be_and_as_young() -> None:
    assert taken({**OK, "family": "hdd"}) == (
        Report("sda", Temperature(Celsius(38.5), Seconds(97)), Seconds(98), "hdd"),
    )


def test_one_that_sleeps_and_one_that_failed() -> None:
    asleep, failed = taken(
        {"device": "a", "state": "asleep", "age": 0.5},
        {"device": "b", "state": "failed", "age": 0, "reason": "no\nx"},
    )
    assert (asleep.reading, asleep.latest, asleep.family) == (Asleep(Seconds(98.5)), 99.5, None)
    assert failed.reading == Failed("no x", Seconds(99))


def test_a_temperature_that_cannot_be_is_a_failure() -> None:
    (report,) = taken({**OK, "celsius": 255})
    assert isinstance(report.reading, Failed)


def test_keys_that_a_later_agent_adds_are_let_through() -> None:
    assert taken({**OK, "bay": 3}) == taken(OK)


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (None, "not a list"),
        ((OK,), "not a list"),
        ([OK] * (MOST_REPORTS + 1), "at most 256"),
        ([OK, OK], "the same device"),
        (["sda"], "dict of device, state and age"),
        ([{"device": "sda", "state": "ok"}], "dict of device, state and age"),
        ([{**OK, "device": ""}], "name of a device"),
        ([{**OK, "device": 7}], "name of a device"),
        ([{**OK, "state": "fine"}], "none of ok, asleep, failed"),
        ([{**OK, "state": ["ok"]}], "none of ok, asleep, failed"),
        ([{**OK, "age": -0.1}], "the age of sda, -0.1"),
        ([{**OK, "age": OLDEST + 1}], "the age of sda"),
        ([{**OK, "age": float("nan")}], "the age of sda, nan"),
        ([{**OK, "age": float("inf")}], "the age of sda"),
        ([{**OK, "age": True}], "the age of sda, True"),
        ([{**OK, "age": None}], "the age of sda"),
        ([{**OK, "age": 10**400}], "the age of sda"),
        ([{**OK, "family": 3}], "the family of sda"),
        ([{**OK, "state": "failed"}], "without a reason"),
        ([{**OK, "state": "failed", "reason": " "}], "without a reason"),
        ([{**OK, "state": "failed", "reason": 3}], "without a reason"),
    ],
)
def test_what_is_no_list_of_readings_is_refused(value: object, fault: str) -> None:
    with pytest.raises(RequestError, match=fault):
        reports(value, Seconds(0), Seconds(0))


@pytest.mark.parametrize("celsius", [None, "40", True, float("nan"), float("-inf"), 10**400])
def test_a_temperature_that_is_no_number_is_refused(celsius: object) -> None:
    with pytest.raises(ShelfTemperatureBadValue, match="temperature of sda"):
        taken({**OK, "celsius": celsius})


_VALUES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.lists(st.none(), max_size=1)
)
_ENTRIES = st.dictionaries(st.sampled_from([*OK, "family", "reason"]), _VALUES)


@given(st.lists(_ENTRIES | st.builds(lambda entry: {**OK, **entry}, _ENTRIES), max_size=3))
def test_whatever_comes_it_is_taken_or_refused_and_never_from_the_future(value: object) -> None:
    try:
        found = reports(value, Seconds(99), Seconds(100))
    except RequestError:
        return
    assert all(report.reading.at <= report.latest <= 100 for report in found)


def test_a_report_was_sent_so_long_after_the_answer_before_it() -> None:
    assert sent(3, Seconds(50), Seconds(100)) == 53


def test_a_report_was_not_sent_after_it_came() -> None:
    assert sent(60, Seconds(50), Seconds(100)) == 100


def test_a_report_that_does_not_tell_was_under_way_for_a_second() -> None:
    assert sent(None, None, Seconds(100)) == sent(None, Seconds(50), Seconds(100)) == 99


def test_no_time_can_have_passed_since_an_answer_that_was_not_given() -> None:
    with pytest.raises(RequestError, match="nothing was answered before"):
        sent(0, None, Seconds(100))


@pytest.mark.parametrize("since", [-1, "1", True, float("nan")])
def test_a_time_since_the_answer_that_is_none_is_refused(since: object) -> None:
    with pytest.raises(RequestError, match="time since the last answer"):
        sent(since, Seconds(0), Seconds(100))


REPORTER = Grant(frozenset({Role.REPORT}))


def known(who: str, grant: Grant) -> Peer:
    return Peer("192.0.2.1:1", Seconds(0), who=who, grant=grant)


def test_the_name_of_an_agent() -> None:
    assert agent_name(peer(), "nas2\n") == "nas2"


@pytest.mark.parametrize(("who", "name"), [("nas2", "nas2"), ("user fand-agent", "fand-agent")])
def test_who_is_known_goes_by_that_name(who: str, name: str) -> None:
    assert agent_name(known(who, REPORTER), None) == agent_name(known(who, REPORTER), "nas9") == name
    assert agent_name(known(who, ALL), None) == name


def test_who_may_control_everything_reports_under_any_name() -> None:
    assert agent_name(known("user root", ALL), "nas9") == "nas9"
    assert agent_name(known("", REPORTER), "nas9") == "nas9"


@pytest.mark.parametrize("name", [None, "", 5])
def test_what_is_no_name_of_an_agent(name: object) -> None:
    with pytest.raises(RequestError, match="agent"):
        agent_name(peer(), name)
