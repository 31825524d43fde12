"""The network between simulated processes: TCP as far as fand can tell the difference.

Bytes of one connection come in their order, but cut anywhere and after any time; connections know nothing of one
another, so that what one carries overtakes what another does. A path between two hosts can stall, lose its
connections, refuse new ones, corrupt bytes, and carry each connection twice.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, Protocol

from fand.exceptions import CorruptedDataError
from fand.server.connection import Connection
from fand.wire import Decoder
from tests.simulation.engine import Engine, Life, Process, seeded

HIGH: Final = 16 * 1024
LOW: Final = 4 * 1024
"""A sender is paused with more bytes than the one under way, and goes on with fewer than the other."""

GIVEN_UP: Final = 120.0
"""Seconds after which the operating system gives up a connection that carries nothing."""


class Receiver(Protocol):
    """What an end of a connection tells its owner."""

    def received(self, data: bytes) -> None:
        """Bytes have come."""
        ...

    def ended(self) -> None:
        """The other end sends no more."""
        ...

    def broken(self, error: Exception | None) -> None:
        """The connection is no more."""
        ...

    def paused(self, now: bool) -> None:
        """The other end does not read, or reads again."""
        ...


class Path:
    """The way between two hosts. ``latency`` and ``jitter`` are in seconds, ``split`` is a probability."""

    def __init__(self, engine: Engine, name: str, latency: float, jitter: float, split: float) -> None:
        self.engine = engine
        self.name = name
        self.latency = latency
        self.jitter = jitter
        self.split = split
        self.corrupt = 0.0
        self.stalls = 0
        self.refusals = 0
        self.doubles = 0
        self.opened = 0
        self.ends: dict[End, None] = {}
        self._held: list[tuple[End, bytes | None]] = []

    @property
    def stalled(self) -> bool:
        """Whether nothing gets through."""
        return self.stalls > 0

    def stall(self) -> None:
        """From now on nothing gets through; it is kept."""
        self.stalls += 1
        if self.stalls == 1:
            self.engine.after(GIVEN_UP, self._give_up, self.opened)

    def flow(self) -> None:
        """What was kept goes on its way."""
        self.stalls -= 1
        if self.stalls == 0:
            held, self._held = self._held, []
            for end, data in held:
                self.carry(end, data)

    def reset(self) -> None:
        """All connections break at once."""
        for end in tuple(self.ends):
            end.sever(ConnectionResetError("connection reset by peer"))
        self._held = []

    def carry(self, end: "End", data: bytes | None) -> None:
        """Take ``data`` from ``end`` to its other; None is the end of what it sends."""
        if self.stalls:
            self._held.append((end, data))
            return
        chance = end.random
        at = self.engine.now + end.extra + self.latency + self.jitter * chance.random()
        if data is not None:
            if self.corrupt and chance.random() < self.corrupt:
                data = _corrupted(data, chance)
            if self.split and len(data) > 1 and chance.random() < self.split:
                cut = chance.randrange(1, len(data))
                end.deliver(data[:cut], at)
                at += self.jitter * chance.random()
                data = data[cut:]
        end.deliver(data, at)

    def _give_up(self, opened: int) -> None:
        """The operating systems have waited long enough. A stall that is over by now was another one."""
        if self.stalls:
            for end in tuple(self.ends):
                if end.number <= opened:
                    end.sever(TimeoutError("connection timed out"))


class End:
    """One end of a connection, owned by ``process``."""

    def __init__(self, path: Path, process: Process, number: int, seed: str) -> None:
        self.path = path
        self.process = process
        self.number = number
        self.random = seeded(seed)
        self.other: End = self
        self.receiver: Receiver | None = None
        self.ghost: End | None = None
        self.extra = 0.0
        self.open = True
        self.sending = True
        self.reading = True
        self.flying = 0
        self.held_back = False
        self._last = 0.0
        self._inbox: list[bytes | None] = []
        path.ends[self] = None

    def send(self, data: bytes) -> None:
        """Send ``data``."""
        if not self.open or not self.sending:
            return
        self.flying += len(data)
        self.path.carry(self, data)
        if self.ghost is not None:
            self.ghost.send(data)
        if self.flying > HIGH and not self.held_back:
            self.held_back = True
            if self.receiver is not None:
                self.receiver.paused(True)

    def shut(self) -> None:
        """Send no more."""
        if self.open and self.sending:
            self.sending = False
            self.path.carry(self, None)
            if self.ghost is not None:
                self.ghost.shut()

    def close(self) -> None:
        """Send what is under way, and hear no more."""
        self.shut()
        self.forget()

    def forget(self) -> None:
        """This end is no more; what was sent still arrives."""
        self.open = False
        self.receiver = None
        self.path.ends.pop(self, None)

    def abort(self) -> None:
        """Break the connection: the other end hears of it."""
        if self.open:
            self.forget()
            if not self.path.stalled:
                at = self.path.engine.now + self.path.latency
                self.path.engine.at(at, self.other.process, self.other.sever, ConnectionResetError("reset by peer"))

    def sever(self, error: Exception) -> None:
        """The network tells this end that the connection is no more."""
        if self.open:
            self.process.soon(self._severed, error)
            self.path.ends.pop(self, None)

    def read(self, on: bool) -> None:
        """Whether to take in what comes."""
        self.reading = on
        while self.reading and self._inbox and self.open:
            self._take(self._inbox.pop(0))

    def deliver(self, data: bytes | None, at: float) -> None:
        """Have ``data`` arrive at the other end, not before what was sent earlier."""
        self._last = at = max(at, self._last)
        self.path.engine.at(at, self.other.process, self.other.arrive, data)

    def arrive(self, data: bytes | None) -> None:
        """``data`` has come."""
        if not self.open:
            return
        if self.reading and not self._inbox:
            self._take(data)
        else:
            self._inbox.append(data)

    def _take(self, data: bytes | None) -> None:
        receiver = self.receiver
        if data is None:
            if receiver is not None:
                receiver.ended()
            return
        sender = self.other
        sender.flying -= len(data)
        if sender.held_back and sender.flying < LOW:
            sender.held_back = False
            if sender.receiver is not None:
                sender.process.soon(sender.receiver.paused, False)
        if receiver is not None:
            receiver.received(data)

    def _severed(self, error: Exception) -> None:
        if self.open:
            receiver = self.receiver
            self.forget()
            if receiver is not None:
                receiver.broken(error)


class Transport(asyncio.Transport):
    """The server's end, as asyncio has it. ``tap`` sees what the server sends."""

    def __init__(self, end: End, peername: tuple[str, int], tap: Callable[[bytes], None]) -> None:
        super().__init__({"peername": peername})
        self._end = end
        self._tap = tap
        self._protocol: Connection | None = None
        self._closing = False
        end.receiver = self

    def start(self, make: Callable[[], Connection]) -> None:
        """A client has come, and was accepted."""
        if self._end.open:
            self._protocol = make()
            self._protocol.connection_made(self)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """See the base."""
        if not self._closing and self._end.open:
            self._tap(bytes(data))
            self._end.send(bytes(data))

    def can_write_eof(self) -> bool:
        """See the base."""
        return True

    def write_eof(self) -> None:
        """See the base."""
        self._end.shut()

    def close(self) -> None:
        """See the base."""
        if not self._closing:
            self._closing = True
            self._end.shut()
            self._end.reading = False
            self._end.process.soon(self._lost, None)

    def abort(self) -> None:
        """See the base."""
        if self._end.open:
            self._closing = True
            self._end.abort()
            self._end.process.soon(self._lost, None)

    def is_closing(self) -> bool:
        """See the base."""
        return self._closing

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """The network has limits of its own."""

    def get_write_buffer_size(self) -> int:
        """See the base."""
        return self._end.flying

    def is_reading(self) -> bool:
        """See the base."""
        return self._end.reading

    def pause_reading(self) -> None:
        """See the base."""
        self._end.read(False)

    def resume_reading(self) -> None:
        """See the base."""
        if not self._closing:
            self._end.read(True)

    def received(self, data: bytes) -> None:
        """See :class:`Receiver`."""
        if self._protocol is not None and not self._closing:
            self._protocol.data_received(data)

    def ended(self) -> None:
        """See :class:`Receiver`."""
        if self._protocol is not None and not self._closing:
            self._protocol.eof_received()
            self.close()

    def broken(self, error: Exception | None) -> None:
        """See :class:`Receiver`."""
        self._closing = True
        self._lost(error)

    def paused(self, now: bool) -> None:
        """See :class:`Receiver`."""
        if self._protocol is not None:
            if now:
                self._protocol.pause_writing()
            else:
                self._protocol.resume_writing()

    def _lost(self, error: Exception | None) -> None:
        self._end.forget()
        protocol, self._protocol = self._protocol, None
        if protocol is not None:
            protocol.connection_lost(error)


class _Silence:
    """Nobody: what comes is lost."""

    def received(self, data: bytes) -> None:
        pass

    def ended(self) -> None:
        pass

    def broken(self, error: Exception | None) -> None:
        pass

    def paused(self, now: bool) -> None:
        pass


@dataclass
class Listener:
    """A port that a process listens on."""

    process: Process
    make: Callable[[], Connection]
    tap: Callable[[bytes], None]


@dataclass
class Network:
    """All paths, and who listens where."""

    engine: Engine
    seed: str
    ghosts: Process
    paths: dict[tuple[str, str], Path] = field(default_factory=dict)
    listeners: dict[str, Listener] = field(default_factory=dict)

    def listen(self, host: str, listener: Listener) -> None:
        """From now on clients that come to ``host`` are accepted."""
        self.listeners[host] = listener

    def connect(
        self, process: Process, here: str, there: str, opened: Callable[[End], Any], failed: Callable[[str], Any]
    ) -> None:
        """Connect from host ``here`` to the server on ``there``; one of the two is called, unless nothing comes."""
        path = self.paths[here, there]
        if path.stalled:
            return
        self.engine.at(self.engine.now + path.latency, None, self._accept, process, path, there, opened, failed)

    def close(self, process: Process) -> None:
        """The operating system closes what ``process``, which is no more, has left open."""
        for host, listener in tuple(self.listeners.items()):
            if listener.process is process:
                del self.listeners[host]
        for path in self.paths.values():
            for end in tuple(path.ends):
                if end.process is process:
                    end.close()

    def _accept(
        self,
        process: Process,
        path: Path,
        there: str,
        opened: Callable[[End], Any],
        failed: Callable[[str], Any],
    ) -> None:
        listener = self.listeners.get(there)
        if process.life is Life.DEAD or path.stalled:
            return
        back = self.engine.now + path.latency
        if listener is None or listener.process.life is Life.DEAD or path.refusals:
            self.engine.at(back, process, failed, "Connection refused")
            return
        client = self._pair(path, process, listener)
        if path.doubles:
            client.ghost = self._pair(path, self.ghosts, listener)
            client.ghost.receiver = _Silence()
            client.ghost.extra = 5.0 * client.random.random()
        self.engine.at(back, process, opened, client)

    def _pair(self, path: Path, process: Process, listener: Listener) -> End:
        path.opened += 1
        number = path.opened
        client = End(path, process, number, f"{self.seed}/{path.name}/{number}/client")
        server = End(path, listener.process, number, f"{self.seed}/{path.name}/{number}/server")
        client.other, server.other = server, client
        transport = Transport(server, (path.name, number), listener.tap)
        listener.process.soon(transport.start, listener.make)
        return client


def _corrupted(data: bytes, chance: Random) -> bytes:
    """``data`` with a byte changed so that it is no longer what the wire takes.

    A change that makes another good frame cannot be detected: the wire relies on TCP for that.
    """
    place = chance.randrange(len(data))
    changed = data[:place] + bytes([data[place] ^ (1 << chance.randrange(8))]) + data[place + 1 :]
    decoder = Decoder()
    decoder.feed(changed)
    try:
        while decoder.next() is not None:
            pass
    except CorruptedDataError:
        return changed
    return bytes([data[0] ^ 1]) + data[1:]
