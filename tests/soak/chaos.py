"""What goes wrong, when, and for how long: drawn from a seed."""

import signal
from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from itertools import count
from pathlib import Path
from random import Random
from typing import Final

from tests.faults.proxy import NONE, Faults, Proxy
from tests.soak.judge import Judge, Site
from tests.soak.unit import Phase, Unit
from tests.soak.zone import Zone

KILLS: Final = (1.0, 6.0)
"""Seconds between two signals to somebody."""
OTHERS: Final = (0.5, 3.5)
"""Seconds between two other events."""

Undo = Callable[[float], None]


class Chaos:
    """Draws one event after the other. ``mortals`` may be killed, ``operators`` are ways that nobody may corrupt."""

    def __init__(
        self,
        chance: Random,
        judge: Judge,
        sites: Sequence[Site],
        mortals: Sequence[Unit],
        reloads: Sequence[tuple[Unit, Path]],
        operators: Sequence[Proxy],
        start: float,
    ) -> None:
        self._chance = chance
        self._judge = judge
        self._sites = sites
        self._mortals = mortals
        self._reloads = reloads
        self._ways = [path.proxy for site in sites for path in site.paths]
        self._operators = operators
        self._due = [start, start]
        self._undo: list[tuple[float, int, Undo]] = []
        self._number = count()
        self._locked: set[str] = set()
        self._kills = [self._kill] * 4 + [self._stop] * 3 + [self._end] * 2 + [self._reload] * 2
        self._others = (
            [self._network] * 8
            + [self._cut] * 2
            + [self._sensor] * 4
            + [self._stall] * 2
            + [self._break]
            + [self._tamper] * 2
            + [self._heat] * 4
        )

    def tick(self, now: float) -> None:
        """Do what is due."""
        while self._undo and self._undo[0][0] <= now:
            heappop(self._undo)[2](now)
        for number, (events, pause) in enumerate(((self._kills, KILLS), (self._others, OTHERS))):
            if now >= self._due[number]:
                self._due[number] = now + self._chance.uniform(*pause)
                self._chance.choice(events)(now)

    def calm(self, now: float) -> None:
        """Undo all that stands."""
        while self._undo:
            heappop(self._undo)[2](now)
        for site in self._sites:
            site.zone.load, site.zone.ambient = 0.3, 22.0

    def _later(self, now: float, least: float, most: float, undo: Undo) -> float:
        span = self._chance.uniform(least, most)
        heappush(self._undo, (now + span, next(self._number), undo))
        return span

    def _mortal(self) -> Unit | None:
        """Somebody who may be disturbed now."""
        unit = self._chance.choice(self._mortals)
        fit = unit.phase in (Phase.UP, Phase.STARTING) and not unit.stopped and unit.name not in self._locked
        return unit if fit and not unit.expected else None

    def _kill(self, now: float) -> None:
        if unit := self._mortal():
            self._judge.event(now, f"kill {unit.name}")
            unit.send(signal.SIGKILL, now)

    def _end(self, now: float) -> None:
        if unit := self._mortal():
            self._judge.event(now, f"end {unit.name}")
            unit.send(signal.SIGTERM, now)

    def _stop(self, now: float) -> None:
        unit = self._mortal()
        if unit is None or unit.phase is not Phase.UP:
            return
        life = unit.lives

        def go_on(now: float) -> None:
            if unit.lives == life and unit.stopped:
                unit.send(signal.SIGCONT, now)

        unit.send(signal.SIGSTOP, now)
        self._judge.event(now, f"stop {unit.name} for {self._later(now, 0.5, 12, go_on):.1f} s")

    def _reload(self, now: float) -> None:
        """SIGHUP, with a configuration that is as good as before, changed a little, or bad."""
        unit, path = self._chance.choice(self._reloads)
        if unit not in self._mortals or not unit.answers(now, 1.0) or unit.name in self._locked:
            return
        text = path.read_text()
        kind = self._chance.choice(["same", "changed", "bad"])
        self._judge.event(now, f"reload {unit.name} {kind}")
        if kind == "changed":
            old, new = ("hysteresis = 1", "hysteresis = 2")
            path.write_text(text.replace(old, new) if old in text else text.replace(new, old))
        elif kind == "bad":
            path.write_text(text + "\n[shelves.nonsense]\n")
            self._locked.add(unit.name)

            def mend(_now: float) -> None:
                path.write_text(text)
                self._locked.discard(unit.name)

            self._later(now, 1.0, 2.0, mend)
        unit.send(signal.SIGHUP, now)

    def _network(self, now: float) -> None:
        chance = self._chance
        way = chance.choice([*self._ways, *self._operators])
        if way.faults != NONE:
            return
        kinds = [
            Faults(delay=chance.uniform(0.05, 1.5)),
            Faults(split=chance.choice([1, 3, 7, 50])),
            Faults(split=1, delay=0.02),
            Faults(coalesce=chance.uniform(0.1, 1.0)),
            Faults(truncate=0.1),
            Faults(hold=True),
            Faults(hold=True, to_server=False),
            Faults(refuse=True),
            Faults(duplicate=True),
            Faults(partition=True),
        ]
        if way not in self._operators:
            kinds += [Faults(corrupt=0.1), Faults(corrupt=0.02, delay=0.1)]
        faults = chance.choice(kinds)
        way.faults = faults
        if (faults.refuse or faults.duplicate) and chance.random() < 0.8:
            way.cut()

        def lift(_now: float) -> None:
            way.faults = NONE

        span = self._later(now, 1, 10, lift)
        self._judge.event(now, f"network {self._title(way)} for {span:.1f} s: {_shown(faults)}")

    def _cut(self, now: float) -> None:
        way = self._chance.choice([*self._ways, *self._operators])
        self._judge.event(now, f"cut {self._title(way)}")
        way.cut()

    def _title(self, way: Proxy) -> str:
        for site in self._sites:
            for path in site.paths:
                if path.proxy is way:
                    return f"{site.client.name} to {path.server.name}"
        return "an operator's way"

    def _zone(self) -> Zone:
        return self._chance.choice(self._sites).zone

    def _sensor(self, now: float) -> None:
        zone = self._zone()
        bay = self._chance.choice(zone.bays)
        if bay.fault is None:
            fault = self._chance.choice(bay.faults)
            bay.suffer(fault)
            span = self._later(now, 1, 25, lambda _now: bay.suffer(None))
            self._judge.event(now, f"sensor {bay.path.name} for {span:.1f} s: {fault}")

    def _stall(self, now: float) -> None:
        self._fan(now, "stalled", 5, 50)

    def _break(self, now: float) -> None:
        self._fan(now, "broken", 1, 12)

    def _fan(self, now: float, fault: str, least: float, most: float) -> None:
        site = self._chance.choice(self._sites)
        fan = self._chance.choice(site.zone.fans)
        if fan.fault is not None or (fault == "broken" and site.client not in self._mortals):
            return

        def mend(_now: float) -> None:
            fan.suffer(None)

        fan.suffer(fault)
        self._judge.event(now, f"fan {fan.duty_file.name} for {self._later(now, least, most, mend):.1f} s: {fault}")

    def _tamper(self, now: float) -> None:
        fan = self._chance.choice(self._zone().fans)
        duty = self._chance.choice([0.0, 20.0, 35.0])
        self._judge.event(now, f"tamper {fan.duty_file.name}: {duty:g} %")
        fan.tamper(duty)

    def _heat(self, now: float) -> None:
        zone = self._zone()
        zone.load, zone.ambient = self._chance.random(), self._chance.uniform(18, 30)
        self._judge.event(now, f"heat {zone.name}: load {zone.load:.2f}, {zone.ambient:.1f} °C")


def _shown(faults: Faults) -> str:
    """What differs from a network without faults."""
    names = [name for name in Faults.__slots__ if getattr(faults, name) != getattr(NONE, name)]
    return ", ".join(f"{name} {getattr(faults, name)}" for name in names)
