"""What a run of the fuzzer amounts to: from libFuzzer's output to a row of a table that is kept."""

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

TABLE: Final = Path(__file__).parents[2] / "docs" / "fuzzing.csv"
HEAD: Final = ("date", "target", "seconds", "executions", "edges", "crashes")

_PULSE: Final = re.compile(r"#(\d+)\s+\S+\s+cov: (\d+)")
_UNITS: Final = re.compile(r"stat::number_of_executed_units: (\d+)")


@dataclass(frozen=True, slots=True)
class Figures:
    """How many inputs were run, how many edges between instructions of fand they took, how many broke a promise."""

    executions: int = 0
    edges: int = 0
    crashes: int = 0


def read(lines: Iterable[str]) -> Figures:
    """From what libFuzzer has printed, to its end or as far as it came."""
    executions = edges = 0
    for line in lines:
        if pulse := _PULSE.match(line):
            executions, edges = int(pulse[1]), int(pulse[2])
        elif units := _UNITS.match(line):
            executions = int(units[1])
    return Figures(executions, edges)


def append(table: Path, day: date, target: str, seconds: float, figures: Figures) -> None:
    """Add a row to ``table``, which begins with :data:`HEAD`."""
    new = not table.exists()
    with table.open("a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if new:
            writer.writerow(HEAD)
        writer.writerow((day.isoformat(), target, round(seconds), figures.executions, figures.edges, figures.crashes))
