from collections.abc import Iterator

from fand.dispatch.shown import line, shorten


def test_a_long_text_is_cut() -> None:
    assert shorten("x" * 240) == "x" * 240
    assert shorten("x" * 241) == "x" * 239 + "…"


def test_what_anybody_wrote_is_one_line_that_steers_nothing() -> None:
    text = line("  rear\x1b[2J\nERROR: \udcff\u2028all is lost\u202e\t", 20)
    assert text == "rear [2J ERROR:   a…"
    assert line("hinten links Ü °C") == "hinten links Ü °C"


class Long(str):
    """A text that nobody may go through."""

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("every character was looked at")


def test_a_long_text_is_not_gone_through() -> None:
    """64 fans that share one name of 60,000 characters are one small frame."""
    assert line(Long("x" * 60_000), 200) == "x" * 199 + "…"
    assert line(Long(" " * 100 + "x" * 60_000), 200) == "x" * 199 + "…"
