"""The law: from readings to one duty per shelf. Pure: time is an argument, nothing outside is touched.

A :class:`Track` remembers what one device answered; :func:`decide` weighs all tracks of a shelf, its override
and its :class:`Memory` into a :class:`Decision` that carries its reason in words.
"""

from fand.control.alarm import Alarm, Change, Event, Finding, Sort, review
from fand.control.curve import CURVES, Curve, Linear, Step, point_faults
from fand.control.decision import Decision, Device, Fault, Memory, decide, worth
from fand.control.device import Health, Track, Watch, health, observe
from fand.control.fan import Condition, FanState, FanTrack, follow
from fand.control.law import FamilyLaw, ShelfLaw
from fand.control.override import Override, Pending, end_at, living, override_by
from fand.control.plausible import judge
from fand.ports import MOST_FANS

__all__ = [
    "CURVES",
    "MOST_FANS",
    "Alarm",
    "Change",
    "Condition",
    "Curve",
    "Decision",
    "Device",
    "Event",
    "FamilyLaw",
    "FanState",
    "FanTrack",
    "Fault",
    "Finding",
    "Health",
    "Linear",
    "Memory",
    "Override",
    "Pending",
    "ShelfLaw",
    "Sort",
    "Step",
    "Track",
    "Watch",
    "decide",
    "end_at",
    "follow",
    "health",
    "judge",
    "living",
    "observe",
    "override_by",
    "point_faults",
    "review",
    "worth",
]
