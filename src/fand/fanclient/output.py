"""One fan as the fan client sees it: what to ask of the hardware, and what has become of it (rule C1).

A fan that stood still is kicked: many need more to start than to go on turning. The Intel specification of 4-wire
fans allows a start pulse of at most 2 s at 30 %.

The duty is written again at every interval even where it is the same, for firmware and suspend change it behind our
back. Before each write the hardware is read, to see whether somebody else changed it; after it, to see that it holds.

Hardware that refuses is at fault: it is handed over to its own full speed, and asked for nothing less until it has
done full speed, verified, for a while. A fan that stalls gets full speed as well (:mod:`~fand.fanclient.rotation`).
What ends comes down in steps.
"""

import enum
from dataclasses import dataclass, field, replace
from typing import Final

from fand.fanclient import rotation as rotations
from fand.fanclient.rotation import Rotation
from fand.units import FULL, Percent, Rpm, Seconds

KICK: Final = Percent(30.0)
"""What a fan is given at least to start from standstill ..."""
KICK_TIME: Final = Seconds(2.0)
"""... for so long."""
FAILURES: Final = 3
"""So many failures in a row are a fault."""
RETRY: Final = Seconds(1.0)
"""After a failure the next try follows this soon, until it is a fault."""
PROBATION: Final = Seconds(30.0)
"""A fault is over when the hardware has done full speed, verified, for so long."""
STEP: Final = Percent(5.0)
"""After a fault or a stall the duty falls by at most so much in one interval."""


class Condition(enum.Enum):
    """What is to be said of a fan, the gravest last."""

    OK = "ok"
    TAKEN = "taken"
    """Somebody else set it, and it was set back."""
    STALLED = "stalled"
    """It stands still or turns too slowly while it is driven; full speed."""
    FAULT = "fault"
    """The hardware refuses; it was handed over to its own full speed."""


@dataclass(frozen=True, slots=True)
class Limits:
    """A fan's own: never under ``floor`` but for 0, and 0 only with ``allow_stop``. It turns at ``least_rpm`` or more
    while it is driven; 0 is any speed at all.
    """

    floor: Percent = Percent(20.0)
    allow_stop: bool = False
    least_rpm: Rpm = Rpm(0.0)

    def bound(self, demand: Percent) -> Percent:
        """What this fan is given for ``demand``."""
        return demand if demand <= 0 and self.allow_stop else Percent(max(demand, self.floor))


@dataclass(frozen=True, slots=True)
class Pace:
    """What the whole fan client has in common: a duty is written again each ``interval``; a fan that somebody else
    took is told of as taken for ``telling``, so that every server hears of it.
    """

    interval: Seconds
    telling: Seconds


@dataclass(frozen=True, slots=True)
class Output:
    """One fan.

    ``duty`` is what the hardware is to do from now on; it must be written at ``due``. ``kicked`` is when the start
    pulse ends. ``stepped`` is when the duty last fell by a step, as long as it has not come down to the demand.
    ``written`` is what the last verified write set, None before there was one. ``failures`` counts the writes in a
    row that failed, or did not hold. While ``fault``, ``held`` is since when full speed has been verified.
    ``taken`` is the duty that somebody else had set, while that lasts; it is told ``until`` then.
    """

    limits: Limits = Limits()
    duty: Percent = FULL
    due: Seconds = Seconds(0.0)
    kicked: Seconds | None = None
    stepped: Seconds | None = None
    written: Percent | None = None
    failures: int = 0
    fault: bool = False
    held: Seconds | None = None
    taken: Percent | None = None
    until: Seconds | None = None
    rotation: Rotation = field(default_factory=Rotation)

    @property
    def condition(self) -> Condition:
        """What is to be said of it."""
        if self.fault:
            return Condition.FAULT
        if self.rotation.stalled:
            return Condition.STALLED
        return Condition.OK if self.until is None else Condition.TAKEN

    @property
    def verified(self) -> bool:
        """Whether the duty it is to do was written and read back."""
        return self.failures == 0 and self.written == self.duty

    @property
    def forced(self) -> bool:
        """Whether it gets full speed whatever the demand."""
        return self.fault or self.rotation.stalled

    def deadline(self, interval: Seconds) -> Seconds:
        """When :func:`aim` or a write is due next."""
        end = self.due
        if self.kicked is not None:
            end = min(end, self.kicked)
        if self.until is not None:
            end = min(end, self.until)
        if self.stepped is not None:
            end = min(end, Seconds(self.stepped + interval))
        return end


def begun(limits: Limits, now: Seconds) -> Output:
    """A fan that is about to be taken over, at full speed."""
    return Output(limits, due=now, rotation=rotations.started(Rotation(), now))


def aim(output: Output, demand: Percent, now: Seconds, interval: Seconds) -> Output:
    """``output`` made to serve ``demand``; a change is due at once."""
    if output.until is not None and now >= output.until:
        output = replace(output, until=None)
    if output.forced:
        return _full(output, now)
    wanted = output.limits.bound(demand)
    duty, stepped = _stepped(output, wanted, now, interval)
    kicked = output.kicked if output.kicked is not None and now < output.kicked else None
    starts = output.duty <= 0 < duty
    if duty <= 0:
        kicked = None
    elif starts:
        kicked = Seconds(now + KICK_TIME)
    if kicked is not None:
        duty = Percent(max(duty, KICK))
    if duty == output.duty:
        if kicked == output.kicked and stepped == output.stepped:
            return output
        return replace(output, kicked=kicked, stepped=stepped)
    rotation = (rotations.started if starts else rotations.changed)(output.rotation, now)
    return replace(output, duty=duty, due=now, kicked=kicked, stepped=stepped, rotation=rotation)


def _stepped(output: Output, wanted: Percent, now: Seconds, interval: Seconds) -> tuple[Percent, Seconds | None]:
    """The duty on its way down to ``wanted``, and when it last fell."""
    if output.stepped is None or wanted >= output.duty:
        return wanted, None
    if now < output.stepped + interval:
        return output.duty, output.stepped
    least = output.duty - STEP
    if least <= wanted or least < output.limits.floor:  # from the floor it can only stop
        return wanted, None
    return Percent(least), now


def _full(output: Output, now: Seconds) -> Output:
    """At full speed, whatever it did before."""
    if output.duty == FULL:
        if output.kicked is None and output.stepped is None:
            return output
        return replace(output, kicked=None, stepped=None)
    rotation = (rotations.changed if output.duty > 0 else rotations.started)(output.rotation, now)
    return replace(output, duty=FULL, due=now, kicked=None, stepped=None, rotation=rotation)


def found(
    output: Output, read: Percent, resolution: Percent, now: Seconds, pace: Pace, *, stolen: bool = False
) -> Output:
    """Before a write the hardware was found to do ``read``, its control ``stolen`` by somebody or not.

    A fan that somebody else had stopped is started with a kick.
    """
    if output.written is None or (not stolen and _same(read, output.written, resolution)):
        return output if output.taken is None else replace(output, taken=None)
    output = replace(output, taken=read, until=Seconds(now + pace.telling), held=None)
    if read <= resolution and output.duty > 0:
        rotation = rotations.changed(output.rotation, now)
        duty = Percent(max(output.duty, KICK))
        return replace(output, kicked=Seconds(now + KICK_TIME), duty=duty, rotation=rotation)
    return output


def wrote(output: Output, read: Percent, resolution: Percent, now: Seconds, pace: Pace) -> Output:
    """The duty was written, and ``read`` was read back."""
    if not _same(read, output.duty, resolution):
        return failed(output, now, pace)
    output = replace(output, written=output.duty, failures=0, due=Seconds(now + pace.interval))
    if not output.fault:
        return output
    held = now if output.held is None else output.held
    if now < held + PROBATION:
        return replace(output, held=held)
    return replace(output, fault=False, held=None, stepped=now)


def failed(output: Output, now: Seconds, pace: Pace) -> Output:
    """The hardware refused to be written or read. A start pulse that it has not had is still to come."""
    failures = output.failures + 1
    if output.fault or failures >= FAILURES:
        output = replace(output, written=None, taken=None, failures=failures, held=None, fault=True)
        return replace(_full(output, now), due=Seconds(now + pace.interval))
    due = Seconds(now + min(pace.interval, RETRY))
    kicked = None if output.kicked is None else Seconds(due + KICK_TIME)
    return replace(output, written=None, taken=None, failures=failures, due=due, kicked=kicked)


def missing(output: Output, now: Seconds, pace: Pace) -> Output:
    """The hardware could not be taken over: it is at fault from the beginning."""
    return failed(replace(output, failures=FAILURES - 1), now, pace)


def measured(output: Output, speed: Rpm | None, now: Seconds) -> Output:
    """The fan turns at ``speed``, None if that is not known. A stall is answered at once."""
    before = output.rotation.stalled
    rotation = rotations.measured(output.rotation, speed, output.limits.least_rpm, output.duty, now)
    if rotation is not output.rotation:
        output = replace(output, rotation=rotation)
    if rotation.stalled:
        return _full(output, now)
    return replace(output, stepped=now) if before else output


def woken(output: Output, now: Seconds) -> Output:
    """The host has slept: nothing is known of what the hardware does now, and it may have stood still."""
    return replace(output, due=now, rotation=rotations.started(output.rotation, now))


def _same(read: Percent, duty: Percent, resolution: Percent) -> bool:
    return abs(read - duty) <= resolution + 1e-6  # a number that went through a text differs in its last digit
