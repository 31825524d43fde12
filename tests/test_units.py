import pytest
from hypothesis import given
from hypothesis import strategies as st

from fand.exceptions import ShelfPwmBadValue, ShelfRpmBadValue
from fand.units import MAX_RPM, is_number, percent, rounded, rpm, served


@given(st.floats(min_value=0, max_value=100) | st.integers(min_value=0, max_value=100))
def test_a_number_from_0_to_100_is_a_duty(value: float) -> None:
    assert percent(value) == value


@pytest.mark.parametrize(
    "value", [-0.001, 100.5, float("nan"), float("inf"), True, False, None, "50", [50], 10**400, b"5"]
)
def test_anything_else_is_refused_as_a_duty(value: object) -> None:
    with pytest.raises(ShelfPwmBadValue, match="not a number from 0 to 100"):
        percent(value)


def test_a_speed_is_from_0_to_the_fastest_fan() -> None:
    assert rpm(0) == 0.0
    assert rpm(1500.5) == 1500.5
    assert rpm(MAX_RPM) == MAX_RPM


@pytest.mark.parametrize("value", [-1, MAX_RPM + 1, float("nan"), float("-inf"), True, None, "fast", 10**400])
def test_anything_else_is_refused_as_a_speed(value: object) -> None:
    with pytest.raises(ShelfRpmBadValue, match="not a number from 0 to 200000"):
        rpm(value)


def test_a_message_stays_short_whatever_the_value() -> None:
    for value in ("x" * 100_000, 10**100_000, ["x"] * 100_000):
        with pytest.raises(ShelfPwmBadValue) as caught:
            percent(value)
        assert len(str(caught.value)) < 100


def test_a_number_is_finite_and_no_bool() -> None:
    assert is_number(1)
    assert is_number(-2.5)
    for value in (True, None, "1", float("nan"), float("inf"), 10**400):
        assert not is_number(value)


def test_whole_numbers_are_sent_as_ints() -> None:
    assert [served(50.0), served(50), served(99.96)] == [50, 50, 100]
    assert [type(served(50.0)), type(served(99.96))] == [int, int]


def test_a_fraction_is_sent_with_one_decimal_upwards() -> None:
    assert served(40.625) == 40.7
    assert served(40.6) == 40.6
    assert served(0.001) == 0.1


@given(st.floats(0, 100))
def test_what_is_served_is_never_below_what_is_meant(value: float) -> None:
    assert value <= served(value) <= min(100, value + 0.1001)


def test_a_whole_number_is_sent_as_an_int() -> None:
    assert type(rounded(1500.04)) is int


@given(st.floats(0, 200_000))
def test_rounding_moves_by_half_a_tenth_at_most(value: float) -> None:
    assert abs(rounded(value) - value) <= 0.0501
