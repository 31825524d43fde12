"""What detection finds."""

import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Found:
    """Something of this host that could be configured.

    ``line`` is TOML ready to paste, such as ``{ drive = "SERIAL" }``; ``comment`` tells people what it is.
    """

    line: str
    comment: str


def table(**keys: str | int | float) -> str:
    """``keys`` as an inline table of TOML: ``{ drive = "SERIAL" }``."""
    # a JSON string is a TOML string too, once DEL is escaped
    pairs = (f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in keys.items())
    return f"{{ {', '.join(pairs)} }}".replace("\x7f", "\\u007f")
