"""What a part of the suite has measured, and how it is kept: one JSON file a part."""

import statistics
from pathlib import Path

import msgspec


class Figure(msgspec.Struct, frozen=True):
    """One quantity of one contestant: every value that was measured, in the order of the rounds."""

    what: str
    unit: str
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median."""
        return statistics.median(self.values)

    @property
    def lowest(self) -> float:
        """The least value."""
        return min(self.values)

    @property
    def highest(self) -> float:
        """The greatest value."""
        return max(self.values)


class Goal(msgspec.Struct, frozen=True):
    """What is to be reached: ``limit`` at least, or ``most`` at most, in ``unit``."""

    key: str
    text: str
    limit: float
    unit: str
    most: bool = True

    def met(self, value: float) -> bool:
        """Whether ``value`` is good enough."""
        return value <= self.limit if self.most else value >= self.limit


class Reached(msgspec.Struct, frozen=True):
    """What came of a goal; ``theirs`` is the same of fand 0.1.1, ``reference`` that of what it is held against."""

    figure: Figure
    theirs: Figure | None = None
    reference: Figure | None = None


class Table(msgspec.Struct, frozen=True):
    """Figures side by side; ``base`` is the one that ratios are to, ``words`` say how they were taken."""

    title: str
    figures: tuple[Figure, ...]
    base: str = ""
    words: str = ""


class Curve(msgspec.Struct, frozen=True):
    """``figures`` against ``size``, each with one value for each of the ``sizes``; they are drawn in one picture."""

    name: str
    title: str
    size: str
    sizes: tuple[int, ...]
    figures: tuple[Figure, ...]


class Taken(msgspec.Struct, frozen=True):
    """When, where and by which command something was measured. ``load`` is what the machine did besides, before."""

    date: str
    revision: str
    machine: str
    python: str
    command: str
    load: float
    quick: bool


class Outcome(msgspec.Struct, frozen=True):
    """All that one run of a part has found; ``reached`` goes by the keys of its goals."""

    tables: tuple[Table, ...] = ()
    reached: dict[str, Reached] = {}
    curves: tuple[Curve, ...] = ()
    taken: Taken | None = None


def save(path: Path, outcome: Outcome) -> None:
    """Keep ``outcome`` as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(outcome), indent=1) + b"\n")


def load(path: Path) -> Outcome | None:
    """What was kept at ``path``; None if nothing was."""
    return msgspec.json.decode(path.read_bytes(), type=Outcome) if path.exists() else None


def per_round(what: str, ours: Figure, reference: Figure) -> Figure:
    """The ratio of each round to the same round of ``reference``."""
    return Figure(what, "x", tuple(a / b for a, b in zip(ours.values, reference.values, strict=True)))
