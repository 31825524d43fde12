"""The text that enrols a host."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fand.exceptions import ConfigError
from fand.pki.bundle import Bundle, parse, text_of

BUNDLE = Bundle(False, "pi1", "c1\nc2\n", "k\n", "a\n")

LINES = st.lists(st.text(st.characters(min_codepoint=33, max_codepoint=126))).map(
    lambda lines: "".join(f"{line}\n" for line in lines)
)


@given(st.booleans(), LINES, LINES, LINES, st.none() | LINES)
def test_what_is_written_is_read(server: bool, certificate: str, key: str, authority: str, allow: str | None) -> None:
    bundle = Bundle(server, "pi1", certificate, key, authority, allow)
    assert parse(text_of(bundle)) == bundle


def test_it_survives_other_ends_of_lines() -> None:
    assert parse(text_of(BUNDLE).replace("\n", "\r\n")) == BUNDLE


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "is no bundle"),
        ("nonsense\n", "is no bundle"),
        (text_of(BUNDLE)[:-8], "the bundle of pi1 is cut short"),
        (text_of(BUNDLE).replace("  c2", "c2"), "the bundle of pi1 is damaged"),
        ("# fand bundle 1: client pi1\n  x\n# end\n", "the bundle of pi1 is damaged"),
        (text_of(BUNDLE).replace("# key\n  k\n", ""), "the bundle of pi1 lacks its key"),
    ],
)
def test_what_is_none(text: str, fault: str) -> None:
    with pytest.raises(ConfigError, match=fault):
        parse(text)
