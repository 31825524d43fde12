"""One simulated shelf: its plant, and the files that play its sensors and fans to the real processes."""

import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from fand.sim import HDD, Fan, FanFault, Inputs, Shelf, State, step
from fand.units import FULL, Celsius, Percent, Seconds
from tests.soak.law import demand

FASTER: Final = 30.0
"""How much faster than ours the time in the shelf runs."""
BAYS: Final = 4
FANS: Final = ("front", "rear")
SHELF: Final = Shelf(drives=(HDD,) * BAYS, fans=(Fan(),) * len(FANS), lanes=2)
MAX_AGE: Final = 5
"""Seconds after which a file that nobody writes any more gives no reading."""
MEMORY: Final = 120.0
"""So many seconds of the true temperatures are kept."""

WORDS: Final = {"lost": "lost", "nan": "nan", "hang": "hang", "garbage": "%&!?", "zero": "0", "removed": None}
"""What the file of a played drive says; None is no file."""
STUCK: Final = ("stuck", "future")
"""What befalls a file that somebody should keep up to date: he stops, and it may be dated in the future."""


@dataclass(slots=True)
class Bay:
    """A drive. Of kind ``fake`` or ``file``; ``fault`` is what its sensor suffers, if anything."""

    kind: str
    path: Path
    fault: str | None = None

    @property
    def faults(self) -> tuple[str, ...]:
        """What may befall it that can be noticed: a played drive that is stuck is as good as a true one."""
        return tuple(WORDS) if self.kind == "fake" else (*STUCK, "garbage", "removed")

    def suffer(self, fault: str | None) -> None:
        self.fault = fault
        if fault in STUCK:
            if fault == "future" and self.path.exists():
                os.utime(self.path, (4e9, 4e9))
        elif fault is not None and (text := WORDS[fault]) is not None:
            replace(self.path, text)
        elif fault is not None:
            self.path.unlink(missing_ok=True)

    def play(self, celsius: float) -> None:
        if self.fault is None:
            replace(self.path, f"{celsius:.2f}")


@dataclass(slots=True)
class Turner:
    """A fan. A ``fault`` is ``stalled``, or ``broken``: it can be neither driven nor read."""

    duty_file: Path
    rpm_file: Path
    fault: str | None = None
    duty: Percent = FULL

    def look(self) -> None:
        """See what it is driven at; one that cannot be read stays as it was."""
        try:
            self.duty = Percent(float(self.duty_file.read_text()))
        except (OSError, ValueError):
            return

    def suffer(self, fault: str | None) -> None:
        if self.fault == "broken":
            self.duty_file.rmdir()
            replace(self.duty_file, f"{self.duty:g}")
        self.fault = fault
        if fault == "broken":
            self.duty_file.unlink(missing_ok=True)
            self.duty_file.mkdir()

    def tamper(self, duty: float) -> None:
        """Somebody else sets the duty."""
        if self.fault != "broken":
            replace(self.duty_file, f"{duty:g}")


@dataclass(frozen=True, slots=True)
class Truth:
    """What was true at one moment."""

    at: float
    celsius: tuple[float, ...]
    demand: float


@dataclass
class Zone:
    """One shelf. ``load`` of the drives and ``ambient`` are what the chaos makes them."""

    name: str
    folder: Path
    load: float = 0.3
    ambient: float = 22.0
    state: State = field(default_factory=lambda: SHELF.at(Celsius(33.0)))
    past: deque[Truth] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.bays = [
            Bay("fake" if number % 2 else "file", self.folder / f"{self.name}.bay{number}")
            for number in range(1, BAYS + 1)
        ]
        self.fans = [
            Turner(self.folder / f"{self.name}.{fan}", self.folder / f"{self.name}.{fan}.rpm") for fan in FANS
        ]

    def advance(self, now: float, seconds: float) -> None:
        """Let time pass, to ``now``."""
        for fan in self.fans:
            fan.look()
        stalled = [(place, FanFault.STALLED) for place, fan in enumerate(self.fans) if fan.fault == "stalled"]
        shares = [self.load * share for share in (0.7, 1.0, 0.9, 0.8)]
        inputs = Inputs(shares, [fan.duty for fan in self.fans], Celsius(self.ambient), stalled)
        self.state = step(SHELF, self.state, inputs, Seconds(max(seconds, 0.001) * FASTER))
        for bay, celsius in zip(self.bays, self.state.celsius, strict=True):
            bay.play(celsius)
        for fan, rpm in zip(self.fans, self.state.rpm, strict=True):
            replace(fan.rpm_file, f"{rpm:.0f}")
        self.past.append(Truth(now, self.state.celsius, demand(self.state.celsius)))
        while self.past[0].at < now - MEMORY:
            self.past.popleft()

    def since(self, start: float) -> Iterator[Truth]:
        """What was true from ``start`` on, and the moment before."""
        before = None
        for truth in tuple(self.past):
            if truth.at < start:
                before = truth
                continue
            if before is not None:
                yield before
                before = None
            yield truth
        if before is not None:
            yield before


def replace(path: Path, text: str) -> None:
    """Write a whole file at once."""
    beside = path.with_name(f".{path.name}.soak")
    beside.write_text(text + "\n")
    beside.replace(path)
