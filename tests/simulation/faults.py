"""What each kind of fault does when it begins and when it ends, and whose it is."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

from fand.sim import FanFault
from tests.simulation.disk import SYNC
from tests.simulation.invariants import Exposure
from tests.simulation.nuisance import Nuisance
from tests.simulation.oracle import EXTRA
from tests.simulation.plan import CLIENT, DISK, FAN, NETWORK, OPERATOR, PEER, RELOAD, SENSOR, SERVER, Fault
from tests.simulation.servers import Server

if TYPE_CHECKING:
    from tests.simulation.host import Unit
    from tests.simulation.run import Simulation

UNKNOWABLE: Final = frozenset({"lost", "nan", "absurd", "raises", "nonsense", "hangs"})
"""Sensor faults by which nothing can be known of the device, and that can be detected."""


def begin(sim: Simulation, fault: Fault) -> None:
    """``fault`` begins."""
    for exposure in _exposures(sim, fault):
        exposure.begin()
    kind, monitor = fault.kind, sim.monitors[fault.shelf]
    rack, unit = monitor.rack, sim.clients[fault.shelf]
    server = sim.servers[fault.index] if fault.index < len(sim.servers) else sim.servers[0]
    disk = sim.disks[fault.index] if fault.index < len(sim.servers) else sim.disks[0]
    monitor.check()
    if (kind in CLIENT and unit.host.asleep) or (kind in (*SERVER, *RELOAD, "disk damaged") and server.host.asleep):
        return  # nothing can be done to what sleeps
    if kind in SENSOR:
        _sensor(sim, fault)
    elif kind in FAN:
        _fan(sim, fault)
    elif kind in NETWORK:
        path = sim.path(fault)
        match kind:
            case "partition":
                path.stall()
            case "reset":
                path.reset()
            case "refusal":
                path.refusals += 1
                path.reset()
            case "corruption":
                path.corrupt = fault.amount
            case "doubles":
                path.doubles += 1
                path.reset()
            case "slow network":
                path.latency += fault.amount
    elif kind in OPERATOR:
        sim.operator.act(fault)
    elif kind in PEER:
        Nuisance(sim.operator.process, sim.network, server.host.name, kind, fault.end).begin()
    elif kind in RELOAD:
        _reload(server, kind)
    else:
        match kind:
            case "client killed":
                unit.kill()
            case "client hung":
                unit.hang()
            case "client loop hung":
                if unit.program is not None:
                    unit.program.processes[0].hang()
            case "client restarted":
                unit.stop()
            case "server killed":
                server.kill()
            case "server hung":
                server.hang()
            case "server restarted":
                server.stop()
            case "client host suspended":
                for fan in rack.fans:
                    fan.release()
                unit.host.suspend()
            case "server host suspended":
                server.host.suspend()
            case "client clock":
                unit.host.set_clock(fault.amount)
            case "server clock":
                server.host.set_clock(fault.amount)
            case "disk full":
                disk.full += 1
            case "disk slow":
                disk.delay = 4.0
            case "disk hangs":
                disk.hangs += 1
            case "disk damaged":
                disk.damage()
                server.kill()
            case "heat":
                rack.heat += fault.amount


def end(sim: Simulation, fault: Fault) -> None:
    """``fault`` is over."""
    kind, monitor = fault.kind, sim.monitors[fault.shelf]
    rack, unit = monitor.rack, sim.clients[fault.shelf]
    server = sim.servers[fault.index] if fault.index < len(sim.servers) else sim.servers[0]
    disk = sim.disks[fault.index] if fault.index < len(sim.servers) else sim.disks[0]
    if kind in DISK:
        disk.unwell_until = sim.engine.now
    if kind in SENSOR:
        _sensor_again(sim, fault)
    elif kind in FAN:
        _fan_again(sim, fault)
    elif kind in NETWORK:
        path = sim.path(fault)
        match kind:
            case "partition":
                path.flow()
            case "refusal":
                path.refusals -= 1
            case "corruption":
                path.corrupt = 0.0
            case "doubles":
                path.doubles -= 1
                path.reset()
            case "slow network":
                path.latency -= fault.amount
    else:
        match kind:
            case "client hung" | "client loop hung":
                unit.resume()
            case "server hung":
                server.resume()
                _found_late(sim)
            case "client host suspended":
                unit.host.resume()
            case "server host suspended":
                server.host.resume()
                _found_late(sim)
            case "disk full":
                disk.full -= 1
            case "disk slow":
                disk.delay = SYNC
            case "disk hangs":
                disk.hangs -= 1
                sim.release(disk)
            case "reload hangs":
                sim.release(None)
            case "heat":
                rack.advance()
                rack.heat -= fault.amount
    monitor.check()
    now = sim.engine.now
    settling = sim.plan.world.watchdog + sim.plan.world.restart + 5.0 if kind in ("refuses", "frozen") else 0.0
    # who comes to a server that is full is let in only when the crowd has gone
    crowded = max(
        (crowd.end for crowd in sim.plan.faults if crowd.kind == "peers crowd" and crowd.at < now), default=now
    )
    if kind == "slow":
        settling = fault.amount  # what was asked at the end
    serving = [shelf.serving for shelf in sim.monitors]
    for exposure in _exposures(sim, fault):
        exposure.end(now, max(settling, crowded - now) if exposure in serving else settling)


def _exposures(sim: Simulation, fault: Fault) -> list[Exposure]:
    """The parts that ``fault`` touches."""
    monitor = sim.monitors[fault.shelf]
    kind = fault.kind
    if kind in SENSOR:
        partner = [monitor.sensors[_partner(sim, fault)]] if kind == "swapped" else []
        return [monitor.sensors[fault.index], *partner]
    if kind in ("refuses", "frozen"):
        # its process feeds no watchdog, and is started again and again
        return [monitor.fans[fault.index], monitor.driving, monitor.serving]
    if kind == "firmware":
        return [monitor.fans[fault.index]]
    if kind in FAN:
        return [monitor.rotors[fault.index]]
    if kind in CLIENT:
        return [monitor.driving, monitor.serving]
    if kind == "client host suspended":
        return [monitor.driving, monitor.serving, *monitor.fans]
    if kind in NETWORK:
        return [monitor.serving]
    if kind in OPERATOR:
        return [monitor.orders]
    if kind == "server host suspended":
        return [part for other in sim.monitors for part in (other.serving, other.sleeping)]
    if kind in SERVER or kind == "disk damaged":
        return [other.serving for other in sim.monitors]
    return []


def _reload(unit: Unit, kind: str) -> None:
    server = unit.program
    if not isinstance(server, Server):
        return
    server.refused = kind == "reload refused"
    server.extra = EXTRA if kind == "reload warmer" else 0.0
    server.reload(inf if kind == "reload hangs" else 0.2)


def _partner(sim: Simulation, fault: Fault) -> int:
    """The device that is taken for another: the next one of its family, or itself."""
    bays = sim.racks[fault.shelf].bays
    family, count = bays[fault.index].spec.family, len(bays)
    for step in range(1, count):
        number = (fault.index + step) % count
        if bays[number].spec.family == family:
            return number
    return fault.index


def _sensor(sim: Simulation, fault: Fault) -> None:
    monitor = sim.monitors[fault.shelf]
    bays = monitor.rack.bays
    bay = bays[fault.index]
    if fault.kind == "sleeps":
        monitor.rack.advance()
        bay.load = None
    elif fault.kind == "swapped":
        other = bays[_partner(sim, fault)]
        if bay.fault is None and other.fault is None and other is not bay:
            bay.fault = other.fault = "swapped"
            bay.partner, other.partner = other, bay
            sim.owners[id(bay)] = sim.owners[id(other)] = fault
    elif bay.fault != "swapped":
        if bay.fault == "hangs":
            sim.release(bay)
        bay.fault, bay.amount = fault.kind, fault.amount
        sim.owners[id(bay)] = fault
    lost = bay.fault in UNKNOWABLE or (bay.fault == "slow" and bay.amount > bay.spec.timeout)
    monitor.sensor_changed(fault.index, lost=lost)


def _sensor_again(sim: Simulation, fault: Fault) -> None:
    monitor = sim.monitors[fault.shelf]
    bay = monitor.rack.bays[fault.index]
    if fault.kind == "hangs" and (bay.fault != "hangs" or sim.owners.get(id(bay)) is fault):
        sim.release(bay)
    if fault.kind == "sleeps":
        monitor.rack.advance()
        bay.load = 0.2
    elif sim.owners.get(id(bay)) is fault:
        for each in (bay, bay.partner):
            if each is not None:
                each.fault, each.partner = None, None
    monitor.sensor_changed(fault.index, lost=bay.fault in UNKNOWABLE)


def _found_late(sim: Simulation) -> None:
    for monitor in sim.monitors:
        monitor.resumed()


def _fan(sim: Simulation, fault: Fault) -> None:
    fan = sim.racks[fault.shelf].fans[fault.index]
    sim.racks[fault.shelf].advance()
    match fault.kind:
        case "stalled":
            fan.rotor = FanFault.STALLED
        case "dead":
            fan.rotor = FanFault.DEAD
        case "firmware":
            _meddle(sim, fault)
        case "refuses":
            fan.refuses, fan.yielding = True, fault.amount >= 35.0
        case "frozen":
            fan.frozen, fan.yielding = True, fault.amount >= 35.0
        case kind:
            fan.speedless = kind.removeprefix("tachometer ")
    _stands(sim, fault)


def _fan_again(sim: Simulation, fault: Fault) -> None:
    fan = sim.racks[fault.shelf].fans[fault.index]
    sim.racks[fault.shelf].advance()
    match fault.kind:
        case "stalled" | "dead":
            fan.rotor = None
        case "refuses":
            fan.refuses = False
        case "frozen":
            fan.frozen = False
        case "firmware":
            pass
        case _:
            fan.speedless = None
    _stands(sim, fault)


def _stands(sim: Simulation, fault: Fault) -> None:
    """Whether the fan stands still, for all to see, is another matter now."""
    monitor = sim.monitors[fault.shelf]
    fan = monitor.rack.fans[fault.index]
    told = fan.spec.tachometer and fan.speedless in (None, "zero")
    if not told or (fan.rotor is None and fan.speedless is None):
        monitor.stands_since[fault.index] = inf
    elif monitor.stands_since[fault.index] == inf:
        monitor.stands_since[fault.index] = sim.engine.now


def _meddle(sim: Simulation, fault: Fault) -> None:
    """Somebody else writes the PWM, again and again."""
    fan = sim.racks[fault.shelf].fans[fault.index]
    if sim.engine.now < fault.end and not fan.refuses:
        # to another duty than was asked for, or nobody could tell
        near = abs(fan.asked - fault.amount) < 3.0
        fan.set((fault.amount + 50.0) % 100.0 if near else fault.amount)
        sim.engine.after(7.0, _meddle, sim, fault)
