"""Sensor kind ``hwmon``: one temperature of a hardware monitoring chip.

``{ hwmon = "nct6798", label = "SYSTIN" }`` or ``{ hwmon = "nct6798", input = 2 }``: the chip by its name or, where
several have the same, by the path of its device; the temperature by its label or by the N of ``tempN_input``. A
chip with a single temperature needs neither.

A chip ``drivetemp`` is refused: the kind ``drive`` reads it without waking the drive.
"""

from pathlib import Path
from typing import Final

import msgspec

from fand.control import judge
from fand.drivers.found import Found, choice, shown, table
from fand.drivers.sysfs import Chip, chips, find_chip, is_graphics, is_processor, numbers, peek, temperature
from fand.drivers.text import named
from fand.exceptions import DriverError
from fand.ports import Asleep, Failed, Reading
from fand.units import Seconds

INTERVAL: Final = Seconds(5.0)
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
        self._found: tuple[Chip, int] | None = None
        self._family: str | None = None

    @property
    def family(self) -> str | None:
        """``cpu``, ``gpu`` or ``nvme`` for chips of these, else ``air``; None until the chip has been seen."""
        return self._family

    def read(self, now: Seconds) -> Reading:
        """The temperature, from the chip wherever it is now."""
        try:
            chip, number = self._find()
        except DriverError as error:
            reading: Reading = Failed(str(error), now)
        else:
            reading = _read(chip, number, now)
        if isinstance(reading, Failed):
            self._found = None
        return reading

    def close(self) -> None:
        """Nothing is held open."""

    def _find(self) -> tuple[Chip, int]:
        if self._found is None or not self._found[0].present():
            chip = find_chip(self._settings.hwmon, self._root)
            if chip.name == "drivetemp":
                raise DriverError(f"{chip.device} is a drive: name it by its serial number, {{ drive = ... }}")
            self._found = chip, _choose(chip, self._settings)
            self._family = _family(chip)
        return self._found


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
            reading = _read(chip, number, Seconds(0.0))
            comment = f"temp{number} of {chip.name} at {chip.device}: {shown(reading)}"
            found.append(Found(line, comment, not isinstance(reading, Failed)))
    return found


def _read(chip: Chip, number: int, now: Seconds) -> Reading:
    if _suspended(chip):
        return Asleep(now)
    try:
        return judge(temperature(chip.folder, number), now, drive=chip.name == "nvme")
    except DriverError as error:
        return Failed(str(error), now)


def _suspended(chip: Chip) -> bool:
    """Whether it is a graphics card that sleeps: to read it would wake it, or fail."""
    return is_graphics(chip.name) and peek(chip.folder / "device/power/runtime_status") == "suspended"


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
