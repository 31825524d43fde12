"""Isolation (S9): what befalls one shelf changes nothing in another.

A plan is played twice, once with the faults of all shelves and once with those of one shelf only. What that shelf is
served and what its fans do must be the same, to the last digit and at the same instants. Faults of what shelves have
in common, such as their server, are left out of both.
"""

import msgspec

from tests.simulation.plan import CLIENT, CLIENT_HOST, FAN, NETWORK, SENSOR, WORLD, Fault, Plan
from tests.simulation.run import Simulation, Violation

OWN = frozenset((*SENSOR, *FAN, *CLIENT, *CLIENT_HOST, *NETWORK, *WORLD))
"""The kinds of faults that are of one shelf."""


def isolated(plan: Plan) -> Violation | None:
    """What one fault too many changes in the shelf that has the fewest; None if nothing."""
    faults = [fault for fault in plan.faults if fault.kind in OWN]
    shelves = range(len(plan.world.shelves))
    chosen = min(shelves, key=lambda shelf: sum(fault.shelf == shelf for fault in faults))
    alone = [fault for fault in faults if fault.shelf == chosen]
    if len(alone) == len(faults):
        return None
    with_all, by_itself = (_seen(plan, chosen, each) for each in (faults, alone))
    for one, other in zip(with_all, by_itself, strict=False):
        if one != other:
            name = plan.world.shelves[chosen].name
            return Violation("isolation", f"{name}: {one!r} with the faults of others, {other!r} without", 0.0)
    if len(with_all) != len(by_itself):
        return Violation("isolation", "more happens with the faults of others than without", 0.0)
    return None


def _seen(plan: Plan, shelf: int, faults: list[Fault]) -> list[str]:
    """All that becomes of one shelf."""
    simulation = Simulation(msgspec.structs.replace(plan, faults=tuple(faults)))
    name = plan.world.shelves[shelf].name
    lines: list[str] = []

    def listen(line: str) -> None:
        words = line.split()
        if words[1] == name or words[2:4] == ["serves", name]:
            lines.append(line)

    simulation.listen = listen
    simulation.play()
    return lines
