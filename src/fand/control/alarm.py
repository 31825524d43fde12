"""Alarms: what somebody should know of, from when it is found until it is found to be over.

An alarm is known by what it is about (its sort and its subject), not by its words: these hold temperatures and
spans of time, which change all the while.
"""

import enum
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from fand.units import Timestamp

_NUMBERS: Final = re.compile(r"[0-9.]+")


class Sort(enum.Enum):
    """What an alarm is about, the gravest first. The values are those of the wire and of the state on disk."""

    CRITICAL = "critical"
    """A temperature is critical (S4)."""
    STALLED = "stalled"
    """A fan stands still (S6)."""
    FAULT = "fault"
    """A fan cannot be driven, says its client."""
    LOST = "lost"
    """A device is lost (S2)."""
    EMPTY = "empty"
    """No device of the shelf is there."""
    UNCURVED = "uncurved"
    """A device has a temperature and the shelf no curve for it."""
    UNANSWERED = "unanswered"
    """A device has not answered since the start (S1)."""
    SILENT = "silent"
    """The fan client has not been heard of (S7)."""
    TAKEN = "taken"
    """Somebody else sets a fan, says its client (C1)."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong now. ``subject`` is the device or the fan that it is about; empty for the shelf."""

    sort: Sort
    subject: str
    reason: str


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that has been wrong since the instant ``since``; ``reason`` is how it was put last."""

    sort: Sort
    subject: str
    reason: str
    since: Timestamp


class Change(enum.Enum):
    """What became of an alarm."""

    RAISED = "raised"
    CHANGED = "changed"
    """It is still there, for another reason."""
    CLEARED = "cleared"


@dataclass(frozen=True, slots=True)
class Event:
    """What became of one alarm at the instant ``at``."""

    change: Change
    alarm: Alarm
    at: Timestamp


def review(
    before: Sequence[Alarm], findings: Iterable[Finding], undecided: Callable[[Alarm], bool], now: Timestamp
) -> tuple[tuple[Alarm, ...], tuple[Event, ...]]:
    """The alarms that stand at ``now``, and what became of those ``before``.

    One that is not found any more is over, unless it is ``undecided``: nothing has been heard yet that could tell.
    """
    alarms, events = [], []
    found = {(finding.sort, finding.subject): finding for finding in findings}
    for alarm in before:
        finding = found.pop((alarm.sort, alarm.subject), None)
        if finding is not None:
            current = Alarm(alarm.sort, alarm.subject, finding.reason, alarm.since)
            if _gist(finding.reason) != _gist(alarm.reason):
                events.append(Event(Change.CHANGED, current, now))
            alarms.append(current)
        elif undecided(alarm):
            alarms.append(alarm)
        else:
            events.append(Event(Change.CLEARED, alarm, now))
    for finding in found.values():
        alarm = Alarm(finding.sort, finding.subject, finding.reason, now)
        alarms.append(alarm)
        events.append(Event(Change.RAISED, alarm, now))
    return tuple(alarms), tuple(events)


def _gist(reason: str) -> str:
    """A reason without its numbers: where only these differ, it is the same."""
    return _NUMBERS.sub("", reason)
