"""Fan kind ``hwmon``: a PWM output of a hardware monitoring chip (motherboards, fan controllers, Pi 5 header).

``{ hwmon = "nct6798", pwm = 2 }``: the chip by its name or, where several have the same, by the path of its device;
the output by the N of ``pwmN``.

Taking over, the chip's mode and duty are kept on disk, manual control is set and read back, then full speed.
Leaving, a chip that was found automatic gets its duty and mode back. If that fails it is left at full speed, and so
is a chip that was found at full speed or in manual control, since nobody would watch its temperatures then.

Most chips know ``pwmN_enable``: 0 full speed, 1 manual, 2 and more automatic. Some have no such file and are always
in manual control. The driver pwm-fan means something else by it: 0 stops the fan.

See https://docs.kernel.org/hwmon/sysfs-interface.html and https://docs.kernel.org/hwmon/pwm-fan.html.
"""

import logging
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from fand.drivers.found import Found, choice, table
from fand.drivers.originals import Original
from fand.drivers.sysfs import Chip, chips, find_chip, is_graphics, numbers, peek, read_int, write
from fand.drivers.text import named
from fand.exceptions import DriverError
from fand.units import FULL, Percent

_log: Final = logging.getLogger(__name__)

MAX: Final = 255
OFF, MANUAL, AUTOMATIC = 0, 1, 2
"""Modes in ``pwmN_enable``: no control (full speed), ours, and the first of the chip's own."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``hwmon`` is a chip's name or device path, ``pwm`` the number of its output.

    A chip with few steps reads back another duty than was written; up to ``tolerance`` percent is let pass.
    """

    hwmon: str
    pwm: int
    tolerance: float = 2.0

    def __post_init__(self) -> None:
        named("hwmon", self.hwmon, "the name of a chip, or the path of its device")
        if self.pwm < 0:
            raise ValueError(f"pwm {self.pwm} is not the number of an output")
        if not 0 <= self.tolerance <= 50:
            raise ValueError(f"tolerance {self.tolerance} is not from 0 to 50 percent")


class Mode(msgspec.Struct, frozen=True):
    """How an output was found: its mode, where the chip knows modes, and its duty in 255ths."""

    enable: int | None
    pwm: int


class HwmonFan:
    """See the module."""

    def __init__(self, settings: Settings, name: str, state: Path, root: Path) -> None:
        self._settings = settings
        self._root = root
        self._find()
        if not self._pwm.exists():
            there = ", ".join(map(str, numbers(self._chip.folder, "pwm*"))) or "none"
            raise DriverError(f"chip {self._chip.name} has no output pwm{settings.pwm} (it has: {there})")
        self._name = f"Fan {name} ({self._chip.name} pwm{settings.pwm})"
        key = f"hwmon-{self._chip.name}-{Path(self._chip.device).name}-pwm{settings.pwm}"
        self._kept = Original(state, key, Mode)
        self._original: Mode | None = None
        self._slack = math.ceil(settings.tolerance / FULL * MAX)
        self._reaching: dict[int, int] = {}

    @property
    def resolution(self) -> Percent:
        """The tolerance of its settings, at least one of its 255 steps."""
        return Percent(max(self._slack, 1) * FULL / MAX)

    def __enter__(self) -> Self:
        """Keep the mode it was found in, unless an earlier run that never gave it back has; then full speed.

        :raises DriverError: the chip refused; it is left at full speed if it lets that happen
        """
        self._original = kept = self._kept.load()
        try:
            if self._original is None:
                self._original = Mode(self._mode(), read_int(self._pwm))
                self._kept.save(self._original)
            self._full()
        except DriverError as error:
            # told once by whoever tries again and again
            if self._try(self._unregulated, self._full)[0] is None:
                raise DriverError(f"{error}; it could not be set to full speed either") from error
            raise
        if kept is not None:
            _log.warning("%s: it was not given back before; will restore what was found then", self._name)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the chip back as the module says.

        :raises DriverError: no way to leave it safe worked
        """
        original = self._original
        if original is None:
            return
        enable = original.enable
        if enable is not None and enable >= AUTOMATIC and not self._is_pwm_fan:
            done, failures = self._try(lambda: self._restore(original), self._unregulated, self._full)
        elif enable == OFF and not self._is_pwm_fan:
            done, failures = self._try(self._unregulated, self._full)
        else:
            done, failures = self._try(self._full, self._unregulated)
        for failure in failures:
            _log.error("%s, giving it back: %s", self._name, failure)
        if done is None:
            raise DriverError(f"{self._name} could not be given back, nor set to full speed: {failures[-1]}")
        if done == 0:
            self._kept.forget()
            self._original = None

    def drive(self, duty: Percent) -> None:
        """Make sure of manual control, then write the duty, rounded up, and read both back.

        :raises DriverError: the chip refused, or keeps another mode or duty than was written
        """
        self._follow()
        self._set_mode(MANUAL)
        self._settle(math.ceil(duty * MAX / FULL - 1e-6))

    def hand_over(self) -> None:
        """The chip's mode of full speed, else manual control at 255, else 255 in whatever mode it is.

        :raises DriverError: it refused all of them
        """
        done, failures = self._try(self._unregulated, self._full, lambda: self._settle(MAX))
        if done is None:
            raise DriverError(f"{self._name} could not be set to full speed: {failures[0]}")

    def stolen(self) -> str | None:
        """Whether the chip is in another mode than ours.

        :raises DriverError: it cannot be read
        """
        self._follow()
        mode = self._mode()
        return None if mode in (None, MANUAL) else f"set mode {mode}"

    def rivals(self) -> Sequence[str]:
        """The thermal zones that drive a fan of this chip."""
        return [f"thermal zone {zone}" for zone in _governors(self._chip, self._root)]

    def duty(self) -> Percent:
        """Read the duty back; full where the chip's own mode is full speed.

        :raises DriverError: it cannot be read
        """
        self._follow()
        if self._mode() == OFF and not self._is_pwm_fan:
            return FULL
        return Percent(read_int(self._pwm) * FULL / MAX)

    def _find(self) -> None:
        self._chip = chip = find_chip(self._settings.hwmon, self._root)
        self._pwm = chip.folder / f"pwm{self._settings.pwm}"
        self._enable = chip.folder / f"pwm{self._settings.pwm}_enable"

    @property
    def _is_pwm_fan(self) -> bool:
        return self._chip.name == "pwmfan"

    def _mode(self) -> int | None:
        return read_int(self._enable) if self._enable.exists() else None

    def _follow(self) -> None:
        """A chip whose driver was loaded anew has another folder."""
        if not self._chip.present():
            self._find()

    def _set_mode(self, mode: int) -> None:
        if not self._enable.exists():
            return
        write(self._enable, mode)
        if (now := read_int(self._enable)) != mode:
            raise DriverError(
                f"{self._enable}: mode {mode} was written, but it reads {now}; something else keeps control of this "
                "fan (look for its fan control in the firmware set-up)"
            )

    def _settle(self, wanted: int) -> None:
        """Write the duty; where the chip rounds it down, more, so that it reads at least what is wanted."""
        value, most = self._reaching.get(wanted, wanted), min(MAX, wanted + self._slack)
        while True:
            write(self._pwm, value)
            got = read_int(self._pwm)
            if got >= wanted or value >= most:
                break
            value = min(most, value + max(1, wanted - got))
        if abs(got - wanted) > self._slack:
            raise DriverError(
                f"{self._pwm}: {wanted} was written, but it reads {got}; either something else drives this fan, or "
                f"its chip has few steps: then set tolerance = {math.ceil(abs(got - wanted) * FULL / MAX)}"
            )
        self._reaching[wanted] = value

    def _restore(self, original: Mode) -> None:
        assert original.enable is not None
        write(self._pwm, original.pwm)
        self._set_mode(original.enable)

    def _unregulated(self) -> None:
        if self._is_pwm_fan or not self._enable.exists():
            raise DriverError("it has no mode of full speed")
        self._set_mode(OFF)

    def _full(self) -> None:
        self._set_mode(MANUAL)
        self._settle(MAX)

    def _try(self, *ways: Callable[[], None]) -> tuple[int | None, list[DriverError]]:
        """The number of the first way that works, and how those before it failed."""
        failures = []
        for number, way in enumerate(ways):
            try:
                self._follow()
                way()
            except DriverError as error:
                failures.append(error)
            else:
                return number, failures
        return None, failures


def open_fan(settings: Settings, name: str, state: Path, root: Path = Path("/")) -> HwmonFan:
    """The fan, left alone until it is taken over.

    :raises DriverError: there is no such chip, or it has no such output
    """
    return HwmonFan(settings, name, state, root)


def detect(root: Path = Path("/")) -> list[Found]:
    """Every PWM output of every chip."""
    there = chips(root)
    found = []
    for chip in there:
        which = choice(chip, there)
        for number in numbers(chip.folder, "pwm*"):
            mode, pwm = peek(chip.folder / f"pwm{number}_enable"), peek(chip.folder / f"pwm{number}") or ""
            now = f"{int(pwm) * 100 / MAX:.0f} %" if pwm.isdigit() else "unknown"
            owner = {None: "", "0": ", at full speed", "1": ", manual"}.get(mode, f", automatic (mode {mode})")
            line = table(hwmon=which, pwm=number)
            # a graphics card cools itself by its fan: that of a shelf would let it boil
            ready = not is_graphics(chip.name)
            found.append(Found(line, f"pwm{number} of {chip.name} at {chip.device}: {now}{owner}", ready))
    return found


def _governors(chip: Chip, root: Path) -> list[str]:
    """The types of the thermal zones that drive a fan of this chip.

    A cooling device does not say whose it is; its type is the driver's name with or without a suffix: ``pwm-fan``
    for the chip ``pwmfan``, ``emc2305_fan0`` for ``emc2305``.
    """
    zones = []
    for zone in sorted((root / "sys/class/thermal").glob("thermal_zone*")):
        if peek(zone / "mode") == "disabled" or peek(zone / "policy") == "user_space":
            continue
        kinds = [peek(cooler / "type") or "" for cooler in zone.glob("cdev*") if cooler.is_dir()]
        if any(_plain(kind).startswith(_plain(chip.name)) for kind in kinds):
            zones.append(peek(zone / "type") or zone.name)
    return zones


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
