"""Curves: from a temperature to a duty. A new kind is one class here, entered in :data:`CURVES`."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Final, Protocol

from fand.units import Celsius, Percent, is_number

Points = tuple[tuple[Celsius, Percent], ...]


class Curve(Protocol):
    """Never falls: a higher temperature asks for at least the same duty.

    A class with ``bottom`` needs its first point at 0 °C or below.
    """

    bottom: ClassVar[bool]

    def __init__(self, points: Points) -> None: ...

    def duty(self, celsius: Celsius) -> Percent:
        """The duty that ``celsius`` asks for."""
        ...


@dataclass(frozen=True, slots=True)
class Step:
    """Each point's duty holds from its temperature up to the next one's. The first point is at 0 °C or below."""

    points: Points
    bottom: ClassVar[bool] = True

    def duty(self, celsius: Celsius) -> Percent:
        """The duty of the last point at or under ``celsius``; below all points, that of the first."""
        return self.points[max(0, bisect_right(self.points, celsius, key=_celsius) - 1)][1]


@dataclass(frozen=True, slots=True)
class Linear:
    """Straight lines between the points; flat below the first and above the last."""

    points: Points
    bottom: ClassVar[bool] = False

    def duty(self, celsius: Celsius) -> Percent:
        """The duty on the line at ``celsius``."""
        after = bisect_right(self.points, celsius, key=_celsius)
        if after == 0:
            return self.points[0][1]
        if after == len(self.points):
            return self.points[-1][1]
        (t0, d0), (t1, d1) = self.points[after - 1], self.points[after]
        # rounding must not carry the line past its end, to a duty above 100
        return Percent(min(d1, d0 + (d1 - d0) * (celsius - t0) / (t1 - t0)))


CURVES: Final[Mapping[str, type[Curve]]] = {"linear": Linear, "step": Step}
"""Curve kinds by their name in the configuration."""


def point_faults(kind: str, points: Sequence[Sequence[float]]) -> list[str]:
    """Say what keeps ``points`` (pairs of °C and percent) from being a curve of this kind (rule S11)."""
    if not points:
        return ["has no points; give at least one, like [30, 25]"]
    faults = []
    for number, point in enumerate(points, 1):
        if len(point) != 2 or not all(is_number(part) for part in point):
            faults.append(f"point {number} {list(point)} is not a pair of numbers, like [30, 25]")
        elif not -20 < point[0] < 125:
            faults.append(f"point {number}: {point[0]:g} °C is no temperature between -20 and 125")
        elif not 0 <= point[1] <= 100:
            faults.append(f"point {number}: duty {point[1]:g} is not from 0 to 100")
    if faults:
        return faults
    for number, (before, after) in enumerate(pairwise(points), 2):
        if after[0] <= before[0]:
            faults.append(f"point {number}: {after[0]:g} °C does not come after {before[0]:g}; sort by temperature")
        elif after[1] < before[1]:
            faults.append(f"point {number}: the duty falls from {before[1]:g} to {after[1]:g}; a curve must not fall")
    if CURVES[kind].bottom and points[0][0] > 0:
        faults.append(f"has no point at the bottom; begin at 0 °C or below, not at {points[0][0]:g}")
    return faults


def _celsius(point: tuple[Celsius, Percent]) -> Celsius:
    return point[0]
