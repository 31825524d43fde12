import pytest

from fand.drivers.text import number, shorten
from fand.exceptions import DriverError


@pytest.mark.parametrize(("text", "value"), [("41", 41), (" 41.5\n", 41.5), ("-3", -3), ("+.5e1", 5), ("4.", 4)])
def test_a_number_is_taken(text: str, value: float) -> None:
    assert number(text) == value


@pytest.mark.parametrize(
    "text", ["nan", "inf", "1_000", "41 C", "41,5", "0x10", "1 2", "4\n5", "٤١", "e5", "1e999", "9" * 400, "."]
)
def test_anything_else_is_no_number(text: str) -> None:
    with pytest.raises(DriverError, match="is not a number"):
        number(text)


def test_nothing_is_no_number() -> None:
    with pytest.raises(DriverError, match="empty, where a number was expected"):
        number(" \n")


def test_texts_are_shortened_to_a_line() -> None:
    assert shorten("  a\nb") == "a"
    assert shorten("x" * 99, 10) == "xxxxxxx..."
