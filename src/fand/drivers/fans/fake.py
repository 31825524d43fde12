"""Fan kind ``fake``: a fan that is a file, for trying a configuration, for the demo and for tests.

``{ fake = "/run/demo/duty" }``: the file always holds the duty in percent, as a number. Somebody else may write
another into it, as firmware would. With ``rpm = "/run/demo/rpm"`` the fan also turns: it writes the speed that its
duty gives it, for the tachometer kind ``fake`` to read.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from fand.drivers.text import named
from fand.exceptions import DriverError, ShelfPwmBadValue
from fand.units import FULL, MAX_RPM, Percent, percent


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``fake`` is the file of the duty, ``rpm`` that of the speed, which is ``max_rpm`` at full duty."""

    fake: str
    rpm: str | None = None
    max_rpm: float = 2000.0

    def __post_init__(self) -> None:
        named("fake", self.fake, "the path of a file")
        if self.rpm is not None:
            named("rpm", self.rpm, "the path of a file")
        if self.rpm == self.fake:
            raise ValueError("rpm: the speed needs a file of its own")
        if not 0 < self.max_rpm <= MAX_RPM:
            raise ValueError(f"max_rpm {self.max_rpm} is not above 0 and at most {MAX_RPM:.0f}")


class FakeFan:
    """See the module."""

    resolution: Percent = Percent(0.0)

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def __enter__(self) -> Self:
        """Write full speed.

        :raises DriverError: the file cannot be written
        """
        self.drive(FULL)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write full speed.

        :raises DriverError: the file cannot be written
        """
        self.drive(FULL)

    def drive(self, duty: Percent) -> None:
        """Write the duty.

        :raises DriverError: the file cannot be written
        """
        _replace(Path(self._settings.fake), f"{duty:.15g}")
        if self._settings.rpm is not None:
            _replace(Path(self._settings.rpm), f"{self._settings.max_rpm * duty / FULL:.0f}")

    def hand_over(self) -> None:
        """Write full speed.

        :raises DriverError: the file cannot be written
        """
        self.drive(FULL)

    def stolen(self) -> str | None:
        """None: a file has no mode that somebody could set."""
        return None

    def rivals(self) -> Sequence[str]:
        """Nobody is known."""
        return ()

    def duty(self) -> Percent:
        """Read the duty.

        :raises DriverError: the file cannot be read, or holds no duty
        """
        path = Path(self._settings.fake)
        try:
            return percent(float(path.read_text()))
        except OSError as error:
            raise DriverError(f"cannot read {path}: {error.strerror}") from error
        except ShelfPwmBadValue as error:
            raise DriverError(f"{path}: {error}") from error
        except ValueError as error:
            raise DriverError(f"{path} holds no number") from error


def open_fan(settings: Settings, name: str, state: Path) -> FakeFan:  # noqa: ARG001 - it has no mode to keep, nothing to log
    """The fan. Its file is first written when it is taken over."""
    return FakeFan(settings)


def _replace(path: Path, text: str) -> None:
    """Write the whole file at once: who reads it meanwhile sees the old text or the new."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(text + "\n")
        beside.replace(path)
    except OSError as error:
        raise DriverError(f"cannot write {path}: {error.strerror}") from error
