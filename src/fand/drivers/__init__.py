"""Hardware drivers, one file a kind: the module's name is the kind in the configuration.

A kind is imported when it is first asked for, so a server needs no GPIO library and a fan host no smartctl.
Packages of others add kinds by entry points of the groups ``fand.sensors``, ``fand.fans`` and
``fand.tachometers``, each naming a module (or object) like the ones here; a kind that fand has itself cannot be
replaced.
"""

import sys
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, cast

from fand.exceptions import DriverError
from fand.ports import FanKind, SensorKind, TachometerKind

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


class UnknownKind(LookupError):  # noqa: N818 - like KeyError, it says what is wrong by its name
    """No driver has that name. The text names those that come close."""


def sensor_kind(name: str) -> SensorKind:
    """The sensor driver ``name``.

    :raises UnknownKind: there is none
    :raises DriverError: another package offers it, and fails to import
    """
    return cast(SensorKind, _kind("sensors", name))


def fan_kind(name: str) -> FanKind:
    """The fan driver ``name``; raises as :func:`sensor_kind`."""
    return cast(FanKind, _kind("fans", name))


def tachometer_kind(name: str) -> TachometerKind:
    """The tachometer driver ``name``; raises as :func:`sensor_kind`."""
    return cast(TachometerKind, _kind("tachometers", name))


def sensor_kinds() -> list[str]:
    """The names of all sensor drivers, sorted. Imports none of them."""
    return _names("sensors")


def fan_kinds() -> list[str]:
    """The names of all fan drivers, sorted. Imports none of them."""
    return _names("fans")


def tachometer_kinds() -> list[str]:
    """The names of all tachometer drivers, sorted. Imports none of them."""
    return _names("tachometers")


def _kind(group: str, name: str) -> Any:
    if name in _own(group):
        return import_module(f"{__name__}.{group}.{name}")
    for entry in _foreign(group):
        if entry.name == name:
            return _load(entry)
    from difflib import get_close_matches  # noqa: PLC0415 - only where something is wrong

    close = get_close_matches(name, _names(group), n=3)
    hint = f"; did you mean {' or '.join(close)}?" if close else f"; there are {', '.join(_names(group))}"
    raise UnknownKind(f"no {group[:-1]} driver is called {name!r}{hint}")


def _load(entry: "EntryPoint") -> Any:
    try:
        return entry.load()
    except Exception as error:  # whatever somebody else's module does when it is imported
        raise DriverError(f"the driver {entry.name!r} ({entry.value}) cannot be imported: {error}") from error


def _names(group: str) -> list[str]:
    return sorted({*_own(group), *(entry.name for entry in _foreign(group))})


def _own(group: str) -> Iterator[str]:
    package = import_module(f"{__name__}.{group}")
    return (module.name for module in iter_modules(package.__path__))


def _foreign(group: str) -> Iterable["EntryPoint"]:
    section = f"fand.{group}"
    if not any(_offers(Path(place), section) for place in sys.path):
        return ()
    from importlib.metadata import entry_points  # noqa: PLC0415 - 3.5 MiB of memory that few hosts need

    return entry_points(group=section)


def _offers(place: Path, section: str) -> bool:
    """Whether a package installed in ``place`` may have entry points of that group."""
    try:
        files = place.glob("*-info/entry_points.txt")
        return place.is_file() or any(f"[{section}]" in file.read_text(errors="replace") for file in files)
    except OSError:
        return True
