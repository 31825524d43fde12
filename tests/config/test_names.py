import pytest

from fand.config.names import name_fault, text_fault


@pytest.mark.parametrize("name", ["shelf1", "Shelf 1, rear", "ünten", "書庫", "x" * 200, "a/b", "[1]", "50 %"])
def test_what_can_be_read_is_a_name(name: str) -> None:
    assert name_fault(name) is None


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("", "must not be empty"),
        ("  ", "must not be empty"),
        (" a", "begins or ends with a space"),
        ("a\n", "begins or ends with a space"),
        ("x" * 201, "longer than 200 bytes"),
        ("書" * 67, "longer than 200 bytes"),
        ("a\nb", "control character"),
        ("a\x7fb", "control character"),
        ("a\u2028b", "control character"),
    ],
)
def test_anything_else_is_told(name: str, told: str) -> None:
    fault = name_fault(name)
    assert fault is not None
    assert told in fault
    assert len(fault) < 80


def test_a_text_may_be_empty_but_not_endless() -> None:
    assert text_fault("") is None
    assert text_fault(" left ") is None
    assert text_fault("x" * 201) is not None
    assert text_fault("\0") is not None
