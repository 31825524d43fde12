"""What processes must do by themselves.

A fan that cannot be driven is handed over to its own full speed, is told of, and feeds no watchdog (C1, C2). What is
told of a fan is what it does. A fan that is driven turns. Where nothing is wrong, no watchdog ends anything.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

from fand.control import Sort
from fand.fanclient.output import RETRY
from tests.simulation.host import ABORT, STOP_POST
from tests.simulation.invariants import CONNECTING, SLACK
from tests.simulation.plan import Fault
from tests.simulation.servers import Server

if TYPE_CHECKING:
    from tests.simulation.run import Simulation

LOOKED_AFTER: Final = 5.0
"""A server reviews its alarms at least so often."""
EVERY: Final = 15.0
NEAR: Final = 1.0
"""Percent by which a duty told may differ from the true one: roundings."""


def watch(sim: Simulation, fault: Fault) -> None:
    """See what follows from ``fault``, which begins now."""
    if fault.kind not in ("refuses", "frozen"):
        return
    world, spec = sim.plan.world, sim.plan.world.shelves[fault.shelf]
    found = min(spec.interval, world.watchdog / 3) + 2 * RETRY + SLACK
    again = found + world.watchdog + ABORT + STOP_POST + world.restart + SLACK
    told = again + 2 * spec.interval + 6 * spec.latency + LOOKED_AFTER + SLACK
    # what is frozen is noticed only when it should change
    refused = ((found, _handed_over), (again, _started_again), (told, _told)) if fault.kind == "refuses" else ()
    for late, check in (*refused, (told, _true)):
        if fault.lasts > late:
            sim.engine.after(late, check, sim, fault)


def _alone(sim: Simulation, fault: Fault) -> bool:
    """Whether nothing else is wrong, nor was lately, with what ``fault`` touches."""
    monitor, now = sim.monitors[fault.shelf], sim.engine.now
    parts = (monitor.serving, monitor.driving, *monitor.fans)
    return (
        sum(part.count for part in parts) == 3  # the fan, and the process that drives it
        and all(now > part.ended + monitor.rack.spec.lease + CONNECTING for part in parts)
        and now > fault.at
    )


def _handed_over(sim: Simulation, fault: Fault) -> None:
    fan = sim.racks[fault.shelf].fans[fault.index]
    taken = sim.clients[fault.shelf].began < fault.at - SLACK
    if fan.yielding and taken and _alone(sim, fault) and fan.duty < 100.0:
        sim.violated("handed over", f"{_name(sim, fault)} cannot be driven, and is left at {fan.duty:.1f} %")


def _started_again(sim: Simulation, fault: Fault) -> None:
    if _alone(sim, fault) and sim.clients[fault.shelf].began < fault.at - SLACK:
        sim.violated("watchdog", f"{_name(sim, fault)} cannot be driven, and the watchdog is fed all the same")


def _told(sim: Simulation, fault: Fault) -> None:
    if not _alone(sim, fault) or len(sim.racks[fault.shelf].fans) == 1:  # with no fan at all there is no client
        return
    name, shelf = sim.racks[fault.shelf].fans[fault.index].spec.name, sim.racks[fault.shelf].spec.name
    for unit in sim.servers:
        if not isinstance(unit.program, Server) or not unit.ready or unit.host.asleep:
            continue
        alarms = unit.program.service.hall.shelves[shelf].alarms
        if not any(alarm.sort is Sort.FAULT and alarm.subject == name for alarm in alarms):
            sim.violated("alarm", f"{_name(sim, fault)} cannot be driven, which {unit.host.name} does not tell")


def _true(sim: Simulation, fault: Fault) -> None:
    """See that nobody is told that the fan does what it does not."""
    if sim.engine.now >= fault.end:
        return
    sim.engine.after(EVERY, _true, sim, fault)
    if not _alone(sim, fault):
        return
    fan, spec = sim.racks[fault.shelf].fans[fault.index], sim.racks[fault.shelf].spec
    if sim.engine.now < sim.monitors[fault.shelf].changed_at[fault.index] + 2 * spec.interval + 6 * spec.latency:
        return  # the next report tells of it
    shelf = spec.name
    for unit in sim.servers:
        if not isinstance(unit.program, Server) or not unit.ready or unit.host.asleep:
            continue
        for told in sim.status(unit.program, shelf)["fans"]:
            duty = told["duty"]
            if told["name"] == fan.spec.name and duty is not None and abs(duty - fan.duty) > NEAR:
                sim.violated("told", f"{_name(sim, fault)} is told to do {duty:g} %, and does {fan.duty:.2f} %")


class Restarts:
    """Sees that the service managers have no reason to start again what nothing is wrong with."""

    def __init__(self, sim: Simulation) -> None:
        self._sim = sim
        self._runs = [unit.runs for unit in (*sim.servers, *sim.clients)]
        self._down = [False for _ in self._runs]

    def look(self) -> None:
        """See how often all have been started by now."""
        sim, now = self._sim, self._sim.engine.now
        sim.engine.after(EVERY, self.look)
        serving = [monitor.serving for monitor in sim.monitors]
        parts = [*(serving for _ in sim.servers), *([monitor.driving] for monitor in sim.monitors)]
        settling = 2 * (sim.plan.world.watchdog + ABORT + sim.plan.world.restart) + EVERY
        for number, unit in enumerate((*sim.servers, *sim.clients)):
            ended = (unit.program is None or unit.runs > self._runs[number]) and not self._down[number]
            if ended and not any(part.lasts(now, settling) for part in parts[number]):
                sim.violated("restart", f"{unit.host.name} was ended though nothing is wrong with it")
            self._runs[number], self._down[number] = unit.runs, unit.program is None


def look(sim: Simulation) -> None:
    """See that fans turn: those that nothing has ever been wrong with, that have a duty to turn at."""
    sim.engine.after(EVERY, look, sim)
    now = sim.engine.now
    for monitor in sim.monitors:
        monitor.rack.advance()
        for number, fan in enumerate(monitor.rack.fans):
            rotor, hardware = monitor.rotors[number], monitor.fans[number]
            excused = rotor.count or rotor.ended > -inf or hardware.lasts(now, monitor.rack.spec.interval + 2.0)
            if fan.duty >= fan.spec.floor > 0 and monitor.rack.state.rpm[number] <= 0 and not excused:
                monitor.violated(
                    "turning",
                    f"{monitor.rack.spec.name} {fan.spec.name} stands still at {fan.duty:.1f} %",
                )


def _name(sim: Simulation, fault: Fault) -> str:
    rack = sim.racks[fault.shelf]
    return f"{rack.spec.name} {rack.fans[fault.index].spec.name}"
