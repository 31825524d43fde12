"""Whether a fan turns as it must (rule S6), from what its tachometer says.

A fan that stands still, or turns slower than it ever should, while it is driven is stalled: it gets full speed until
it has turned normally for a while, and is never given up. A speed that is not known says neither that it stands nor
that it turns.
"""

from dataclasses import dataclass, replace
from typing import Final

from fand.units import Percent, Rpm, Seconds

REPORTS: Final = 3
"""So many measurements in a row that are too low are a stall."""
GRACE: Final = Seconds(10.0)
"""A change of the duty excuses a low speed for so long."""
RECOVERY: Final = Seconds(30.0)
"""A stall is over when the speed has been normal for so long."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """What is known of one fan's turning.

    Low speeds do not count until ``excused``. ``low`` counts those in a row that did; ``slow`` is whether the last
    speed known was too low. While ``stalled``, ``normal`` is when the speed became normal, None while it is not.
    """

    excused: Seconds = Seconds(0.0)
    low: int = 0
    slow: bool = False
    stalled: bool = False
    normal: Seconds | None = None


def started(rotation: Rotation, now: Seconds) -> Rotation:
    """The fan is driven from standstill: it may take its time, whatever it did before."""
    return replace(rotation, excused=Seconds(now + GRACE), low=0, slow=False)


def changed(rotation: Rotation, now: Seconds) -> Rotation:
    """The duty changed. That does not excuse a fan which was slow before: a duty that changes all the while would
    hide its stall for ever.
    """
    return rotation if rotation.slow else replace(rotation, excused=Seconds(now + GRACE))


def measured(rotation: Rotation, speed: Rpm | None, least: Rpm, duty: Percent, now: Seconds) -> Rotation:
    """The fan turns at ``speed``, None if that is not known, and must at ``least`` while driven at any duty."""
    if speed is None:
        return rotation if rotation.normal is None else replace(rotation, normal=None)
    slow = duty > 0 and (speed <= 0 or speed < least)
    if rotation.stalled:
        normal = None if slow else now if rotation.normal is None else rotation.normal
        if normal is not None and now >= normal + RECOVERY:
            return Rotation(excused=Seconds(now + GRACE))
        return replace(rotation, slow=slow, normal=normal)
    low = 0 if not slow else rotation.low + 1 if now >= rotation.excused else rotation.low
    if slow == rotation.slow and low == rotation.low:
        return rotation
    return replace(rotation, slow=slow, low=low, stalled=low >= REPORTS)
