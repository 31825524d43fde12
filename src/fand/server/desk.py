"""What all connections of a server share: the shelves, who is connected, whose turn it is."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Final, Protocol

from fand.config import LimitsConfig
from fand.control import Event
from fand.dispatch import After, Hall, Peer, Shelf, shorten
from fand.ports import Clock
from fand.server.audit import Audit
from fand.server.door import Door
from fand.server.identity import Access
from fand.server.keeper import Keeper, nobody
from fand.server.limits import Seat, Seats
from fand.server.turns import Turns
from fand.units import Moment

_log = logging.getLogger(__name__)

MOST_KNOWN: Final = 4
"""So many frames that ask for the duty of one shelf are recognised by their bytes: one of each dialect."""

LONGEST_KNOWN: Final = 256
"""Bytes of a frame that is recognised: no honest one is longer."""

READ: Final = 8 * 1024
"""Bytes that are taken in at once from one client: a hundred requests."""

DEFAULT: Final = LimitsConfig()

Work = Callable[[], asyncio.Future[None]]
"""Begins what an answer has to wait for. The future is done when the answer may be sent; a RequestError in it is sent
instead. It must become done while a client would wait: nothing else ends the hold but the end of the connection.
"""

Works = Mapping[After, Work]


class Caller(Protocol):
    """A connection, as far as the others go."""

    peer: Peer
    seat: Seat

    def push(self, frame: bytes) -> bool:
        """Send ``frame`` unasked; False if the client is not reading, so that it is left out."""
        ...

    def refuse(self, reason: str) -> None:
        """Tell the client ``reason`` and let it go, with a little time to read that."""
        ...

    def leave(self, reason: str) -> None:
        """Tell the client ``reason`` and close."""
        ...

    def abort(self) -> None:
        """Close without a word."""
        ...

    def judge(self) -> None:
        """Find out anew what the client may do; if that is less than before, it is refused."""
        ...


class Desk:
    """What all connections share. ``most`` is how many of them there can be at once, whatever ``limits`` say;
    ``access`` says who may do what.

    ``works`` carry out what answers have to wait for; an answer waits for none that is not there. ``hear`` is told
    of alarms.
    """

    def __init__(
        self,
        hall: Hall,
        clock: Clock,
        most: int,
        works: Works = MappingProxyType({}),
        hear: Callable[[Shelf, Event], None] = nobody,
        *,
        access: Access,
        limits: LimitsConfig = DEFAULT,
    ) -> None:
        self.hall = hall
        self.clock = clock
        self.mono = clock.mono
        self.access = access
        self.audit = Audit()
        self.seats = Seats(limits, most)
        self.door = Door(self.seats, clock, self._show_out)
        self.turns = Turns(clock)
        self.works = works
        self.buffer = memoryview(bytearray(READ))
        self.connections: dict[Peer, Caller] = {}
        self.known: dict[bytes, Shelf] = {}
        self._spellings: defaultdict[Shelf, list[bytes]] = defaultdict(list)
        self.keeper = Keeper(hall, clock, self._push, hear)

    def now(self) -> Moment:
        """The time, on both clocks."""
        return Moment(self.mono(), self.clock.wall())

    def admit(self, connection: Caller) -> None:
        """Enter a new connection.

        :raises RequestError: there is no room for it
        """
        self.door.admit(connection.seat)
        self.connections[connection.peer] = connection

    def leave(self, peer: Peer) -> None:
        """``peer`` has gone."""
        connection = self.connections.pop(peer, None)
        if connection is not None:
            self.hall.leave(peer)
            self.door.leave(connection.seat)

    def learn(self, frame: bytes, shelf: Shelf) -> None:
        """``frame`` has been decoded, and it is GET_PWM of ``shelf``.

        What is remembered of one shelf, in whatever ways it is asked for, costs no other its place.
        """
        if len(frame) > LONGEST_KNOWN:
            return
        spellings = self._spellings[shelf]
        if len(spellings) == MOST_KNOWN:
            del self.known[spellings.pop(0)]
        spellings.append(frame)
        self.known[frame] = shelf

    def become(self, access: Access) -> None:
        """Go on under ``access``: who may do less than before is disconnected, so that he learns of it."""
        if access != self.access:
            self.access = access
            for connection in tuple(self.connections.values()):
                connection.judge()

    def forget(self, gone: Iterable[Shelf]) -> None:
        """These shelves are no more: who waits for their duty is told."""
        self.known.clear()
        self._spellings.clear()
        for shelf in gone:
            self.keeper.forget(shelf)
            for peer in tuple(shelf.subscribers):
                self.connections[peer].refuse(f"shelf {shorten(shelf.name, 60)!r} is no longer served")

    def _show_out(self, peer: Peer, reason: str) -> None:
        connection = self.connections[peer]
        _log.info("%s: let go: %s", peer.address, reason)
        self.leave(peer)
        connection.leave(reason)

    def _push(self, peer: Peer, frame: bytes) -> bool:
        return self.connections[peer].push(frame)
