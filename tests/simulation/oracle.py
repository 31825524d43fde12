"""What the law demands, reckoned from its definition (DESIGN.md, section 4) and not by the code that is tested."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import inf, isfinite
from typing import Final

from tests.simulation.hardware import Bay
from tests.simulation.world import CurveSpec, ShelfSpec

FAILED: Final = "failed"
WEIGHING: Final = 0.001
"""Seconds after an answer in which what is served may follow from it or not yet."""
ROUNDING: Final = 1e-6
"""Seconds by which two clocks that began at other instants may differ over the same one."""
INCREDIBLE: Final = 125.0
"""Degrees from which on no sensor is believed."""
EXTRA: Final = 10.0
"""By how much a reload may raise the floor, in percent."""
ASLEEP: Final = "asleep"


def wanted(curve: CurveSpec, celsius: float) -> float:
    """The duty that ``celsius`` asks for: what its curve says, and everything from the critical temperature on."""
    if celsius >= curve.critical:
        return 100.0
    points = curve.points
    if celsius <= points[0][0]:
        return points[0][1]
    for (cool, less), (warm, more) in pairwise(points):
        if celsius < warm:
            if curve.kind == "step":
                return less
            return less + (more - less) * (celsius - cool) / (warm - cool)
    return points[-1][1]


class Families:
    """The devices of a shelf by family, for reckoning its demand again and again."""

    def __init__(self, spec: ShelfSpec) -> None:
        self.spec = spec
        self._members = [
            (curve, [number for number, drive in enumerate(spec.drives) if drive.family == family])
            for family, curve in spec.curves.items()
        ]

    def demand(self, celsius: Sequence[float]) -> float:
        """What a shelf with devices at these temperatures asks for; minus infinity is one that does not count."""
        need = self.spec.floor
        for curve, members in self._members:
            if curve.average:
                known = [celsius[number] for number in members if celsius[number] > -inf]
                if not known:
                    continue
                need = max(need, wanted(curve, sum(known) / len(known)))
                hottest = max(known)
                if hottest >= curve.critical:
                    return 100.0
                continue
            hottest = max([celsius[number] for number in members])
            if hottest > -inf:
                asked = wanted(curve, hottest)
                if asked > need:
                    need = asked
        return need

    def least(self, celsius: Sequence[float]) -> float:
        """The same where the temperatures are each the lowest that may be known: a mean has no worth then."""
        need = self.spec.floor
        for curve, members in self._members:
            temperatures = [celsius[number] for number in members]
            known = min(temperatures) if curve.average else max(temperatures)
            if known > -inf:
                need = max(need, wanted(curve, known))
        return need

    def most(self, celsius: Sequence[float]) -> float:
        """The greatest demand that the hysteresis lets these temperatures have."""
        need = self.spec.floor + EXTRA
        for curve, members in self._members:
            hottest = max(celsius[number] for number in members)
            if hottest > -inf:
                need = max(need, wanted(curve, hottest), _warmer(curve, hottest))
        return need


def _warmer(curve: CurveSpec, celsius: float) -> float:
    warm = celsius + curve.hysteresis
    return wanted(curve, min(warm, curve.critical - 1e-9))


class Known:
    """What one device has told one run of a server."""

    __slots__ = ("at", "celsius", "failures", "slept")

    def __init__(self) -> None:
        self.celsius: float | str | None = None
        self.at = -inf
        self.failures = 0
        self.slept = 0.0
        """How long its host had slept by then."""


class Knowledge:
    """What a run of a server knows of one shelf, and the least that it may serve for that."""

    def __init__(self, spec: ShelfSpec, families: Families) -> None:
        self.spec = spec
        self._families = families
        self.devices = [Known() for _ in spec.drives]
        self.slept: Callable[[], float] = lambda: 0.0
        """How long the host has slept since the server began."""
        self._until = -inf
        self._slept = 0.0
        self._forced = self._least = 100.0
        self._before = (100.0, 100.0)
        self._weighed = -inf

    def told(self, number: int, outcome: float | str, at: float, now: float) -> None:
        """Device ``number``, asked ``at`` that time, has answered."""
        known = self.devices[number]
        if (
            outcome == known.celsius
            and not known.failures
            and now <= known.at + budget(self.spec.drives[number].interval)
        ):
            known.at, known.slept = at, self.slept()  # it says the same again, which is worth the same for longer
            return
        self._before = self.least(now)
        self._weighed = now + WEIGHING
        if outcome == FAILED:
            known.failures += 1
        else:
            known.celsius, known.at, known.failures, known.slept = outcome, at, 0, self.slept()
        self._until = -inf

    def least(self, now: float) -> tuple[float, float]:
        """The least duty for what is known at ``now``, whatever an operator wants (S1, S2, S4), and with his
        overrides aside.
        """
        if now >= self._until or self._slept != self.slept():
            self._slept = self.slept()
            self._reckon(now)
        if now < self._weighed:
            return min(self._forced, self._before[0]), min(self._least, self._before[1])
        return self._forced, self._least

    def _reckon(self, now: float) -> None:
        forced, until, absent, doubtful = 0.0, inf, 0, False
        temperatures: list[float] = []
        for known, drive in zip(self.devices, self.spec.drives, strict=True):
            end, slept = known.at + budget(drive.interval), self._slept - known.slept
            if drive.optional:  # three answers that did not come in time, which nobody tells us of, make it absent
                end = min(end, known.at + 3 * drive.interval + slept + 0.05)
            lost = known.failures >= 3 or now > end + ROUNDING
            if not lost:
                until = min(until, end + 2 * ROUNDING)
            if known.celsius is None and not drive.optional:
                forced = 100.0
            elif lost and drive.optional:
                absent += 1
            elif lost:
                forced = max(forced, self.spec.on_lost)
            # when it was asked since, nobody tells us: at once when its host woke, and then in its old rhythm
            vague = drive.optional and (slept > 0 or now > known.at + 2 * drive.interval - 0.05)
            if drive.optional and not vague:
                until = min(until, known.at + 2 * drive.interval - 0.05 + ROUNDING)
            doubtful = doubtful or vague
            counts = isinstance(known.celsius, float) and not vague and not (drive.optional and lost)
            temperatures.append(known.celsius if counts and isinstance(known.celsius, float) else -inf)
            if counts and temperatures[-1] >= self.spec.curves[drive.family].critical:
                forced = 100.0
        if absent == len(self.devices):
            forced = max(forced, self.spec.on_lost)
        self._forced = forced
        demand = self._families.least if doubtful else self._families.demand
        self._least = max(forced, demand(temperatures))
        self._until = until


def budget(interval: float) -> float:
    """How old a reading may grow (S2)."""
    return max(3 * interval, 30.0)


def outcome(bay: Bay) -> float | str:
    """What a device's sensor answers now: a temperature, that it sleeps, or nothing of worth."""
    fault = bay.fault
    if fault in ("lost", "nan", "absurd", "raises", "nonsense"):
        return FAILED
    if fault == "stuck":
        return float(bay.amount)
    if fault == "says asleep":
        return ASLEEP
    if fault == "swapped" and bay.partner is not None:
        return ASLEEP if bay.partner.asleep else bay.partner.told
    if bay.asleep:
        return ASLEEP
    told = bay.told
    if fault == "drops" and bay.drops:
        told -= bay.amount
    if fault == "jumps" and bay.reads % 3 == 0:
        told = min(120.0, told + bay.amount)
    return told if isfinite(told) and -20 < told < 125 and (told > 0 or not bay.spec.smart) else FAILED


def sight(bay: Bay) -> float | None:
    """What can be known of a device at best: None is the truth, or that of the device it is taken for; a number is
    what a wrong sensor makes believe; and minus infinity that it cannot be known at all.
    """
    fault = bay.fault
    if fault == "stuck":
        return float(bay.amount)
    if fault in ("says asleep", "lost", "nan", "absurd", "raises", "nonsense", "hangs"):
        return -inf
    if fault == "slow" and bay.amount >= bay.spec.timeout:
        return -inf
    if fault == "swapped" and bay.partner is not None:
        return -inf if bay.partner.asleep else None
    return -inf if bay.asleep else None
