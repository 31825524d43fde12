"""What redundancy gives against a sensor that is stuck at a plausible value, which no software can find out.

A shelf settles idle; then the sensor of its first drive sticks at what it says, and the drives get busy in air that
has become warmer, or that drive alone does in air as before. How hot does it get, compared with the same where its
sensor is in order?
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import msgspec

from tests.simulation.plan import Fault, Plan
from tests.simulation.run import Simulation
from tests.simulation.world import CurveSpec, DriveSpec, FanSpec, ShelfSpec, World

STICKS: Final = 2400.0
ENDS: Final = 3 * 3600.0
WARMER: Final = 8.0
CRITICAL: Final = 50.0

_SHELF: Final = ShelfSpec(
    name="shelf1",
    drives=(),
    fans=(FanSpec("front"), FanSpec("rear")),
    lanes=1,
    curves={"hdd": CurveSpec("linear", ((32.0, 20.0), (44.0, 100.0)), CRITICAL)},
    floor=20.0,
    on_lost=100.0,
    fall=1.0,
    interval=20.0,
    lease=120.0,
    failsafe=100.0,
    latency=0.001,
    split=0.0,
    ambient=22.0,
    swing=0.0,
    restless=1e-9,
)


@dataclass(frozen=True)
class Row:
    """One arrangement: ``busy`` tells whether all drives get busy, or the first one only; ``twin`` whether it has a
    second sensor. ``well`` and ``stuck`` are the temperatures that the first drive comes to.
    """

    drives: int
    busy: bool
    twin: bool
    well: float
    stuck: float

    def __str__(self) -> str:
        sensors = "two sensors of it" if self.twin else "one sensor a drive"
        load = "all busy" if self.busy else "it alone busy"
        excess = self.stuck - self.well
        mark = "  critical" if self.stuck >= CRITICAL else ""
        count = f"{self.drives} drive{'s' if self.drives > 1 else ''}"
        return f"{count:<9} {load:<14} {sensors:<19} {self.well:5.1f} {self.stuck:6.1f} {excess:+6.1f}{mark}"


HEADER: Final = f"{'shelf':<9} {'load':<14} {'sensors':<19} {'well':>5} {'stuck':>6} {'more':>6}   (°C)"


def rows() -> Iterator[Row]:
    """The table."""
    for drives, busy, twin in (
        (1, True, False),
        (1, True, True),
        (2, True, False),
        (4, True, False),
        (8, True, False),
        (2, False, False),
        (4, False, False),
        (8, False, False),
        (8, False, True),
    ):
        yield row(drives, busy=busy, twin=twin)


def row(drives: int, *, busy: bool, twin: bool) -> Row:
    """One row of it."""
    well, stuck = (comes_to(drives, busy=busy, twin=twin, sticks=sticks) for sticks in (False, True))
    return Row(drives, busy, twin, well, stuck)


def comes_to(count: int, *, busy: bool, twin: bool, sticks: bool) -> float:
    """The temperature of the first of ``count`` drives in the end."""
    drives = [DriveSpec(f"d{number}", "hdd", 60.0, 5.0) for number in range(count)]
    if twin:
        drives.append(DriveSpec("twin", "hdd", 60.0, 5.0, twin=0))
    shelf = msgspec.structs.replace(_SHELF, drives=tuple(drives), lanes=max(1, count // 2))
    faults = [Fault("heat", STICKS, ENDS, amount=WARMER)] if busy else []
    world = World(1, (shelf,), 1, 30.0, 1.0)
    simulation = Simulation(Plan(world, ENDS, ()))
    rack = simulation.racks[0]
    for bay in rack.bays:
        bay.load = 0.0

    def change() -> None:
        rack.advance()
        for number, bay in enumerate(rack.bays[:count]):
            bay.load = 1.0 if busy or number == 0 else 0.0
        told = rack.bays[0].told
        if sticks:
            faults.append(Fault("stuck", STICKS, ENDS, amount=told))
        for fault in faults:
            simulation.strike(fault)

    simulation.engine.at(STICKS, None, change)
    result = simulation.play()
    assert result.violation is None, result.violation
    return rack.bays[0].seen
