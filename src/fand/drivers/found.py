"""What detection finds."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

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


class Named(Protocol):
    """A chip: its name, which another may have too, and the path of its device, which no other has."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def device(self) -> str:
        """The path of its device."""
        ...


def choice(chip: Named, there: Iterable[Named]) -> str:
    """What chooses ``chip`` among those that are ``there``: its name if no other has it, else its device's path."""
    return chip.name if [other.name for other in there].count(chip.name) == 1 else chip.device


def shown(reading: Reading) -> str:
    """What something measures now, for people."""
    if isinstance(reading, Failed):
        return f"no reading: {reading.reason}"
    return "asleep" if isinstance(reading, Asleep) else f"{reading.celsius:.1f} °C"


def table(**keys: str | int | float) -> str:
    """``keys`` as an inline table of TOML: ``{ drive = "SERIAL" }``."""
    import json  # noqa: PLC0415 - drivers that detect nothing need none

    # a JSON string is a TOML string too, once DEL is escaped
    pairs = (f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in keys.items())
    return f"{{ {', '.join(pairs)} }}".replace("\x7f", "\\u007f")
