"""The asyncio event loop of one simulated process: what the real server asks of a loop, on the engine's clock."""

import asyncio
from collections.abc import Callable
from contextvars import Context
from typing import Any

from tests.simulation.engine import START, Engine, Handle, Life, Process


class SimLoop(asyncio.AbstractEventLoop):
    """See the module. ``complain`` hears what asyncio finds wrong, as long as the process lives."""

    def __init__(self, process: Process, complain: Callable[[dict[str, Any]], None]) -> None:
        self._process = process
        self._engine: Engine = process.engine
        self._complain = complain
        process.loop = self

    def time(self) -> float:
        """Seconds of the process's timers: they stand still while its host is asleep."""
        return self._engine.now - self._process.slept + START

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Handle:
        """See the base; contexts are not kept apart."""
        return self._engine.at(self._engine.now, self._process, callback, *args)

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Handle:
        """See the base."""
        handle = self._engine.at(self._engine.now + max(0.0, delay), self._process, callback, *args)
        handle.timed = True
        return handle

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Handle:
        """See the base."""
        return self.call_later(when - self.time(), callback, *args)

    def create_future(self) -> asyncio.Future[Any]:
        """See the base."""
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, *, name: object = None, context: Context | None = None) -> asyncio.Task[Any]:
        """See the base."""
        return asyncio.Task(coro, loop=self, name=None if name is None else str(name))

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """See the base. What a dead process leaves behind is nobody's fault."""
        if self._process.life is not Life.DEAD:
            self._complain(context)

    def get_debug(self) -> bool:
        """See the base."""
        return False

    def is_running(self) -> bool:
        """See the base."""
        return True

    def is_closed(self) -> bool:
        """See the base."""
        return self._process.life is Life.DEAD
