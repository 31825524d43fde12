"""What is known of one fan from its client's reports, and whether it stands still (rule S6).

A fan is stalled when three reports in a row say 0 rpm while it is driven, 10 seconds or more after it began to be,
or as soon as its client says so. It stays so until it has been normal for 30 seconds. Nothing but a report changes
that: a client that is silent has not said that its fan turns.
"""

import enum
from dataclasses import dataclass
from typing import Final, NamedTuple

from fand.control.alarm import Sort
from fand.units import Percent, Rpm, Seconds

STANDING: Final = 3
"""So many reports of 0 rpm in a row are a stall ..."""
START: Final = Seconds(10.0)
"""... unless the fan is driven for a shorter time than this."""
SETTLED: Final = Seconds(30.0)
"""A fan that was stalled or not driven is well when it has been normal for so long."""


class Condition(enum.Enum):
    """What its client says of a fan. The values are those of the wire."""

    OK = "ok"
    STALLED = "stalled"
    """It stands still, or turns too slowly (S6)."""
    FAULT = "fault"
    """It cannot be driven."""
    TAKEN = "taken"
    """Somebody else had set it, and it was set back (C1)."""


class FanState(NamedTuple):
    """One fan as its client reports it; None is unknown. ``name`` is empty where one speed stands for all fans."""

    name: str
    rpm: Rpm | None
    duty: Percent | None
    state: Condition


@dataclass(frozen=True, slots=True)
class FanTrack:
    """What the reports of one fan amount to.

    ``driven`` is since when its duty is above 0, ``standing`` counts the reports of 0 rpm since then. ``measured``
    tells whether any report knew its speed. ``trouble`` is STALLED or FAULT from when it is found until the fan has
    been normal, ``well`` since when it is that.
    """

    driven: Seconds | None = None
    standing: int = 0
    measured: bool = False
    trouble: Sort | None = None
    well: Seconds | None = None


def follow(track: FanTrack, state: FanState, duty: Percent, now: Seconds, *, gap: bool = False) -> FanTrack:
    """``track`` with one more report, which came at ``now``.

    ``duty`` is what the fan is driven at as far as is known. ``gap`` tells that the report before is so long ago that
    nothing is known of the time between.
    """
    driven = None if duty <= 0 else now if track.driven is None else track.driven
    measured = track.measured or state.rpm is not None
    standing = track.standing
    if driven is None or (state.rpm is not None and state.rpm > 0):
        standing = 0
    elif state.rpm is not None:  # an unknown speed is no stall, nor the end of one
        standing += 1
    stands = driven is not None and standing >= STANDING and now - driven >= START
    if state.state is Condition.FAULT:
        return FanTrack(driven, standing, measured, Sort.FAULT)
    if state.state is Condition.STALLED or stands:
        return FanTrack(driven, standing, measured, Sort.STALLED)
    if track.trouble is None and (driven, standing, measured) == (track.driven, track.standing, track.measured):
        return track  # as nearly always
    if track.trouble is None or not _normal(track.trouble, state, measured):
        return FanTrack(driven, standing, measured, track.trouble)
    well = now if track.well is None or gap else track.well
    if now - well >= SETTLED:
        return FanTrack(driven, standing, measured)
    return FanTrack(driven, standing, measured, track.trouble, well)


def _normal(trouble: Sort, state: FanState, measured: bool) -> bool:
    """Whether a report, in which its client says no ill of it, speaks against the fan's ``trouble``.

    Where nobody ever knew its speed, the client's word has to do.
    """
    if trouble is Sort.FAULT:
        return True
    return not measured if state.rpm is None else state.rpm > 0
