"""Handshakes of TLS: not too many are under way at once, and those that have begun come to their end first."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Protocol

from fand.ports import Clock
from fand.server.turns import Turns
from fand.units import Seconds

_log = logging.getLogger(__name__)

UNDER_WAY: Final = 1024
"""So many handshakes are under way at once. Each has some 45 KiB of OpenSSL's, of whoever it is; one that goes on
needs no longer than the network for two messages."""

GRACE: Final = 2.0
"""Seconds that one under way has before it may have to go for another. A host that is slow, or far, needs no more."""

IN_LINE: Final = 32
"""So many that have yet to begin stand in line with others, or one third of the line. The rest wait behind it."""


class Handshake(Protocol):
    """One that is under way, or waits to begin."""

    def leave(self, reason: str) -> None:
        """Give up."""
        ...


class Handshakes:
    """Those at one server. When too many are under way, the one that began first is given up for a newcomer:
    a crowd that begins them and does not go on has little memory, and keeps nobody out.

    When thousands come at once, as after a restart, those who have begun and those who are through do not wait
    behind all who have not: before they came to their end, they would be given up, and come again.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began: dict[Handshake, Seconds] = {}
        self._crowded = False
        self._waiting: OrderedDict[Handshake, Callable[[], object]] = OrderedDict()
        self._in_line = 0
        self._turns: Turns | None = None  # while nobody has waited
        self._timer: asyncio.TimerHandle | None = None

    def free(self) -> bool:
        """Tell whether who comes now may begin at once; else he lines up."""
        return not self._waiting and self._wait() <= 0

    def line_up(self, one: Handshake, turns: Turns, go: Callable[[], object]) -> None:
        """Call ``go``, once, when ``one`` may begin and it is its turn; not if it ends before."""
        self._waiting[one] = go
        self._turns = turns
        self._fill()

    def begin(self, one: Handshake) -> None:
        """``one`` shakes hands from now on."""
        if len(self._began) >= UNDER_WAY:
            first = next(iter(self._began))
            del self._began[first]
            first.leave("too many have begun since")
            if not self._crowded:
                self._crowded = True
                _log.warning("%d handshakes are under way, and the first go for more", UNDER_WAY)
        self._began[one] = self._clock.mono()

    def end(self, one: Handshake) -> None:
        """``one`` no longer does. May be called twice, and without :meth:`begin`."""
        self._waiting.pop(one, None)
        self._began.pop(one, None)
        if self._crowded and len(self._began) < UNDER_WAY / 2:
            self._crowded = False
            _log.warning("no handshake has to go for others any more")
        self._fill()

    def _wait(self) -> float:
        """Seconds until another may begin."""
        if len(self._began) < UNDER_WAY:
            return 0.0
        return self._began[next(iter(self._began))] + GRACE - self._clock.mono()

    def _fill(self) -> None:
        """Have as many in line as may be there."""
        turns = self._turns
        if turns is None or len(self._waiting) <= self._in_line:
            return
        if (wait := self._wait()) > 0:
            if self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(wait, self._later)
            return
        for _ in range(min(len(self._waiting), max(IN_LINE, turns.waiting // 3)) - self._in_line):
            self._in_line += 1
            turns.line_up(self._next)

    def _later(self) -> None:
        self._timer = None
        self._fill()

    def _next(self) -> None:
        """It is the turn of who has waited for longest, if he may begin still."""
        self._in_line -= 1
        if self._waiting and self._wait() <= 0:
            _, go = self._waiting.popitem(last=False)
            go()
        self._fill()
