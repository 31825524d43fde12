from hypothesis import given
from hypothesis import strategies as st

from fand.dispatch.shown import rounded, served, shorten


def test_whole_numbers_are_sent_as_ints() -> None:
    assert [served(50.0), served(50), served(99.96)] == [50, 50, 100]
    assert [type(served(50.0)), type(served(99.96)), type(rounded(1500.04))] == [int, int, int]


def test_a_fraction_is_sent_with_one_decimal_upwards() -> None:
    assert served(40.625) == 40.7
    assert served(40.6) == 40.6
    assert served(0.001) == 0.1


@given(st.floats(0, 100))
def test_what_is_served_is_never_below_what_is_meant(value: float) -> None:
    assert value <= served(value) <= min(100, value + 0.1001)


@given(st.floats(0, 200_000))
def test_rounding_moves_by_half_a_tenth_at_most(value: float) -> None:
    assert abs(rounded(value) - value) <= 0.0501


def test_a_long_text_is_cut() -> None:
    assert shorten("x" * 240) == "x" * 240
    assert shorten("x" * 241) == "x" * 239 + "…"
