"""What it takes to read drives: through smartctl, and from the kernel's files."""

import json
import os
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from tests.drivers.tree import Tree

from bench import peers
from bench.configs import SHELF, toml
from bench.plan import SCRIPTS, Part, Plan
from bench.processes import done, our_server, passed, rooted, their_server
from bench.results import Figure, Goal, Outcome, Reached, Table, per_round
from bench.smartctl import Slow
from bench.tree import disks, flash, nodes

DRIVES: Final = 24
MANY: Final = 1000
BLOCKED: Final = 0.005

GOALS: Final = (
    Goal("listening", "24 drives by smartctl at 50 ms a call: from start to listening", 0.3, "s"),
    Goal("pass", "the same: from start to the end of the first pass", 0.5, "s"),
    Goal("calls", "the same: calls of smartctl a drive and pass", 1, "calls"),
    Goal("files", "1,000 drives from files: a pass, of the bare open, read, close of as many files", 3, "x"),
    Goal("blocked", "1,000 drives: the longest that the event loop is held up by one callback", 5, "ms"),
)


def measure(plan: Plan) -> Outcome:
    """First by smartctl, then by files."""
    start = _by_smartctl(plan)
    files, many = _by_files(plan)
    return Outcome(
        tables=(start.tables[0], start.tables[1], *files.tables, *many.tables),
        reached={**start.reached, **files.reached, **many.reached},
    )


def _by_smartctl(plan: Plan) -> Outcome:
    root, folder = plan.sub("root"), plan.sub("smartctl")
    serials = disks(Tree(root), DRIVES)
    slow = Slow(folder, dict(zip(nodes(DRIVES), serials, strict=True)))
    config = toml({SHELF: [f'{{ drive = "{serial}", via = "smartctl" }}' for serial in serials]})
    listed = "\n  ".join(f"{serial}; {place}" for place, serial in enumerate(serials))
    ini = f"[DEFAULT]\nshelves = {SHELF}\nhdd_temps = 0: 50\nssd_temps = 0: 50\ncpu_temps = 0: 50\n"
    ini += f"[{SHELF}]\ndevices = {listed}\n"
    ours: list[tuple[float, float, float]] = []
    theirs: list[tuple[float, float]] = []
    bare: list[float] = []
    for number in range(plan.rounds):
        bare.append(_at_once(slow))
        ours.append(_our_start(plan, config, slow, root))
        if number < (1 if plan.quick else 3):  # half a minute each
            theirs.append(_their_start(plan, ini, slow))
    listening_, first, calls = (Figure("fand", "", tuple(each)) for each in zip(*ours, strict=True))
    reference = Figure("24 calls at once, and nothing else", "s", tuple(bare))
    old, old_calls = (Figure("fand 0.1.1", "", tuple(each)) for each in zip(*theirs, strict=True))
    named = [
        _named(listening_, "fand: listening", "s"),
        _named(first, "fand: first pass over", "s"),
        _named(old, "fand 0.1.1: listening", "s"),
        reference,
    ]
    called = [
        _named(calls, "fand: calls a drive, first pass", "calls"),
        _named(old_calls, "fand 0.1.1: calls a drive until it listens", "calls"),
    ]
    return Outcome(
        tables=(
            Table("From start, 24 drives that turn, smartctl taking 50 ms", tuple(named), reference.what),
            Table("Calls of smartctl", tuple(called)),
        ),
        reached={
            "listening": Reached(named[0], named[2]),
            "pass": Reached(named[1], named[2], reference),
            "calls": Reached(called[0], called[1]),
        },
    )


def _named(figure: Figure, what: str, unit: str) -> Figure:
    return Figure(what, unit, figure.values)


def _at_once(slow: Slow) -> float:
    begin = time.perf_counter()
    command = [str(slow.folder / "smartctl"), "-j", "/dev/sda"]
    calls = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(DRIVES)]
    for call in calls:
        call.communicate()
    return time.perf_counter() - begin


def _our_start(plan: Plan, config: str, slow: Slow, root: Path) -> tuple[float, float, float]:
    """Seconds to listening, seconds to the first duty that is not that of the start (S1), calls a drive."""
    slow.forget()
    script, everywhere = rooted(root, "sensors.drive"), os.sched_getaffinity(0)
    with our_server(plan, config, script=script, cpus=everywhere, environ=slow.environ) as server:
        there = time.perf_counter() - server.began
        passed(server, [SHELF])
        whole = time.perf_counter() - server.began
        return there, whole, len(slow.calls()) / DRIVES


def _their_start(plan: Plan, ini: str, slow: Slow) -> tuple[float, float]:
    slow.forget()
    with their_server(plan, ini, cpus=os.sched_getaffinity(0), environ=slow.environ) as server:
        return time.perf_counter() - server.began, len(slow.calls()) / DRIVES


def _by_files(plan: Plan) -> tuple[Outcome, Outcome]:
    count = 100 if plan.quick else MANY
    root = plan.sub("root")
    serials = flash(Tree(root), count)
    command = [peers.ours(), SCRIPTS / "passes.py", root, plan.rounds, *serials]
    told = json.loads(done(command, plan.sub("passes"), plan.one))
    each = {name: tuple(1e6 * value / count for value in values) for name, values in told.items()}
    drivers = Figure("fand: its drivers, one pass", "us", each["drivers"])
    files = Figure("bare open, read, close of one file a drive", "us", each["files"])
    bare = Outcome(
        tables=(
            Table(
                f"Time on the processor a drive, {count} solid-state drives",
                (
                    drivers,
                    files,
                    Figure("pread of files kept open", "us", each["kept"]),
                    Figure("fand: its drivers, first pass (finds the drives)", "us", each["first"]),
                ),
                files.what,
            ),
        ),
        reached={"files": Reached(per_round(drivers.what, drivers, files), reference=files)},
    )
    return bare, _whole_server(plan, root, serials)


def _whole_server(plan: Plan, root: Path, serials: list[str]) -> Outcome:
    """A server that reads them all every few seconds, under a watch."""
    interval = 2 if plan.quick else 5
    devices = [f'{{ drive = "{serial}", via = "kernel", interval = {interval} }}' for serial in serials]
    with ExitStack() as stack:
        script = [SCRIPTS / "watched.py", root, "sensors.drive"]
        watched = stack.enter_context(our_server(plan, toml({SHELF: devices}), script=script, cpus=plan.other))
        plain = stack.enter_context(our_server(plan, toml({SHELF: devices}), script=rooted(root, "sensors.drive")))
        passed(watched, [SHELF])
        passed(plain, [SHELF])
        time.sleep(interval)  # the first readings come at once, and all others are spread over the interval
        since, cpu = time.monotonic(), plain.cpu()
        time.sleep(plan.window)
        spent = (plain.cpu() - cpu) / (time.monotonic() - since) * interval
        until = time.monotonic()
        calls = [call for call in json.loads(watched.stop()) if call[0] + call[1] > since and call[0] < until]
    wall = [1000 * took for _, took, _ in calls] or [0.0]
    own = [1000 * spent for _, _, spent in calls] or [0.0]
    longest = Figure("longest callback, by the clock", "ms", (max(wall),))
    count = len(serials)
    return Outcome(
        tables=(
            Table(
                f"A whole server that reads {count} drives every {interval} s",
                (
                    Figure("its time on the processor a drive and pass", "us", (1e6 * spent / count,)),
                    longest,
                    Figure("longest callback, its own time on the processor", "ms", (max(own),)),
                    Figure("callbacks longer than 5 ms", "calls", (sum(each > 1000 * BLOCKED for each in wall),)),
                ),
            ),
        ),
        reached={"blocked": Reached(longest)},
    )


PART: Final = Part(
    "reading",
    "Reading",
    "A smartctl that takes 50 ms a call; drives whose temperatures the kernel shows as files, in a temporary tree.",
    GOALS,
    measure,
)
