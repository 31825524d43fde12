"""Fan kind ``pwm``: a PWM output of the kernel, such as a Raspberry Pi's, which can do the 25 kHz that fans want.

``{ pwm = "1f00098000.pwm", channel = 2 }``: the chip by the last part of its device's path (or more of it), since
the number of a ``pwmchip`` changes. ``inverted`` for the recommended wiring, a transistor whose gate is pulled down.

Where the chip cannot invert, or is running already and so must not be switched, the duty is inverted here.

The state of a disabled PWM output is anybody's guess. So it is left enabled, at full speed, and never unexported; how
it was found is not restored, for nobody would watch the temperatures then.
"""

import errno
import logging
import math
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from fand.drivers.found import Found, choice, table
from fand.drivers.pwmchips import PINS, PwmChip, find_pwm_chip, pwm_chips, raspberry_output
from fand.drivers.sysfs import peek, read_int, write
from fand.drivers.text import named
from fand.exceptions import DriverError
from fand.units import FULL, Percent, Seconds

_log: Final = logging.getLogger(__name__)

_PATIENCE: Final = 20
"""So many times it is looked whether udev has given this user the files of a new output, ..."""
_GLANCE: Final = Seconds(0.1)
"""... this far apart."""
_ROUNDING: Final = 0.05
"""Such a share of the frequency makes no difference to a fan: 21 to 28 kHz is specified."""
_REFUSALS: Final = (errno.EINVAL, errno.ERANGE, errno.EOPNOTSUPP, errno.EBUSY)


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``pwm`` names the chip, ``channel`` its output; ``frequency`` in Hz is that of 4-wire fans."""

    pwm: str
    channel: int = 0
    frequency: float = 25_000.0
    inverted: bool = False

    def __post_init__(self) -> None:
        named("pwm", self.pwm, 'the device of a PWM chip, like "1f00098000.pwm"')
        if self.channel < 0:
            raise ValueError(f"channel {self.channel} is not the number of an output")
        if not 1 <= self.frequency <= 1e6:
            raise ValueError(f"frequency {self.frequency} is not from 1 to 1000000 Hz")


class PwmFan:
    """See the module."""

    resolution: Percent = Percent(0.5)

    def __init__(self, settings: Settings, name: str, root: Path, sleep: Callable[[float], None]) -> None:
        self._settings = settings
        self._sleep = sleep
        chip = find_pwm_chip(settings.pwm, root)
        if settings.channel >= chip.channels:
            raise DriverError(f"PWM chip {chip.name} has channels 0 to {chip.channels - 1}, not {settings.channel}")
        self._chip = chip.folder
        self._output = chip.folder / f"pwm{settings.channel}"
        self._name = f"Fan {name} ({chip.name} channel {settings.channel})"
        self._period = round(1e9 / settings.frequency)
        self._rounded = str(self._period)

    def __enter__(self) -> Self:
        """Export the output if need be, and enable it at full speed.

        :raises DriverError: it is in use, or the chip refused; it is left at full speed if it can run at all, and
            unexported if it was not in use before
        """
        found = self._output.exists()
        try:
            self._set_up(FULL)
        except DriverError as error:
            # told once by whoever tries again and again
            if self._output.exists() and (failure := self._leave()) is not None:
                if not found:
                    self._unexport()
                raise DriverError(f"{error}; it could not be set to full speed either: {failure}") from error
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Full speed, enabled.

        :raises DriverError: it could not be set to full speed
        """
        try:
            self.drive(FULL)
        except DriverError as failure:
            _log.error("%s, giving it back: %s", self._name, failure)
            self.hand_over()

    def drive(self, duty: Percent) -> None:
        """Set the duty, rounded up to whole nanoseconds, and read it back; set up anew what somebody else changed.

        :raises DriverError: the chip refused, or keeps another duty than was written
        """
        if self.stolen():
            self._set_up(duty)
        else:
            self._set_duty(duty)

    def hand_over(self) -> None:
        """Full speed at whatever period it has, enabled: the level of a disabled output is anybody's guess.

        :raises DriverError: it could not be set to full speed
        """
        if (failure := self._leave()) is not None:
            raise failure

    def stolen(self) -> str | None:
        """Whether somebody disabled or unexported it, or changed its period."""
        if not self._output.exists():
            return "unexported it"
        if peek(self._output / "enable") != "1":
            return "disabled it"
        period = peek(self._output / "period")
        return None if period == self._rounded else f"set a period of {period} ns"

    def rivals(self) -> Sequence[str]:
        """Nobody: a driver of the kernel that used the output would have kept us from it."""
        return ()

    def duty(self) -> Percent:
        """Read the duty back; 0 while the output is disabled, when nothing can be said of the fan.

        :raises DriverError: it cannot be read
        """
        period, high = read_int(self._output / "period"), read_int(self._output / "duty_cycle")
        if not period or read_int(self._output / "enable") != 1:
            return Percent(0.0)
        return Percent((period - high if self._flipped() else high) * FULL / period)

    def _set_up(self, duty: Percent) -> None:
        self._export()
        running = read_int(self._output / "enable") == 1
        if read_int(self._output / "period") != self._period:
            self._set_period()
        self._rounded = str(read_int(self._output / "period"))
        if not running:
            self._set_polarity()
        self._set_duty(duty)
        write(self._output / "enable", 1)
        if (enabled := read_int(self._output / "enable")) != 1:
            raise DriverError(f"{self._name}: 1 was written to enable, but it reads {enabled}")

    def _export(self) -> None:
        if not self._output.exists():
            try:
                write(self._chip / "export", self._settings.channel)
            except DriverError as error:
                if error.errno == errno.EBUSY:
                    raise DriverError(
                        f"{self._name} is in use by a driver of the kernel, such as pwm-fan (Raspberry Pi 5: "
                        "dtparam=cooling_fan=off in config.txt, or use fan kind hwmon)"
                    ) from error
                raise
        for _ in range(_PATIENCE):
            if all(os.access(self._output / file, os.W_OK) for file in ("period", "duty_cycle", "enable")):
                return
            self._sleep(_GLANCE)

    def _set_period(self) -> None:
        """A duty is never longer than its period; on the way there a running fan is as fast as it can be."""
        shortest = 0 if self._flipped() else self._period
        if read_int(self._output / "duty_cycle") > shortest:
            write(self._output / "duty_cycle", shortest)
        try:
            write(self._output / "period", self._period)
        except DriverError as error:
            if error.errno in _REFUSALS:
                raise DriverError(
                    f"{error}: the chip cannot do {self._settings.frequency:g} Hz, or not beside its other outputs; "
                    "set another frequency"
                ) from error
            raise
        if abs((period := read_int(self._output / "period")) - self._period) > self._period * _ROUNDING:
            raise DriverError(f"{self._name}: period {self._period} was written, but it reads {period}")

    def _set_polarity(self) -> None:
        """It can be set while the output is disabled only, and once it has a period. Not every chip can invert."""
        wanted = "inversed" if self._settings.inverted else "normal"
        if peek(self._output / "polarity") not in (None, wanted):
            try:
                write(self._output / "polarity", wanted)
            except DriverError as error:
                _log.info("%s: the duty is inverted here, for the chip cannot: %s", self._name, error)

    def _flipped(self) -> bool:
        """Whether what the chip calls the duty is the share of time for which the fan is *not* told to turn."""
        return (peek(self._output / "polarity") == "inversed") != self._settings.inverted

    def _set_duty(self, duty: Percent) -> None:
        period = read_int(self._output / "period")
        high = min(period, math.ceil(period * duty / FULL - 1e-6))
        value = period - high if self._flipped() else high
        write(self._output / "duty_cycle", value)
        if abs((got := read_int(self._output / "duty_cycle")) - value) > period * self.resolution / FULL:
            raise DriverError(f"{self._name}: duty_cycle {value} was written, but it reads {got}")

    def _leave(self) -> DriverError | None:
        """Full speed at whatever period it has; says why that did not work."""
        try:
            self._set_duty(FULL)
            write(self._output / "enable", 1)
        except DriverError as error:
            return error
        return None

    def _unexport(self) -> None:
        """An output that never ran is no use exported, and can bind its neighbours to its period."""
        try:
            write(self._chip / "unexport", self._settings.channel)
        except DriverError as error:
            _log.error("%s: %s", self._name, error)


def open_fan(
    settings: Settings,
    name: str,
    state: Path,  # noqa: ARG001 - nothing is restored
    root: Path = Path("/"),
    sleep: Callable[[float], None] = time.sleep,
) -> PwmFan:
    """The fan, left alone until it is taken over.

    :raises DriverError: there is no such chip, or it has no such channel
    """
    return PwmFan(settings, name, root, sleep)


def detect(root: Path = Path("/")) -> list[Found]:
    """Of every PWM chip the outputs in use or known to lead to a pin; without such, one that stands for all."""
    there = pwm_chips(root)
    found = []
    for chip in there:
        which = choice(chip, there)
        pins = {output[1]: pin for pin in PINS if (output := raspberry_output(pin, root)) and output[0] == chip.name}
        known = [channel for channel in range(chip.channels) if channel in pins or _exported(chip, channel)]
        if not known:
            every = f"any of its {chip.channels} channels, none in use"
            found.append(Found(table(pwm=which, channel=0), f"{chip.device}: {every}"))
        for channel in known:
            where = f" on GPIO{pins[channel]}" if channel in pins else ""
            line = table(pwm=which, channel=channel)
            found.append(Found(line, f"channel {channel} of {chip.device}{where}: {_now(chip, channel)}"))
    return found


def _exported(chip: PwmChip, channel: int) -> bool:
    return (chip.folder / f"pwm{channel}").exists()


def _now(chip: PwmChip, channel: int) -> str:
    if not _exported(chip, channel):
        return "not in use"
    output = chip.folder / f"pwm{channel}"
    state = "enabled" if peek(output / "enable") == "1" else "disabled"
    return f"{peek(output / 'duty_cycle')} of {peek(output / 'period')} ns, {state}"
