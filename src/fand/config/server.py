"""The server's part of a file: curves, shelves and their devices, and where to listen."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from msgspec import structs

from fand.config.access import allow_config, check_access
from fand.config.address import host_fault, is_loopback
from fand.config.checked import Entry, Place, checked, meant
from fand.config.curves import CurveTable
from fand.config.devices import DeviceReader
from fand.config.kinds import Kinds
from fand.config.names import name_fault
from fand.config.tables import ServerTable, ShelfTable
from fand.config.tls import ALLOW, allow_file, tls_files
from fand.config.values import LimitsConfig, ServerConfig, ShelfConfig
from fand.control import CURVES, FamilyLaw, ShelfLaw, point_faults
from fand.units import Celsius, Percent

FAMILIES = ("hdd", "ssd", "nvme", "cpu", "gpu", "air")
"""The families that fand's own sensors tell of."""


def server_config(document: Mapping[str, Any], kinds: Kinds, file: Place) -> ServerConfig:
    """What ``document`` says of the server, its faults noted."""
    table = checked(document.get("server", {}), ServerTable, file.at("server")) or ServerTable()
    _check_address(table, file.at("server"))
    check_access(table, file.at("server"))
    _check_keeping(table, file.at("server"))
    raw_curves = checked(document.get("curves", {}), dict[str, Entry], file.at("curves")) or {}
    curves = {name: _curve(name, raw, file.at("curves").at(name)) for name, raw in raw_curves.items()}
    raw_shelves = checked(document.get("shelves", {}), dict[str, Entry], file.at("shelves")) or {}
    if not document.get("shelves"):
        file.fault("has no shelf; describe one in [shelves.NAME]")
    reader = _ShelfReader(kinds, curves)
    shelves = [reader.shelf(name, raw, file.at("shelves").at(name)) for name, raw in raw_shelves.items()]
    whole = tuple(shelf for shelf in shelves if shelf is not None)
    allowed = allow_config(table.allow, raw_shelves, file.at("server").at("allow"))
    tls, place = None, file.at("server").at("tls")
    if table.tls is not None:
        tls = tls_files(table.tls, place)
        allowed += allow_file(table.tls, allowed, raw_shelves, place.at(ALLOW))
    return ServerConfig(
        shelves=whole,
        address=table.address,
        port=table.port,
        plain=table.plain,
        state=None if table.state is None else Path(table.state),
        on_alarm=table.on_alarm,
        limits=LimitsConfig(**structs.asdict(table.limits)),
        plain_role=table.plain_role,
        socket=None if table.socket is None else Path(table.socket),
        tls=tls,
        allow=allowed,
    )


def _check_address(table: ServerTable, place: Place) -> None:
    if table.plain and table.tls is not None:
        place.at("plain").fault("cannot be with [server.tls], which every address then speaks; take one of them out")
    if table.address is None:
        return
    if fault := host_fault(table.address):
        place.at("address").fault(fault)
    elif is_loopback(table.address) is False and not table.plain and table.tls is None:
        place.at("address").fault(
            f"{table.address} can be reached from outside, and nothing is encrypted or asks who it is; "
            "give [server.tls], or say plain = true to let everybody there in, with a plain_role, or leave the "
            "address out"
        )


def _check_keeping(table: ServerTable, place: Place) -> None:
    if table.state is not None and not Path(table.state).is_absolute():
        place.at("state").fault(f"{table.state!r} is not an absolute path")
    if table.on_alarm and not table.on_alarm[0]:
        place.at("on_alarm").fault('names no program; give it and its arguments, like ["/usr/local/bin/notify"]')
    if any("\0" in word for word in table.on_alarm):
        place.at("on_alarm").fault("a word cannot contain the character NUL")


def _curve(name: str, raw: object, place: Place) -> FamilyLaw | None:
    table = checked(raw, CurveTable, place)
    if table is None:
        return None
    wrong = point_faults(table.kind, table.points)
    for fault in wrong:
        place.at("points").fault(fault)
    critical = table.critical
    if critical is not None and not -20 < critical < 125:
        place.at("critical").fault(f"{critical:g} °C is no temperature between -20 and 125")
    elif critical is not None and not wrong and critical <= table.points[0][0]:
        place.at("critical").fault(f"{critical:g} °C is not above the first point, so that no point ever counts")
    return FamilyLaw(
        name=name,
        curve=CURVES[table.kind](
            tuple((Celsius(point[0]), Percent(point[1])) for point in table.points if not wrong)
        ),
        critical=None if critical is None else Celsius(critical),
        hysteresis=Celsius(table.hysteresis),
        average=table.combine == "average",
    )


class _ShelfReader:
    """Reads the shelves of one file; ``curves`` has None for one that has faults of its own."""

    def __init__(self, kinds: Kinds, curves: Mapping[str, FamilyLaw | None]) -> None:
        self._devices = DeviceReader(kinds)
        self._curves = curves

    def shelf(self, name: str, raw: object, place: Place) -> ShelfConfig | None:
        """One shelf, its faults noted; None if too little is left of it."""
        if fault := name_fault(name):
            place.fault(fault)
        table = checked(raw, ShelfTable, place)
        if table is None:
            return None
        for key, duty in (("on_lost", table.on_lost), ("on_stalled", table.on_stalled)):
            if duty < table.floor:
                place.at(key).fault(f"{duty:g} % is under the floor of {table.floor:g} %")
        if not table.curves:
            place.at("curves").fault('is empty; give the curve of each family, like { hdd = "drives" }')
        if not table.devices:
            place.at("devices").fault("is empty; a shelf has at least one device")
        devices = self._devices.devices(table.devices, place.at("devices"), partial(_check_family, table))
        self._check_curves(table, {device.family for device in devices if device.family}, place.at("curves"))
        law = ShelfLaw(
            families={family: law for family, curve in table.curves.items() if (law := self._curves.get(curve))},
            floor=Percent(table.floor),
            on_lost=Percent(table.on_lost),
            on_stalled=Percent(table.on_stalled),
            fall=Percent(table.fall / 60),
        )
        return ShelfConfig(name, law, devices)

    def _check_curves(self, table: ShelfTable, given: set[str], place: Place) -> None:
        families = {*FAMILIES, *given}
        for family, curve in table.curves.items():
            if curve not in self._curves:
                remedy = meant(curve, self._curves) or f"; describe it in [curves.{curve}]"
                place.at(family).fault(f"there is no curve {curve!r}{remedy}")
            if family not in families and (guess := meant(family, families)):
                place.fault(f"no device is of family {family!r}{guess}")


def _check_family(shelf: ShelfTable, family: str, place: Place) -> None:
    if family in shelf.curves or (family == "nvme" and "ssd" in shelf.curves):
        return
    remedy = meant(family, shelf.curves) or f"; give it one in the shelf's curves, like {{ {family} = ... }}"
    place.fault(f"the shelf has no curve for family {family!r}{remedy}")
