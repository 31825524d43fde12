"""What is known of one device, and what it is worth now (rules S1, S2 and S5)."""

import enum
from dataclasses import dataclass, field, replace
from typing import Final

from fand.control.cooling import alike, possible
from fand.control.plausible import judge
from fand.ports import Asleep, Failed, Reading, Temperature
from fand.units import Seconds

FAILURES: Final = 3
"""So many failed readings in a row make a device lost."""

CONFIRMED: Final = 3
"""So many readings in a row that agree make a drop true that no drive can make."""


class Health(enum.Enum):
    """What a device's answers are worth now."""

    WAITING = "waiting"
    """It has not answered since the start (S1); if it is optional, it has not been asked either."""
    GOOD = "good"
    ASLEEP = "asleep"
    FAILING = "failing"
    """Its last reading failed; within the budget of S2 the value before it counts."""
    LOST = "lost"
    """Its last three readings failed, or its last good one is too old (S2)."""
    ABSENT = "absent"
    """It is optional, and not there when it is asked."""


@dataclass(frozen=True, slots=True)
class Watch:
    """How a device is watched: asked every ``interval`` seconds; allowed to be absent if ``optional``.

    ``budget`` is how old its last good reading may grow.
    """

    interval: Seconds
    optional: bool = False
    budget: Seconds = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "budget", Seconds(max(3 * self.interval, 30.0)))

    def deadline(self, last: Temperature | Asleep) -> Seconds:
        """Until when that good reading counts."""
        return Seconds(last.at + self.budget)


@dataclass(frozen=True, slots=True)
class Doubt:
    """A drop that no drive can make, and that is not confirmed yet (S5).

    ``before`` is the last reading that was believed, ``low`` the last one that is not, the last of ``times`` in a row
    that agree with one another.
    """

    before: Temperature
    low: Temperature
    times: int


@dataclass(frozen=True, slots=True)
class Track:
    """What one device has answered: the last good answer, and what has failed since.

    While a drop is in ``doubt``, ``last`` is the temperature before it, at the time of the last answer.
    """

    last: Temperature | Asleep | None = None
    failures: int = 0
    failure: Failed | None = None
    family: str | None = None
    doubt: Doubt | None = None


def observe(track: Track, reading: Reading, family: str | None = None) -> Track:
    """``track`` with one more reading; ``family``, once known, stays.

    A temperature that cannot be (see :func:`judge`) is a failure, whatever the driver took it for. One that is lower
    than the device can be by now is believed when three in a row agree (S5); the one before counts until then. One
    that is higher is believed at once, and so is any after a sleep, or after a gap that is long enough to cool.
    """
    family = family or track.family
    if isinstance(reading, Temperature):
        reading = judge(reading.celsius, reading.at)
    if isinstance(reading, Failed):
        doubt = track.doubt if track.doubt is None else replace(track.doubt, times=0)
        return Track(track.last, track.failures + 1, reading, family, doubt)
    if isinstance(reading, Asleep):
        return Track(last=reading, family=family)
    doubt = _doubted(track, reading, family)
    if doubt is None:
        return Track(last=reading, family=family)
    return Track(last=Temperature(doubt.before.celsius, reading.at), family=family, doubt=doubt)


def _doubted(track: Track, reading: Temperature, family: str | None) -> Doubt | None:
    """Why ``reading`` is not believed; None if it is."""
    doubt = track.doubt
    before = track.last if doubt is None else doubt.before
    if not isinstance(before, Temperature) or possible(before, reading, family):
        return None
    agrees = doubt is not None and doubt.times > 0 and alike(doubt.low, reading, family)
    times = doubt.times + 1 if doubt is not None and agrees else 1
    return None if times >= CONFIRMED else Doubt(before, reading, times)


def health(track: Track, watch: Watch, now: Seconds) -> Health:
    """What the device is worth at ``now``."""
    last, failures = track.last, track.failures
    if last is not None and failures < FAILURES and now <= last.at + watch.budget:
        if failures:
            return Health.FAILING
        return Health.ASLEEP if isinstance(last, Asleep) else Health.GOOD
    if watch.optional and failures:  # one that nobody has asked for so long need not have gone
        return Health.ABSENT
    return Health.WAITING if last is None else Health.LOST
