"""One request, one answer. A new request is one function here, entered in the table at the end."""

import enum
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from fand.dispatch.access import Role
from fand.dispatch.certificates import near
from fand.dispatch.fans import fan_states
from fand.dispatch.hall import Hall
from fand.dispatch.peer import Peer
from fand.dispatch.reports import agent_name, reports, sent
from fand.dispatch.shelf import Shelf
from fand.dispatch.shown import shorten
from fand.dispatch.status import shelves_page, status_page
from fand.exceptions import AccessDeniedError, RequestError, ShelfPwmExpireBadValue
from fand.units import Moment, Timestamp, percent, rounded, rpm, served
from fand.wire import Request, encode

LATEST: Final = Timestamp(253_370_764_800.0)
"""The first instant of the year 9999, UTC: an expiry beyond is set back to it, so that it stays a date anywhere."""

Args = tuple[Any, ...]


class After(enum.Enum):
    """What must have been done before an answer is true. The server does it, and holds the answer back."""

    SAVED = enum.auto()
    """What must outlive the server is on disk as it is now (S8)."""
    RELOADED = enum.auto()
    """The configuration was read again, and counts (S11)."""


class Answer(NamedTuple):
    """What to send back. ``changed`` are the shelves whose duty or alarms may have changed by the request, which
    counts at once; only the answer waits until what ``after`` says has been done. ``encoded`` is the whole frame,
    where it is at hand.
    """

    request: Request
    args: Args = ()
    changed: tuple[Shelf, ...] = ()
    after: After | None = None
    encoded: bytes | None = None


def answer(hall: Hall, request: Request, args: Args, peer: Peer, now: Moment) -> Answer | None:
    """Answer one request of ``peer`` at ``now``; None when the peer says that it goes.

    :raises AccessDeniedError: the peer may not ask this
    :raises RequestError: it cannot be granted; the text names the fault, for the peer to read
    """
    entry = _TABLE.get(request)
    if entry is None:
        if request is Request.DISCONNECT:
            return None
        raise RequestError(f"the server takes no {request.name}")
    if not entry.least <= len(args) <= len(entry.usage):
        takes = " and ".join(entry.usage) or "no arguments"
        raise RequestError(f"{request.name} takes {takes}; {len(args)} arguments came")
    _check_access(request, entry, args, peer)
    given = entry.handle(hall, args, peer, now)
    peer.answered = now.mono
    return given


def role_for(request: Request) -> Role | None:
    """The role that ``request`` needs; None for what is no request to a server."""
    entry = _TABLE.get(request)
    return None if entry is None else entry.role


class _Of(enum.Enum):
    """For what the role of a request must be granted."""

    SHELF = enum.auto()
    """For the shelf that is its first argument."""
    ANY = enum.auto()
    """For any shelf; what is told, and what is taken in, is of shelves for which it is granted."""
    ALL = enum.auto()
    """For all shelves."""


_SHELF, _ALL = _Of.SHELF, _Of.ALL  # in Python 3.11 an enum finds its members slowly


class _Entry(NamedTuple):
    """Who answers a request, the role that it needs and for what, what its arguments are, how many at least."""

    handle: Callable[[Hall, Args, Peer, Moment], Answer]
    role: Role
    of: _Of
    usage: tuple[str, ...]
    least: int


def _check_access(request: Request, entry: _Entry, args: Args, peer: Peer) -> None:
    """A shelf that is not granted is refused by the same words whether there is one of that name or not."""
    role, of, grant = entry.role, entry.of, peer.grant
    missing = None
    if not grant.plays(role):
        missing = ""
    elif of is _SHELF and isinstance(args[0], str) and not grant.may(role, args[0]):
        missing = f" for shelf {shorten(args[0], 60)!r}"
    elif of is _ALL and not grant.may(role, None):
        missing = " for all shelves"
    if missing is not None:
        raise AccessDeniedError(f"{request.name} needs the role {role.value}{missing}")


_ACK: Final = encode(Request.ACK, ())
_DONE: Final = Answer(Request.ACK, encoded=_ACK)


def _done(changed: Shelf, after: After | None = None) -> Answer:
    return Answer(Request.ACK, (), (changed,), after, _ACK)


def _ping(_hall: Hall, _args: Args, _peer: Peer, _now: Moment) -> Answer:
    return _DONE


def _get_pwm(hall: Hall, args: Args, _peer: Peer, now: Moment) -> Answer:
    return _duty(hall.shelf(args[0]), now)


def _subscribe_pwm(hall: Hall, args: Args, peer: Peer, now: Moment) -> Answer:
    shelf = hall.shelf(args[0])
    peer.speaks_extensions()
    hall.subscribe(shelf, peer, now)
    return _duty(shelf, now, (shelf,))


def _duty(shelf: Shelf, now: Moment, changed: tuple[Shelf, ...] = ()) -> Answer:
    duty = served(shelf.decision(now).duty)
    return Answer(Request.SET_PWM, (shelf.name, duty), changed, encoded=shelf.frame(now))


def _get_rpm(hall: Hall, args: Args, _peer: Peer, now: Moment) -> Answer:
    shelf = hall.shelf(args[0])
    # 0 stands for unknown: the peers that ask this know no other word for it. GET_STATUS tells the two apart.
    return Answer(Request.SET_RPM, (shelf.name, rounded(shelf.speed(now.mono) or 0.0)))


def _set_rpm(hall: Hall, args: Args, peer: Peer, now: Moment) -> Answer:
    shelf = hall.shelf(args[0])
    news = shelf.report_speed(rpm(args[1]), peer, now.mono)
    return _done(shelf) if news else _DONE


def _set_fans(hall: Hall, args: Args, peer: Peer, now: Moment) -> Answer:
    shelf, fans = hall.shelf(args[0]), fan_states(args[1])
    peer.speaks_extensions()
    news = shelf.report_fans(fans, peer, now.mono)
    return _done(shelf) if news else _DONE


def _set_temperatures(hall: Hall, args: Args, peer: Peer, now: Moment) -> Answer:
    """The answer names the devices of which this server takes no report from this peer: one stranger in the list,
    such as a device that a reload has removed, must not keep the others from being heard (S9).
    """
    news = reports(args[0], sent(args[2] if len(args) > 2 else None, peer.answered, now.mono), now.mono)
    agent = agent_name(peer, args[1] if len(args) > 1 else None)
    changed, strange = hall.mail.deliver(agent, news, peer)
    return Answer(Request.ACK, (strange, agent) if strange else (), changed=changed)


def _set_pwm_override(hall: Hall, args: Args, _peer: Peer, now: Moment) -> Answer:
    shelf = hall.shelf(args[0])
    shelf.set_override(None if args[1] is None else percent(args[1]), now)
    return _done(shelf, After.SAVED)


def _set_pwm_expire(hall: Hall, args: Args, _peer: Peer, now: Moment) -> Answer:
    shelf = hall.shelf(args[0])
    shelf.set_override_end(None if args[1] is None else _instant(hall, args[1]), now)
    return _done(shelf, After.SAVED)


def _instant(hall: Hall, when: object) -> Timestamp:
    if not isinstance(when, datetime):
        raise ShelfPwmExpireBadValue("the end of an override is a date and time, or None")
    if when.year >= 9999:
        return LATEST
    try:
        return hall.instant(when)
    except (OverflowError, ValueError, OSError):
        raise ShelfPwmExpireBadValue(f"the date {when.isoformat()} is out of range") from None


def _reload(_hall: Hall, _args: Args, _peer: Peer, _now: Moment) -> Answer:
    return Answer(Request.ACK, after=After.RELOADED, encoded=_ACK)


def _get_shelves(hall: Hall, args: Args, peer: Peer, _now: Moment) -> Answer:
    page = shelves_page(hall.names(peer.grant, hall.shelf(args[0]).name if args else None))
    return Answer(Request.SET_SHELVES, page.args, encoded=page.frame)


def _get_status(hall: Hall, args: Args, _peer: Peer, now: Moment) -> Answer:
    shelf, first = hall.shelf(args[0]), args[1] if len(args) > 1 else 0
    if isinstance(first, bool) or not isinstance(first, int) or not 0 <= first <= len(shelf.slots):
        raise RequestError(f"the first device is not a number from 0 to {len(shelf.slots)}")
    concerned = [one for one in hall.certificates.values() if one.shelves is None or shelf.name in one.shelves]
    page = status_page(shelf, first, now, near(concerned, now.wall))
    return Answer(Request.SET_STATUS, page.args, encoded=page.frame)


_TABLE: Final[Mapping[Request, _Entry]] = {
    Request.PING: _Entry(_ping, Role.READ, _Of.ANY, (), 0),
    Request.GET_PWM: _Entry(_get_pwm, Role.READ, _Of.SHELF, ("a shelf",), 1),
    Request.SUBSCRIBE_PWM: _Entry(_subscribe_pwm, Role.READ, _Of.SHELF, ("a shelf",), 1),
    Request.GET_RPM: _Entry(_get_rpm, Role.READ, _Of.SHELF, ("a shelf",), 1),
    Request.SET_RPM: _Entry(_set_rpm, Role.REPORT, _Of.SHELF, ("a shelf", "a speed"), 2),
    Request.SET_FANS: _Entry(_set_fans, Role.REPORT, _Of.SHELF, ("a shelf", "a list of fans"), 2),
    Request.SET_TEMPERATURES: _Entry(
        _set_temperatures,
        Role.REPORT,
        _Of.ANY,
        ("a list of readings", "the agent's name", "the time since the last answer"),
        1,
    ),
    Request.SET_PWM_OVERRIDE: _Entry(_set_pwm_override, Role.CONTROL, _Of.SHELF, ("a shelf", "a duty or None"), 2),
    Request.SET_PWM_EXPIRE: _Entry(_set_pwm_expire, Role.CONTROL, _Of.SHELF, ("a shelf", "a date or None"), 2),
    Request.RELOAD: _Entry(_reload, Role.CONTROL, _Of.ALL, (), 0),
    Request.GET_SHELVES: _Entry(_get_shelves, Role.READ, _Of.ANY, ("optionally the shelf to go on after",), 0),
    Request.GET_STATUS: _Entry(
        _get_status, Role.READ, _Of.SHELF, ("a shelf", "optionally the number of the first device"), 1
    ),
}
