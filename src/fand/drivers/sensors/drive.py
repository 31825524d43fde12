"""Sensor kind ``drive``: a drive by its serial number or WWN, read in the cheapest way that does not wake it.

``{ drive = "AD7E4EE5B03693D6" }`` or ``{ drive = "wwn-0x5000c500a1b2c3d4" }``. The drive is found in sysfs without
opening it. How it is read depends on whether it can be asleep:

- NVMe and solid-state drives have nothing to spin up. They are read from the kernel's hwmon (``nvme``,
  ``drivetemp``), which costs nothing and needs no privilege; from smartctl where the kernel has none.
- A disk that turns is read by smartctl, which asks for its power mode first: reading ``drivetemp`` is known not to
  wake one model, and unknown for all others. Where smartctl is missing or may not open the drive, ``drivetemp`` is
  read all the same, and a warning says so.

A drive that the kernel itself has suspended is never touched. One that sysfs does not know by that name, behind a
RAID controller or a USB bridge, is left to smartctl altogether, as with the kind ``smart``. ``via`` chooses
otherwise: ``kernel`` never calls smartctl, ``smartctl`` never reads hwmon.
"""

import logging
from pathlib import Path
from typing import Final, Literal

import msgspec

from fand.drivers import smartctl
from fand.drivers.drives import Drive, census, drive_at, drives
from fand.drivers.found import Found, table
from fand.drivers.smartdrive import SmartDrive
from fand.drivers.text import named
from fand.drivers.thermometer import Thermometer
from fand.exceptions import DriverError
from fand.ports import Asleep, Failed, Reading
from fand.units import Seconds

_log = logging.getLogger(__name__)

INTERVAL: Final = Seconds(15.0)
TIMEOUT: Final = Seconds(smartctl.LIMIT + 5.0)


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``drive`` is a serial number or a WWN; ``via`` how it is read (see the module); ``type`` what smartctl's ``-d``
    takes, where fand cannot tell.
    """

    drive: str
    via: Literal["auto", "kernel", "smartctl"] = "auto"
    type: str | None = None

    def __post_init__(self) -> None:
        named("drive", self.drive, "the serial number of a drive")
        if self.drive.startswith("/"):
            raise ValueError(f"drive: {self.drive} may name another drive tomorrow; give the serial number or WWN")
        if self.type is not None:
            named("type", self.type, "a device type of smartctl, such as 'sat'")


class DriveSensor:
    """See the module."""

    def __init__(self, settings: Settings, root: Path) -> None:
        self._identity = settings.drive.strip()
        self._via = settings.via
        self._root = root
        self._drive: Drive | None = None
        self._thermometer: Thermometer | None = None
        self._family: str | None = None
        self._warned = False
        self._smart: SmartDrive | None = None
        if settings.via != "kernel":
            try:
                self._smart = SmartDrive(self._identity, settings.type, root=root)
            except DriverError:
                if settings.via == "smartctl":
                    raise

    @property
    def family(self) -> str | None:
        """``hdd``, ``ssd`` or ``nvme``; None until the drive has been seen."""
        return (self._smart.family if self._smart else None) or self._family

    def read(self, now: Seconds) -> Reading:
        """Find the drive if it moved, and read it unless it sleeps."""
        if self._thermometer is not None:
            try:
                return self._thermometer.read(now)
            except DriverError:  # that drive is there no more, or not as it was
                self._forget()
        try:
            drive = self._find()
        except DriverError as error:
            return Failed(str(error), now)
        if drive is None:
            return self._smart.ask(now).reading if self._smart is not None else Failed(self._absence(), now)
        self._family = drive.family
        if drive.suspended():
            return Asleep(now)
        chip = drive.thermometer() if self._via != "smartctl" else None
        if chip is not None and (self._smart is None or drive.family in ("ssd", "nvme")):
            if self._smart is None and self._via == "auto" and drive.family not in ("ssd", "nvme"):
                self._warn("smartctl is not installed")
            return self._measured(drive, chip, now, keep=True)
        if self._smart is None:
            return Failed(f"the kernel shows no temperature of it; {_REMEDIES[drive.bus]}", now)
        answer = self._smart.ask(now)
        if chip is not None and isinstance(answer.reading, Failed) and (answer.denied or answer.awake):
            if answer.denied:
                self._warn(answer.reading.reason)
            return self._measured(drive, chip, now, keep=False)
        if answer.denied and isinstance(answer.reading, Failed) and drive.bus == "ata":
            return Failed(f"{answer.reading.reason}; or load the kernel module drivetemp", now)
        return answer.reading

    def close(self) -> None:
        """Kill a smartctl that runs, and close the files that are open."""
        self._forget()
        if self._smart is not None:
            self._smart.close()

    def _measured(self, drive: Drive, chip: Path, now: Seconds, *, keep: bool) -> Reading:
        """What the kernel shows of ``drive`` in ``chip``; ``keep`` its files open, for nothing else need be asked."""
        thermometer = None
        try:
            thermometer = Thermometer(chip, 1, drive.power, drive=True)
            reading = thermometer.read(now)
        except DriverError as error:
            reading, keep = Failed(str(error), now), False
        if keep:
            self._thermometer = thermometer
        elif thermometer is not None:
            thermometer.close()
        return reading

    def _forget(self) -> None:
        if self._thermometer is not None:
            self._thermometer.close()
            self._thermometer = None

    def _find(self) -> Drive | None:
        if self._drive is None or self._drive != drive_at(self._drive.node, self._root):
            self._drive = census(self._root).find(self._identity)
        return self._drive

    def _absence(self) -> str:
        if not (self._root / "sys/block").is_dir():
            return "there is no sysfs here to find drives in; install smartctl (smartmontools)"
        return f"there is no drive {self._identity} on this host (fand detect lists them)"

    def _warn(self, why: str) -> None:
        if not self._warned:
            self._warned = True
            _log.warning(
                "drive %s is read without knowing whether it sleeps, which may wake it: %s", self._identity, why
            )


_REMEDIES: Final = {
    "ata": "load the kernel module drivetemp, or install smartctl (apt install smartmontools)",
    "scsi": "install smartctl (apt install smartmontools)",
    "usb": "install smartctl (apt install smartmontools)",
    "nvme": "its kernel is built without nvme hwmon: install smartctl (apt install smartmontools)",
}


def title(settings: Settings) -> str:
    """The drive's serial number or WWN."""
    return settings.drive.strip()


def open_sensor(settings: Settings, root: Path = Path("/")) -> DriveSensor:
    """A sensor on the drive, which need not be there yet.

    :raises DriverError: ``via`` is smartctl, which is not installed
    """
    return DriveSensor(settings, root)


def detect(root: Path = Path("/")) -> list[Found]:
    """Every drive that sysfs knows by serial number or WWN; opens none."""
    found = []
    for drive in drives(root):
        identity = drive.serial or next((f"wwn-0x{digits}" for digits in sorted(drive.wwns)), None)
        if identity is not None:
            kind = drive.family or "drive"
            found.append(Found(table(drive=identity), f"{kind} {drive.model}, now {drive.node}"))
    return found
