"""Shelves to try things on."""

from datetime import datetime

from fand.control import FamilyLaw, Linear, ShelfLaw, Watch
from fand.dispatch import ALL, Answer, Grant, Hall, Peer, Shelf, Slot, answer
from fand.ports import Temperature
from fand.units import Celsius, Moment, Percent, Seconds, Timestamp
from fand.wire import Request

CURVE = Linear(((Celsius(30), Percent(25)), (Celsius(40), Percent(75))))
LAW = ShelfLaw({"hdd": FamilyLaw("drives", CURVE, critical=Celsius(50))})
WALL = 1_700_000_000.0


def at(seconds: float) -> Moment:
    """``seconds`` after the start, on both clocks."""
    return Moment(Seconds(seconds), Timestamp(WALL + seconds))


def slot(name: str, *, interval: float = 10.0, optional: bool = False, position: str = "") -> Slot:
    return Slot(name, "fake", Watch(Seconds(interval), optional), position)


def shelf(name: str = "shelf1", devices: tuple[str, ...] = ("a", "b"), law: ShelfLaw = LAW) -> Shelf:
    return Shelf(name, law, [slot(device) for device in devices])


def warm(what: Shelf, celsius: float = 30.0, seconds: float = 0.0) -> Shelf:
    """``what`` with a good reading of every device."""
    for device in what.devices:
        what.observe(device.name, Temperature(Celsius(celsius), Seconds(seconds)), "hdd")
    return what


def instant(when: datetime) -> Timestamp:
    """Local time is UTC+1 here."""
    return Timestamp(when.timestamp() if when.tzinfo else (when - datetime(1970, 1, 1, 1)).total_seconds())


def hall(*shelves: Shelf) -> Hall:
    return Hall(shelves or (warm(shelf()),), instant)


def peer(seconds: float = 0.0, grant: Grant = ALL) -> Peer:
    return Peer("192.0.2.1:4000", Seconds(seconds), grant=grant)


def ask(where: Hall, request: Request, *args: object, who: Peer | None = None, now: float = 1.0) -> Answer:
    """The answer to a request, which must be granted."""
    given = answer(where, request, args, who or peer(now), at(now))
    assert given is not None
    return given
