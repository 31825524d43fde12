"""Overrides: a duty set by a person, for a time (rule S8)."""

from dataclasses import dataclass, replace
from typing import Final

from fand.exceptions import ShelfPwmExpireBadValue
from fand.units import Moment, Percent, Seconds, Timestamp

DEFAULT_LIFE: Final = Seconds(24 * 3600.0)


@dataclass(frozen=True, slots=True)
class Override:
    """``percent`` until the instant ``until``; None is until removed, and only ever by an explicit wish.

    ``given`` tells that a person set the end, so that a new duty keeps it.
    """

    percent: Percent
    until: Timestamp | None
    given: bool = False


@dataclass(frozen=True, slots=True)
class Pending:
    """An end set while no override was in force: it is for the next one."""

    until: Timestamp | None


def living(override: Override | None, now: Moment) -> Override | None:
    """``override`` while it is in force at ``now``, else None.

    One whose end nobody gave lasts a day at most, even if the wall clock is set back by years meanwhile.
    """
    if override is None or override.until is None:
        return override
    left = override.until - now.wall
    if left <= 0:
        return None
    if left > DEFAULT_LIFE and not override.given:
        return replace(override, until=Timestamp(now.wall + DEFAULT_LIFE))
    return override


def override_by(percent: Percent, before: Override | None, pending: Pending | None, now: Moment) -> Override:
    """A new override: its end is the pending one, else the one a person gave to the override that it replaces,
    else a day from ``now``; never one that has passed.
    """
    current = living(before, now)
    if pending is not None and (pending.until is None or pending.until > now.wall):
        return Override(percent, pending.until, given=True)
    if current is not None and current.given:
        return replace(current, percent=percent)
    return Override(percent, Timestamp(now.wall + DEFAULT_LIFE))


def end_at(until: Timestamp | None, override: Override | None, now: Moment) -> tuple[Override | None, Pending | None]:
    """Set the end of the override in force, else of the next one.

    :raises ShelfPwmExpireBadValue: ``until`` has passed
    """
    if until is not None and not until > now.wall:  # so that NaN is refused too
        raise ShelfPwmExpireBadValue("PWM override expiration date is in the past")
    current = living(override, now)
    if current is None:
        return None, Pending(until)
    return replace(current, until=until, given=True), None
