"""An event loop whose time is made: it goes on to the next thing due as soon as nothing is left to do."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from fand.units import Moment, Seconds, Timestamp

T = TypeVar("T")

WALL = 1_700_000_000.0


class _Selector(selectors.DefaultSelector):
    elapsed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:  # nothing is due: something outside, such as a thread, must come
            return super().select(None)
        events = super().select(0)
        if not events:
            self.elapsed += max(0.0, timeout)
        return events


class TravelLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._travelled = _Selector()
        super().__init__(self._travelled)

    def time(self) -> float:
        return self._travelled.elapsed


class TravelClock:
    """The running :class:`TravelLoop`'s time as both clocks; the loop's timers stand still while the host sleeps."""

    slept = 0.0
    jumped = 0.0

    def mono(self) -> Seconds:
        return Seconds(asyncio.get_running_loop().time() + self.slept)

    def pass_by(self, seconds: float) -> None:
        """Time passes in the middle of a turn of the loop, as on a busy host."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, TravelLoop)
        loop._travelled.elapsed += seconds

    def wall(self) -> Timestamp:
        return Timestamp(WALL + self.mono() + self.jumped)

    def now(self) -> Moment:
        return Moment(self.mono(), self.wall())


def travel(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run ``main`` in made time."""
    with asyncio.Runner(loop_factory=TravelLoop) as runner:
        return runner.run(main())
