"""Which fans are in the hands of a fan client, on disk: for whoever has to make them safe when it is no more.

A fan is on record from before the first write to its hardware until it has been given back. The record tells all that
is needed to drive it, since the configuration may be another by then, or broken. It is locked as long as the process
lives that drives the fan.
"""

import fcntl
import os
import re
import zlib
from collections.abc import Iterator
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


class Record(Stored[Held]):
    """The file that tells of one fan."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            path,
            Held,
            what="that this fan is driven",
            loss="nobody will know it if the fan client is killed and its configuration broken; give it a state "
            "folder that it can write",
        )
        self._own_path = path
        self._lock: int | None = None

    def save(self, value: Held) -> bool:
        """Keep ``value``, locked until :meth:`forget` or the end of this process; whether it is on the disk."""
        saved = super().save(value)
        if saved:
            self.close()
            try:
                self._lock = self._locked(fcntl.LOCK_SH)
            except OSError:  # a file system without locks: :attr:`driven` does not know then
                self._lock = None
        return saved

    def forget(self) -> None:
        """The fan is not driven any more."""
        super().forget()
        self.close()

    def close(self) -> None:
        """Unlock it, as the end of the process does."""
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)

    @property
    def driven(self) -> bool:
        """Whether the process that drives the fan is known to live."""
        try:
            os.close(self._locked(fcntl.LOCK_EX))
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def _locked(self, how: int) -> int:
        file = os.open(self._own_path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
        try:
            fcntl.flock(file, how | fcntl.LOCK_NB)
        except BaseException:
            os.close(file)
            raise
        return file


def record(folder: Path, shelf: str, name: str) -> Record:
    """The record of one fan in the state ``folder``."""
    number = zlib.crc32(f"{shelf}\0{name}".encode(errors="replace"))  # names may differ in what no file name has
    plain = re.sub(r"[^A-Za-z0-9._:-]+", "_", f"{shelf}-{name}")[:200]
    return Record(folder / f"{_PREFIX}{plain}-{number:08x}.json")


def held(shelf: str, fan: FanConfig, failsafe: Percent) -> Held:
    """What is to be on record of ``fan``."""
    return Held(shelf, fan.name, fan.kind, msgspec.to_builtins(fan.settings), failsafe)


def on_record(folder: Path) -> Iterator[tuple[Record, Held]]:
    """All fans on record in ``folder``, each with its record."""
    for path in sorted(folder.glob(f"{_PREFIX}*.json")):
        kept = (record := Record(path)).load()
        if kept is not None:
            yield record, kept
