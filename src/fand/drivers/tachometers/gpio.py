"""Tachometer kind ``gpio``: a fan's tachometer wire on a pin of a Raspberry Pi, by gpiozero.

``{ gpio = 17 }``: the pin by its Broadcom number, or any name that gpiozero knows, such as ``"BOARD11"``. Each edge
is counted by a thread of the pin library, which costs a slow Pi some percent of its time: prefer the kind ``gpiod``.

The signal is an open collector, pulled up to 3.3 V, and falls ``pulses`` times a revolution.
"""

import time
from collections.abc import Callable
from threading import Lock
from typing import Any

import msgspec

from fand.drivers.pins import library, pin_errors, pin_factory
from fand.drivers.pulses import Edge, Pulses
from fand.drivers.text import named
from fand.units import Rpm, Seconds


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``gpio`` is the pin. ``pull_up`` switches its own pull-up on; without, there must be a resistor."""

    gpio: int | str
    pulses: int = 2
    pull_up: bool = True

    def __post_init__(self) -> None:
        if isinstance(self.gpio, str):
            named("gpio", self.gpio, "a pin, like 17")
        elif self.gpio < 0:
            raise ValueError(f"gpio {self.gpio} is not a pin, like 17")
        if not 1 <= self.pulses <= 100:
            raise ValueError(f"pulses {self.pulses} is not from 1 to 100 a revolution")


class GpioTachometer:
    """See the module."""

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        self._doing = f"count the pulses on pin {settings.gpio}"
        self._pulses = Pulses(settings.pulses)
        self._clock = clock
        self._lock = Lock()
        self._count = 0
        self._edges: list[Edge] = []
        gpiozero, factory = library("gpiozero"), pin_factory()
        with pin_errors(self._doing):
            pull = {"pull_up": True} if settings.pull_up else {"pull_up": None, "active_state": False}
            self._input: Any = gpiozero.DigitalInputDevice(settings.gpio, pin_factory=factory, **pull)
            self._input.when_activated = self._edge

    def rpm(self, now: Seconds) -> Rpm | None:  # noqa: ARG002 - of another clock than the edges
        """The mean speed since the last call."""
        with self._lock:
            edges, self._edges = self._edges, []
        return self._pulses.speed(edges, Seconds(self._clock()))

    def close(self) -> None:
        """Give the pin back."""
        with pin_errors(self._doing):
            self._input.close()

    def _edge(self) -> None:
        with self._lock:
            self._count += 1
            self._edges[1:] = [Edge(Seconds(self._clock()), self._count)]  # the first and the last


def open_tachometer(settings: Settings, clock: Callable[[], float] = time.monotonic) -> GpioTachometer:
    """The tachometer, counting from now on.

    :raises GpioError: the pin cannot be had, or no pin library works here
    """
    return GpioTachometer(settings, clock)
