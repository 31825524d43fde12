"""Fan kind ``gpio``: the PWM wire of a fan on a pin of a Raspberry Pi, by gpiozero.

``{ gpio = 18, inverted = true }``: the pin by its Broadcom number, or any name that gpiozero knows, such as
``"BOARD12"``; ``inverted`` for the recommended wiring, an N-channel transistor between the pin and the fan, whose
gate is pulled down: a pin that nobody drives then means full speed.

A 4-wire fan is specified for 25 kHz (21 to 28), and no pin library behind gpiozero can do that; the kernel's PWM can:
see the kind ``pwm``. A lower ``frequency`` works with many fans, audibly.

See the Intel specification "4-Wire Pulse Width Modulation Controlled Fans", revision 1.3.
"""

import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import msgspec

from fand.drivers.pins import factory_name, library, pin_errors, pin_factory
from fand.drivers.text import named
from fand.exceptions import GpioError
from fand.units import FULL, Percent

_log: Final = logging.getLogger(__name__)

SPECIFIED: Final = 25_000.0
"""The control signal of a 4-wire fan, in Hz."""

HIGHEST: Final[Mapping[str, float]] = {
    "LGPIOFactory": 10_000.0,
    "PiGPIOFactory": 8_000.0,
    "RPiGPIOFactory": 1_000.0,
    "NativeFactory": 0.0,
}
"""What the pin factories can do, in Hz. gpiozero does not check; lgpio and pigpio document their limits, RPi.GPIO
switches the pin in a thread that cannot be trusted above this, native has no PWM."""

_NUDGE: Final = 1e-9
"""Added to a pin's state, which lgpio cuts off to whole percent: 0.29 * 100 is less than 29."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``gpio`` is the pin, ``frequency`` in Hz that of the specification unless given."""

    gpio: int | str
    frequency: float | None = None
    inverted: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.gpio, str):
            named("gpio", self.gpio, "a pin, like 18")
        elif self.gpio < 0:
            raise ValueError(f"gpio {self.gpio} is not a pin, like 18")
        if self.frequency is not None and not 1 <= self.frequency <= 1e6:
            raise ValueError(f"frequency {self.frequency} is not from 1 to 1000000 Hz")


class GpioFan:
    """See the module."""

    resolution: Percent = Percent(1.0)

    def __init__(self, settings: Settings, name: str) -> None:
        self._settings = settings
        self._name = f"Fan {name} (pin {settings.gpio})"
        self._factory = pin_factory()
        self._frequency = settings.frequency or SPECIFIED
        kind = factory_name(self._factory)
        if self._frequency > (highest := HIGHEST.get(kind, math.inf)):
            can = f"cannot go beyond {highest:g}" if highest else "has no PWM"
            remedy = f", or set frequency = {highest:g} if your fan is content with that" if highest else ""
            raise GpioError(
                f"{self._name} would need PWM of {self._frequency:g} Hz, but {kind} {can}: drive it by the kernel's "
                f"PWM (fan kind pwm; dtoverlay=pwm-2chan in config.txt){remedy}"
            )
        self._output: Any = None
        self._entered = False

    def __enter__(self) -> Self:
        """Take the pin, at full speed.

        :raises GpioError: the pin cannot be had
        """
        self._take()
        return self

    def _take(self) -> None:
        with pin_errors(f"drive {self._name}"):
            self._output = library("gpiozero").PWMOutputDevice(
                self._settings.gpio,
                initial_value=self._state(FULL),
                frequency=self._frequency,
                pin_factory=self._factory,
            )
        self._entered = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Full speed, then let the pin go: it becomes an input, and the wiring decides.

        :raises GpioError: neither worked
        """
        self._entered = False
        self.hand_over()

    def drive(self, duty: Percent) -> None:
        """Set the duty, rounded up to whole percent.

        :raises GpioError: the pin library refused, or the fan was not taken over
        """
        if self._output is None and self._entered:
            self._take()
        with pin_errors(f"drive {self._name}"):
            self._set(self._taken(), duty)
        if abs((now := self.duty()) - duty) > self.resolution:
            raise GpioError(f"{self._name}: {duty:g} % was set, but it reads {now:g} %")

    def hand_over(self) -> None:
        """As at the end: full speed, then the pin is let go.

        :raises GpioError: neither worked
        """
        output, self._output = self._output, None
        if output is None:
            return
        failures = []
        for doing, step in (("set to full speed", lambda: self._set(output, FULL)), ("let go", output.close)):
            try:
                with pin_errors(f"give back {self._name}"):
                    step()
            except GpioError as failure:
                _log.error("%s could not be %s: %s", self._name, doing, failure)
                failures.append(failure)
        if len(failures) > 1:
            self._output = output
            raise failures[0]

    def stolen(self) -> str | None:
        """None: the pin library keeps others from it."""
        return None

    def rivals(self) -> Sequence[str]:
        """Nobody is known."""
        return ()

    def duty(self) -> Percent:
        """What the pin library says that it does; the pin itself cannot tell.

        :raises GpioError: the pin library refused, or the fan was not taken over
        """
        with pin_errors(f"read {self._name}"):
            state = self._taken().value
            return Percent(round((1 - state if self._settings.inverted else state) * FULL, 6))

    def _taken(self) -> Any:
        if self._output is None:
            raise GpioError(f"{self._name} was not taken over")
        return self._output

    def _set(self, output: Any, duty: Percent) -> None:
        output.value = self._state(duty)

    def _state(self, duty: Percent) -> float:
        share = math.ceil(duty - 1e-6) / FULL
        state = 1 - share if self._settings.inverted else share
        return state + _NUDGE if 0 < state < 1 else state


def open_fan(settings: Settings, name: str, state: Path) -> GpioFan:  # noqa: ARG001 - a pin has no mode to keep
    """The fan, its pin not yet touched.

    :raises GpioError: no pin library works here, or not at this frequency; the text names the remedy
    """
    return GpioFan(settings, name)
