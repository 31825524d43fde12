"""One fan as the fan client sees it: what to ask of the hardware, and what has become of it (rule C1).

A fan that stood still is kicked: many need more to start than to go on turning. The Intel specification of 4-wire
fans allows a start pulse of at most 2 s at 30 %.

The duty is written again at every interval even where it is the same, for firmware and suspend change it behind our
back. Before each write the hardware is read, to see whether somebody else changed it; after it, to see that it holds.
"""

import enum
from dataclasses import dataclass, replace
from typing import Final

from fand.units import FULL, Percent, Seconds

KICK: Final = Percent(30.0)
"""What a fan is given at least to start from standstill ..."""
KICK_TIME: Final = Seconds(2.0)
"""... for so long."""
FAILURES: Final = 3
"""So many failures in a row are a fault."""
RETRY: Final = Seconds(1.0)
"""After a failure the next try follows this soon, until it is a fault."""


class Condition(enum.Enum):
    """What is to be said of a fan. STALLED comes with the tachometer's own rule."""

    OK = "ok"
    STALLED = "stalled"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Limits:
    """A fan's own: never under ``floor`` but for 0, and 0 only with ``allow_stop``."""

    floor: Percent = Percent(20.0)
    allow_stop: bool = False

    def bound(self, demand: Percent) -> Percent:
        """What this fan is given for ``demand``."""
        return demand if demand <= 0 and self.allow_stop else Percent(max(demand, self.floor))


@dataclass(frozen=True, slots=True)
class Output:
    """One fan.

    ``duty`` is what the hardware is to do from now on; it must be written at ``due``. ``kicked`` is when the start
    pulse ends. ``written`` is what the last verified write set, None before there was one. ``failures`` counts the
    writes in a row that failed, or did not hold. ``taken`` is the duty that somebody else had set, while that lasts.
    """

    limits: Limits = Limits()
    duty: Percent = FULL
    due: Seconds = Seconds(0.0)
    kicked: Seconds | None = None
    written: Percent | None = None
    failures: int = 0
    taken: Percent | None = None

    @property
    def condition(self) -> Condition:
        """What is to be said of it."""
        return Condition.FAULT if self.failures >= FAILURES else Condition.OK

    @property
    def verified(self) -> bool:
        """Whether the duty it is to do was written and read back."""
        return self.failures == 0 and self.written == self.duty

    @property
    def deadline(self) -> Seconds:
        """When :func:`aim` or a write is due next."""
        return self.due if self.kicked is None else Seconds(min(self.due, self.kicked))


def aim(output: Output, demand: Percent, now: Seconds) -> Output:
    """``output`` made to serve ``demand``; a change is due at once."""
    duty = output.limits.bound(demand)
    kicked = output.kicked if output.kicked is not None and now < output.kicked else None
    if duty <= 0:
        kicked = None
    elif output.duty <= 0:
        kicked = Seconds(now + KICK_TIME)
    if kicked is not None:
        duty = Percent(max(duty, KICK))
    if duty != output.duty:
        return replace(output, duty=duty, due=now, kicked=kicked)
    return replace(output, kicked=kicked)


def found(output: Output, read: Percent, resolution: Percent, now: Seconds) -> Output:
    """Before a write the hardware was found to do ``read``.

    A fan that somebody else had stopped is started with a kick.
    """
    if output.written is None or _same(read, output.written, resolution):
        return replace(output, taken=None)
    if read <= resolution and output.duty > 0:
        return replace(output, taken=read, kicked=Seconds(now + KICK_TIME), duty=Percent(max(output.duty, KICK)))
    return replace(output, taken=read)


def wrote(output: Output, read: Percent, resolution: Percent, now: Seconds, interval: Seconds) -> Output:
    """The duty was written, and ``read`` was read back."""
    if not _same(read, output.duty, resolution):
        return failed(output, now, interval)
    return replace(output, written=output.duty, failures=0, due=Seconds(now + interval))


def failed(output: Output, now: Seconds, interval: Seconds) -> Output:
    """The hardware refused to be written or read. A start pulse that it has not had is still to come."""
    failures = output.failures + 1
    due = Seconds(now + (min(interval, RETRY) if failures < FAILURES else interval))
    kicked = None if output.kicked is None else Seconds(due + KICK_TIME)
    return replace(output, written=None, taken=None, failures=failures, due=due, kicked=kicked)


def _same(read: Percent, duty: Percent, resolution: Percent) -> bool:
    return abs(read - duty) <= resolution + 1e-6  # a number that went through a text differs in its last digit
