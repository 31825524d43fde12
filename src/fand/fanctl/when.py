"""Durations and dates as people write them.

The forms of fand 0.1.1 are all among them.
"""

import re
import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from fand.exceptions import FanctlActionBadValue

_NUMBER: Final = r"(\d+(?:\.\d+)?)"
_UNITS: Final = re.compile("".join(rf"(?:{_NUMBER}{unit}\s*)?" for unit in "wdhms"), re.ASCII)
_COLONS: Final = re.compile(rf"()(?:(?:(?:(\d+):)?(\d+):)?(\d+):)?{_NUMBER}", re.ASCII)
_SECONDS: Final = (7 * 86400, 86400, 3600, 60, 1)

_C_LOCALE: Final = ("%c", "%x %X", "%xT%X", "%m/%d/%Y %H:%M:%S", "%m/%d/%YT%H:%M:%S")
_ZONE: Final = re.compile(r"(.*\d) ?([A-Za-z]+)", re.ASCII | re.DOTALL)


def duration(text: str) -> timedelta:
    """A duration: ``21d4h1m5s``, ``4h10s``, ``1.5h``; ``7:22:59:00`` (days, hours, minutes, seconds), ``4:22.5``
    (minutes, seconds); ``10`` (seconds).

    Units are w, d, h, m, s in this order.

    :raises FanctlActionBadValue: in no such form, zero, or longer than a calendar can hold
    """
    stripped = text.strip().lower()
    form = _COLONS.fullmatch(stripped) or _UNITS.fullmatch(stripped)
    if form is None or not stripped:
        raise FanctlActionBadValue(
            f"duration {_shown(text)} is in no known form; give one like '21d4h1m5s', '1.5h', '4:22.5' or '10'"
        )
    try:
        parts = zip(form.groups(), _SECONDS, strict=True)
        span = timedelta(seconds=sum(float(part) * unit for part, unit in parts if part))
    except OverflowError:
        raise FanctlActionBadValue(f"duration {_shown(text)} is longer than a calendar can hold") from None
    if not span:
        raise FanctlActionBadValue(f"duration {_shown(text)} is zero; to end an override now, set it to 'none'")
    return span


def after(span: timedelta, now: datetime) -> datetime:
    """The instant that is ``span`` after ``now``.

    :raises FanctlActionBadValue: the calendar ends before it
    """
    try:
        return now + span
    except OverflowError:
        raise FanctlActionBadValue(f"duration of {span.days} days ends after the year 9999") from None


def date(text: str) -> datetime:
    """A date: ISO 8601 with ``T`` or a space, with an offset, ``Z`` or ``UTC``, or without; or in the form that the C
    locale gives it, ``Tue Aug 16 21:30:00 1988`` or ``08/16/1988 21:30:00`` (the month first).

    Without an offset it is naive, and the server takes it in its own local time.

    :raises FanctlActionBadValue: in no such form, or no such day
    """
    for bare, zone in _readings(text.strip()):
        found = _plain_date(bare)
        if found is not None and (zone is None or found.tzinfo is None):
            return found if zone is None else found.replace(tzinfo=zone)
    raise FanctlActionBadValue(
        f"date {_shown(text)} is in no known form, or no such day; give one like '2030-12-29T21:30:00',"
        " '2030-12-29 21:30+01:00' or '12/29/2030 21:30:00'"
    )


def _readings(text: str) -> list[tuple[str, timezone | None]]:
    """``text`` as it stands; then, if it ends with the name of a zone, without that."""
    named = _ZONE.fullmatch(text)
    zone = _zone(named[2]) if named else None
    return [(text, None)] if named is None or zone is None else [(text, None), (named[1], zone)]


def _zone(name: str) -> timezone | None:
    """UTC, or the zone by whose name this host calls its time, in winter or in summer."""
    if name.upper() in ("UTC", "GMT", "Z"):
        return UTC
    if name not in time.tzname:
        return None
    return timezone(timedelta(seconds=-(time.timezone if name == time.tzname[0] else time.altzone)))


def _plain_date(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    for form in _C_LOCALE:
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007 - without an offset it is the server's time
        except ValueError:
            pass
    return None


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")
