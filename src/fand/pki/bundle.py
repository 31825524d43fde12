"""One text with all that a host needs to be who it is: it goes through a pipe to ``fand pki accept`` there."""

import re
from typing import Final, NamedTuple

from fand.exceptions import ConfigError

_HEAD: Final = re.compile(r"# fand bundle 1: (server|client) (\S+)")
_PART: Final = re.compile(r"# (certificate|key|authority|allow)")


class Bundle(NamedTuple):
    """The files, as text, of the server or the client ``name``; ``allow`` is for a server: who may do what there."""

    server: bool
    name: str
    certificate: str
    key: str
    authority: str
    allow: str | None = None


def text_of(bundle: Bundle) -> str:
    """``bundle`` as text. Whoever has it is that host, as far as others can tell."""
    parts = {"certificate": bundle.certificate, "key": bundle.key, "authority": bundle.authority}
    if bundle.allow is not None:
        parts["allow"] = bundle.allow
    lines = [f"# fand bundle 1: {'server' if bundle.server else 'client'} {bundle.name}"]
    for title, text in parts.items():
        lines += [f"# {title}", *(f"  {line}".rstrip() for line in text.splitlines())]
    return "".join(f"{line}\n" for line in [*lines, "# end"])


def parse(text: str) -> Bundle:
    """The bundle that is ``text``.

    :raises ConfigError: it is none, or not all of one
    """
    lines = text.splitlines()
    head = _HEAD.fullmatch(lines[0]) if lines else None
    if head is None:
        raise ConfigError(["what came is no bundle; it is what `fand pki client` and `fand pki server` print"])
    if lines[-1] != "# end":
        raise ConfigError([f"the bundle of {head[2]} is cut short"])
    parts: dict[str, list[str]] = {}
    title = ""
    for line in lines[1:-1]:
        if found := _PART.fullmatch(line):
            title = found[1]
            parts[title] = []
        elif title and line[:2] in ("  ", ""):
            parts[title].append(line[2:])
        else:
            raise ConfigError([f"the bundle of {head[2]} is damaged"])
    texts = {title: "".join(f"{line}\n" for line in lines) for title, lines in parts.items()}
    if absent := [title for title in ("certificate", "key", "authority") if title not in texts]:
        raise ConfigError([f"the bundle of {head[2]} lacks its {absent[0]}"])
    return Bundle(
        head[1] == "server", head[2], texts["certificate"], texts["key"], texts["authority"], texts.get("allow")
    )
