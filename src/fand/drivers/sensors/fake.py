"""Sensor kind ``fake``: a drive that is played, for trying a configuration, for the demo and for tests.

``{ fake = 35 }`` is always at 35 degrees. ``{ fake = [[0, 30], [60, 45], [120, "lost"]] }`` is at 30 for the
first minute after its first reading, then at 45, then lost. ``{ fake = 30, path = "/run/demo/sda" }`` is whatever
the file says each time, and 30 while there is no file. Where a number may stand, so may a word: ``asleep``,
``lost``, ``nan`` (a broken sensor) or ``hang`` (a read that does not return until the file says something else, or
the sensor is closed).
"""

import threading
from itertools import pairwise
from pathlib import Path
from typing import Final

import msgspec

from fand.control import judge
from fand.drivers.sysfs import read_text
from fand.drivers.text import named, number
from fand.exceptions import DriverError
from fand.ports import Asleep, Failed, Reading
from fand.units import Seconds, is_number

INTERVAL: Final = Seconds(1.0)
TIMEOUT: Final = Seconds(5.0)
WORDS: Final = ("asleep", "lost", "nan", "hang")

_GLANCE: Final = Seconds(0.05)
"""So often a hung read looks whether it is still to hang."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``fake`` is a number, a word, or steps of ``[seconds, number or word]``; ``path`` a file that overrules it."""

    fake: float | str | list[tuple[float, float | str]]
    path: str | None = None

    def __post_init__(self) -> None:
        if self.path is not None:
            named("path", self.path, "the path of a file")
        if self.fake == []:
            raise ValueError("fake: give at least one step, like [0, 30]")
        steps = self.fake if isinstance(self.fake, list) else [(0.0, self.fake)]
        for seconds, value in steps:
            if not is_number(seconds):
                raise ValueError(f"fake: {seconds} is not a number of seconds")
            if value not in WORDS if isinstance(value, str) else not is_number(value):
                raise ValueError(f"fake: {value!r} is neither a number nor one of {', '.join(WORDS)}")
        if any(after[0] <= before[0] for before, after in pairwise(steps)):
            raise ValueError("fake: the seconds of the steps must grow")


class FakeSensor:
    """See the module."""

    family: str | None = "hdd"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._start: Seconds | None = None
        self._closed = threading.Event()

    def read(self, now: Seconds) -> Reading:
        """What is played at ``now``."""
        self._start = now if self._start is None else self._start
        try:
            while (value := self._played(now - self._start)) == "hang":
                if self._closed.wait(_GLANCE):
                    return Failed("closed while it hung", now)
        except DriverError as error:
            return Failed(f"{title(self._settings)}: {error}", now)
        if value == "asleep":
            return Asleep(now)
        if value == "lost":
            return Failed("plays a lost drive", now)
        return judge(float("nan") if value == "nan" else value, now, drive=True)

    def close(self) -> None:
        """End a read that hangs."""
        self._closed.set()

    def _played(self, elapsed: float) -> float | str:
        if self._settings.path is not None and Path(self._settings.path).exists():
            text = read_text(Path(self._settings.path))
            return text if text in WORDS else number(text)
        script = self._settings.fake
        if not isinstance(script, list):
            return script
        return next((value for seconds, value in reversed(script) if seconds <= elapsed), script[0][1])


def title(settings: Settings) -> str:
    """Its file, or else its script."""
    script = settings.fake
    return settings.path or f"fake {script if not isinstance(script, list) else f'script of {len(script)} steps'}"


def open_sensor(settings: Settings) -> FakeSensor:
    """A sensor that plays the script, which begins with the first reading."""
    return FakeSensor(settings)
