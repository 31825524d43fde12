"""Who may do what, as a file."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fand.exceptions import ConfigError
from fand.pki.allow import Allowed, parse, text_of

WORDS = st.lists(st.text(st.characters(exclude_categories=["Cs"]))).map(tuple)


@given(st.lists(st.builds(Allowed, st.text(st.characters(exclude_categories=["Cs"])), WORDS, st.none() | WORDS)))
def test_what_is_written_is_read(entries: list[Allowed]) -> None:
    assert parse(text_of(entries)) == entries


def test_its_shape() -> None:
    text = text_of([Allowed("pi1", ("report",), ("shelf1",)), Allowed("ann", ("read", "control"))])
    assert tomllib.loads(text) == {
        "allow": [
            {"name": "pi1", "roles": ["report"], "shelves": ["shelf1"]},
            {"name": "ann", "roles": ["read", "control"]},
        ]
    }


@pytest.mark.parametrize("text", ["[", "allow = 1", "[[allow]]\nroles = []", "[[allow]]\nname = 'a'\nroles = 1"])
def test_what_is_none(text: str) -> None:
    with pytest.raises(ConfigError, match=r"allow\.toml: is not as fand writes it"):
        parse(text)
