"""The state of a shelf as plain values, in pages that each fit a frame."""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from fand.control import Alarm, Device, Override, ShelfLaw, Sort, worth
from fand.dispatch.certificates import Certificate
from fand.dispatch.fans import Fan
from fand.dispatch.shelf import Shelf, Slot
from fand.dispatch.shown import shorten
from fand.exceptions import RequestError, UnpicklableError
from fand.ports import Temperature
from fand.units import Moment, Seconds, rounded, served
from fand.wire import Request, encode

MOST_FAULTS: Final = 16
"""So many faults, alarms and certificates are told, the gravest first; each device tells its own besides."""

_GRAVITY: Final = {sort: place for place, sort in enumerate(Sort)}


_NAMES: Final = 2000
_DEVICES: Final = 256
"""No page has more, and most of so many fit: what a page costs does not depend on how many there are in all."""


class Page(NamedTuple):
    """The arguments of an answer, and the whole frame that they make."""

    args: tuple[Any, ...]
    frame: bytes


def shelves_page(names: Sequence[str]) -> Page:
    """As many of ``names``, from the first on, as fit, and whether there are more."""
    rest = list(names[:_NAMES])
    return _fitting(len(rest), Request.SET_SHELVES, lambda count: (rest[:count], count < len(names)))


def status_page(shelf: Shelf, first: int, now: Moment, certificates: Sequence[Certificate] = ()) -> Page:
    """Everything about ``shelf``, with its devices from number ``first`` on, as many as fit, and ``certificates``.

    ``next`` is the number of the first device of the next page, None on the last.
    """
    ending = [{"whose": one.whose, "until": one.until} for one in certificates[:MOST_FAULTS]]
    head = {**_head(shelf, now), "certificates": ending}
    shown = slice(first, first + _DEVICES)
    devices = [
        _device(shelf.law, slot, device, now.mono)
        for slot, device in zip(shelf.slots[shown], shelf.devices[shown], strict=True)
    ]

    def page(count: int) -> tuple[str, dict[str, Any]]:
        end = first + count
        return shelf.name, {**head, "devices": devices[:count], "next": end if end < len(shelf.slots) else None}

    return _fitting(len(devices), Request.SET_STATUS, page)


def _fitting(most: int, request: Request, args: Callable[[int], tuple[Any, ...]]) -> Page:
    """``args`` of so many entries, ``most`` of them or fewer, that ``request`` with them fits a frame.

    :raises RequestError: not even one fits
    """
    count = most
    while True:
        page = args(count)
        try:
            return Page(page, encode(request, page))
        except UnpicklableError:
            if count <= min(most, 1):
                raise RequestError("the answer is too long for a frame") from None
            count //= 2


def _head(shelf: Shelf, now: Moment) -> dict[str, Any]:
    decision = shelf.decision(now)
    worst = sorted(decision.faults, key=lambda fault: -fault.duty)[:MOST_FAULTS]
    alarms = sorted(shelf.alarms_at(now), key=lambda alarm: _GRAVITY[alarm.sort])[:MOST_FAULTS]
    speed, reported = shelf.speed(now.mono), shelf.fans.reported
    return {
        "duty": served(decision.duty),
        "reason": shorten(decision.reason),
        "demand": served(decision.demand),
        "faults": [{"duty": served(fault.duty), "reason": shorten(fault.reason)} for fault in worst],
        "alarms": [_alarm(alarm) for alarm in alarms],
        "override": _override(decision.override),
        "rpm": None if speed is None else rounded(speed),
        "fans": [_fan(fan, now.mono) for fan in shelf.fans.named],
        "fans_age": None if reported is None else rounded(now.mono - reported),
        "client": _client(shelf, now.mono),
    }


def _override(override: Override | None) -> dict[str, Any] | None:
    return None if override is None else {"percent": served(override.percent), "until": override.until}


def _alarm(alarm: Alarm) -> dict[str, Any]:
    return {
        "sort": alarm.sort.value,
        "subject": shorten(alarm.subject),
        "reason": shorten(alarm.reason),
        "since": alarm.since,
        "state": "raised",
    }


def _fan(fan: Fan, now: Seconds) -> dict[str, Any]:
    """The fan's state is what its client says of it, unless we know worse."""
    state, trouble = fan.state, fan.track.trouble
    known = not fan.stale(now)
    return {
        "name": shorten(state.name, 60),
        "rpm": rounded(state.rpm) if known and state.rpm is not None else None,
        "duty": rounded(state.duty) if known and state.duty is not None else None,
        "state": state.state.value if trouble is None else trouble.value,
    }


def _client(shelf: Shelf, now: Seconds) -> dict[str, Any] | None:
    if shelf.client is None:
        return None
    state = "silent" if shelf.client.silent(now) else "live"
    return {"address": shelf.client.address, "state": state, "age": rounded(now - shelf.client.at)}


def _device(law: ShelfLaw, slot: Slot, device: Device, now: Seconds) -> dict[str, Any]:
    track = device.track
    return {
        "name": shorten(slot.name),
        "kind": slot.kind,
        "position": shorten(slot.position),
        "family": track.family,
        "health": worth(law, device, now).value,
        "celsius": rounded(track.last.celsius) if isinstance(track.last, Temperature) else None,
        "age": None if track.last is None else rounded(max(0.0, now - track.last.at)),
        "failure": None if track.failure is None else shorten(track.failure.reason),
        "optional": device.watch.optional,
    }
