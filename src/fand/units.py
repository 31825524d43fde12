"""The quantities of the field, as types of their own, and the checks that let a number become one."""

from math import isfinite
from typing import Final, NamedTuple, NewType

from fand.exceptions import ShelfPwmBadValue, ShelfRpmBadValue

Celsius = NewType("Celsius", float)
"""A temperature in degrees Celsius."""

Percent = NewType("Percent", float)
"""A duty: the share of time for which a fan's control signal is on, 0 (stopped) to 100 (full speed)."""

Rpm = NewType("Rpm", float)
"""A fan's speed in revolutions per minute, 0 or more."""

Seconds = NewType("Seconds", float)
"""A span of time, or an instant of the monotonic clock, in seconds."""

Timestamp = NewType("Timestamp", float)
"""An instant of the wall clock: POSIX seconds, UTC."""

_NUMBER: Final = (int, float)

FULL: Final = Percent(100.0)
MAX_RPM: Final = Rpm(200_000.0)
"""Above this a reported fan speed is a fault of the measurement: no fan turns faster."""


# A NamedTuple, as everything on the way of fanctl: importing dataclasses costs a third of its whole run.
class Moment(NamedTuple):
    """One instant on both clocks.

    Every deadline is judged on ``mono``, which only runs forward; ``wall`` serves dates that people gave.
    """

    mono: Seconds
    wall: Timestamp


def percent(value: object) -> Percent:
    """Take ``value`` as a duty.

    :raises ShelfPwmBadValue: not a number from 0 to 100 (NaN and infinity are not, nor is a bool)
    """
    if isinstance(value, bool) or not isinstance(value, _NUMBER) or not 0 <= value <= 100:
        raise ShelfPwmBadValue(f"PWM {shown(value)} is not a number from 0 to 100")
    return Percent(value)


def rpm(value: object) -> Rpm:
    """Take ``value`` as a fan speed.

    :raises ShelfRpmBadValue: not a number from 0 to 200000 (NaN and infinity are not, nor is a bool)
    """
    if isinstance(value, bool) or not isinstance(value, _NUMBER) or not 0 <= value <= MAX_RPM:
        raise ShelfRpmBadValue(f"RPM {shown(value)} is not a number from 0 to {MAX_RPM:.0f}")
    return Rpm(value)


def served(duty: float) -> int | float:
    """``duty`` as it is told: an int when it is whole, else one decimal, rounded up so as never to cool less."""
    if duty == int(duty):
        return int(duty)
    tenths = round(duty, 1)
    if tenths < duty:
        tenths = round(tenths + 0.1, 1)
    return int(tenths) if tenths == int(tenths) else tenths


def rounded(value: float) -> int | float:
    """``value`` to the nearest tenth; an int when that is whole."""
    if value == int(value):
        return int(value)
    tenths = round(value, 1)
    return int(tenths) if tenths == int(tenths) else tenths


def is_number(value: object) -> bool:
    """Tell whether ``value`` is a finite int or float, and not a bool."""
    if isinstance(value, bool) or not isinstance(value, _NUMBER):
        return False
    try:
        return isfinite(value)
    except OverflowError:  # an int beyond any float
        return False


def shown(value: object) -> str:
    """``value`` for a message: short whatever it is, and never the digits of a huge integer."""
    if isinstance(value, int) and abs(value) >= 10**9:
        return "beyond 1000000000"
    text = repr(value) if isinstance(value, int | float | str | bool | None) else type(value).__name__
    return text if len(text) <= 40 else text[:37] + "..."
