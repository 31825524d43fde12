import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fand.control import judge
from fand.ports import Failed, Temperature
from fand.units import Celsius, Seconds

NOW = Seconds(7.0)


@given(st.floats(min_value=-20, max_value=125, exclude_min=True, exclude_max=True))
def test_what_can_be_is_a_reading(degrees: float) -> None:
    assert judge(degrees, NOW) == Temperature(Celsius(degrees), NOW)


@pytest.mark.parametrize("degrees", [-20, -20.5, 125, 255, 1e300, -(10**18), 10**18])
def test_what_cannot_be_is_a_failure(degrees: float) -> None:
    reading = judge(degrees, NOW)
    assert isinstance(reading, Failed)
    assert "which cannot be" in reading.reason
    assert reading.at == NOW


@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, -math.inf, True, False, "31", "x" * 9999, b"31", [31], 10**400, 10**9999, object()],
    ids=lambda value: f"{type(value).__name__} {str(value)[:9] if not isinstance(value, int) else ''}",
)
def test_what_is_no_number_is_a_failure_told_in_few_words(value: object) -> None:
    for drive in (True, False):
        reading = judge(value, NOW, drive=drive)
        assert isinstance(reading, Failed)
        assert "not a number" in reading.reason
        assert len(reading.reason) < 100


def test_none_is_a_failure() -> None:
    assert judge(None, NOW) == Failed("gave no temperature", NOW)


def test_0_degrees_is_a_reading_of_the_air_but_none_of_a_drive() -> None:
    assert judge(0, NOW) == Temperature(Celsius(0.0), NOW)
    assert judge(0, NOW, drive=True) == Failed("gave 0 °C, which means that it has no reading", NOW)
    assert isinstance(judge(-3.5, NOW, drive=True), Failed)
    assert isinstance(judge(255, NOW, drive=True), Failed)
    assert judge(1, NOW, drive=True) == Temperature(Celsius(1.0), NOW)


def test_a_whole_number_becomes_a_float() -> None:
    reading = judge(31, NOW)
    assert isinstance(reading, Temperature)
    assert type(reading.celsius) is float


@given(st.none() | st.booleans() | st.text() | st.binary() | st.integers() | st.floats(), st.booleans())
def test_judging_never_raises(value: object, drive: bool) -> None:
    reading = judge(value, NOW, drive=drive)
    assert isinstance(reading, Failed) or -20 < reading.celsius < 125  # type: ignore[union-attr]
