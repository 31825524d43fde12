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
    """See the module. What is spent is counted over turns of the loop: only when a slice is used up must it be known
    that one has passed, and who asks then finds that out by waiting for the next. So who asks little costs nothing
    besides.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._line: deque[Callable[[], object]] = deque()
        self._spent = 0.0
        """Seconds on those who do not rank first, in this turn of the loop or since one before it."""
        self._called = False
        """Whether those in line are about to be called."""

    @property
    def waiting(self) -> int:
        """How many are in line."""
        return len(self._line)

    @property
    def share(self) -> int:
        """How many requests of one client are answered in its turn."""
        return (min(TURN, CROWD // (len(self._line) + 1)) or 1) if self._line else TURN

    def ends(self, now: Seconds) -> float:
        """When the turn that begins now is over; it has one request at least."""
        return now + (max(SHORTEST, SLICE / (len(self._line) + 1)) if self._line else SLICE)

    def free(self) -> bool:
        """Tell whether who is heard now can be answered at once; else it lines up."""
        return not self._line and self._spent < SLICE

    def spend(self, seconds: float) -> None:
        """So much has been spent on somebody who does not rank first, and was not in line."""
        self._spent += seconds

    def line_up(self, go: Callable[[], object]) -> None:
        """Call ``go``, once, when its turn comes."""
        self._line.append(go)
        if not self._called:
            self._call()

    def _call(self) -> None:
        self._called = True
        asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        """A turn of the loop has passed: those in line come first, each once."""
        begun, self._spent = self._clock.mono(), 0.0
        try:
            for _ in range(len(self._line)):
                self._line.popleft()()
                if self._clock.mono() - begun >= SLICE:
                    break
        finally:
            self._spent = self._clock.mono() - begun
            self._called = False
            if self._line:
                self._call()
