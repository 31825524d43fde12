"""Sensor kind ``file``: a number in a file that something else keeps up to date.

``{ file = "/run/room-temperature", max_age = 60 }``
"""

import time
from pathlib import Path
from typing import Final

import msgspec

from fand.control import judge
from fand.drivers.sysfs import read_text
from fand.drivers.text import named, number
from fand.exceptions import DriverError
from fand.ports import Failed, Reading
from fand.units import Seconds, is_number

MAX_AGE: Final = Seconds(300.0)
"""How long other files than the kernel's count unless told otherwise: a writer that died must not go unnoticed."""

INTERVAL: Final = Seconds(5.0)
TIMEOUT: Final = Seconds(5.0)


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``file`` holds one number; times ``scale`` it is degrees Celsius (0.001 for the kernel's millidegrees).

    A file that was not written for ``max_age`` seconds gives no reading: 300 unless given, but under ``/sys`` and
    ``/proc``, whose files are made as they are read, there is no such age.
    """

    file: str
    scale: float = 1.0
    max_age: float | None = None

    def __post_init__(self) -> None:
        named("file", self.file, "the path of a file")
        if not is_number(self.scale) or self.scale == 0:
            raise ValueError(f"scale {self.scale} is not a number other than 0")
        if self.max_age is not None and not (is_number(self.max_age) and self.max_age > 0):
            raise ValueError(f"max_age {self.max_age} is not a number of seconds above 0")


class FileSensor:
    """See the module."""

    family: str | None = None

    def __init__(self, settings: Settings, root: Path) -> None:
        self._settings = settings
        kernel = settings.file.startswith(("/sys/", "/proc/"))
        self._limit = MAX_AGE if settings.max_age is None and not kernel else settings.max_age
        self._written: int | None = None
        self._since = Seconds(0.0)
        self._path = root / settings.file.removeprefix("/") if root != Path("/") else Path(settings.file)

    def read(self, now: Seconds) -> Reading:
        """The number in the file."""
        try:
            if self._limit is not None and (age := self._age(now)) > self._limit:
                return Failed(f"{self._path} was last written {age:.0f} s ago, more than {self._limit:g} s", now)
            return judge(number(read_text(self._path)) * self._settings.scale, now)
        except DriverError as error:
            text = str(error)
            return Failed(text if str(self._path) in text else f"{self._path}: {text}", now)
        except OSError as error:
            return Failed(f"cannot read {self._path}: {error.strerror}", now)

    def close(self) -> None:
        """Nothing is held open."""

    def _age(self, now: Seconds) -> Seconds:
        """How long ago the file was written. The wall clock, which may jump, is asked at the first sight only."""
        written = self._path.stat().st_mtime_ns
        if written != self._written:
            unseen = max(0.0, time.time() - written / 1e9) if self._written is None else 0.0
            self._written, self._since = written, Seconds(now - unseen)
        return Seconds(now - self._since)


def title(settings: Settings) -> str:
    """The file's path."""
    return settings.file


def open_sensor(settings: Settings, root: Path = Path("/")) -> FileSensor:
    """A sensor on the file, which need not be there yet."""
    return FileSensor(settings, root)
