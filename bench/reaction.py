"""How long it takes from a temperature that rises to the duty that is written."""

import os
import random
import selectors
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from tests.drivers.tree import Tree

from bench.configs import SHELF, toml
from bench.idle import fan_client, their_fan_client
from bench.inotify import READ, WRITTEN, Watch
from bench.plan import Part, Plan
from bench.processes import our_server, rooted, their_server
from bench.results import Figure, Goal, Outcome, Reached, Table
from bench.smartctl import Slow

SHELVES: Final = 8
COLDEST: Final = 30
POINTS: Final = "[[20, 20], [100, 100]]"
"""The curve: as many percent as degrees."""

GOALS: Final = (
    Goal("reaction", "a reading of hwmon that rises, to the duty written, at default settings", 1.5, "s"),
    Goal("way", "of that the way from the reading to the write, over TCP", 20, "ms"),
    Goal("faster", "against fand 0.1.1 in the same run", 40, "x", most=False),
)


@dataclass
class Ours:
    """One shelf of ours: the file of its temperature, that of its duty, and what is being waited for."""

    hot: Path
    duty: Path
    reads: int
    writes: int
    celsius: int = COLDEST
    next: float = 0.0
    changed: float | None = None
    read: float | None = None
    whole: list[float] = field(default_factory=list)
    way: list[float] = field(default_factory=list)

    def change(self, now: float) -> None:
        """It gets warmer by two degrees."""
        self.celsius += 2
        self.hot.write_text(f"{1000 * self.celsius}\n")
        self.changed, self.read = now, None

    def hear(self, events: int, number: int, now: float) -> None:
        """The kernel tells of one of the files."""
        if self.changed is None:
            return
        if number == self.reads and events & READ and self.read is None:
            self.read = now
        elif number == self.writes and self.read is not None and self._reached():
            self.whole.append(now - self.changed)
            self.way.append(1000 * (now - self.read))
            self.changed = None
            self.next = now + random.uniform(1, 6)  # at no fixed time in anybody's round

    def _reached(self) -> bool:
        text = self.duty.read_text().strip()  # empty while it is being written
        return text.isdigit() and int(text) * 100 / 255 > self.celsius - 1


@dataclass
class Theirs:
    """One server and one fan client of fand 0.1.1, with one drive by smartctl."""

    slow: Slow
    output: IO[str]
    celsius: int = COLDEST
    next: float = 0.0
    changed: float | None = None
    whole: list[float] = field(default_factory=list)

    def change(self, now: float) -> None:
        """The drive gets warmer by two degrees."""
        self.celsius += 2
        self.slow.become(NODE, self.celsius)
        self.changed = now

    def hear(self, now: float) -> None:
        """Its client has set the pin."""
        duty = float(os.read(self.output.fileno(), 65536).split()[-1])
        if self.changed is not None and duty > self.celsius - 1:
            self.whole.append(now - self.changed)
            self.changed = None
            self.next = now + random.uniform(1, 60)


NODE: Final = "/dev/sda"


def measure(plan: Plan) -> Outcome:
    """Both fands at the same time, ours until there are enough changes, theirs for some minutes."""
    ours_wanted, theirs_wanted = (1, 0) if plan.quick else (10, 5)
    with ExitStack() as stack:
        root = plan.sub("root")
        watch = stack.enter_context(Watch())
        ours = _ours(plan, stack, watch, root)
        theirs = _theirs(plan, stack, 1 if plan.quick else SHELVES)
        by_number = {number: one for one in ours for number in (one.reads, one.writes)}
        selector = stack.enter_context(selectors.DefaultSelector())
        selector.register(watch.fileno(), selectors.EVENT_READ, watch)
        for their in theirs:
            selector.register(their.output, selectors.EVENT_READ, their)
        start = time.monotonic()
        for our in ours:
            our.next = start + random.uniform(3, 9)  # first all are at what they begin with
        for their in theirs:
            their.next = start + random.uniform(60, 180)
        end = start + (60 if plan.quick else 1800)
        while time.monotonic() < end:
            now = time.monotonic()
            waiting = [one for one in ours if len(one.whole) < ours_wanted]
            patient = [one for one in theirs if len(one.whole) < theirs_wanted]
            if not waiting and not patient:
                break
            pairs: list[Ours | Theirs] = [*waiting, *patient]
            for one in pairs:
                if one.changed is None and one.next <= now:
                    one.change(time.monotonic())
            for key, _ in selector.select(0.05):
                now = time.monotonic()
                if key.data is watch:
                    for number, events in watch.events():
                        by_number[number].hear(events, number, now)
                else:
                    key.data.hear(now)
    return _outcome(ours, theirs)


def _outcome(ours: list[Ours], theirs: list[Theirs]) -> Outcome:
    whole = Figure("fand: from the change to the write", "s", tuple(value for one in ours for value in one.whole))
    way = Figure("fand: from the reading to the write", "ms", tuple(value for one in ours for value in one.way))
    found = tuple(value for one in theirs for value in one.whole)
    old = Figure("fand 0.1.1: from the change to the pin", "s", found) if found else None
    figures = (whole,) if old is None else (whole, old)
    reached = {"reaction": Reached(whole, old), "way": Reached(way)}
    if old is not None:
        faster = old.median / whole.median
        reached["faster"] = Reached(Figure("how many times faster, by the medians", "x", (faster,)))
    samples = f"{len(whole.values)} changes with fand, {len(found)} with fand 0.1.1."
    return Outcome(
        tables=(
            Table("From a temperature that rises to the duty", figures, words=samples),
            Table("Of that, over TCP", (way,)),
        ),
        reached=reached,
    )


def _ours(plan: Plan, stack: ExitStack, watch: Watch, root: Path) -> list[Ours]:
    """One server, and for each of its shelves a fan client."""
    tree = Tree(root)
    shelves = {}
    for number in range(SHELVES):
        name, device = f"chip{number}", f"platform/chip.{number}"
        tree.chip(number, name, device, temp1_input=1000 * COLDEST)
        shelves[f"{SHELF}-{number}"] = [f'{{ hwmon = "{name}" }}']
    script = rooted(root, "sensors.hwmon")
    server = stack.enter_context(our_server(plan, toml(shelves, points=POINTS), script=script))
    found = []
    for number, shelf in enumerate(shelves):
        client = stack.enter_context(fan_client(plan, server.port, shelf))
        hot = root / f"sys/devices/platform/chip.{number}/hwmon/hwmon{number}/temp1_input"
        duty = client.folder / "root/sys/devices/platform/nct6775.656/hwmon/hwmon1/pwm1"
        found.append(Ours(hot, duty, watch.add(hot, READ), watch.add(duty, WRITTEN)))
    return found


def _theirs(plan: Plan, stack: ExitStack, count: int) -> list[Theirs]:
    """Pairs of server and client, for one server has few threads. The clients begin one after the other within a
    minute: hosts do not start at the same time, and both ends ask once a minute.
    """
    temperatures = ", ".join(f"{celsius}: {celsius}" for celsius in (0, *range(20, 101)))
    ini = f"[DEFAULT]\nshelves = {SHELF}\nhdd_temps = {temperatures}\nssd_temps = 0: 0\ncpu_temps = 0: 0\n"
    ini += f"[{SHELF}]\ndevices = SN1; 1\n"
    pairs = []
    for _ in range(count):
        slow = Slow(plan.sub("smartctl"), {NODE: "SN1"})
        slow.become(NODE, COLDEST)
        pairs.append((slow, stack.enter_context(their_server(plan, ini, environ=slow.environ))))
    found = []
    for slow, server in pairs:
        client = stack.enter_context(their_fan_client(plan, server.port))
        assert client.process.stdout is not None
        found.append(Theirs(slow, client.process.stdout))
        time.sleep(60 / count if count > 1 else 0)
    return found


PART: Final = Part(
    "reaction",
    "Reaction",
    "A temperature rises by two degrees at a random time, until the duty that it asks for stands in the file "
    "of the fan. Files of a temporary tree stand for hwmon at both ends; the kernel tells when they are read "
    "and written. 8 shelves of one server with 8 fan clients, all at their default settings. fand 0.1.1, "
    "which reads no hwmon, has 8 servers with one drive and one fan client each, by a smartctl of 50 ms and "
    "gpiozero's mock pins; it asks once a minute at either end.",
    GOALS,
    measure,
)
