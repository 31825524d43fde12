import pytest

from fand.config.toml import parse
from fand.exceptions import ConfigError


def fault(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(text, "fand.toml")
    (told,) = caught.value.faults
    return told


def test_a_text_becomes_tables() -> None:
    assert parse("[a]\nb = [1, 2.5]\r\n", "f") == {"a": {"b": [1, 2.5]}}


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("[a]\nb = \n", "line 2, column 5"),
        ("[a\n", "line 1, column 3"),
        ("a = 1\na = 2\n", "line 2, column 6"),
        ("[a]\n[a]\n", "line 2, column 3"),
        ("a = 'x", "end of document"),
        ("a = 2024-99-99", "line 1, column"),
    ],
)
def test_what_is_no_toml_is_told_with_line_and_column(text: str, where: str) -> None:
    assert fault(text).startswith(f"fand.toml: {where}")
    assert "(at " not in fault(text)


def test_a_number_of_endless_digits_is_told() -> None:
    assert fault("a = " + "9" * 5000) == "fand.toml: has a number of too many digits"


def test_endless_nesting_is_told() -> None:
    assert fault("a = " + "[" * 100_000) == "fand.toml: is nested too deeply"
