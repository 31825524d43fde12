import pytest

from fand.drivers.text import named, number, shorten
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


def test_a_name_is_something_printable() -> None:
    named("drive", "WD-WCC4N 12 é", "a serial number")
    for value in ("", "  ", "a\0b", "a\nb", "\x7f"):
        with pytest.raises(ValueError, match=r"^drive: give a serial number$"):
            named("drive", value, "a serial number")
