"""A TCP proxy on loopback that does to a connection what a bad network does, drawn from a seed.

One :class:`Network` is a thread that carries any number of proxies. What a proxy does at the moment stands in its
:attr:`Proxy.faults`, which may be replaced at any time, from any thread. What it has done stands in its
:attr:`Proxy.counts`, so that a test can see that the fault was really met.
"""

import asyncio
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from random import Random
from types import TracebackType
from typing import Any, Final, Self, TypeVar

_T = TypeVar("_T")

PATIENCE: Final = 30.0
MOST: Final = 256
"""So many connections are carried by one proxy; more are reset."""
CHUNK: Final = 16 * 1024
MUTE: Final = 60.0
"""After so many seconds the ends of a half-open connection learn of it, as by the kernel's keep-alive."""


@dataclass(frozen=True, slots=True)
class Faults:
    """What is done to the connections of a proxy. Times are in seconds, chances from 0 to 1 for each chunk of bytes.

    ``delay`` is the longest time that a piece is held up, ``split`` the longest piece that is passed on at once
    (0: as it comes), and ``coalesce`` how long bytes are collected before they are passed on together. ``corrupt``
    is the chance that one byte is changed, ``truncate`` the chance that a part is passed on and then both ends are
    reset. With ``hold`` a connection falls silent for good: nothing is passed on, not even its end. With
    ``duplicate`` all that the client of a new connection says is also said on a second one, whose answers are lost.
    With ``refuse`` new connections are reset. While ``partition`` lasts nothing passes, and no new connection is
    answered; then all that was under way arrives.

    All but the last four are done to what goes ``to_server`` and to what goes ``to_client``, unless one is False.
    """

    delay: float = 0.0
    split: int = 0
    coalesce: float = 0.0
    corrupt: float = 0.0
    truncate: float = 0.0
    hold: bool = False
    duplicate: bool = False
    refuse: bool = False
    partition: bool = False
    to_server: bool = True
    to_client: bool = True


NONE: Final = Faults()


class Proxy:
    """One way through the network, from :attr:`port` to the server that ``target`` tells at each connection."""

    def __init__(self, target: Callable[[], tuple[str, int]], seed: object) -> None:
        self._target = target
        self._seed = seed
        self._faults = NONE
        self._changed = asyncio.Event()
        self._number = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._server: asyncio.Server | None = None
        self.port = 0
        self.counts: Counter[str] = Counter()

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.port

    @property
    def faults(self) -> Faults:
        """What it does from now on."""
        return self._faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self._loop.call_soon_threadsafe(self._become, faults)

    def cut(self) -> None:
        """Reset all connections that there are."""
        self._loop.call_soon_threadsafe(self._cut)

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._welcome, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        tasks = self._cut()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _become(self, faults: Faults) -> None:
        self._faults = faults
        self._changed.set()
        self._changed = asyncio.Event()

    def _cut(self) -> list[asyncio.Task[None]]:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        return tasks

    def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._number += 1
        task = asyncio.create_task(self._carry(reader, writer, self._number))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        """Carry one connection to its end."""
        self.counts["connection"] += 1
        writers = [writer]
        try:
            if self._faults.refuse or len(self._tasks) > MOST:
                self.counts["refuse"] += 1
                return
            await self._passable()
            copies = 2 if self._faults.duplicate else 1
            self.counts["duplicate"] += copies - 1
            far = [await asyncio.open_connection(*self._target()) for _ in range(copies)]
            writers += [other for _, other in far]
            pipe = _Pipe(self, Random(f"{self._seed} {number}"))
            ways: list[Coroutine[Any, Any, None]] = [
                pipe.pump(reader, writers[1:], "to_server"),
                pipe.pump(far[0][0], writers[:1], "to_client"),
                *(pipe.pump(lost, [], "to_client") for lost, _ in far[1:]),
            ]
            async with asyncio.TaskGroup() as group:
                for way in ways:
                    group.create_task(way)
        except* OSError:  # an end has gone, or is not there: so has the other now
            pass
        finally:
            for each in writers:
                _reset(each)

    async def _passable(self) -> None:
        while self._faults.partition:
            self.counts["partition"] += 1
            await self._changed.wait()


class _Pipe:
    """The ways of one connection."""

    def __init__(self, proxy: Proxy, chance: Random) -> None:
        self._proxy = proxy
        self._chance = chance
        self._mute = False

    async def pump(self, source: asyncio.StreamReader, sinks: Sequence[asyncio.StreamWriter], way: str) -> None:
        """Carry one direction to its end.

        :raises ConnectionResetError: it was cut, for both ends to learn
        """
        proxy, chance = self._proxy, self._chance
        while True:
            data = await source.read(CHUNK)
            await proxy._passable()
            faults = proxy.faults
            if faults.hold or self._mute:
                proxy.counts["hold"] += 1
                self._mute = True
                await asyncio.sleep(MUTE)
                raise ConnectionResetError
            if not data:
                for sink in sinks:
                    sink.write_eof()
                return
            if not getattr(faults, way):
                faults = NONE
            if faults.coalesce:
                data = await self._collected(source, data, faults.coalesce)
            if chance.random() < faults.corrupt:
                proxy.counts["corrupt"] += 1
                data = corrupted(data, chance)
            cut = chance.random() < faults.truncate
            if cut:
                proxy.counts["truncate"] += 1
                data = data[: chance.randrange(len(data))]
            await self._pass(data, sinks, faults)
            if cut:
                raise ConnectionResetError

    async def _collected(self, source: asyncio.StreamReader, data: bytes, time: float) -> bytes:
        self._proxy.counts["coalesce"] += 1
        try:
            async with asyncio.timeout(time):
                while len(data) < CHUNK and (more := await source.read(CHUNK)):
                    data += more
        except TimeoutError:
            pass
        return data

    async def _pass(self, data: bytes, sinks: Sequence[asyncio.StreamWriter], faults: Faults) -> None:
        size = faults.split or CHUNK
        self._proxy.counts["split"] += len(data) > size
        for start in range(0, len(data), size):
            self._proxy.counts["delay"] += faults.delay > 0
            await asyncio.sleep(self._chance.random() * faults.delay)
            for sink in sinks:
                sink.write(data[start : start + size])
                await sink.drain()


def corrupted(data: bytes, chance: Random) -> bytes:
    """``data`` with one byte changed."""
    at = chance.randrange(len(data))
    return data[:at] + bytes((data[at] ^ chance.randrange(1, 256),)) + data[at + 1 :]


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close at once, and let the other end see that it was not in order."""
    try:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    except OSError:  # closed already
        pass
    writer.transport.abort()


class Network:
    """The thread that carries proxies."""

    def __init__(self, seed: object = 0) -> None:
        self._seed = seed
        self._proxies: list[Proxy] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="network", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for proxy in self._proxies:
            self._do(proxy.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()

    def proxy(self, target: Callable[[], tuple[str, int]]) -> Proxy:
        """A new way to the server that listens at what ``target`` tells, without any fault yet."""
        proxy = self._do(self._started(target, f"{self._seed} {len(self._proxies)}"))
        self._proxies.append(proxy)
        return proxy

    async def _started(self, target: Callable[[], tuple[str, int]], seed: str) -> Proxy:
        proxy = Proxy(target, seed)
        await proxy.start()
        return proxy

    def _do(self, work: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)
