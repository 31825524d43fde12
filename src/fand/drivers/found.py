"""What detection finds."""

import json
from dataclasses import dataclass

from fand.ports import Asleep, Failed, Reading


@dataclass(frozen=True, slots=True)
class Found:
    """Something of this host that could be configured.

    ``line`` is TOML ready to paste, such as ``{ drive = "SERIAL" }``; ``comment`` tells people what it is.
    ``ready`` is False for what only its owner can tell to be of use: an input that measures nothing now, an output
    that belongs to something else.
    """

    line: str
    comment: str
    ready: bool = True


def shown(reading: Reading) -> str:
    """What something measures now, for people."""
    if isinstance(reading, Failed):
        return f"no reading: {reading.reason}"
    return "asleep" if isinstance(reading, Asleep) else f"{reading.celsius:.1f} °C"


def table(**keys: str | int | float) -> str:
    """``keys`` as an inline table of TOML: ``{ drive = "SERIAL" }``."""
    # a JSON string is a TOML string too, once DEL is escaped
    pairs = (f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in keys.items())
    return f"{{ {', '.join(pairs)} }}".replace("\x7f", "\\u007f")
