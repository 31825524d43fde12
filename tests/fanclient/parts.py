"""What the tests of the fan client share: a clock that is moved, and fans that are files."""

import logging
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fand.config.values import FanConfig, TachometerConfig
from fand.drivers.fans import fake as fake_fan
from fand.drivers.tachometers import fake as fake_tachometer
from fand.fanclient.events import Event
from fand.fanclient.hardware import HostFan
from fand.units import Percent, Seconds, Timestamp


@contextmanager
def logging_kept() -> Iterator[None]:
    """A program that runs inside sets up logging as it likes; afterwards it is as it was."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    try:
        yield
    finally:
        root.setLevel(level)
        root.handlers[:] = handlers


class MovedClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def mono(self) -> Seconds:
        return Seconds(self.now)

    def wall(self) -> Timestamp:
        return Timestamp(self.now)


Script = Iterator[tuple[float, list[Event]]]


class ScriptedInbox:
    """An inbox whose events come at set times; while the loop waits for them, the clock moves.

    The script yields (time, events) in the order of time. What stands after a yield runs when the loop has done all
    that it had to do by then, and waits again.
    """

    def __init__(self, clock: MovedClock, script: Callable[[], Script]) -> None:
        self._clock = clock
        self._script = script()
        self._next: tuple[float, list[Event]] | None = None

    def get(self, timeout: Seconds) -> list[Event]:
        if self._next is None:
            self._next = next(self._script)
        at, events = self._next
        deadline = self._clock.now + max(0.0, timeout)
        if at > deadline:
            self._clock.now = max(deadline, math.nextafter(self._clock.now, math.inf))
            return []
        self._clock.now = max(at, self._clock.now)
        self._next = None
        return events


class FanFile:
    """A fan of kind ``fake``, as seen from the hardware's side."""

    def __init__(self, folder: Path, name: str = "front") -> None:
        self.name = name
        self.path = folder / f"{name}.duty"
        self.speed = folder / f"{name}.rpm"

    def config(self, floor: float = 20, *, allow_stop: bool = False, tachometer: bool = False) -> FanConfig:
        settings = fake_fan.Settings(fake=str(self.path))
        measured = TachometerConfig("fake", fake_tachometer.Settings(fake=str(self.speed))) if tachometer else None
        return FanConfig(self.name, "fake", settings, measured, Percent(floor), allow_stop)

    def host_fan(self) -> HostFan:
        return HostFan(self.config(tachometer=True), self.path.parent)

    @property
    def duty(self) -> float:
        return float(self.path.read_text())

    def set(self, duty: float) -> None:
        """What firmware does behind our back."""
        self.path.write_text(f"{duty}\n")

    def break_it(self) -> None:
        """From now on the hardware can be neither written nor read."""
        self.path.unlink()
        self.path.mkdir()

    def mend(self) -> None:
        self.path.rmdir()
        self.set(100)
