"""Sensor kind ``cpu``: the hottest spot of the processor.

``{ cpu = "auto" }`` finds the processor's sensors: the hwmon chips coretemp (Intel), k10temp and zenpower (AMD),
cpu_thermal, soc_thermal and the like (ARM); without those the thermal zones of such types; and on systems without
sysfs what psutil finds. ``{ cpu = "coretemp" }`` keeps to chips of that name, and a device path
(``/sys/devices/platform/coretemp.1``) to one of them.

The hottest input of all of a processor's chips counts. On AMD, Tctl is what fans were meant to follow but has an
offset on some models (27 degrees on the first Threadrippers), while Tdie is the temperature itself: where there
is a Tdie, Tctl is left out. See https://docs.kernel.org/hwmon/k10temp.html.
"""

from importlib import import_module
from pathlib import Path
from typing import Any, Final

import msgspec

from fand.control import judge
from fand.drivers.found import Found, table
from fand.drivers.sysfs import Chip, chips, find_chip, is_processor, numbers, peek, read_int, temperature
from fand.drivers.text import named
from fand.drivers.zones import zones
from fand.exceptions import DriverError
from fand.ports import Failed, Reading, Temperature
from fand.units import Seconds

INTERVAL: Final = Seconds(2.0)
TIMEOUT: Final = Seconds(5.0)


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``cpu`` is ``auto``, the name of a hwmon chip, or its device path."""

    cpu: str = "auto"

    def __post_init__(self) -> None:
        named("cpu", self.cpu, "'auto', or the name of a hwmon chip")


class CpuSensor:
    """See the module."""

    family: str | None = "cpu"

    def __init__(self, settings: Settings, root: Path) -> None:
        self._which = settings.cpu
        self._root = root
        self._chips: tuple[Chip, ...] = ()

    def read(self, now: Seconds) -> Reading:
        """The hottest input."""
        try:
            there = self._find()
            readings = [_chip(chip, now) for chip in there] or _zones(self._root, now)
        except DriverError as error:
            return Failed(str(error), now)
        # a whole chip is a processor: one that cannot be read must not hide behind another
        failed = [reading for reading in readings if isinstance(reading, Failed)]
        return failed[0] if failed else max(readings, key=_celsius)

    def close(self) -> None:
        """Nothing is held open."""

    def _find(self) -> tuple[Chip, ...]:
        if not self._chips or not all(chip.present() for chip in self._chips):
            found = tuple(_select(self._which, self._root))
            gone = {chip.device for chip in self._chips} - {chip.device for chip in found}
            if gone:
                raise DriverError(f"the sensors of the processor at {', '.join(sorted(gone))} are gone")
            self._chips = found
        return self._chips


class PsutilSensor:
    """The processor's temperature where there is no sysfs."""

    family: str | None = "cpu"

    def __init__(self, psutil: Any) -> None:
        self._psutil = psutil

    def read(self, now: Seconds) -> Reading:
        """The hottest of what psutil finds; of what it knows to be a processor's if there is any."""
        try:
            groups = self._psutil.sensors_temperatures()
        except (AttributeError, OSError, RuntimeError) as error:
            return Failed(f"psutil cannot read temperatures on this system: {error}", now)
        known = {name: group for name, group in groups.items() if is_processor(name)} or groups
        readings = [judge(entry.current, now) for group in known.values() for entry in group]
        return _hottest(readings, "psutil finds no temperature of a processor", now)

    def close(self) -> None:
        """Nothing is held open."""


def title(settings: Settings) -> str:
    """``cpu``, or the chip that was named."""
    return "cpu" if settings.cpu == "auto" else f"cpu {settings.cpu}"


def open_sensor(settings: Settings, root: Path = Path("/")) -> CpuSensor | PsutilSensor:
    """A sensor on the processor.

    :raises DriverError: there is neither sysfs nor psutil
    """
    if (root / "sys/class").is_dir():
        return CpuSensor(settings, root)
    try:
        return PsutilSensor(import_module("psutil"))
    except ImportError as error:
        raise DriverError("without sysfs the processor is read by psutil: pip install 'fand[server]'") from error


def detect(root: Path = Path("/")) -> list[Found]:
    """The processor, if it can be read now."""
    if not (root / "sys/class").is_dir():
        return []
    reading = open_sensor(Settings(), root).read(Seconds(0.0))
    if not isinstance(reading, Temperature):
        return []
    names = ", ".join(dict.fromkeys(chip.name for chip in _select("auto", root))) or "a thermal zone"
    return [Found(table(cpu="auto"), f"processor, by {names}: {reading.celsius:.1f} °C")]


def _select(which: str, root: Path) -> list[Chip]:
    if which == "auto":
        return [chip for chip in chips(root) if is_processor(chip.name) and numbers(chip.folder, "temp*_input")]
    if "/" in which:
        return [find_chip(which, root)]
    return [chip for chip in chips(root) if chip.name == which] or [find_chip(which, root)]


def _chip(chip: Chip, now: Seconds) -> Reading:
    labels = {number: peek(chip.folder / f"temp{number}_label") for number in numbers(chip.folder, "temp*_input")}
    if "Tdie" in labels.values():
        labels = {number: label for number, label in labels.items() if label != "Tctl"}
    readings = [_input(chip.folder, number, now) for number in labels]
    return _hottest(readings, f"chip {chip.name} at {chip.device} has no temperature", now)


def _input(folder: Path, number: int, now: Seconds) -> Reading:
    try:
        return judge(temperature(folder, number), now)
    except DriverError as error:
        return Failed(str(error), now)


def _zones(root: Path, now: Seconds) -> list[Reading]:
    """:raises DriverError: there is no zone of a processor, or one cannot be read"""
    folders = [folder for kind, folder in zones(root) if is_processor(kind)]
    if not folders:
        raise DriverError("no temperature of the processor found (hwmon coretemp, k10temp, ...; thermal zones)")
    return [judge(read_int(folder / "temp") / 1000, now) for folder in folders]


def _hottest(readings: list[Reading], otherwise: str, now: Seconds) -> Reading:
    """The hottest good one; a core that is switched off may fail."""
    good = [reading for reading in readings if isinstance(reading, Temperature)]
    return max(good, key=_celsius) if good else next(iter(readings), Failed(otherwise, now))


def _celsius(reading: Reading) -> float:
    return reading.celsius if isinstance(reading, Temperature) else float("-inf")
