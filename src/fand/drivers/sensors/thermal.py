"""Sensor kind ``thermal``: a thermal zone of the kernel, by its type.

``{ thermal = "soc-thermal" }``. Zones are numbered anew at each boot, so the type names them; of several with the
same type the hottest counts, and all must be readable.
"""

from pathlib import Path
from typing import Final

import msgspec

from fand.control import judge
from fand.drivers.found import Found, shown, table
from fand.drivers.sysfs import is_processor, read_int
from fand.drivers.text import named
from fand.drivers.zones import zones
from fand.exceptions import DriverError
from fand.ports import Failed, Reading
from fand.units import Seconds

INTERVAL: Final = Seconds(5.0)
TIMEOUT: Final = Seconds(5.0)


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``thermal`` is the type of a zone: what ``/sys/class/thermal/thermal_zone*/type`` says."""

    thermal: str

    def __post_init__(self) -> None:
        named("thermal", self.thermal, "the type of a thermal zone")
        if self.thermal.startswith("thermal_zone"):
            raise ValueError(f"thermal: the number in {self.thermal} changes; give the type of the zone")


class ThermalSensor:
    """See the module."""

    def __init__(self, settings: Settings, root: Path) -> None:
        self.family: str | None = _family(settings.thermal)
        self._type = settings.thermal.strip()
        self._root = root
        self._count = 0

    def read(self, now: Seconds) -> Reading:
        """The hottest zone of the type."""
        there = zones(self._root)
        folders = [folder for kind, folder in there if kind == self._type]
        if not folders:
            types = ", ".join(sorted({kind for kind, _ in there})) or "none"
            return Failed(f"no thermal zone of type {self._type!r} (there are: {types})", now)
        if len(folders) < self._count:
            return Failed(f"{self._count - len(folders)} of {self._count} zones of type {self._type!r} are gone", now)
        self._count = len(folders)
        try:
            return judge(max(read_int(folder / "temp") for folder in folders) / 1000, now)
        except DriverError as error:
            return Failed(str(error), now)

    def close(self) -> None:
        """Nothing is held open."""


def title(settings: Settings) -> str:
    """The zone's type."""
    return settings.thermal.strip()


def open_sensor(settings: Settings, root: Path = Path("/")) -> ThermalSensor:
    """A sensor on the zone, which need not be there yet."""
    return ThermalSensor(settings, root)


def detect(root: Path = Path("/")) -> list[Found]:
    """Every type of zone but those of processors, which the kind cpu finds."""
    found: dict[str, Found] = {}
    for kind, _ in zones(root):
        if is_processor(kind) or not kind.isprintable():
            continue
        reading = open_sensor(Settings(kind), root).read(Seconds(0.0))
        line = table(thermal=kind, family=_family(kind))
        found[kind] = Found(line, f"thermal zone {kind}: {shown(reading)}", not isinstance(reading, Failed))
    return list(found.values())


def _family(kind: str) -> str:
    return "cpu" if is_processor(kind) else "air"
