"""Sensor kind ``smart``: a drive's temperature as the real smartctl tells it.

``{ smart = "AD7E4EE5B03693D6" }`` names the drive by its serial number, ``{ smart = "wwn-0x5000c500a1b2c3d4" }`` by
its WWN, both of which stay with it wherever it is plugged. ``{ smart = "/dev/bus/0", type = "megaraid,1" }`` names
what stands at a place, such as a bay (``/dev/disk/by-path/...``); a plain ``/dev/sda`` moves from boot to boot.
"""

from pathlib import Path
from typing import Final, Literal

import msgspec

from fand.drivers import smartctl
from fand.drivers.found import Found, table
from fand.drivers.smartdrive import SmartDrive, unknown_drives
from fand.drivers.text import named
from fand.exceptions import DriverError
from fand.ports import Reading
from fand.units import Seconds

INTERVAL: Final = Seconds(30.0)
TIMEOUT: Final = Seconds(smartctl.LIMIT + 5.0)


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``smart`` is a serial number, a WWN or a device path; ``type`` what smartctl's ``-d`` takes, where fand cannot
    tell. ``nocheck`` is the power mode from which on the drive is left alone (smartctl's ``-n``): ``standby``,
    ``idle`` for drives that polling keeps from spinning down, or ``never``, which wakes it.
    """

    smart: str
    type: str | None = None
    nocheck: Literal["standby", "idle", "never"] = "standby"

    def __post_init__(self) -> None:
        named("smart", self.smart, "the serial number of a drive")
        if self.type is not None:
            named("type", self.type, "a device type of smartctl, such as 'sat'")


class SmartSensor:
    """See the module."""

    def __init__(self, settings: Settings, root: Path) -> None:
        self._drive = SmartDrive(settings.smart.strip(), settings.type, settings.nocheck, root)

    @property
    def family(self) -> str | None:
        """``hdd``, ``ssd`` or ``nvme``, as the drive says."""
        return self._drive.family

    def read(self, now: Seconds) -> Reading:
        """Ask smartctl, once; the first time, find the drive."""
        return self._drive.ask(now).reading

    def close(self) -> None:
        """Kill a smartctl that runs."""
        self._drive.close()


def title(settings: Settings) -> str:
    """The drive's serial number, WWN or place."""
    place = settings.smart.startswith("/dev/") and settings.type
    return f"{settings.smart} {settings.type}" if place else settings.smart.strip()


def open_sensor(settings: Settings, root: Path = Path("/")) -> SmartSensor:
    """A sensor on the drive, which need not be there yet.

    :raises DriverError: smartctl is not installed
    """
    return SmartSensor(settings, root)


def detect(root: Path = Path("/")) -> list[Found]:
    """The drives that only smartctl can tell apart, such as those behind a RAID controller. Wakes none.

    Empty where smartctl is missing or may not open them.
    """
    try:
        told = unknown_drives(root)
    except DriverError:
        return []
    return [
        Found(
            table(smart=answer.serial or f"wwn-0x{answer.wwn}"),
            f"{answer.family or 'drive'} at {place.device}, type {place.type}",
        )
        for place, answer in told
    ]
