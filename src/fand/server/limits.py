"""How much of the server each of its clients may have: places, requests a second, memory.

Pure: what time it is comes in as an argument. A client that reports, or subscribes and may report, drives fans or
knows temperatures; it ranks before all others.
"""

import enum
import ipaddress
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import inf
from typing import Any, Final

from fand.config import LimitsConfig
from fand.dispatch import Peer, Role
from fand.exceptions import RequestError
from fand.units import Seconds
from fand.wire import Request

WINDOW: Final = 600.0
"""Seconds over which requests are averaged: who asked little before may ask much at once."""

GLANCE: Final = 0.25
"""Who may go is looked up among all no more often (seconds), however many want in."""

MOST_HELD: Final = 64 * 1024 * 1024
"""So many bytes in all are held for clients: frames that are not whole or not answered yet, and answers that are not
read. For those that rank first, as much again."""

FREE: Final = 2048
"""So many bytes of each client do not count: no request of an operator is longer."""


class Rank(enum.IntEnum):
    """Who keeps a place rather than whom, when there is not room for all."""

    STRANGER = 0
    """Has asked nothing yet."""
    GUEST = 1
    """Has asked something."""
    WATCHER = 2
    """Subscribes. It may say nothing for ever, and is never sent away for another."""
    WORKER = 3
    """Reports, or subscribes and may report. It is heard before all others."""


# In Python 3.11 an enum finds its members slowly; these are needed for every request.
FIRST: Final = Rank.WORKER
_REPORT: Final = Role.REPORT
_SUBSCRIBE: Final = Request.SUBSCRIBE_PWM


PATIENCE: Final = {Rank.STRANGER: 1.0, Rank.GUEST: 150.0, Rank.WATCHER: inf, Rank.WORKER: inf}
"""Seconds without a word after which a client may have to go for a newcomer. Clients of fand 0.1.1 come once a
minute."""


@dataclass(eq=False, slots=True)
class Seat:
    """The place of one connection; ``host`` is what it shares with others of the same origin, see :func:`origin`."""

    peer: Peer
    host: str
    rank: Rank = Rank.STRANGER
    due: float = -inf
    """Until then it is not answered, for it has asked for more than its rate. Long ago, for most."""
    held: int = 0
    """So many bytes are held for it, beyond :data:`FREE`."""

    def granted(self, request: Request, role: Role | None) -> None:
        """It has asked this, and may: it has this role, which the request needs."""
        if role is _REPORT:
            self.rank = FIRST
        elif request is _SUBSCRIBE:
            self.rank = max(self.rank, FIRST if self.peer.grant.plays(_REPORT) else Rank.WATCHER)

    def leaves_at(self) -> float:
        """When it may have to go for a newcomer, unless it is heard of before."""
        return self.peer.at + PATIENCE[self.rank]


class Seats:
    """Who is connected; ``most`` is how many can be, whatever ``limits`` say."""

    def __init__(self, limits: LimitsConfig, most: int) -> None:
        self._most = most
        self._all = _Group()
        self._hosts: dict[str, _Group] = {}
        self._held = 0
        self.become(limits)

    def become(self, limits: LimitsConfig) -> None:
        """Go on under ``limits``. Who is connected stays."""
        self.limits = limits
        self.most = min(limits.connections, self._most)
        self.gap = 1 / limits.frames_per_second

    def __len__(self) -> int:
        return len(self._all.seats)

    def of(self, host: str) -> int:
        """How many connections there are of ``host``."""
        return len(self._hosts[host].seats) if host in self._hosts else 0

    def admit(self, seat: Seat, now: Seconds) -> Seat | None:
        """Let ``seat`` in; returns who goes for it, and has been taken out already.

        :raises RequestError: there is no room
        """
        group = self._hosts.get(seat.host) or _Group()
        goes = None
        if len(group.seats) >= self.limits.per_peer:
            goes = group.outranked(now)
            if goes is None:
                raise RequestError(f"too many clients are connected from {seat.host}")
        elif len(self) >= self.most:
            goes = self._all.outranked(now)
            if goes is None:
                raise RequestError("too many clients are connected")
        if goes is not None:
            self.leave(goes)
        self._hosts.setdefault(seat.host, group).add(seat)
        self._all.add(seat)
        return goes

    def leave(self, seat: Seat) -> None:
        """``seat`` is free. May be called twice."""
        if self._all.seats.pop(seat, False) is False:
            return
        group = self._hosts[seat.host]
        del group.seats[seat]
        if not group.seats:
            del self._hosts[seat.host]
        self._held -= seat.held
        seat.held = 0

    def hold(self, seat: Seat, size: int) -> bool:
        """``size`` bytes are held for ``seat`` now; False if that is too much with what is held for the others."""
        counted = max(0, size - FREE)
        self._held += counted - seat.held
        seat.held = counted
        return not counted or self._held <= (2 * MOST_HELD if seat.rank is Rank.WORKER else MOST_HELD)

    def pace(self, seat: Seat, now: Seconds) -> None:
        """A request of ``seat`` is answered."""
        due, least = seat.due, now - WINDOW
        seat.due = (due if due > least else least) + self.gap
        if not seat.rank:
            seat.rank = Rank.GUEST

    def idle(self, now: Seconds) -> Iterator[Seat]:
        """Those who have not been heard of for too long, and whom nothing is pushed to."""
        since = now - self.limits.idle
        return (seat for seat in tuple(self._all.seats) if seat.rank < Rank.WATCHER and seat.peer.at < since)


@dataclass(slots=True)
class _Group:
    seats: dict[Seat, None] = field(default_factory=dict)
    _leaving: deque[Seat] = field(default_factory=deque)
    """Who may go, found at the last look, who should go first in front."""
    _next: float = -inf
    """Before then a look finds nobody else."""

    _looked: float = -inf

    def add(self, seat: Seat) -> None:
        self.seats[seat] = None
        self._next = min(self._next, max(seat.leaves_at(), self._looked + GLANCE))

    def outranked(self, now: Seconds) -> Seat | None:
        """Who goes for a newcomer: a stranger rather than a guest, then who was not heard of for longer."""
        if not self._leaving and now >= self._next:
            self._look(now)
        while self._leaving:
            seat = self._leaving.popleft()
            if seat in self.seats and seat.leaves_at() <= now:
                return seat
        return None

    def _look(self, now: Seconds) -> None:
        self._leaving.extend(_first(self.seats, now))
        later = min((seat.leaves_at() for seat in self.seats if seat.leaves_at() > now), default=inf)
        self._looked = now
        self._next = max(later, now + GLANCE)


def _first(seats: Iterable[Seat], now: Seconds) -> list[Seat]:
    return sorted((seat for seat in seats if seat.leaves_at() <= now), key=lambda seat: (seat.rank, seat.peer.at))


def origin(address: Any) -> str:
    """What all connections of one peer share, from its socket's address: the host; of IPv6 the network of 64 bits,
    of which one host may have every address.
    """
    if not isinstance(address, tuple):
        return "this host"
    host = str(address[0]).partition("%")[0]
    if ":" not in host:
        return host
    whole = ipaddress.IPv6Address(host)
    if whole.ipv4_mapped is not None:
        return str(whole.ipv4_mapped)
    if whole.is_loopback:
        return host
    return str(ipaddress.IPv6Network((int(whole) >> 64 << 64, 64)))
