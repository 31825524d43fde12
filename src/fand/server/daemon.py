"""The running server: sensors, shelves and clients put together, from start to stop."""

import asyncio
import logging
import resource
import signal
import socket
from collections.abc import Callable, Sequence
from typing import Any, Final

from fand.clock import instant
from fand.config import DeviceConfig, ServerConfig
from fand.control import Watch
from fand.dispatch import Hall, Shelf, Slot
from fand.notify import READY, STOPPING, notify
from fand.ports import Clock, Reading
from fand.server.connection import Connection, Desk
from fand.server.listening import BACKLOG
from fand.server.readers import Readers
from fand.server.sensors import Sensors, close_sensors
from fand.server.watching import Watcher
from fand.units import Seconds

_log = logging.getLogger(__name__)

RESERVED: Final = 512
"""Descriptors kept from clients, for sensors; at most half of all."""

_FLUSH: Final = 0.4
"""Seconds in which the last word to clients must have left."""


def hall_of(config: ServerConfig) -> Hall:
    """The shelves of ``config``, of which nothing is known yet."""
    return Hall((Shelf(shelf.name, shelf.law, map(slot_of, shelf.devices)) for shelf in config.shelves), instant)


def slot_of(device: DeviceConfig) -> Slot:
    """The place of ``device`` in its shelf."""
    return Slot(device.name, device.kind, Watch(device.interval, device.optional), device.position)


def raise_descriptor_limit() -> int:
    """Allow this process as many descriptors as it may have; returns how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError) as error:
            _log.debug("the descriptor limit stays at %d: %s", soft, error)
            hard = soft
    return 2**20 if hard == resource.RLIM_INFINITY else hard


class Daemon:
    """One server. ``descriptors`` is how many the process may have."""

    def __init__(self, config: ServerConfig, sensors: Sensors, clock: Clock, descriptors: int) -> None:
        self._sensors = sensors
        self._clock = clock
        self._hall = hall_of(config)
        self._desk = Desk(self._hall, clock, descriptors - min(RESERVED, descriptors // 2))
        self._stop = asyncio.Event()
        self._full = False

    async def run(self, sockets: Sequence[socket.socket], ready: Callable[[], None]) -> None:
        """Serve on ``sockets`` until SIGTERM, SIGINT or :meth:`stop`; ``ready`` is called when clients are let in."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._complain)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        watches = self._watch()
        servers = [await loop.create_server(self._welcome, sock=sock, backlog=BACKLOG) for sock in sockets]
        try:
            ready()
            notify(READY)
            await self._stop.wait()
        finally:
            notify(STOPPING)
            for server in servers:
                server.close()
            for watch in watches:
                watch.cancel()
            await self._part()
            await close_sensors(self._sensors)
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    def stop(self) -> None:
        """Stop serving."""
        self._stop.set()

    def _welcome(self) -> Connection:
        self._full = False
        return Connection(self._desk)

    def _watch(self) -> list[asyncio.Task[None]]:
        """One task a device. Their second readings are spread over the interval, and so all that follow."""
        readers, count = Readers(), len(self._sensors)
        tasks = []
        for number, (shelf, device, sensor) in enumerate(self._sensors, 1):
            watcher = Watcher(shelf.name, device, sensor, readers, self._clock)
            observe = self._observer(self._hall.shelves[shelf.name], device.name)
            phase = Seconds(device.interval * number / count)
            tasks.append(asyncio.create_task(watcher.watch(observe, phase), name=f"{shelf.name}: {device.name}"))
        return tasks

    def _observer(self, shelf: Shelf, name: str) -> Callable[[Reading, str | None], None]:
        def observe(reading: Reading, family: str | None) -> None:
            shelf.observe(name, reading, family)
            self._desk.keeper.refresh(shelf)

        return observe

    async def _part(self) -> None:
        """Tell every client that the server goes, and wait a moment for that to leave."""
        self._desk.keeper.stop()
        for connection in tuple(self._desk.connections.values()):
            connection.leave("the server stops")
        deadline = self._clock.mono() + _FLUSH
        while self._desk.connections and self._clock.mono() < deadline:
            await asyncio.sleep(0.01)
        for connection in tuple(self._desk.connections.values()):
            connection.abort()

    def _complain(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Log what went wrong in the event loop; that there are no descriptors for new clients, but once."""
        message, error = context["message"], context.get("exception")
        if "out of system resource" in message:
            # asyncio tries again every second.
            if not self._full:
                _log.error("no more clients can be let in for now: %s", error)
            self._full = True
            return
        _log.error("%s", message, exc_info=error)
