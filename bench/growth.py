"""How memory, time and answers grow with shelves, devices and clients."""

import math
import resource
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from bench import crowd, peers
from bench.configs import toml
from bench.plan import SCRIPTS, Part, Plan
from bench.processes import Started, done, our_server, passed
from bench.results import Curve, Figure, Goal, Outcome, Reached
from fand.wire import Request, encode

INTERVAL: Final = 30
"""Seconds between two readings of a device."""

FEW: Final = 10
"""Shelves, where something else grows."""

GOALS: Final = (
    Goal("requests", "a request to a server of 10,000 shelves, of what it takes with one", 1.1, "x"),
    Goal("shelves", "ten times the shelves, at the end: memory, processor, start; the worst", 10.5, "x"),
    Goal("devices", "ten times the devices, at the end: memory, processor, first pass; the worst", 10.5, "x"),
    Goal("clients", "ten times the clients, at the end: memory, processor; the worst", 10.5, "x"),
)


@dataclass
class Point:
    """A server of one size. Seconds, MiB, percent of a processor, microseconds a request."""

    start: float
    passed: float
    memory: float
    cpu: float
    trip: float = math.nan
    wait: float = math.nan
    late: float = math.nan


def measure(plan: Plan) -> Outcome:
    """Servers of growing size, one after the other."""
    sizes = (1, 10, 100) if plan.quick else (1, 10, 100, 1000, 10_000)
    room = resource.getrlimit(resource.RLIMIT_NOFILE)[1] - crowd.SPARE
    crowds = tuple(size for size in sizes if size <= room)
    if crowds != sizes:
        print(f"descriptors for {room} clients only: the goal of clients is not shown; see ulimit -Hn")
    more = tuple(10 * size for size in sizes)
    shelves = [_still(plan, _config(size, size)) for size in sizes]
    devices = [_still(plan, _config(FEW, size)) for size in more]
    clients = [_asked(plan, size) for size in crowds]
    curves = (
        Curve("shelves", "A server against its shelves", "shelves of one device", sizes, _figures(shelves)),
        Curve("devices", "A server against its devices", "devices in 10 shelves", more, _figures(devices)),
        Curve("clients", "A server against its clients", "clients asking every 5 s", crowds, _served(clients)),
    )
    reached = {
        "requests": Reached(Figure("requests", "x", (shelves[-1].trip / shelves[0].trip,))),
        "shelves": _worst(shelves, lambda point: (point.memory, point.cpu, point.start)),
        "devices": _worst(devices, lambda point: (point.memory, point.cpu, point.passed)),
    }
    if crowds == sizes:
        reached["clients"] = _worst(clients, lambda point: (point.memory, point.cpu))
    return Outcome(curves=curves, reached=reached)


def _config(shelves: int, devices: int) -> str:
    each = devices // shelves
    listed = [f'{{ fake = 30, name = "d{place}", interval = {INTERVAL} }}' for place in range(each)]
    return toml({f"shelf{number}": listed for number in range(shelves)})


def _still(plan: Plan, config: str) -> Point:
    """A server that nobody asks, and then one client."""
    with our_server(plan, config) as server:
        point = _begun(server, config)
        point.cpu = _cpu(server, plan.window / 2)
        point.memory = server.memory()
        ask, answer = encode(Request.GET_PWM, ("shelf0",)), encode(Request.SET_PWM, ("shelf0", 50))
        command = [peers.ours(), SCRIPTS / "trips.py", "socket", server.port, "shelf0", plan.seconds]
        rates = sorted(float(done([*command, ask.hex(), len(answer)], server.folder, plan.one)) for _ in range(5))
        point.trip = 1e6 / rates[2]
        return point


def _asked(plan: Plan, count: int) -> Point:
    """A server that so many clients ask every five seconds."""
    config = _config(FEW, FEW)
    seconds = 5.0 if plan.quick else 20.0
    with our_server(plan, config) as server:
        point = _begun(server, config)
        settings = crowd.asking(server.port, count, [f"shelf{number}" for number in range(FEW)], seconds, 0)
        with crowd.crowd(plan, "ask", settings) as (clients, _):
            cpu, begin = server.cpu(), time.monotonic()
            found = crowd.go(clients)
            point.cpu = 100 * (server.cpu() - cpu) / (time.monotonic() - begin)
            point.memory = server.memory()
        point.wait, point.late = found["waits"]["median"], found["waits"]["p99"]
        return point


def _begun(server: Started, config: str) -> Point:
    start = time.perf_counter() - server.began
    passed(server, (line[9:-1] for line in config.splitlines() if line.startswith("[shelves.")))
    return Point(start, time.perf_counter() - server.began, 0.0, 0.0)


def _cpu(server: Started, seconds: float) -> float:
    """Percent of a processor, over one interval of all devices at least."""
    cpu, begin = server.cpu(), time.monotonic()
    time.sleep(max(seconds, INTERVAL if seconds > INTERVAL / 2 else 0))
    return 100 * (server.cpu() - cpu) / (time.monotonic() - begin)


def _figures(points: Iterable[Point]) -> tuple[Figure, ...]:
    found = tuple(points)
    return (
        Figure("memory", "MiB", tuple(point.memory for point in found)),
        Figure("processor, idle", "%", tuple(point.cpu for point in found)),
        Figure("start to listening", "s", tuple(point.start for point in found)),
        Figure("start to the end of the first pass", "s", tuple(point.passed for point in found)),
        Figure("a request", "us", tuple(point.trip for point in found)),
    )


def _served(points: Iterable[Point]) -> tuple[Figure, ...]:
    found = tuple(points)
    return (
        Figure("memory", "MiB", tuple(point.memory for point in found)),
        Figure("processor", "%", tuple(point.cpu for point in found)),
        Figure("wait for an answer, median", "ms", tuple(point.wait for point in found)),
        Figure("wait for an answer, 99 % within", "ms", tuple(point.late for point in found)),
    )


def _worst(points: list[Point], what: Callable[[Point], tuple[float, ...]]) -> Reached:
    """The most by which anything has grown in the last step, of ten times the size."""
    grown = [after / before for before, after in zip(what(points[-2]), what(points[-1]), strict=True) if before > 0]
    return Reached(Figure("growth", "x", (max(grown),)))


PART: Final = Part(
    "growth",
    "Growth",
    "Servers of growing size. Devices are played ones, each read every 30 s. A request is a round trip of "
    "GET_PWM by a bare socket, on one processor with the server. What grows in proportion is a straight line "
    "that rises by one decade in each decade.",
    GOALS,
    measure,
)
