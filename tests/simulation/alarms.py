"""Alarms: what lasts longer than its detection takes must stand in the status of every server that can know it."""

from typing import Final

from fand.control import Sort
from tests.simulation.faults import UNKNOWABLE
from tests.simulation.invariants import SLACK
from tests.simulation.oracle import budget
from tests.simulation.plan import Fault
from tests.simulation.world import ShelfSpec

SILENT_AFTER: Final = 40.0
"""Two leases of the usual length: what a server takes for silence, whatever the client's own lease (S7)."""
LOOKED_AFTER: Final = 5.0
"""A server looks after all its shelves at least so often."""

Expected = tuple[float, frozenset[Sort], str]
"""After how many seconds, one of which alarms must stand, about what."""


def expected(spec: ShelfSpec, fault: Fault) -> Expected | None:
    """The alarm that ``fault`` must bring about; None if it need not bring about any."""
    kind = fault.kind
    if kind in UNKNOWABLE or kind == "slow":
        drive = spec.drives[fault.index]
        if drive.optional or (kind == "slow" and fault.amount <= drive.timeout):
            return None
        late = budget(drive.interval) + drive.timeout + SLACK
        return late, frozenset({Sort.LOST, Sort.UNANSWERED}), drive.name
    if kind in ("stalled", "dead") and spec.fans[fault.index].tachometer:
        return stall_found(spec), frozenset({Sort.STALLED}), spec.fans[fault.index].name
    if kind in ("refuses", "frozen"):
        late = 3 * spec.interval + 5.0
        return late, frozenset({Sort.FAULT, Sort.SILENT}), ""
    if kind == "firmware":
        return 2 * spec.interval + 7.0 + SLACK, frozenset({Sort.TAKEN, Sort.STALLED}), spec.fans[fault.index].name
    if kind == "partition":
        return max(SILENT_AFTER, spec.interval) + LOOKED_AFTER + SLACK, frozenset({Sort.SILENT}), ""
    return None


def stall_found(spec: ShelfSpec) -> float:
    """After how many seconds a fan that stands still is known to (S6): a change may excuse it for 10 s, three
    measurements follow, and the server hears of it in the next round.
    """
    return 10.0 + 5 * spec.interval + SLACK
