"""What the configuration asks of the registry of drivers, and how an entry's kind is told from its keys."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Protocol, TypeVar

from msgspec.structs import fields

from fand.config.checked import Place, meant
from fand.exceptions import DriverError
from fand.ports import FanKind, SensorKind, TachometerKind


class Kinds(Protocol):
    """The kinds of drivers there are. The module :mod:`fand.drivers` is one; tests make their own.

    The lists of names import no driver; asking for one imports it.
    """

    def sensor_kinds(self) -> Iterable[str]:
        """The names of the sensor kinds."""
        ...

    def sensor_kind(self, name: str) -> SensorKind:
        """:raises LookupError: there is none of that name"""
        ...

    def fan_kinds(self) -> Iterable[str]:
        """The names of the fan kinds."""
        ...

    def fan_kind(self, name: str) -> FanKind:
        """:raises LookupError: there is none of that name"""
        ...

    def tachometer_kinds(self) -> Iterable[str]:
        """The names of the tachometer kinds."""
        ...

    def tachometer_kind(self, name: str) -> TachometerKind:
        """:raises LookupError: there is none of that name"""
        ...


class _Kind(Protocol):
    @property
    def Settings(self) -> type:  # noqa: N802 - a class
        ...


K = TypeVar("K", bound=_Kind)


def choose(
    what: str,
    entry: Mapping[str, Any],
    names: Collection[str],
    kind: Callable[[str], K],
    place: Place,
) -> tuple[str, K] | None:
    """The kind of ``entry``: the one of ``names`` that is a key of it. ``what`` is "sensor", "fan" or "tachometer".

    Where two are, one may be a mere setting of the other, as ``pwm`` is of ``{ hwmon = "nct6798", pwm = 2 }``.
    """
    found: dict[str, K] = {}
    for name in sorted(key for key in entry if key in names):
        try:
            found[name] = kind(name)
        except (LookupError, ImportError, DriverError) as error:
            place.fault(f"{what} kind '{name}' cannot be used: {error}")
            return None
    alone = [
        name
        for name in found
        if not any(_has_field(other.Settings, name) for key, other in found.items() if key != name)
    ]
    if len(alone) == 1:
        return alone[0], found[alone[0]]
    if found:
        place.fault(f"is of several {what} kinds at once ({', '.join(found)}); give one entry for each")
        return None
    guesses = [guess for key in entry if (guess := meant(key, names))]
    remedy = guesses[0] if guesses else f"; give one of the keys {', '.join(sorted(names))}"
    place.fault(f"names no {what} kind{remedy}")
    return None


def _has_field(settings: type, name: str) -> bool:
    return any(field.encode_name == name for field in fields(settings))
