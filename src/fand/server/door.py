"""The door: lets clients in as far as there is room, and shows out who is in the way or has fallen asleep."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from fand.config import LimitsConfig
from fand.dispatch import Peer
from fand.ports import Clock
from fand.server.limits import Seat, Seats

_log = logging.getLogger(__name__)

_SWEEP: Final = 30.0
"""Who is idle is looked for at least so often (seconds)."""


class Door:
    """``seats`` are those there are; ``show_out`` tells a client why it has to go, and lets it go."""

    def __init__(self, seats: Seats, clock: Clock, show_out: Callable[[Peer, str], object]) -> None:
        self.seats = seats
        self._clock = clock
        self._show_out = show_out
        self._crowded: set[str] = set()
        self._full = False
        self._sweeper: asyncio.TimerHandle | None = None

    def become(self, limits: LimitsConfig) -> None:
        """Go on under ``limits``."""
        self.seats.become(limits)
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweep()

    def admit(self, seat: Seat) -> None:
        """Let a client in; another may have to go for it.

        :raises RequestError: there is no room
        """
        seats = self.seats
        full, crowded = len(seats) >= seats.most, seats.of(seat.host) >= seats.limits.per_peer
        if crowded and seat.host not in self._crowded:
            self._crowded.add(seat.host)
            _log.warning(
                "%d clients are connected from %s, and there is no room for more", seats.of(seat.host), seat.host
            )
        elif full and not self._full:
            self._full = True
            _log.warning("%d clients are connected, and there is no room for more", len(seats))
        goes = seats.admit(seat, self._clock.mono())
        if goes is not None:
            self._show_out(goes.peer, "somebody else needs the room, and nothing was asked for long")
        if self._sweeper is None:
            self._watch()

    def leave(self, seat: Seat) -> None:
        """A client has gone."""
        seats = self.seats
        seats.leave(seat)
        if self._full and len(seats) < seats.most * 0.9:
            self._full = False
            _log.warning("clients are let in again")
        if seat.host in self._crowded and seats.of(seat.host) < seats.limits.per_peer * 0.9:
            self._crowded.discard(seat.host)
            _log.warning("clients are let in again from %s", seat.host)

    def _watch(self) -> None:
        pause = min(_SWEEP, self.seats.limits.idle / 4)
        self._sweeper = asyncio.get_running_loop().call_later(pause, self._sweep)

    def _sweep(self) -> None:
        self._sweeper = None
        for seat in self.seats.idle(self._clock.mono()):
            self._show_out(seat.peer, f"nothing was asked for {self.seats.limits.idle:g} s")
        if len(self.seats):
            self._watch()
