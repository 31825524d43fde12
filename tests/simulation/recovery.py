"""Recovery: so long after the last fault, a shelf is quiet again. No alarm stands, and its fans do no more than its
temperatures ask for.
"""

from math import inf
from typing import Final

from fand.control import Sort
from tests.simulation.invariants import CONNECTING, ROUNDING, SLACK, ShelfMonitor
from tests.simulation.operators import LATE
from tests.simulation.oracle import budget
from tests.simulation.world import ShelfSpec, World

WATCHED: Final = 45.0
"""Seconds for which a fan that stalled, or that could not be driven, stays at full speed after that (30 s), with the
rounds in which that is found.
"""
STEPS: Final = 20
"""A fan client comes down from full speed in so many steps, of one interval each."""

EVERY: Final = 60.0


def recovery(spec: ShelfSpec, world: World) -> float:
    """After how many seconds without a fault the shelf is quiet."""
    known = max(budget(drive.interval) + drive.interval + drive.timeout for drive in spec.drives)
    served = 2 * spec.lease + CONNECTING
    driven = world.watchdog + world.restart + WATCHED + 2 * spec.interval
    falls = 100.0 / spec.fall + STEPS * spec.interval
    return known + served + driven + falls + SLACK


class Quiet:
    """Watches that one shelf comes to rest, and stays so as long as nothing goes wrong."""

    def __init__(self, monitor: ShelfMonitor, world: World) -> None:
        self._monitor = monitor
        self._settling = recovery(monitor.rack.spec, world)
        self._ordered = max(self._settling, LATE + 100.0 / monitor.rack.spec.fall)
        self._next = 0.0
        self.seconds = 0.0
        """How long it was quiet, all in all."""

    def holds(self, now: float) -> bool:
        """Whether it must be quiet now."""
        monitor = self._monitor
        parts = (*monitor.sensors, *monitor.fans, *monitor.rotors, monitor.serving, monitor.driving)
        return (
            now > self._settling + 60.0
            and not any(part.lasts(now, self._settling) for part in parts)
            and not monitor.orders.lasts(now, self._ordered)
        )

    def check(self, alarms: tuple[Sort, ...], least_override: float) -> None:
        """See that the shelf, which must be quiet, is. ``least_override`` is infinite without one."""
        monitor = self._monitor
        spec, rack = monitor.rack.spec, monitor.rack
        now = rack.engine.now
        self.seconds += EVERY
        for sort in alarms:
            if sort is not Sort.CRITICAL:
                monitor.violated("recovery", f"{spec.name}: the alarm {sort.value} stands after all is well")
        known = 2 * max(drive.interval for drive in spec.drives) + SLACK
        most = monitor.most(now - 100.0 / spec.fall - known, max(fan.duty for fan in rack.fans))
        if least_override < inf:
            most = max(most, least_override)
        for fan in rack.fans:
            if fan.duty > max(most, fan.spec.floor) + ROUNDING + fan.spec.resolution + 0.5:
                text = f"{spec.name} {fan.spec.name} still does {fan.duty:.2f} % where {most:.2f} % is enough"
                monitor.violated("recovery", text)
