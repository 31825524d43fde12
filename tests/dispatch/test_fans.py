from typing import Any

import pytest

from fand.dispatch.fans import FanReport, FanState, fan_states, slowest
from fand.exceptions import RequestError
from fand.units import Percent, Rpm, Seconds

from .halls import peer

GOOD = {"name": "front", "rpm": 1200, "duty": 40.5, "state": "ok"}


def test_a_list_of_fans_is_taken() -> None:
    unknown = {"name": "rear", "rpm": None, "duty": None, "state": "fault", "later": "ignored"}
    assert fan_states([GOOD, unknown]) == (
        FanState("front", Rpm(1200), Percent(40.5), "ok"),
        FanState("rear", None, None, "fault"),
    )
    assert fan_states([]) == ()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", None),
        ("name", ""),
        ("name", 3),
        ("rpm", "fast"),
        ("rpm", float("nan")),
        ("rpm", -1),
        ("rpm", True),
        ("rpm", 10**30),
        ("duty", 101),
        ("duty", float("inf")),
        ("state", "fine"),
        ("state", None),
        ("state", []),
    ],
)
def test_a_fan_with_a_bad_value_is_refused(key: str, value: object) -> None:
    with pytest.raises(RequestError):
        fan_states([{**GOOD, key: value}])


@pytest.mark.parametrize("value", [None, 3, "fans", {}, (GOOD,), [None], [[]], [{"name": "front"}], [GOOD] * 65])
def test_what_is_no_list_of_fans_is_refused(value: Any) -> None:
    with pytest.raises(RequestError):
        fan_states(value)


def test_a_long_name_is_cut() -> None:
    assert len(fan_states([{**GOOD, "name": "x" * 9999}])[0].name) == 60


def test_the_slowest_known_fan_speaks_for_all() -> None:
    fans = fan_states([GOOD, {**GOOD, "rpm": 900}, {**GOOD, "rpm": None}])
    assert slowest(fans) == 900.0
    assert slowest(fans[2:]) is None


def test_s7_a_report_grows_stale_with_its_client() -> None:
    who = peer()
    report = FanReport(Rpm(900), (), who, Seconds(10))
    assert not report.stale(Seconds(160))
    who.speaks_extensions()
    assert report.stale(Seconds(51))
