"""Plans: a world and the faults that befall it, as values that can be drawn, saved, cut down and played again."""

from pathlib import Path
from random import Random
from typing import Final

import msgspec

from tests.simulation.world import World, draw_world

HOUR: Final = 3600.0


class Fault(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something that goes wrong at ``at`` seconds and ``lasts`` so long.

    ``shelf`` and ``index`` are numbers: of the shelf, and of the device, the fan or the server that has it; what
    ``amount`` means depends on the ``kind``.
    """

    kind: str
    at: float
    lasts: float = 0.0
    shelf: int = 0
    index: int = 0
    amount: float = 0.0

    @property
    def end(self) -> float:
        """When it is over."""
        return self.at + self.lasts

    def __str__(self) -> str:
        amount = f" {self.amount:g}" if self.amount else ""
        return f"{self.at:9.1f} +{self.lasts:<7.1f} {self.kind}{amount} (shelf {self.shelf}, number {self.index})"


class Plan(msgspec.Struct, frozen=True):
    """All that a run depends on. ``note`` says why it was kept."""

    world: World
    seconds: float
    faults: tuple[Fault, ...]
    note: str = ""

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n")


def load(path: Path) -> Plan:
    """Read what :meth:`Plan.save` wrote."""
    return msgspec.json.decode(path.read_bytes(), type=Plan)


SENSOR: Final = (
    "stuck",
    "lost",
    "nan",
    "absurd",
    "raises",
    "nonsense",
    "hangs",
    "slow",
    "says asleep",
    "swapped",
    "drops",
    "jumps",
    "sleeps",
)
FAN: Final = (
    "stalled",
    "dead",
    "tachometer zero",
    "tachometer unknown",
    "tachometer error",
    "tachometer reversed",
    "firmware",
    "refuses",
    "frozen",
)
CLIENT: Final = ("client killed", "client hung", "client restarted", "client loop hung")
CLIENT_HOST: Final = ("client host suspended", "client clock")
SERVER: Final = ("server killed", "server hung", "server restarted")
RELOAD: Final = ("reload", "reload warmer", "reload refused", "reload hangs")
PEER: Final = ("peer babbles", "peer floods", "peer stops", "peers crowd")
SERVER_HOST: Final = ("server host suspended", "server clock")
DISK: Final = ("disk full", "disk slow", "disk hangs", "disk damaged")
NETWORK: Final = ("partition", "reset", "refusal", "corruption", "doubles", "slow network")
WORLD: Final = ("heat",)
OPERATOR: Final = ("override", "override removed", "expiry")

GROUPS: Final = (
    (6, SENSOR),
    (4, FAN),
    (3, CLIENT),
    (1, CLIENT_HOST),
    (2, SERVER),
    (1, RELOAD),
    (1, PEER),
    (1, SERVER_HOST),
    (1, DISK),
    (4, NETWORK),
    (1, WORLD),
    (3, OPERATOR),
)


def draw(seed: int, hours: float, pace: float | None = None) -> Plan:
    """The plan of ``seed``, with a calm end. ``pace``: so many faults befall a shelf in an hour."""
    chance = Random(f"plan {seed}")
    world = draw_world(seed)
    seconds = hours * HOUR
    faults: list[Fault] = []
    drawn = chance.choice((0.0, 1.0, 2.0, 4.0, 8.0, 16.0))
    pace = (drawn if pace is None else pace) * len(world.shelves)
    at = chance.choice((0.0, chance.uniform(0.0, 900.0)))
    while pace and at < seconds - 0.3 * HOUR:
        fault = _fault(chance, world, at, seconds)
        faults += [fault, *_sequel(chance, world, fault, seconds)]
        at += chance.expovariate(pace / HOUR)
    return Plan(world, seconds, tuple(sorted(faults, key=lambda fault: fault.at)))


def _sequel(chance: Random, world: World, fault: Fault, seconds: float) -> list[Fault]:
    """What often follows: troubles come together, and an override is given an end."""
    if chance.random() > 0.4:
        return []
    at = round(min(fault.at + fault.lasts * chance.uniform(0.1, 1.1), seconds - 1.0), 3)
    after = _fault(chance, world, at, seconds)
    changes: dict[str, object] = {}
    if fault.kind == "override":
        changes = {"kind": "expiry", "amount": chance.choice((5.0, 60.0, 300.0))}
    elif fault.kind in SENSOR and chance.random() < 0.7:
        changes = {"kind": chance.choice(("lost", "hangs", "raises"))}
    same = {"at": at, "shelf": fault.shelf, "index": fault.index}
    if not changes and (after.kind in SENSOR) != (fault.kind in SENSOR):
        same = {"at": at}
    if not changes and (after.kind in FAN) != (fault.kind in FAN):
        same = {"at": at}
    if not changes and after.kind in (*SERVER, *SERVER_HOST, *DISK, *NETWORK, *OPERATOR, *RELOAD, *PEER):
        same = {"at": at}
    return [msgspec.structs.replace(after, **same, **changes)]


def _fault(chance: Random, world: World, at: float, seconds: float) -> Fault:
    kinds = chance.choices([kinds for _, kinds in GROUPS], [weight for weight, _ in GROUPS])[0]
    kind = chance.choice(kinds)
    shelf = chance.randrange(len(world.shelves))
    spec = world.shelves[shelf]
    lasts = min(chance.choice((2.0, 10.0, 40.0, 150.0, 400.0, 1500.0)) * chance.uniform(0.5, 1.5), seconds - at)
    index, amount = 0, 0.0
    if kinds is SENSOR:
        index = chance.randrange(len(spec.drives))
        if kind == "stuck":
            amount = float(chance.randint(20, 40))
        elif kind == "absurd":
            amount = chance.choice((-300.0, -20.0, 125.0, 255.0, 1e9))
        elif kind == "slow":
            amount = chance.choice((0.3, 0.9, 1.5, 4.0)) * spec.drives[index].timeout
        elif kind in ("drops", "jumps"):
            # a drop that only a disk drive's weight makes impossible
            kind = "jumps" if spec.drives[index].family != "hdd" else kind
            amount = chance.choice((20.0, 25.0))
    elif kinds is FAN:
        index = chance.randrange(len(spec.fans))
        amount = chance.choice((0.0, 20.0, 35.0, 100.0))
    elif kinds in (SERVER, RELOAD, PEER, SERVER_HOST, DISK, NETWORK, OPERATOR):
        index = chance.randrange(world.servers)
        if kind == "corruption":
            amount = chance.choice((0.02, 0.3))
        elif kind == "slow network":
            amount = chance.choice((1.0, 3.0, 12.0))
        elif kind == "override":
            amount = float(chance.choice((0, 20, 25, 40, 70, 100)))
        elif kind == "expiry":
            amount = chance.choice((60.0, 600.0, 3600.0, 1e6))
    elif kind == "heat":
        amount = chance.choice((5.0, 10.0, 16.0))
    if kind.endswith("clock"):
        amount = chance.choice((3600.0, -3600.0, 86400.0, -86400.0, 3e8, -3e8, 2e9, -1.6e9, 5.0))
    return Fault(kind, round(at, 3), round(lasts, 3), shelf, index, amount)
