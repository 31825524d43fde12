"""Blocking calls, each in a daemon thread that has nothing else to do meanwhile.

A call that hangs costs its thread and nothing else: whoever waits gives it up, and neither the event loop nor the
end of the process waits for it. A thread that is done takes the next call, for starting one costs several times what
reading a file does; who has waited longest for one ends.
"""

import asyncio
import threading
from collections.abc import Callable
from typing import Final, TypeVar

from fand.units import Seconds

T = TypeVar("T")

MOST_AT_ONCE: Final = 64
"""So many calls run at once, those not counted that take long."""

LONG: Final = Seconds(1.0)
"""A call that has run for so long makes room for another: even hundreds that hang hold up nobody for longer."""

LINGER: Final = Seconds(5.0)
"""A thread without a call ends after so long."""


class Readers:
    """Where calls are made. Belongs to one event loop."""

    def __init__(self, most: int = MOST_AT_ONCE) -> None:
        self._room = asyncio.Semaphore(most)
        self._idle: list[_Worker] = []

    async def call(self, function: Callable[[], T], timeout: float) -> asyncio.Future[T]:
        """Call ``function``, which must not raise, when there is room; wait ``timeout`` seconds for it at most.

        The future that comes back is done, or the call still runs and the future will tell when it no longer does.

        :raises RuntimeError: the system has no more threads
        """
        async with self._room:
            future = self.start(function)
            await asyncio.wait((future,), timeout=min(timeout, LONG))
        if not future.done() and timeout > LONG:
            await asyncio.wait((future,), timeout=timeout - LONG)
        return future

    def start(self, function: Callable[[], T]) -> asyncio.Future[T]:
        """Call ``function``, which must not raise, at once, however many are running.

        :raises RuntimeError: the system has no more threads
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def finish(result: T) -> None:
            if not future.cancelled():
                future.set_result(result)

        def job(done: Callable[[], object]) -> None:
            result = function()
            done()
            loop.call_soon_threadsafe(finish, result)

        try:
            worker = self._idle.pop()  # the last that came, so that the others can end
        except IndexError:
            _Worker(self._idle, job).start()
        else:
            worker.take(job)
        return future


_Job = Callable[[Callable[[], object]], None]
"""Is told what to call once nothing more can hang: the thread is free for the next then."""


class _Worker(threading.Thread):
    """A thread that does ``job``, and then what it is given while it is among the ``idle``.

    Who takes it from there has it to himself: he must give it a job.
    """

    def __init__(self, idle: "list[_Worker]", job: _Job) -> None:
        super().__init__(name="reader", daemon=True)
        self._idle = idle
        self._job: _Job | None = job
        self._given = threading.Lock()
        self._given.acquire()

    def take(self, job: _Job) -> None:
        """Do ``job`` next."""
        self._job = job
        self._given.release()

    def run(self) -> None:
        """See the class."""
        while (job := self._job) is not None:
            self._job = None
            try:
                job(self._free)
            except RuntimeError:  # the loop has been closed: nobody waits any more
                return
            del job  # what it holds may be gone by the time of the next
            self._wait()

    def _free(self) -> None:
        self._idle.append(self)

    def _wait(self) -> None:
        """Until there is a job, or none is to be expected."""
        if self._given.acquire(timeout=LINGER):
            return
        try:
            self._idle.remove(self)
        except ValueError:  # just taken
            self._given.acquire()
