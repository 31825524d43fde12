"""``allow.toml``: who may do what, beside what ``[[server.allow]]`` of the server's own configuration says."""

import json
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass

from fand.exceptions import ConfigError

NAME = "allow.toml"

_HEAD = """\
# Who may do what, as [[server.allow]] of fand.toml has it, which may be used too. This file belongs to `fand pki`:
# entries may be changed, but comments are lost. `fanctl reload` has the server read it again.
"""


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the client of that certificate may do; no ``shelves`` are all."""

    name: str
    roles: tuple[str, ...]
    shelves: tuple[str, ...] | None = None


def text_of(entries: Iterable[Allowed]) -> str:
    """The file that says ``entries``."""
    parts = [_HEAD]
    for entry in entries:
        parts.append(f"\n[[allow]]\nname = {_quoted(entry.name)}\nroles = {_listed(entry.roles)}\n")
        if entry.shelves is not None:
            parts.append(f"shelves = {_listed(entry.shelves)}\n")
    return "".join(parts)


def parse(text: str) -> list[Allowed]:
    """What the file ``text`` says. The server checks it closely; here it has to be understood.

    :raises ConfigError: it cannot be
    """
    try:
        return [
            Allowed(entry["name"], tuple(entry["roles"]), tuple(entry["shelves"]) if "shelves" in entry else None)
            for entry in tomllib.loads(text).get("allow", [])
        ]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ConfigError([f"{NAME}: is not as fand writes it ({error}); mend it"]) from None


def _listed(words: Iterable[str]) -> str:
    return f"[{', '.join(map(_quoted, words))}]"


def _quoted(word: str) -> str:
    # a JSON string is a TOML string, but for the one control character that JSON lets stand
    return json.dumps(word, ensure_ascii=False).replace("\x7f", "\\u007f")
