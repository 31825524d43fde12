"""Long work in slices: after each, the event loop hears everybody else before it goes on."""

import asyncio
from collections import deque
from collections.abc import Iterator
from typing import Final

from fand.ports import Clock

SLICE: Final = 0.005
"""So many seconds of each turn of the loop, and one step, are spent on long work at most."""


class Slices:
    """Jobs under way. Each is an iterator, which does a little at every step; what it gives means nothing.

    Several jobs go on by turns. One that raises is over, and the event loop is told.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._jobs: deque[Iterator[object]] = deque()
        self._next: asyncio.Handle | None = None

    def begin(self, job: Iterator[object]) -> None:
        """Do a slice of ``job`` at once, and the rest in the turns that follow."""
        self._slice(job, self._clock.mono() + SLICE)
        self._arm()

    def stop(self) -> None:
        """End what is under way."""
        self._jobs.clear()
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _arm(self) -> None:
        if self._jobs and self._next is None:
            self._next = asyncio.get_running_loop().call_soon(self._go_on)

    def _go_on(self) -> None:
        self._next = None
        end = self._clock.mono() + SLICE
        try:
            for _ in range(len(self._jobs)):
                self._slice(self._jobs.popleft(), end)
                if self._clock.mono() >= end:
                    return
        finally:
            self._arm()

    def _slice(self, job: Iterator[object], end: float) -> None:
        for _ in job:
            if self._clock.mono() >= end:
                self._jobs.append(job)
                return
