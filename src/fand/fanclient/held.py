"""Which fans are in the hands of a fan client, on disk: for whoever has to make them safe when it is no more.

A fan is on record from before the first write to its hardware until it has been given back. The record tells all that
is needed to drive it, since the configuration may be another by then, or broken.
"""

import re
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import msgspec

from fand.config.values import FanConfig
from fand.drivers import UnknownKind, fan_kind
from fand.exceptions import DriverError
from fand.stored import Stored
from fand.units import Percent

_PREFIX: Final = "held-"


class Held(msgspec.Struct, frozen=True):
    """One fan: how it is driven, and the duty that is safe for it."""

    shelf: str
    name: str
    kind: str
    settings: dict[str, Any]
    failsafe: float

    def config(self) -> FanConfig:
        """The fan as it was configured, as far as driving it goes.

        :raises DriverError: there is no such driver any more, or it takes no such settings
        """
        try:
            settings: object = msgspec.convert(self.settings, fan_kind(self.kind).Settings)
        except (UnknownKind, msgspec.ValidationError) as error:
            raise DriverError(f"it is on record as driven by what cannot be used now: {error}") from error
        return FanConfig(self.name, self.kind, settings)


def record(folder: Path, shelf: str, name: str) -> Stored[Held]:
    """The record of one fan in the state ``folder``."""
    number = zlib.crc32(f"{shelf}\0{name}".encode(errors="replace"))  # names may differ in what no file name has
    plain = re.sub(r"[^A-Za-z0-9._:-]+", "_", f"{shelf}-{name}")[:200]
    return _record(folder / f"{_PREFIX}{plain}-{number:08x}.json")


def held(shelf: str, fan: FanConfig, failsafe: Percent) -> Held:
    """What is to be on record of ``fan``."""
    return Held(shelf, fan.name, fan.kind, msgspec.to_builtins(fan.settings), failsafe)


def on_record(folder: Path) -> Iterable[Held]:
    """All fans on record in ``folder``."""
    for path in sorted(folder.glob(f"{_PREFIX}*.json")):
        if (kept := _record(path).load()) is not None:
            yield kept


def _record(path: Path) -> Stored[Held]:
    return Stored(
        path,
        Held,
        what="that this fan is driven",
        loss="nobody will know it if the fan client is killed and its configuration broken; give it a state folder "
        "that it can write",
    )
