from hypothesis import given
from hypothesis import strategies as st

from fand.dispatch.shown import rounded, shorten


def test_a_whole_number_is_sent_as_an_int() -> None:
    assert type(rounded(1500.04)) is int


@given(st.floats(0, 200_000))
def test_rounding_moves_by_half_a_tenth_at_most(value: float) -> None:
    assert abs(rounded(value) - value) <= 0.0501


def test_a_long_text_is_cut() -> None:
    assert shorten("x" * 240) == "x" * 240
    assert shorten("x" * 241) == "x" * 239 + "…"
