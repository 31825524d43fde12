"""How long and how often is measured, and where processes run."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.results import Figure, Goal, Outcome

ROOT: Final = Path(__file__).parents[1]
SCRIPTS: Final = Path(__file__).parent / "scripts"


@dataclass(frozen=True)
class Plan:
    """``folder`` is for temporary files, in memory where the system has such a place; ``quick`` is a short try.

    Each figure is taken ``rounds`` times. What is counted runs ``seconds`` each time, what is watched ``window``
    seconds.
    """

    folder: Path
    quick: bool
    rounds: int
    seconds: float
    window: float

    @property
    def one(self) -> set[int]:
        """The processor of the server."""
        return {min(os.sched_getaffinity(0))}

    @property
    def other(self) -> set[int]:
        """All other processors, for what puts load on the server; the same one if there is no other."""
        return (os.sched_getaffinity(0) - self.one) or self.one

    def sub(self, name: str) -> Path:
        """A new folder."""
        number = len(list(self.folder.iterdir()))
        path = self.folder / f"{number}-{name}"
        path.mkdir()
        return path


@dataclass(frozen=True)
class Part:
    """A part of the suite: what it is for, its goals, and what measures them."""

    name: str
    title: str
    words: str
    goals: tuple[Goal, ...]
    measure: Callable[[Plan], Outcome]


def in_turn(unit: str, contestants: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, Figure]:
    """Each of them once a round, so that a machine whose speed drifts is fair to all."""
    values: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, contestant in contestants.items():
            values[name].append(contestant())
    return {name: Figure(name, unit, tuple(found)) for name, found in values.items()}
