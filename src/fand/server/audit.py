"""Who did what, and who was refused: the log ``fand.audit``, one line for each override, reload and refusal.

A record carries the same as fields for a journal, under the attribute ``fields``.
"""

import logging
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from fand.dispatch import Peer, Shelf, line
from fand.exceptions import AccessDeniedError, RequestError
from fand.server.limits import origin
from fand.units import Seconds, Timestamp, served
from fand.wire import Request

LOGGER: Final = "fand.audit"

AGAIN: Final = Seconds(60.0)
"""The same refusal of somebody who comes again and again, from wherever in his network, is logged once in so many
seconds. That he may not do something is another one than that it cannot be granted."""

MOST: Final = 1000
"""So many who were refused are remembered for that."""

_RELOAD: Final = "the configuration is read again"

_log = logging.getLogger(LOGGER)

_Key = tuple[str, str, Request | None, bool]


class Audit:
    """The audit log of one server; it remembers who was refused lately."""

    def __init__(self) -> None:
        self._refused: dict[_Key, tuple[Seconds, int]] = {}

    def done(self, peer: Peer, request: Request, shelves: Iterable[Shelf]) -> None:
        """``peer`` has commanded ``request``; ``shelves`` are as they are since, none if it is about the server."""
        named, fields = _named(peer), _fields(peer, request)
        if request is Request.RELOAD:
            _log.info("%s: RELOAD %s", named, _RELOAD, extra={"fields": fields})
        for shelf in shelves:
            words, more = _deed(shelf)
            told = {"fields": fields | {"FAND_SHELF": shelf.name} | more}
            _log.info("%s: %s %s: %s", named, request.name, line(shelf.name), words, extra=told)

    def refused(
        self, peer: Peer, request: Request | None, args: tuple[Any, ...], error: RequestError, now: Seconds
    ) -> None:
        """``request`` of ``peer``, or with None the peer himself, is refused for ``error``."""
        denied = isinstance(error, AccessDeniedError)
        key = (_origin(peer), peer.who, request, denied)
        since, more = self._refused.get(key, (None, 0))
        if since is not None and now - since < AGAIN:
            self._refused[key] = (since, more + 1)
            return
        self._remember(key, now)
        fields = _fields(peer, request) | {"FAND_REASON": line(str(error))}
        if args and isinstance(args[0], str):
            fields["FAND_SHELF"] = line(args[0])
        level = logging.WARNING if denied else logging.INFO
        again = f" (and {more} times more since it was logged last)" if more else ""
        asked = "" if request is None else f" {request.name}"
        _log.log(level, "%s:%s refused: %s%s", _named(peer), asked, line(str(error)), again, extra={"fields": fields})

    def _remember(self, key: _Key, now: Seconds) -> None:
        if len(self._refused) >= MOST:
            self._refused = {other: kept for other, kept in self._refused.items() if now - kept[0] < AGAIN}
        if len(self._refused) >= MOST:
            self._refused.clear()
        self._refused[key] = (now, 0)


def by_signal() -> None:
    """The configuration is read again by SIGHUP."""
    _log.info("SIGHUP: RELOAD %s", _RELOAD, extra={"fields": {"FAND_REQUEST": Request.RELOAD.name}})


def _origin(peer: Peer) -> str:
    """Of IPv6 the network, of which one host may have every address."""
    host = peer.host
    return origin((host[1:-1],)) if host.startswith("[") else host


def _named(peer: Peer) -> str:
    return f"{peer.address} ({peer.who})" if peer.who else peer.address


def _fields(peer: Peer, request: Request | None) -> dict[str, str]:
    fields = {"FAND_PEER": peer.address, "FAND_WHO": peer.who}
    return fields if request is None else fields | {"FAND_REQUEST": request.name}


def _deed(shelf: Shelf) -> tuple[str, dict[str, str]]:
    """The override of ``shelf``, in words and as fields."""
    override, pending = shelf.override, shelf.pending
    if override is not None:
        duty, until = f"{served(override.percent):g}", _instant(override.until)
        return f"{duty} % until {until}", {"FAND_PERCENT": duty, "FAND_UNTIL": until}
    if pending is not None:
        until = _instant(pending.until)
        return f"the next override until {until}", {"FAND_UNTIL": until}
    return "no override", {}


def _instant(until: Timestamp | None) -> str:
    """The local time of ``until``, with its zone; of None, what that means."""
    return "removed" if until is None else datetime.fromtimestamp(until).astimezone().isoformat(" ", "seconds")
