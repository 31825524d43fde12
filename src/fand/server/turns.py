"""Whose turn it is: in each turn of the event loop only so much time is spent on those who do not rank first.

Who is not reached any more waits in line, and is not read from meanwhile. So however many ask at once, and however
much, it takes a moment at most until who ranks first is heard.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from fand.ports import Clock
from fand.units import Seconds

SLICE: Final = 0.02
"""Seconds of a turn."""

SHORTEST: Final = 0.0005
"""Seconds that each of those in line has at least, however many there are."""

TURN: Final = 64
"""So many requests of one client are answered before it is the next one's turn."""

CROWD: Final = 1024
"""So many requests are shared out among those in line: each gets fewer, the more there are."""


class Turns:
    """See the module."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._line: deque[Callable[[], object]] = deque()
        self._until: Seconds | None = None
        """When the time of this turn is used up; None while nobody has asked for any."""

    @property
    def share(self) -> int:
        """How many requests of one client are answered in its turn."""
        return min(TURN, CROWD // (len(self._line) + 1)) or 1

    def ends(self, now: Seconds) -> float:
        """When the turn that begins now is over; it has one request at least."""
        return now + max(SHORTEST, SLICE / (len(self._line) + 1))

    def free(self, now: Seconds) -> bool:
        """Tell whether who is heard now can be answered at once; else it lines up."""
        until = self._begin(now) if self._until is None else self._until
        return not self._line and now < until

    def line_up(self, go: Callable[[], object]) -> None:
        """Call ``go``, once, when its turn comes."""
        self._line.append(go)
        if self._until is None:
            self._begin(self._clock.mono())

    def _begin(self, now: Seconds) -> Seconds:
        self._until = until = Seconds(now + SLICE)
        asyncio.get_running_loop().call_soon(self._next)
        return until

    def _next(self) -> None:
        """A turn of the loop has passed: those in line come first, each once."""
        if not self._line:
            self._until = None
            return
        until = self._begin(self._clock.mono())
        for _ in range(len(self._line)):
            self._line.popleft()()
            if self._clock.mono() >= until:
                break
