"""Devices as a file describes them: those of a shelf, and those of an agent."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from fand.config.checked import Place, checked, shown
from fand.config.kinds import Kinds, choose
from fand.config.names import name_fault, text_fault
from fand.config.tables import DeviceTable
from fand.config.values import DeviceConfig
from fand.units import Seconds

DRIVES = frozenset({"drive", "smart"})
"""The sensor kinds that name one drive, which sits in one place only; any other may stand in several."""

CheckFamily = Callable[[str, Place], None]
"""Notes at the place what is wrong with a family there."""


class DeviceReader:
    """Reads the lists of devices of one file that belong together."""

    def __init__(self, kinds: Kinds) -> None:
        self._kind = cache(kinds.sensor_kind)  # to look one up takes longer than to read a device
        self._names = frozenset(kinds.sensor_kinds())
        self._drives: dict[str, Place] = {}

    def devices(self, entries: Sequence[object], place: Place, check_family: CheckFamily) -> tuple[DeviceConfig, ...]:
        """The devices of the list at ``place``, the faults of the others noted."""
        read = [self._device(entry, place.at(number), check_family) for number, entry in enumerate(entries, 1)]
        devices = tuple(device for device in read if device is not None)
        for title, count in Counter(device.name for device in devices).items():
            if count > 1:
                place.fault(f"{count} devices are called {title!r}; give each a name of its own")
        return devices

    def _device(self, entry: object, place: Place, check_family: CheckFamily) -> DeviceConfig | None:
        if not isinstance(entry, dict):
            place.fault(f'expected a table like {{ drive = "SERIAL" }}, not {shown(entry)}')
            return None
        generic = DeviceTable.__struct_fields__
        own = {key: value for key, value in entry.items() if key not in generic}
        common = {key: entry[key] for key in entry if key in generic}
        table = checked(common, DeviceTable, place) or DeviceTable()
        if table.name is not None and (fault := name_fault(table.name)):
            place.at("name").fault(fault)
        if fault := text_fault(table.position):
            place.at("position").fault(fault)
        if table.family is not None:
            check_family(table.family, place.at("family"))
        chosen = choose("sensor", own, self._names, self._kind, place)
        if chosen is None:
            return None
        name, kind = chosen
        settings: Any = checked(own, kind.Settings, place, generic)
        if settings is None:
            return None
        title = kind.title(settings)
        if table.name is None and (fault := name_fault(title)):
            place.fault(f"{fault}; give the device a name")
        if name in DRIVES and (first := self._drives.setdefault(title.casefold(), place)) != place:
            place.fault(f"drive {title} stands at {first} already; a drive sits in one place only")
        return DeviceConfig(
            name=title if table.name is None else table.name,
            kind=name,
            settings=settings,
            interval=kind.INTERVAL if table.interval is None else Seconds(table.interval),
            timeout=kind.TIMEOUT if table.timeout is None else Seconds(table.timeout),
            optional=table.optional,
            position=table.position,
            family=table.family,
        )
