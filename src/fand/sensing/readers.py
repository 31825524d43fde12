"""Blocking calls, each in a daemon thread of its own.

A call that hangs costs its thread and nothing else: whoever waits gives it up, and neither the event loop nor the
end of the process waits for it. Threads are not kept: starting one costs a hundredth of a smartctl call.
"""

import asyncio
import threading
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

MOST_AT_ONCE: Final = 64
"""So many calls run at once, those given up not counted."""


class Readers:
    """Where calls are made. Belongs to one event loop."""

    def __init__(self, most: int = MOST_AT_ONCE) -> None:
        self._room = asyncio.Semaphore(most)

    async def call(self, function: Callable[[], T], timeout: float) -> asyncio.Future[T]:
        """Call ``function``, which must not raise, when there is room; wait ``timeout`` seconds for it at most.

        The future that comes back is done, or the call still runs and the future will tell when it no longer does.

        :raises RuntimeError: the system has no more threads
        """
        async with self._room:
            future = self.start(function)
            await asyncio.wait((future,), timeout=timeout)
        return future

    def start(self, function: Callable[[], T]) -> asyncio.Future[T]:
        """Call ``function``, which must not raise, at once, however many are running.

        :raises RuntimeError: the system has no more threads
        """
        return start(function)


def start(function: Callable[[], T]) -> asyncio.Future[T]:
    """Call ``function``, which must not raise, in a thread of its own.

    :raises RuntimeError: the system has no more threads
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def finish(result: T) -> None:
        if not future.cancelled():
            future.set_result(result)

    def run() -> None:
        result = function()
        try:
            loop.call_soon_threadsafe(finish, result)
        except RuntimeError:
            pass  # the loop has been closed: nobody waits any more

    threading.Thread(target=run, name="reader", daemon=True).start()
    return future
