"""What a server's connections stand on while they are fuzzed: a loop, a clock and transports made by hand.

Real loops and sockets would cost a hundred times what the requests do.
"""

import asyncio
import heapq
import itertools
import ssl
from collections import deque
from collections.abc import Callable, Mapping
from contextvars import Context
from functools import partial
from typing import Any, Final

from fand.server.identity import trusted
from fand.units import Moment, Seconds, Timestamp

WALL: Final = 1_700_000_000.0
HIGH: Final = 512
"""With more bytes unread by the peer the protocol is told to pause; it asks for 4 KiB."""


class Certificate:
    """What is known of a peer by TLS: its ``name``, that of :class:`ssl.SSLObject`'s peer certificate."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    def __init__(self, name: str) -> None:
        self._name = name

    def getpeercert(self) -> dict[str, object]:
        """See :meth:`ssl.SSLSocket.getpeercert`."""
        return {"subject": ((("commonName", self._name),),)}


AUTHORITY: Final = trusted(Certificate.context)


class Handle:
    """Something to be called."""

    def __init__(self, callback: Callable[..., object], args: tuple[Any, ...]) -> None:
        self._call: tuple[Callable[..., object], tuple[Any, ...]] | None = (callback, args)

    def cancel(self) -> None:
        """It is not called."""
        self._call = None

    def run(self) -> None:
        """Call it, once."""
        if self._call is not None:
            (callback, args), self._call = self._call, None
            callback(*args)


class Loop(asyncio.AbstractEventLoop):
    """Runs what is due when it is told to; an exception goes to whoever told it. It is also the server's clock."""

    def __init__(self) -> None:
        self._now = 1000.0
        self._ready: deque[Handle] = deque()
        self._timers: list[tuple[float, int, Handle]] = []
        self._count = itertools.count()
        self.complaints: list[dict[str, Any]] = []

    def run_ready(self) -> None:
        """Run what is to be called soon, until nothing is left."""
        while self._ready:
            self._ready.popleft().run()

    def travel(self, seconds: float) -> None:
        """Let time pass, and everything be called when it is due."""
        end = self._now + seconds
        while self._timers and self._timers[0][0] <= end:
            when, _, handle = heapq.heappop(self._timers)
            self._now = max(self._now, when)
            handle.run()
            self.run_ready()
        self._now = end

    def stop_for(self, seconds: float) -> None:
        """The process stands still for so long; then everything that is due by now is called."""
        self._now += seconds
        self.travel(0.0)

    def mono(self) -> Seconds:
        """See :class:`fand.ports.Clock`."""
        return Seconds(self._now)

    def wall(self) -> Timestamp:
        """See :class:`fand.ports.Clock`."""
        return Timestamp(WALL + self._now)

    def moment(self) -> Moment:
        """Now, on both clocks."""
        return Moment(self.mono(), self.wall())

    def time(self) -> float:
        """See the base."""
        return self._now

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Handle:
        """See the base."""
        self._ready.append(handle := Handle(callback, args))
        return handle

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Handle:
        """See the base."""
        handle = Handle(callback, args)
        heapq.heappush(self._timers, (when, next(self._count), handle))
        return handle

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Handle:
        """See the base."""
        return self.call_at(self._now + delay, callback, *args)

    def create_future(self) -> asyncio.Future[Any]:
        """See the base."""
        return asyncio.Future(loop=self)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """See the base."""
        self.complaints.append(context)

    def get_debug(self) -> bool:
        """See the base."""
        return False

    def is_closed(self) -> bool:
        """See the base."""
        return False


class Wire(asyncio.Transport):
    """The transport of one connection, as asyncio's own behave.

    ``hear`` is told what the server writes, when it does; ``guard`` calls what takes in the peer's bytes.
    ``halves`` tells whether one direction can be closed alone.
    """

    def __init__(
        self,
        loop: Loop,
        protocol: asyncio.BufferedProtocol,
        extra: Mapping[str, object],
        hear: Callable[[bytes], None],
        guard: Callable[[Callable[[], None]], None],
        *,
        halves: bool,
    ) -> None:
        super().__init__(extra)
        self._loop = loop
        self._protocol = protocol
        self._hear = hear
        self._guard = guard
        self._halves = halves
        self._inbox = bytearray()
        self._taking = True
        self._closing = False
        self._ended = False
        self._told = False
        self._paused = False
        self.reading = True
        """Whether the peer reads."""
        self.unread = 0

    def come(self, data: bytes) -> None:
        """The peer has sent ``data``."""
        self._inbox += data
        self._deliver()

    def end(self) -> None:
        """The peer sends no more."""
        if not self._closing and self._taking and not self._protocol.eof_received():
            self.close()

    def read_on(self, now: bool) -> None:
        """The peer reads, or stops reading."""
        self.reading = now
        if now:
            self.unread = 0
            if self._closing:
                self._lose()
            elif self._paused:
                self._paused = False
                self._protocol.resume_writing()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """See the base."""
        assert not self._ended, "written after the end"
        if self._closing:
            return
        self._hear(bytes(data))
        if not self.reading:
            self.unread += len(data)
            if self.unread > HIGH and not self._paused:
                self._paused = True
                self._protocol.pause_writing()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """See the base; :data:`HIGH` it is."""

    def get_write_buffer_size(self) -> int:
        """See the base."""
        return self.unread

    def can_write_eof(self) -> bool:
        """See the base; TLS cannot."""
        return self._halves

    def write_eof(self) -> None:
        """See the base."""
        assert self._halves, "an end written that cannot be written"
        self._ended = True

    def close(self) -> None:
        """See the base: what was written still leaves."""
        self._closing = True
        if not self.unread:
            self._lose()

    def abort(self) -> None:
        """See the base."""
        self._closing = True
        self._lose()

    def is_closing(self) -> bool:
        """See the base."""
        return self._closing

    def is_reading(self) -> bool:
        """See the base."""
        return self._taking

    def pause_reading(self) -> None:
        """See the base."""
        self._taking = False

    def resume_reading(self) -> None:
        """See the base."""
        if not self._taking and not self._closing:
            self._taking = True
            self._loop.call_soon(self._deliver)

    def _deliver(self) -> None:
        if self._inbox and self._taking and not self._closing:
            buffer = memoryview(self._protocol.get_buffer(-1))
            count = min(len(buffer), len(self._inbox))
            buffer[:count] = self._inbox[:count]
            del self._inbox[:count]
            self._guard(partial(self._protocol.buffer_updated, count))
            if self._inbox:
                self._loop.call_soon(self._deliver)

    def _lose(self) -> None:
        if not self._told:
            self._told = True
            self._loop.call_soon(self._protocol.connection_lost, None)
