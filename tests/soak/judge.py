"""What must hold all the while, and how long each thing may take.

Every fan must do at least what the true temperatures of its shelf have demanded for :data:`BASE` seconds. It may fall
short for as long again, and so much longer for each thing that is wrong with the shelf, or was within the last
:data:`SETTLE` seconds. Of several servers one that is well is enough (C3).
"""

import threading
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tests.faults.proxy import NONE, Proxy
from tests.soak.law import CRITICAL
from tests.soak.unit import Phase, Unit
from tests.soak.zone import FANS, MAX_AGE, Turner, Zone

INTERVAL: Final = 1.0
LEASE: Final = 4.0
WATCHDOG: Final = 6.0

BASE: Final = 4.0
"""A reading, a decision, a push, a write, on a host that is busy."""
SENSOR: Final = MAX_AGE + 3 * 2 * INTERVAL
"""Three failed readings, each of which may hang for its time-out, after a file has grown too old."""
NETWORK: Final = LEASE + 1.0
"""The fan client's lease."""
CLIENT: Final = WATCHDOG + 6.0
"""Its watchdog, and the start of what ExecStopPost= names."""
STALLED: Final = 30.0
"""10 s after a change of the duty, three reports; and changes may follow one another."""
SETTLE: Final = 20.0
BUDGET: Final = 30.0
"""A reading is never older than that (S2)."""


@dataclass
class Path:
    """How a fan client reaches one of its servers."""

    proxy: Proxy
    server: Unit


@dataclass
class Site:
    """A shelf, its fan client, and that one's ways to its servers. ``wrong`` is when what was last wrong."""

    zone: Zone
    client: Unit
    paths: Sequence[Path]
    wrong: dict[str, float] = field(default_factory=dict)
    short: dict[str, float] = field(default_factory=dict)
    longest: float = 0.0
    lacking: float = 0.0
    demands: list[float] = field(default_factory=list)
    hottest: float = 0.0
    broken: float = float("-inf")
    """When a fan of it was last broken."""

    def allowed(self, now: float) -> float:
        """How long a fan may fall short now."""
        recent = {what for what, at in self.wrong.items() if now - at < SETTLE}
        extra = SENSOR if "sensor" in recent else 0.0
        extra += CLIENT if "client" in recent else 0.0
        if all({f"network {number}", f"server {number}"} & recent for number in range(len(self.paths))):
            extra += NETWORK
        return BASE + extra

    def look(self, now: float) -> None:
        """See what is wrong now."""
        if any(bay.fault for bay in self.zone.bays):
            self.wrong["sensor"] = now
        if any(fan.fault == "broken" for fan in self.zone.fans):
            self.broken = now
        if not self.client.answers(now, 0.0) or self.broken == now:
            self.wrong["client"] = now
        for number, path in enumerate(self.paths):
            if path.proxy.faults != NONE:
                self.wrong[f"network {number}"] = now
            if not path.server.answers(now, 0.0):
                self.wrong[f"server {number}"] = now


class Judge:
    """Keeps what was found wanting. May be told by any thread."""

    def __init__(self, seed: object) -> None:
        self._seed = seed
        self._lock = threading.Lock()
        self._events: deque[str] = deque(maxlen=12)
        self._faulty: dict[tuple[str, object], float] = {}
        self.began = 0.0
        self.violations: list[str] = []
        self.counts: Counter[str] = Counter()
        self.stalls: deque[tuple[float, float]] = deque(maxlen=100)

    def event(self, now: float, text: str) -> None:
        """Remember what was done, for who reads a violation."""
        self.counts[text.split(maxsplit=1)[0]] += 1
        self._events.append(f"{now - self.began:7.1f} s  {text}")

    def violation(self, now: float, text: str) -> None:
        with self._lock:
            before = "".join(f"\n      {event}" for event in self._events)
            self.violations.append(f"{now - self.began:7.1f} s  {text}\n    before that:{before}")
            print(f"VIOLATION {self.violations[-1]}", flush=True)

    def stalled(self, now: float) -> float:
        """How long the host did not let this very tool run lately."""
        return sum(gap for at, gap in tuple(self.stalls) if now - at < SETTLE)

    def look(self, site: Site, override: float | None, now: float, passed: float) -> None:
        """Judge the fans of ``site``; ``override`` is the lowest that may be in force."""
        site.look(now)
        site.demands.append(site.zone.past[-1].demand)
        site.hottest = max(site.hottest, *site.zone.past[-1].celsius)
        needed = self.needed(site.zone, override, now)
        allowed = site.allowed(now) + self.stalled(now)
        for name, fan in zip(FANS, site.zone.fans, strict=True):
            if fan.fault == "broken" or fan.duty >= needed - 0.1:
                site.short.pop(name, None)
                continue
            since = site.short.setdefault(name, now)
            site.lacking += passed
            site.longest = max(site.longest, now - since)
            if now - since > allowed:
                site.short[name] = now + 1e9  # told once
                self.violation(
                    now,
                    f"{site.zone.name} {name}: {fan.duty:g} % for {now - since:.1f} s, {needed:.1f} % needed; "
                    f"allowed are {allowed:.1f} s, as {self._wrong(site, now)}",
                )

    def needed(self, zone: Zone, override: float | None, now: float) -> float:
        """The least duty of ``zone`` by its true state, with the time to notice it."""
        for bay in zone.bays:
            if self._lasts((zone.name, bay.path), bay.fault, now) > SENSOR + BASE:
                return 100.0
        for fan in zone.fans:
            if self._lasts((zone.name, fan.duty_file), fan.fault == "stalled", now) > STALLED:
                return 100.0
        lately = list(zone.since(now - BASE))
        lowest = min(truth.demand for truth in lately)
        if override is None or min(max(truth.celsius) for truth in lately) >= CRITICAL:
            return lowest
        return min(lowest, override)

    def status(
        self, site: Site, server: Unit, status: Mapping[str, Any], override: float | None, asked: float, now: float
    ) -> None:
        """Judge what a server has told about ``site``, asked between those times."""
        zone, slack = site.zone, BASE + (SENSOR if asked - site.wrong.get("sensor", -1e9) < SETTLE else 0.0)
        slack += self.stalled(now)
        lowest = min(truth.demand for truth in zone.since(asked - slack))
        needed = lowest if override is None else min(lowest, override)
        if status["duty"] < needed - 0.1:
            self.violation(
                now, f"{server.name} serves {status['duty']} % for {zone.name}, {needed:.1f} % needed: {status}"
            )
        if "sensor" in site.wrong and asked - site.wrong["sensor"] < SETTLE + BUDGET:
            return
        for place, device in enumerate(status["devices"]):
            if device["health"] != "good":
                continue
            if device["age"] > BUDGET:
                self.violation(now, f"{server.name} tells a reading of {device['age']} s for good: {device}")
            seen = [truth.celsius[place] for truth in zone.since(asked - device["age"] - BASE - self.stalled(now))]
            if not min(seen) - 0.1 <= device["celsius"] <= max(seen) + 0.1:
                self.violation(now, f"{server.name} tells what was not true of {zone.name}: {device}; it was {seen}")

    def _lasts(self, what: tuple[str, object], state: object, now: float) -> float:
        """For how long it has been like that."""
        if not state:
            self._faulty.pop(what, None)
            return 0.0
        return now - self._faulty.setdefault(what, now)

    def _wrong(self, site: Site, now: float) -> str:
        lately = [f"{what} {now - at:.0f} s ago" for what, at in site.wrong.items() if now - at < SETTLE]
        return ", ".join(lately) or "nothing was wrong lately"


def units_settled(units: Sequence[Unit], now: float, settled: float) -> bool:
    """Whether all of them have been up for so long."""
    return all(unit.phase is Phase.UP and unit.answers(now, settled) for unit in units)


def fans_of(sites: Sequence[Site]) -> list[Turner]:
    """All fans."""
    return [fan for site in sites for fan in site.zone.fans]
