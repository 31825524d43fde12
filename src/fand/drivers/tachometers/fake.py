"""Tachometer kind ``fake``: a speed that is played, for trying a configuration, for the demo and for tests.

``{ fake = 1500 }`` always measures 1500 RPM. ``{ fake = "/run/demo/rpm" }`` measures what the file says: a number,
``unknown``, or ``error`` (hardware that cannot be read).
"""

from pathlib import Path

import msgspec

from fand.drivers.text import named
from fand.exceptions import DriverError, ShelfRpmBadValue
from fand.units import Rpm, Seconds, rpm


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``fake`` is a speed in RPM, or the path of the file that says it."""

    fake: float | str

    def __post_init__(self) -> None:
        if isinstance(self.fake, str):
            named("fake", self.fake, "a speed in RPM, or the path of a file")
        else:
            rpm(self.fake)


class FakeTachometer:
    """See the module."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def rpm(self, now: Seconds) -> Rpm | None:  # noqa: ARG002 - plays no part
        """What is played.

        :raises DriverError: the file cannot be read, or says neither a speed nor a word of this kind
        """
        if not isinstance(self._settings.fake, str):
            return Rpm(self._settings.fake)
        path = Path(self._settings.fake)
        try:
            text = path.read_text().strip()
        except OSError as error:
            raise DriverError(f"cannot read {path}: {error.strerror}") from error
        if text == "unknown":
            return None
        if text == "error":
            raise DriverError(f"{path} plays a tachometer that cannot be read")
        try:
            return rpm(float(text))
        except ShelfRpmBadValue as error:
            raise DriverError(f"{path}: {error}") from error
        except ValueError as error:
            raise DriverError(f"{path} says {text[:40]!r}, which is no speed") from error

    def close(self) -> None:
        """Nothing is held open."""


def open_tachometer(settings: Settings) -> FakeTachometer:
    """The tachometer. Its file need not be there yet."""
    return FakeTachometer(settings)
