"""What the rest of fand asks of the world outside: sensors, fans, tachometers, clocks; and what they answer.

Drivers implement these; the law, the loops and the tests know only these.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Protocol, Self

from fand.units import Celsius, Percent, Rpm, Seconds, Timestamp

MOST_FANS: Final = 64
"""So many fans a shelf has at most."""


@dataclass(frozen=True, slots=True)
class Temperature:
    """A good reading."""

    celsius: Celsius
    at: Seconds


@dataclass(frozen=True, slots=True)
class Asleep:
    """The device sleeps: it was not woken, it makes no heat that matters, and it asks for no cooling."""

    at: Seconds


@dataclass(frozen=True, slots=True)
class Failed:
    """No reading could be had. ``reason`` is one sentence for the operator, without a full stop."""

    reason: str
    at: Seconds


Reading = Temperature | Asleep | Failed
"""The outcome of asking a sensor: never a number for an absent one."""


class Sensor(Protocol):
    """Something with a temperature.

    One thread at a time calls it, and not always the same one; a call may block, and who calls gives it up
    after a time-out of his own.
    """

    @property
    def family(self) -> str | None:
        """The family of the device (``hdd``, ``ssd``, ``nvme``, ``cpu``, ...); None until a read has told."""
        ...

    def read(self, now: Seconds) -> Reading:
        """Ask once. ``now`` becomes the reading's time.

        What can go wrong with the hardware is an answer (:class:`Failed`), not an exception.
        """
        ...

    def close(self) -> None:
        """Give back what is held open. May be called twice."""
        ...


class Fan(Protocol):
    """One output that drives a fan, or several in parallel.

    It is a context manager. Entering takes the hardware over: the mode it was found in is persisted first,
    then full speed is set and read back. Leaving gives it back, fans safe, whatever happened inside.
    """

    def __enter__(self) -> Self:
        """:raises DriverError: the hardware cannot be taken over; it is then left at full speed if at all possible"""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the fan safe.

        :raises DriverError: it is at nothing that is known to be safe
        """
        ...

    def drive(self, duty: Percent) -> None:
        """Set the duty, re-asserting manual control where the hardware could have lost it.

        :raises DriverError: the hardware refused
        """
        ...

    def hand_over(self) -> None:
        """Leave the fan to the hardware's own full speed, by whatever way is left: it cannot be driven.

        The next :meth:`drive` takes it back.

        :raises DriverError: no way is left
        """
        ...

    def stolen(self) -> str | None:
        """How somebody else took control since it was last driven, in words such as "set mode 5"; None if nobody did.

        A duty that was changed is for :meth:`duty` to show.

        :raises DriverError: it cannot be read
        """
        ...

    def rivals(self) -> Sequence[str]:
        """Who else drives this fan, as far as the system tells, such as "thermal zone cpu-thermal"."""
        ...

    def duty(self) -> Percent:
        """Read back what the hardware now does, to the resolution it has (full speed is 100).

        :raises DriverError: it cannot be read
        """
        ...

    @property
    def resolution(self) -> Percent:
        """The greatest difference between a duty driven and the same read back that is mere rounding."""
        ...


class Tachometer(Protocol):
    """Measures the speed of one fan."""

    def rpm(self, now: Seconds) -> Rpm | None:
        """The speed now, or since the last call; None where it cannot be known (never 0 for that).

        :raises DriverError: the hardware cannot be read
        """
        ...

    def close(self) -> None:
        """Give back what is held open. May be called twice."""
        ...


class Clock(Protocol):
    """The two clocks of this host."""

    def mono(self) -> Seconds:
        """Seconds that only grow, from an arbitrary start."""
        ...

    def wall(self) -> Timestamp:
        """What the wall clock says now; it may jump."""
        ...


class SensorKind(Protocol):
    """What the module of a sensor driver offers; the module's name is the kind in the configuration.

    Its ``Settings`` is a frozen :class:`msgspec.Struct` that forbids unknown fields, with one field named as the
    kind: a device ``{ file = "/run/t", scale = 0.001 }`` is of kind ``file``, and these are its settings.
    """

    @property
    def Settings(self) -> type:  # noqa: N802 - a class
        """The type of its settings."""
        ...

    @property
    def INTERVAL(self) -> Seconds:  # noqa: N802 - a constant
        """How often it is asked unless the configuration says otherwise."""
        ...

    @property
    def TIMEOUT(self) -> Seconds:  # noqa: N802 - a constant
        """After what time a call is given up unless the configuration says otherwise."""
        ...

    def title(self, settings: Any) -> str:
        """The device's name unless the configuration gives one; the same for the same device."""
        ...

    def open_sensor(self, settings: Any) -> Sensor:
        """The sensor. Touches no hardware yet: a device that is absent now may come.

        :raises DriverError: never to work on this host, such as a missing program or library; the text names
            the remedy
        """
        ...


class FanKind(Protocol):
    """What the module of a fan driver offers; see :class:`SensorKind`."""

    @property
    def Settings(self) -> type:  # noqa: N802 - a class
        """The type of its settings."""
        ...

    def open_fan(self, settings: Any, name: str, state: Path) -> Fan:
        """The fan, not yet taken over. ``state`` is a folder to keep the hardware's original mode in.

        :raises DriverError: it is not there, or never to work on this host; the text names the remedy
        """
        ...


class TachometerKind(Protocol):
    """What the module of a tachometer driver offers; see :class:`SensorKind`."""

    @property
    def Settings(self) -> type:  # noqa: N802 - a class
        """The type of its settings."""
        ...

    def open_tachometer(self, settings: Any) -> Tachometer:
        """The tachometer, ready to measure.

        :raises DriverError: it is not there, or never to work on this host; the text names the remedy
        """
        ...
