"""The fan client's part of a file: whom it asks, and what it drives."""

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from fand.config.address import server_addresses
from fand.config.checked import Place, checked, shown
from fand.config.kinds import Kinds, choose
from fand.config.names import name_fault
from fand.config.tables import ClientTable, FanTable
from fand.config.values import ClientConfig, FanConfig, TachometerConfig
from fand.ports import MOST_FANS
from fand.units import Percent, Rpm, Seconds


def client_config(raw: object, kinds: Kinds, place: Place) -> ClientConfig | None:
    """What ``raw``, the table ``[client]``, says, its faults noted; None if too little is left of it."""
    table = checked(raw, ClientTable, place)
    if table is None:
        return None
    if fault := name_fault(table.shelf):
        place.at("shelf").fault(fault)
    if table.lease < 2 * table.interval:
        place.at("lease").fault(
            f"{table.lease:g} s is shorter than two intervals of {table.interval:g} s, so that one lost answer "
            "would end it; lengthen the lease or shorten the interval"
        )
    if table.state is not None and not Path(table.state).is_absolute():
        place.at("state").fault(f"{table.state!r} is not an absolute path")
    servers = server_addresses(table.servers, place.at("servers"))
    fans = _fans(table, kinds, place)
    return ClientConfig(
        shelf=table.shelf,
        servers=servers,
        fans=fans,
        interval=Seconds(table.interval),
        lease=Seconds(table.lease),
        failsafe=Percent(table.failsafe),
        state=None if table.state is None else Path(table.state),
    )


def _fans(table: ClientTable, kinds: Kinds, place: Place) -> tuple[FanConfig, ...]:
    if not table.fans:
        place.at("fans").fault("is empty; describe at least one fan in [[client.fans]]")
    if len(table.fans) > MOST_FANS:
        place.at("fans").fault(
            f"{len(table.fans)} are more than the {MOST_FANS} of one shelf; make it several shelves"
        )
    fans: list[FanConfig] = []
    for number, entry in enumerate(table.fans, 1):
        fan = _fan(entry, kinds, place.at("fans").at(number))
        if fan is None:
            continue
        if table.failsafe < fan.floor:
            place.at("failsafe").fault(f"{table.failsafe:g} % is under the floor of {fan.floor:g} % of {fan.name!r}")
        if same := [other.name for other in fans if _same_output(fan, other)]:
            place.at("fans").at(number).fault(f"drives the same output as {same[0]!r}")
        fans.append(fan)
    for name, count in Counter(fan.name for fan in fans).items():
        if count > 1:
            place.at("fans").fault(f"{count} fans are called {name!r}; give each a name of its own")
    return tuple(fans)


def _fan(entry: object, kinds: Kinds, place: Place) -> FanConfig | None:
    if not isinstance(entry, dict):
        place.fault(f'expected a table like {{ name = "front", hwmon = "nct6798", pwm = 2 }}, not {shown(entry)}')
        return None
    generic = FanTable.__struct_fields__
    own = {key: value for key, value in entry.items() if key not in generic}
    table = checked({key: entry[key] for key in entry if key in generic}, FanTable, place)
    if table is not None:
        _check_fan(table, place)
    chosen = choose("fan", own, frozenset(kinds.fan_kinds()), kinds.fan_kind, place)
    if chosen is None:
        return None
    name, kind = chosen
    settings: Any = checked(own, kind.Settings, place, generic)
    tachometer = None
    if table is not None and table.least_rpm > 0 and "tachometer" not in entry:
        place.at("least_rpm").fault("nothing measures the fan; give its tachometer as well")
    if "tachometer" in entry:
        tachometer = _tachometer(entry["tachometer"], own.get("hwmon"), kinds, place.at("tachometer"))
    if settings is None or table is None:
        return None
    limits = (Percent(table.floor), table.allow_stop, Rpm(table.least_rpm))
    return FanConfig(table.name, name, settings, tachometer, *limits)


def _same_output(one: FanConfig, other: FanConfig) -> bool:
    """Whole numbers and text say which output it is; fractions, switches and what is left out only tune it."""
    settings = (msgspec.structs.asdict(fan.settings) for fan in (one, other))  # type: ignore[arg-type]
    telling = [
        {key: value for key, value in fields.items() if not isinstance(value, bool | float | None)}
        for fields in settings
    ]
    common = telling[0].keys() & telling[1].keys()
    return one.kind == other.kind and bool(common) and all(telling[0][key] == telling[1][key] for key in common)


def _check_fan(table: FanTable, place: Place) -> None:
    if fault := name_fault(table.name):
        place.at("name").fault(fault)
    elif "/" in table.name or table.name.startswith("."):  # it names files
        place.at("name").fault(f"{table.name!r} begins with a dot or contains a slash")
    if table.floor == 0 and not table.allow_stop:
        place.at("floor").fault("0 would stop the fan; say allow_stop = true as well, or give a floor above 0")


def _tachometer(raw: object, chip: object, kinds: Kinds, place: Place) -> TachometerConfig | None:
    """``chip`` is the hwmon chip of the fan itself, to which a mere number refers; None if it is on none."""
    if isinstance(raw, int) and not isinstance(raw, bool) and chip is None:
        place.fault(f'{shown(raw)} is for hwmon fans; give a table like {{ gpiod = "gpiochip0", line = 17 }}')
        return None
    if isinstance(raw, int) and not isinstance(raw, bool):
        raw = {"hwmon": chip, "fan": raw}
    if not isinstance(raw, dict):
        place.fault(f'expected a number or a table like {{ hwmon = "nct6798", fan = 2 }}, not {shown(raw)}')
        return None
    chosen = choose("tachometer", raw, frozenset(kinds.tachometer_kinds()), kinds.tachometer_kind, place)
    if chosen is None:
        return None
    name, kind = chosen
    settings: Any = checked(raw, kind.Settings, place)
    return None if settings is None else TachometerConfig(name, settings)
