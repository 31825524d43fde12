"""The engine: one clock and one heap of events for all processes.

Events of one instant come in the order in which they were made, so that a run depends on its seed alone.
"""

import asyncio
import enum
from asyncio import events
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from math import inf
from random import Random
from typing import Any, Final
from zlib import crc32

from fand.units import Seconds


def seeded(text: str) -> Random:
    """Chance that depends on ``text`` alone. It begins with a number, for words take PyPy ten times as long."""
    return Random(crc32(text.encode()))


# a TimerHandle, because that is what an event loop has to give; nothing of its own is used
class Handle(asyncio.TimerHandle):
    """One event to come."""

    __slots__ = ("at", "callback", "given", "owner", "timed")

    def __init__(
        self, at: float, owner: "Process | None", callback: Callable[..., object] | None, given: tuple[Any, ...]
    ) -> None:
        self.at = at
        self.owner = owner
        self.callback = callback
        self.given = given
        self.timed = False

    def cancel(self) -> None:
        """It shall not come."""
        self.callback = None
        self.given = ()

    def cancelled(self) -> bool:
        """Whether it shall not come."""
        return self.callback is None

    def when(self) -> float:
        """When it comes, on the clock of its process."""
        return self.at - (0.0 if self.owner is None else self.owner.slept)

    def __repr__(self) -> str:
        return f"<event at {self.at:.3f}: {self.callback}>"


class Life(enum.Enum):
    """What state a process is in."""

    RUNNING = "running"
    HUNG = "hung"
    """Stopped, or its host asleep: what comes for it waits."""
    DEAD = "dead"


class Process:
    """Something that runs, and that can be killed, hung and resumed.

    ``slept`` is how long its monotonic timers stood still, for its host was asleep. ``loop`` is the event loop that
    its callbacks find running.
    """

    def __init__(self, engine: "Engine", name: str) -> None:
        self.engine = engine
        self.name = name
        self.life = Life.RUNNING
        self.loop: asyncio.AbstractEventLoop | None = None
        self.slept = 0.0
        self.resumed = -inf
        """When it last went on after it hung."""
        self.woken: list[Callable[[], object]] = []
        """Called when its host has woken from a suspend."""
        self._parked: list[Handle] = []

    def soon(self, callback: Callable[..., object], *given: Any) -> Handle:
        """Call back now, after what is already under way."""
        return self.engine.at(self.engine.now, self, callback, *given)

    def after(self, delay: float, callback: Callable[..., object], *given: Any) -> Handle:
        """Call back after ``delay`` seconds of its own timers."""
        handle = self.engine.at(self.engine.now + delay, self, callback, *given)
        handle.timed = True
        return handle

    def park(self, handle: Handle) -> None:
        """Keep ``handle`` until the process is resumed."""
        self._parked.append(handle)

    def unpark(self, since: float) -> list[Handle]:
        """Give back the timers that were due ``since`` then."""
        timers = [handle for handle in self._parked if handle.timed and handle.at >= since]
        self._parked = [handle for handle in self._parked if not (handle.timed and handle.at >= since)]
        return timers

    def hang(self) -> None:
        """SIGSTOP."""
        if self.life is Life.RUNNING:
            self.life = Life.HUNG

    def resume(self) -> None:
        """SIGCONT: what has come meanwhile comes now, in its order."""
        if self.life is not Life.HUNG:
            return
        self.life = Life.RUNNING
        self.resumed = self.engine.now
        for handle in self._parked:
            self.engine.again(handle)
        self._parked = []

    def die(self) -> None:
        """SIGKILL: nothing of it is left."""
        self.life = Life.DEAD
        self._parked = []


class Engine:
    """See the module. ``now`` is in seconds from the beginning.

    ``failed`` is called with what a callback of a process raises; ``None`` raises it.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.count = 0
        self.failed: Callable[[Process | None, BaseException], None] | None = None
        self._heap: list[tuple[float, int, Handle]] = []
        self._serial = 0
        self._ended = False

    def at(self, when: float, owner: Process | None, callback: Callable[..., object], *given: Any) -> Handle:
        """Call back at the instant ``when``, as ``owner`` if it still runs then."""
        handle = Handle(when, owner, callback, given)
        self._serial += 1
        heappush(self._heap, (when, self._serial, handle))
        return handle

    def after(self, delay: float, callback: Callable[..., object], *given: Any) -> Handle:
        """Call back after ``delay`` seconds; for what is no process."""
        return self.at(self.now + delay, None, callback, *given)

    def again(self, handle: Handle) -> None:
        """Have ``handle``, which was due, come now."""
        handle.at = self.now
        self._serial += 1
        heappush(self._heap, (self.now, self._serial, handle))

    def postpone(self, owner: Process, seconds: Seconds) -> None:
        """The timers of ``owner`` stood still for so long."""
        asleep = self.now - seconds
        owner.slept += seconds
        moved = []
        for handle in owner.unpark(asleep):
            handle.at += seconds
            self._serial += 1
            moved.append((handle.at, self._serial, handle))
        for when, serial, handle in self._heap:
            if handle.owner is owner and handle.timed:
                handle.at = when + seconds
                moved.append((handle.at, serial, handle))
            else:
                moved.append((when, serial, handle))
        self._heap = moved
        heapify(self._heap)

    def stop(self) -> None:
        """Let no more events come."""
        self._ended = True

    def run(self, until: float) -> None:
        """Let all events up to the instant ``until`` come."""
        try:
            self._run(until)
        finally:
            events._set_running_loop(None)
        if not self._ended and until > self.now:
            self.now = until

    def _run(self, until: float) -> None:
        running, hung = Life.RUNNING, Life.HUNG
        set_loop, running_loop = events._set_running_loop, None
        while self._heap and not self._ended:
            heap = self._heap
            if heap[0][0] > until:
                break
            when, _, handle = heappop(heap)
            callback = handle.callback
            if callback is None:
                continue
            if when > self.now:
                self.now = when
            owner = handle.owner
            loop = None if owner is None else owner.loop
            if loop is not running_loop:
                set_loop(loop)
                running_loop = loop
            if owner is None:
                callback(*handle.given)
            elif owner.life is running:
                try:
                    callback(*handle.given)
                except Exception as error:
                    if self.failed is None:
                        raise
                    self.failed(owner, error)
            elif owner.life is hung:
                owner.park(handle)
                continue
            else:
                continue
            handle.callback = None
            self.count += 1


START: Final = Seconds(1000.0)
"""What monotonic clocks show when a simulation begins."""
