"""One run: an installation put together from a plan, and played from its beginning to its end."""

import warnings
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import Any, Final
from zlib import crc32

from fand.control import Sort
from fand.dispatch import Peer, answer
from fand.units import Moment, Percent
from fand.wire import Request
from tests.simulation import alarms, driven, faults
from tests.simulation.clients import FanClient
from tests.simulation.disk import SYNC, Disk
from tests.simulation.engine import Engine, Life, Process
from tests.simulation.hardware import Bay, Rack
from tests.simulation.host import Host, Unit
from tests.simulation.invariants import CONNECTING, ServedMonitor, ShelfMonitor
from tests.simulation.network import Network, Path
from tests.simulation.operators import Book, Operator
from tests.simulation.oracle import Knowledge, outcome
from tests.simulation.plan import SENSOR, Fault, Plan
from tests.simulation.recovery import EVERY, Quiet
from tests.simulation.servers import Server

TICK: Final = 5.0
"""Seconds between two looks at everything, whatever happens."""


@dataclass(frozen=True)
class Violation:
    """What did not hold, when, and how."""

    rule: str
    text: str
    at: float


@dataclass(frozen=True)
class Result:
    """What came of a run. ``digest`` is the same for the same plan, whatever computes it."""

    violation: Violation | None
    shelf_hours: float
    events: int
    quiet: float
    digest: int
    last: tuple[str, ...] = ()


class Simulation:
    """A plan being played."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        world = plan.world
        seed = str(world.seed)
        self.engine = Engine()
        self.engine.failed = self._failed
        self.violation: Violation | None = None
        self.owners: dict[int, Fault] = {}
        self.served: dict[str, float] = {}
        self.listen: Callable[[str], None] | None = None
        """Called with every line of what happens."""
        self._trace: deque[str] = deque(maxlen=80)
        self._digest = 0
        self.network = Network(self.engine, seed, Process(self.engine, "ghosts"))
        self.racks = [Rack(spec, self.engine, seed) for spec in world.shelves]
        self._by_name = {rack.spec.name: rack for rack in self.racks}
        self._server_hosts = [Host(self.engine, f"nas{number}") for number in range(world.servers)]
        self.disks = [Disk(f"{seed}/disk/{number}") for number in range(world.servers)]
        desk = Host(self.engine, "desk")
        self.books = {
            (server, shelf): Book(host, self.disks[server], partial(self._up, server))
            for server, host in enumerate(self._server_hosts)
            for shelf in range(len(self.racks))
        }
        self.operator = Operator(desk.manager, self.network, self._server_hosts, self.books)
        self.servers = [self._server_unit(number, host) for number, host in enumerate(self._server_hosts)]
        self.clients = [self._client_unit(number, rack) for number, rack in enumerate(self.racks)]
        for host in self._server_hosts:
            self.network.paths["desk", host.name] = Path(self.engine, f"desk>{host.name}", 0.002, 0.002, 0.0)
        self.monitors = [self._monitor(number, rack) for number, rack in enumerate(self.racks)]
        self.quiets = [Quiet(monitor, world) for monitor in self.monitors]

    def play(self) -> Result:
        """Play the plan to its end, or to the first violation."""
        with warnings.catch_warnings():
            # of a process that is killed before it begins
            warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
            try:
                return self._play()
            finally:
                for unit in (*self.servers, *self.clients):
                    if unit.program is not None:
                        for process in unit.program.processes:
                            process.die()

    def _play(self) -> Result:
        for unit in (*self.servers, *self.clients):
            unit.start()
        for number, monitor in enumerate(self.monitors):
            monitor.driving.begin()
            self.engine.at(30.0, None, monitor.driving.end, 30.0)
            self.engine.after(EVERY, self._rest, number, self.quiets[number])
            self.engine.at(TICK * (1 + number / len(self.monitors)), None, self._tick, monitor)
        for number in range(len(self.servers)):
            self.engine.after(EVERY, self._remember, number)
        for fault in self.plan.faults:
            self.engine.at(fault.at, None, self.strike, fault)
        self.engine.after(driven.EVERY, driven.look, self)
        driven.Restarts(self).look()
        self.engine.run(self.plan.seconds)
        hours = self.engine.now / 3600.0 * len(self.racks)
        quiet = sum(quiet.seconds for quiet in self.quiets) / 3600.0
        return Result(self.violation, hours, self.engine.count, quiet, self._digest, tuple(self._trace))

    def path(self, fault: Fault) -> Path:
        """The way between the fan host and the server that ``fault`` is about."""
        return self.network.paths[f"pi{fault.shelf}", f"nas{fault.index}"]

    def release(self, whose: object) -> None:
        """No call to this sensor or disk, or with None no reload, hangs any more."""
        for unit in self.servers:
            if isinstance(unit.program, Server):
                unit.program.bench.release(whose)

    def note(self, text: str) -> None:
        """Something has happened."""
        line = f"{self.engine.now:11.3f} {text}"
        self._digest = crc32(line.encode(), self._digest)
        self._trace.append(line)
        if self.listen is not None:
            self.listen(line)

    def violated(self, rule: str, text: str) -> None:
        """An invariant does not hold."""
        if self.violation is None:
            self.note(f"VIOLATED {rule}: {text}")
            self.violation = Violation(rule, text, self.engine.now)
            self.engine.stop()

    def _tick(self, monitor: ShelfMonitor) -> None:
        monitor.check()
        self.engine.after(TICK, self._tick, monitor)

    def strike(self, fault: Fault) -> None:
        """Let ``fault`` begin now."""
        self.note(f"begins {fault.kind} (shelf {fault.shelf}, number {fault.index})")
        faults.begin(self, fault)
        driven.watch(self, fault)
        self.engine.after(fault.lasts, self._end, fault)
        wanted = alarms.expected(self.plan.world.shelves[fault.shelf], fault)
        if wanted is not None and fault.lasts > wanted[0]:
            self.engine.after(wanted[0], self._expect, fault, *wanted[1:])

    def _expect(self, fault: Fault, sorts: frozenset[Sort], subject: str) -> None:
        """One of these alarms must stand by now, wherever it can be known."""
        monitor, now = self.monitors[fault.shelf], self.engine.now
        crowded = monitor.serving.count > 1 or monitor.serving.ended > fault.at - 200.0
        blind = (fault.kind == "partition" and crowded) or (
            fault.kind != "partition"
            and (
                monitor.serving.lasts(now - fault.lasts, monitor.rack.spec.lease + CONNECTING)
                if fault.kind in ("refuses", "frozen")
                else monitor.serving.lasts(now, monitor.rack.spec.lease + CONNECTING) or monitor.driving.count > 0
            )
        )
        if blind or not self._still(fault):
            return
        for number, unit in enumerate(self.servers):
            if fault.kind == "partition" and number != fault.index:
                continue
            if not isinstance(unit.program, Server) or not unit.ready or now - unit.began < 200.0 or unit.host.asleep:
                continue
            standing = self._alarms(unit.program, monitor.rack.spec.name)
            if not any(sort in sorts and subject in ("", about) for sort, about in standing):
                wanted = " or ".join(sorted(sort.value for sort in sorts))
                self.violated(
                    "alarm",
                    f"{monitor.rack.spec.name}: {fault.kind} brought no alarm {wanted} ({subject})",
                )

    def _still(self, fault: Fault) -> bool:
        """Whether ``fault`` is what its part has, and no other."""
        rack = self.racks[fault.shelf]
        if fault.kind in SENSOR:
            return self.owners.get(id(rack.bays[fault.index])) is fault
        if fault.kind in ("stalled", "dead"):
            since = self.monitors[fault.shelf].stands_since[fault.index]
            return since <= fault.at and rack.fans[fault.index].speedless is None
        if fault.kind == "firmware":  # who sets what is set already takes nothing
            driven = [duty for place, duty in self.served.items() if place.endswith(f"/{rack.spec.name}")]
            floor = rack.fans[fault.index].spec.floor
            return all(abs(max(duty, floor) - fault.amount) > 1.0 for duty in driven)
        return True

    def _alarms(self, server: Server, shelf: str) -> list[tuple[Sort, str]]:
        """The alarms that stand, as the server's status tells them."""
        return [(Sort(alarm["sort"]), alarm["subject"]) for alarm in self.status(server, shelf)["alarms"]]

    def status(self, server: Server, shelf: str) -> dict[str, Any]:
        """The server's status of a shelf."""
        peer = Peer("probe", server.host.mono())
        now = Moment(server.host.mono(), server.host.wall())
        told = answer(server.service.hall, Request.GET_STATUS, (shelf,), peer, now)
        assert told is not None
        status: dict[str, Any] = told.args[1]
        return status

    def _rest(self, number: int, quiet: Quiet) -> None:
        """See that a shelf is quiet if it must be."""
        self.engine.after(EVERY, self._rest, number, quiet)
        if quiet.holds(self.engine.now):
            spec = self.racks[number].spec
            standing = [
                sort
                for unit in self.servers
                if isinstance(unit.program, Server)
                for sort, _ in self._alarms(unit.program, spec.name)
            ]
            most = max(book.most() for (_, shelf), book in self.books.items() if shelf == number)
            most = inf if most == -inf else most
            quiet.check(tuple(standing), most)

    def _up(self, number: int) -> float:
        """Since when server ``number`` runs."""
        unit = self.servers[number]
        return unit.began if unit.up else inf

    def _remember(self, number: int) -> None:
        """See that each server has the override that it has acknowledged (S8)."""
        self.engine.after(5 * EVERY, self._remember, number)
        unit, now = self.servers[number], self.engine.now
        process = unit.program.processes[0] if unit.program is not None else None
        if not isinstance(unit.program, Server) or not unit.ready or now < unit.began + 20.0:
            return
        if process is None or process.life is not Life.RUNNING or not self.disks[number].well(now - 20.0):
            return
        for shelf, rack in enumerate(self.racks):
            book = self.books[number, shelf]
            book.least()
            told = self.status(unit.program, rack.spec.name)["override"]
            percent = None if told is None else float(told["percent"])
            if book.certain and not book.may_be(percent):
                self.violated(
                    "override", f"{unit.host.name} {rack.spec.name}: {percent} is in force, not one of {book.orders}"
                )

    def _end(self, fault: Fault) -> None:
        self.note(f"is over {fault.kind} (shelf {fault.shelf}, number {fault.index})")
        faults.end(self, fault)

    def _server_unit(self, number: int, host: Host) -> Unit:
        world = self.plan.world

        def make(unit: Unit) -> Server:
            disk = self.disks[number]
            for shelf in range(len(self.racks)):
                lost = disk.spoilt or bool(disk.hangs) or disk.delay > SYNC
                self.books[number, shelf].restarted(lost=lost)
            disk.spoilt = False
            knowledge = {
                rack.spec.name: Knowledge(rack.spec, monitor.families)
                for rack, monitor in zip(self.racks, self.monitors, strict=True)
            }
            watch = ServedMonitor(knowledge, lambda shelf: self.books[number, int(shelf[5:]) - 1].least())
            watch.violated = self.violated
            watch.served = partial(self._served, host.name)

            def tap(data: bytes) -> None:
                watch.sent(data, self.engine.now)

            server = Server(unit, self._by_name, self.network, disk, tap, self._complain)
            timers = server.processes[0]  # they stand still while the host is asleep
            for known in knowledge.values():
                known.slept = lambda: timers.slept
            places = {
                id(bay): (knowledge[rack.spec.name], place)
                for rack in self.racks
                for place, bay in enumerate(rack.bays)
            }

            def heard(bay: Bay) -> Callable[[], object]:
                shelf, place = places[id(bay)]
                told, asked = outcome(bay), self.engine.now
                late = asked - timers.slept + bay.spec.timeout

                def hear() -> None:
                    now = self.engine.now
                    # else it was given up, and is not wanted; a process that hung finds all at once when it goes on
                    if now - timers.slept <= late or now == timers.resumed:
                        shelf.told(place, told, asked, now)

                return hear

            server.bench.heard = heard
            self.note(f"{host.name} starts")
            return server

        return Unit(host, "server", make, lambda _well: None, self.network.close, world.watchdog, world.restart)

    def _client_unit(self, number: int, rack: Rack) -> Unit:
        world, spec = self.plan.world, rack.spec
        host = Host(self.engine, f"pi{number}")
        names = [server.name for server in self._server_hosts]
        for name in names:
            self.network.paths[host.name, name] = Path(
                self.engine, f"{host.name}>{name}", spec.latency, spec.latency, spec.split
            )

        def make(unit: Unit) -> FanClient:
            self.note(f"{host.name} starts")
            return FanClient(unit, rack, names, self.network, str(world.seed))

        def after(well: bool) -> None:
            self.note(f"{host.name} has ended {'well' if well else 'badly'}")
            for fan in rack.fans:
                if fan.spec.name in host.kept and not fan.refuses and not fan.frozen:
                    fan.set(max(spec.failsafe, fan.spec.floor))

        return Unit(host, "client", make, after, self.network.close, world.watchdog, world.restart)

    def _monitor(self, number: int, rack: Rack) -> ShelfMonitor:
        def least() -> float:
            return max(self.books[server, number].least() for server in range(len(self.servers)))

        monitor = ShelfMonitor(rack, self.plan.world, least)
        monitor.violated = self.violated
        rack.woken = lambda bay: self.violated("woken", f"{bay.spec.name} slept, and was woken to be read")
        for place, fan in enumerate(rack.fans):
            fan.changed = partial(self._changed, monitor, place)
        return monitor

    def _changed(self, monitor: ShelfMonitor, place: int) -> None:
        """A fan's duty is about to change, or has changed."""
        fan = monitor.rack.fans[place]
        monitor.changed_at[place] = self.engine.now
        self.note(f"{monitor.rack.spec.name} {fan.spec.name} does {fan.duty:.2f}")
        monitor.check()

    def _served(self, host: str, shelf: str, duty: float) -> None:
        if self.served.get(f"{host}/{shelf}") != duty:
            self.served[f"{host}/{shelf}"] = Percent(duty)
            self.note(f"{host} serves {shelf} {duty:g} %")

    def _failed(self, process: Process | None, error: BaseException) -> None:
        self.violated("exception", f"{process.name if process else '?'}: {type(error).__name__}: {error}")

    def _complain(self, process: Process, context: dict[str, Any]) -> None:
        self.violated("exception", f"{process.name}: {context.get('message')} {context.get('exception')!r}")


def play(plan: Plan) -> Result:
    """Play ``plan``."""
    return Simulation(plan).play()
