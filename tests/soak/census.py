"""What each process uses, sampled over its life; the trend; the table at the end."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Final

from tests.soak.unit import Unit

MEASURES: Final = ("rss_kib", "fds", "threads", "tasks", "objects", "blocks")
WARM: Final = 30.0
"""Seconds of a life after which what it uses is taken for settled."""
ALLOWED: Final = {
    "rss_kib": (2048.0, 0.05),
    "fds": (2.0, 0.0),
    "threads": (2.0, 0.0),
    "tasks": (1.0, 0.0),
    "objects": (500.0, 0.02),
    "blocks": (1000.0, 0.02),
}
"""How much each may have grown from the calm at the start to that at the end: so much, or that share of it."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What a process used ``at`` so many seconds of the run; None where the probe had not told it yet.

    ``objects`` are those that the garbage collector knows, ``blocks`` all that Python has allocated, texts and
    numbers among them.
    """

    at: float
    rss_kib: float
    fds: float
    threads: float
    tasks: float | None
    objects: float | None
    blocks: float | None


@dataclass
class Life:
    """One process from its start to its end."""

    pid: int
    began: float
    samples: list[Sample] = field(default_factory=list)

    def values(self, measure: str, start: float = 0.0, end: float = float("inf")) -> list[tuple[float, float]]:
        """The times and values of ``measure``, the warming up left out."""
        start = max(start, self.began + WARM)
        got = ((sample.at, getattr(sample, measure)) for sample in self.samples if start <= sample.at <= end)
        return [(at, value) for at, value in got if value is not None]


class Census:
    """The lives of all processes of ``units``."""

    def __init__(self, units: Iterable[Unit]) -> None:
        self.lives: dict[str, list[Life]] = {unit.name: [] for unit in units}

    def take(self, units: Iterable[Unit], now: float) -> None:
        """Sample every process that runs."""
        for unit in units:
            if unit.pid is None:
                continue
            lives = self.lives[unit.name]
            if not lives or lives[-1].pid != unit.pid:
                lives.append(Life(unit.pid, now))
            try:
                lives[-1].samples.append(sample(unit.pid, unit.counts, now))
            except OSError:  # it has ended meanwhile
                continue

    def table(self) -> list[str]:
        """A line for each unit and measure: its lives, and of the longest one first, median and last."""
        lines = [
            f"{'process':<10} {'lives':>5} {'longest':>8}  "
            f"{'measure':<8} {'first':>9} {'median':>9} {'last':>9} {'per hour':>9}"
        ]
        for name, lives in self.lives.items():
            if not lives:
                continue
            longest = max(lives, key=lambda life: life.samples[-1].at - life.began if life.samples else 0.0)
            span = longest.samples[-1].at - longest.began if longest.samples else 0.0
            head = f"{name:<10} {len(lives):>5} {span:>6.0f} s"
            for measure in MEASURES:
                values = longest.values(measure)
                if values:
                    numbers = [value for _, value in values]
                    middle = statistics.median(numbers)
                    growth = slope(values) * 3600
                    lines.append(
                        f"{head}  {measure:<8} {numbers[0]:>9.0f} {middle:>9.0f} {numbers[-1]:>9.0f} {growth:>+9.1f}"
                    )
                    head = " " * len(head)
        return lines

    def write(self, path: Path) -> None:
        """Write all samples as comma-separated values."""
        lines = ["process,pid,at," + ",".join(MEASURES)]
        for name, lives in self.lives.items():
            for life in lives:
                for one in life.samples:
                    values = ["" if value is None else f"{value:.0f}" for value in astuple(one)[1:]]
                    lines.append(f"{name},{life.pid},{one.at:.1f},{','.join(values)}")
        path.write_text("\n".join(lines) + "\n")

    def growth(self, name: str, before: tuple[float, float], after: tuple[float, float]) -> list[str]:
        """What of a process that lived all the time grew too much between two spans of calm."""
        faults = []
        if len(self.lives[name]) != 1:
            return [f"{name} was not spared: it had {len(self.lives[name])} lives"]
        life = self.lives[name][0]
        for measure in MEASURES:
            first, last = ([value for _, value in life.values(measure, *span)] for span in (before, after))
            if not first or not last:
                faults.append(f"{name}: {measure} was not sampled in both calms")
                continue
            old, new = statistics.median(first), statistics.median(last)
            least, share = ALLOWED[measure]
            if new - old > max(least, share * old):
                faults.append(
                    f"{name}: {measure} grew from {old:.0f} in the calm before to {new:.0f} in the calm after"
                )
        return faults


def sample(pid: int, counts: Path, now: float) -> Sample:
    """Look at one process.

    :raises OSError: it is not there
    """
    process = Path(f"/proc/{pid}")
    status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines() if ":" in line)
    tasks = objects = blocks = None
    if counts.exists():
        of, *numbers = map(int, counts.read_text().split())
        if of == pid:
            tasks, objects, blocks = map(float, numbers)
    return Sample(
        now,
        float(status.get("VmRSS", "0 kB").split()[0]),
        float(len(list((process / "fd").iterdir()))),
        float(status["Threads"]),
        tasks,
        objects,
        blocks,
    )


def slope(values: Sequence[tuple[float, float]]) -> float:
    """The linear trend of (time, value) pairs: how much it grows a second."""
    if len(values) < 2 or values[0][0] == values[-1][0]:
        return 0.0
    times, numbers = zip(*values, strict=True)
    return statistics.linear_regression(times, numbers).slope
