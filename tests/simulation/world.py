"""What an installation is made of, as values: all of it is drawn from a seed, and can be saved."""

from random import Random
from typing import Final

import msgspec

from fand.control import CURVES, FamilyLaw, ShelfLaw
from fand.sim import HDD, Drive
from fand.units import Celsius, Percent


class CurveSpec(msgspec.Struct, frozen=True):
    """A family's curve and what goes with it."""

    kind: str
    points: tuple[tuple[float, float], ...]
    critical: float
    hysteresis: float = 2.0
    average: bool = False


class DriveSpec(msgspec.Struct, frozen=True):
    """A device. ``smart``: it is read by the real smartctl driver, over a simulated smartctl. ``twin``: it is a
    second sensor of the drive of that number, and no drive of its own.
    """

    name: str
    family: str
    interval: float
    timeout: float
    smart: bool = False
    optional: bool = False
    resolution: float = 0.1
    twin: int | None = None


class FanSpec(msgspec.Struct, frozen=True):
    """A fan. ``tachometer``: it has one; ``resolution`` is that of its PWM, in percent."""

    name: str
    floor: float = 20.0
    allow_stop: bool = False
    tachometer: bool = True
    resolution: float = 0.2
    full: float = 2000.0


class ShelfSpec(msgspec.Struct, frozen=True):
    """A shelf, its fan client, and what acts on it.

    ``ambient`` is the mean of the incoming air and ``swing`` by how much a day makes it rise and fall, in °C;
    ``restless`` is the mean number of changes of load that a drive sees in an hour.
    """

    name: str
    drives: tuple[DriveSpec, ...]
    fans: tuple[FanSpec, ...]
    lanes: int
    curves: dict[str, CurveSpec]
    floor: float
    on_lost: float
    fall: float
    interval: float
    lease: float
    failsafe: float
    latency: float
    split: float
    ambient: float
    swing: float
    restless: float

    def law(self, extra: float = 0.0) -> ShelfLaw:
        """The law of this shelf, as the server's configuration would have it; its floor is higher by ``extra``."""
        families = {
            family: FamilyLaw(
                name=family,
                curve=CURVES[curve.kind](tuple((Celsius(c), Percent(d)) for c, d in curve.points)),
                critical=Celsius(curve.critical),
                hysteresis=Celsius(curve.hysteresis),
                average=curve.average,
            )
            for family, curve in self.curves.items()
        }
        return ShelfLaw(
            families, floor=Percent(self.floor + extra), on_lost=Percent(self.on_lost), fall=Percent(self.fall)
        )


class World(msgspec.Struct, frozen=True):
    """An installation. Every one of its ``servers`` serves all shelves; fan clients ask all of them (C3).

    ``watchdog`` is the units' ``WatchdogSec=``, ``restart`` their ``RestartSec=``.
    """

    seed: int
    shelves: tuple[ShelfSpec, ...]
    servers: int
    watchdog: float
    restart: float


PROBE: Final = Drive(capacity=1.0, idle=0.0, busy=0.0, asleep=0.0, still=0.001, forced=0.001)
"""A sensor that is no drive."""

HEAT: Final = {
    "hdd": HDD,
    # a flash drive is a plate of a few grams on a heat spreader, and warms in a minute
    "ssd": Drive(capacity=60.0, idle=1.0, busy=4.5, asleep=0.3, still=0.06, forced=0.30),
    "nvme": Drive(capacity=40.0, idle=1.5, busy=7.0, asleep=0.5, still=0.07, forced=0.40),
    # a processor under a cooler of some hundred grams
    "cpu": Drive(capacity=200.0, idle=8.0, busy=45.0, asleep=4.0, still=0.4, forced=3.0),
}
"""What each family is to heat."""


def draw_world(seed: int) -> World:
    """The installation of ``seed``."""
    chance = Random(f"world {seed}")
    count = chance.choice((1, 2, 3, 4, 4))
    return World(
        seed=seed,
        shelves=tuple(_shelf(chance, f"shelf{number}") for number in range(1, count + 1)),
        servers=chance.choice((1, 1, 1, 1, 1, 2)),
        watchdog=chance.choice((20.0, 30.0, 60.0, 60.0)),
        restart=chance.choice((1.0, 1.0, 2.0)),
    )


def _shelf(chance: Random, name: str) -> ShelfSpec:
    mix = chance.choice((("hdd",), ("hdd",), ("hdd", "ssd"), ("hdd", "nvme"), ("nvme",), ("hdd", "cpu")))
    count = chance.choice((1, 2, 2, 3, 4, 6, 12) if mix == ("hdd",) else (2, 2, 3, 4, 4, 6, 8))
    drives = tuple(_drive(chance, f"{name}-d{number}", mix[number * len(mix) // count]) for number in range(count))
    interval = chance.choice((5.0, 10.0, *(20.0,) * 6))
    floor = chance.choice((20.0, 20.0, 25.0, 30.0))
    fans = tuple(_fan(chance, f"fan{number}", floor) for number in range(chance.choice((1, 1, 2, 3))))
    return ShelfSpec(
        name=name,
        drives=drives,
        fans=fans,
        lanes=max(1, count // chance.choice((1, 2, 3))),
        curves={family: _curve(chance, family) for family in sorted(set(mix))},
        floor=floor,
        on_lost=chance.choice((100.0, 100.0, 100.0, 80.0)),
        fall=chance.choice((0.5, 1.0, 1.0, 5.0)),
        interval=interval,
        lease=4 * interval,
        failsafe=chance.choice((100.0, 100.0, 100.0, 85.0)),
        latency=chance.choice((0.0005, 0.002, 0.02, 0.1)),
        split=chance.choice((0.0, 0.02, 0.2)),
        ambient=chance.uniform(17.0, 25.0),
        swing=chance.choice((0.0, 2.0, 4.0)),
        restless=chance.choice((1.0, 3.0, 6.0)),
    )


def _drive(chance: Random, name: str, family: str) -> DriveSpec:
    smart = family != "cpu" and chance.random() < 0.5
    often = chance.random() < 0.02
    return DriveSpec(
        name=name,
        family=family,
        interval=5.0
        if often
        else chance.choice(
            (10.0, 30.0, 30.0, 60.0, 60.0) if family in ("cpu", "nvme") else (30.0, 60.0, 120.0, 120.0, 120.0)
        ),
        timeout=chance.choice((2.0, 5.0, 25.0)),
        smart=smart,
        optional=chance.random() < 0.1,
        resolution=1.0 if smart else 0.1,
    )


def _fan(chance: Random, name: str, floor: float) -> FanSpec:
    return FanSpec(
        name=name,
        floor=chance.choice((20.0, floor, floor, 35.0)),
        tachometer=chance.random() < 0.8,
        resolution=chance.choice((0.0, 0.2, 0.2)),
        full=chance.choice((1200.0, 2000.0, 3500.0)),
    )


def _curve(chance: Random, family: str) -> CurveSpec:
    low, high, critical = {
        "hdd": (29.0, 42.0, 50.0),
        "ssd": (34.0, 52.0, 62.0),
        "nvme": (38.0, 62.0, 75.0),
        "cpu": (42.0, 72.0, 88.0),
    }[family]
    middle = (low + high) / 2
    kind = chance.choice(("linear", "linear", "step"))
    least, half = chance.choice((20.0, 25.0, 30.0)), chance.choice((40.0, 50.0, 65.0))
    top = chance.choice((100.0, 100.0, 90.0))
    points: tuple[tuple[float, float], ...] = ((low, least), (middle, half), (high, top))
    if kind == "step":
        points = ((0.0, least), (low, least + 5.0), (middle, half), (high, top))
    return CurveSpec(
        kind,
        points,
        critical - chance.choice((0.0, 0.0, 4.0, 7.0)),
        hysteresis=chance.choice((0.5, 2.0, 3.0)),
        average=family == "hdd" and chance.random() < 0.1,
    )
