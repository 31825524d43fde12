"""Sensor kind ``hwmon``: one temperature of a hardware monitoring chip.

``{ hwmon = "nct6798", label = "SYSTIN" }`` or ``{ hwmon = "nct6798", input = 2 }``: the chip by its name or, where
several have the same, by the path of its device; the temperature by its label or by the N of ``tempN_input``. A
chip with a single temperature needs neither.

A chip ``drivetemp`` is refused: the kind ``drive`` reads it without waking the drive.
"""

from contextlib import closing
from pathlib import Path
from typing import Final

import msgspec

from fand.drivers.found import Found, choice, shown, table
from fand.drivers.sysfs import Chip, chips, find_chip, is_graphics, is_processor, numbers, peek
from fand.drivers.text import named
from fand.drivers.thermometer import Thermometer
from fand.exceptions import DriverError
from fand.ports import Failed, Reading
from fand.units import Seconds

INTERVAL: Final = Seconds(2.0)
TIMEOUT: Final = Seconds(5.0)


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``hwmon`` is a chip's name or device path; ``label`` or ``input`` choose one of its temperatures."""

    hwmon: str
    label: str | None = None
    input: int | None = None

    def __post_init__(self) -> None:
        named("hwmon", self.hwmon, "the name of a chip, or the path of its device")
        if self.hwmon == "drivetemp":
            raise ValueError("hwmon: a drivetemp chip is a drive; name it by its serial number, { drive = ... }")
        if self.label is not None and self.input is not None:
            raise ValueError("give either label or input, not both")
        if self.input is not None and self.input < 0:
            raise ValueError(f"input {self.input} is not the number of a temperature")


class HwmonSensor:
    """See the module."""

    def __init__(self, settings: Settings, root: Path) -> None:
        self._settings = settings
        self._root = root
        self._thermometer: Thermometer | None = None
        self._family: str | None = None

    @property
    def family(self) -> str | None:
        """``cpu``, ``gpu`` or ``nvme`` for chips of these, else ``air``; None until the chip has been seen."""
        return self._family

    def read(self, now: Seconds) -> Reading:
        """The temperature, from the chip wherever it is now."""
        if self._thermometer is not None:
            try:
                return self._thermometer.read(now)
            except DriverError:  # that chip is there no more
                self.close()
        try:
            self._thermometer = self._find()
            return self._thermometer.read(now)
        except DriverError as error:
            self.close()
            return Failed(str(error), now)

    def close(self) -> None:
        """Close the files that are open. May be called twice."""
        if self._thermometer is not None:
            self._thermometer.close()
            self._thermometer = None

    def _find(self) -> Thermometer:
        chip = find_chip(self._settings.hwmon, self._root)
        if chip.name == "drivetemp":
            raise DriverError(f"{chip.device} is a drive: name it by its serial number, {{ drive = ... }}")
        number = _choose(chip, self._settings)
        self._family = _family(chip)
        return _thermometer(chip, number)


def title(settings: Settings) -> str:
    """The chip, and which of its temperatures."""
    which = settings.label or (f"temp{settings.input}" if settings.input is not None else "")
    return f"{settings.hwmon} {which}".rstrip()


def open_sensor(settings: Settings, root: Path = Path("/")) -> HwmonSensor:
    """A sensor on the chip, which need not be there yet."""
    return HwmonSensor(settings, root)


def detect(root: Path = Path("/")) -> list[Found]:
    """Every temperature of every chip but drives and processors, which other kinds find."""
    there = chips(root)
    found = []
    for chip in there:
        if chip.name in ("drivetemp", "nvme") or is_processor(chip.name):
            continue
        which = choice(chip, there)
        labels = _labels(chip)
        for number, label in labels.items():
            if label is not None and list(labels.values()).count(label) == 1:
                line = table(hwmon=which, label=label, family=_family(chip))
            else:
                line = table(hwmon=which, input=number, family=_family(chip))
            reading = _once(chip, number)
            comment = f"temp{number} of {chip.name} at {chip.device}: {shown(reading)}"
            found.append(Found(line, comment, not isinstance(reading, Failed)))
    return found


def _once(chip: Chip, number: int) -> Reading:
    try:
        thermometer = _thermometer(chip, number)
    except DriverError as error:
        return Failed(str(error), Seconds(0.0))
    with closing(thermometer):
        return thermometer.read(Seconds(0.0))


def _thermometer(chip: Chip, number: int) -> Thermometer:
    """To read a graphics card that sleeps would wake it, or fail."""
    power = [chip.folder / "device/power/runtime_status"] if is_graphics(chip.name) else []
    return Thermometer(chip.folder, number, power, drive=chip.name == "nvme")


def _choose(chip: Chip, settings: Settings) -> int:
    labels = _labels(chip)
    if settings.input is not None:
        chosen = [number for number in labels if number == settings.input]
    elif settings.label is not None:
        chosen = [number for number, label in labels.items() if label == settings.label]
    else:
        chosen = list(labels)
    if len(chosen) == 1:
        return chosen[0]
    there = ", ".join(f"temp{number} {label or ''}".rstrip() for number, label in labels.items()) or "none"
    if not chosen:
        raise DriverError(f"chip {title(settings)!r}: no such temperature; it has: {there}")
    raise DriverError(f"chip {title(settings)!r}: which temperature? Choose by label or input; it has: {there}")


def _labels(chip: Chip) -> dict[int, str | None]:
    return {number: peek(chip.folder / f"temp{number}_label") for number in numbers(chip.folder, "temp*_input")}


def _family(chip: Chip) -> str:
    if is_processor(chip.name):
        return "cpu"
    if chip.name == "nvme":
        return "nvme"
    return "gpu" if is_graphics(chip.name) else "air"
