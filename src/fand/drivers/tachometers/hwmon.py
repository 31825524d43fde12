"""Tachometer kind ``hwmon``: a fan input of a hardware monitoring chip.

``{ hwmon = "nct6798", fan = 2 }``: the chip by its name or, where several have the same, by the path of its device;
the input by the N of ``fanN_input``.
"""

import errno
from pathlib import Path
from typing import Final

import msgspec

from fand.drivers.found import Found, choice, table
from fand.drivers.sysfs import chips, find_chip, numbers, peek, read_int
from fand.drivers.text import named
from fand.exceptions import DriverError
from fand.units import MAX_RPM, Rpm, Seconds

_UNKNOWN: Final = (errno.ENODATA, errno.EAGAIN)
"""With these the kernel says that there is no value at the moment."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``hwmon`` is a chip's name or device path, ``fan`` the number of its input."""

    hwmon: str
    fan: int

    def __post_init__(self) -> None:
        named("hwmon", self.hwmon, "the name of a chip, or the path of its device")
        if self.fan < 0:
            raise ValueError(f"fan {self.fan} is not the number of an input")


class HwmonTachometer:
    """See the module."""

    def __init__(self, settings: Settings, root: Path) -> None:
        self._settings = settings
        self._root = root
        self._chip = find_chip(settings.hwmon, root)
        if not self._file("input").exists():
            there = ", ".join(map(str, numbers(self._chip.folder, "fan*_input"))) or "none"
            raise DriverError(f"chip {self._chip.name} has no fan{settings.fan}_input (it has: {there})")

    def rpm(self, now: Seconds) -> Rpm | None:  # noqa: ARG002 - the chip has measured
        """What the chip measures; None where it says that it does not know.

        :raises DriverError: the chip cannot be read
        """
        if not self._chip.present():
            self._chip = find_chip(self._settings.hwmon, self._root)
        if peek(self._file("fault")) == "1" or peek(self._file("enable")) == "0":
            return None
        try:
            value = read_int(self._file("input"))
        except DriverError as error:
            if error.errno in _UNKNOWN:
                return None
            raise
        return Rpm(value) if 0 <= value <= MAX_RPM else None

    def close(self) -> None:
        """Nothing is held open."""

    def _file(self, what: str) -> Path:
        return self._chip.folder / f"fan{self._settings.fan}_{what}"


def open_tachometer(settings: Settings, root: Path = Path("/")) -> HwmonTachometer:
    """The tachometer.

    :raises DriverError: there is no such chip, or it has no such input
    """
    return HwmonTachometer(settings, root)


def detect(root: Path = Path("/")) -> list[Found]:
    """Every fan input of every chip."""
    there = chips(root)
    found = []
    for chip in there:
        which = choice(chip, there)
        for number in numbers(chip.folder, "fan*_input"):
            settings = Settings(which, number)
            try:
                rpm = open_tachometer(settings, root).rpm(Seconds(0.0))
                turns = bool(rpm)
                now = "unknown" if rpm is None else f"{rpm:.0f} RPM"
            except DriverError as error:
                now, turns = str(error), False
            line = table(hwmon=which, fan=number)
            found.append(Found(line, f"fan{number} of {chip.name} at {chip.device}: {now}", turns))
    return found
