"""The running server: sensors, shelves and clients put together, from start to stop."""

import asyncio
import logging
import resource
import socket
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from fand.config import ServerConfig
from fand.notify import ALIVE, READY, STOPPING, notify, watchdog
from fand.ports import Clock
from fand.sensing.readers import Readers
from fand.sensing.sensors import Sensors, close_sensors
from fand.server import audit
from fand.server.accepting import Accepting
from fand.server.saving import Store
from fand.server.service import Service
from fand.signals import heeded
from fand.units import Seconds

if TYPE_CHECKING:
    from fand.server.certificates import Certificates

_log = logging.getLogger(__name__)

RESERVED: Final = 512
"""Descriptors kept from clients, for sensors that are being asked ..."""

KEPT: Final = 4
"""... and for the files that each sensor keeps open; at most half of all."""

_SHARE: Final = 64
"""So small a part of what is reserved is lent to newcomers in each turn of the event loop. They are let in or refused
within a few turns, and come by a few sockets: most of it stays for the sensors."""

_SETTLE: Final = 0.3
"""Seconds in which the state must be on disk, and the command for alarms dead."""

_FLUSH: Final = 0.4
"""Seconds in which the last word to clients must have left."""


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
    """One server. ``descriptors`` is how many the process may have; ``load`` reads its configuration once more;
    ``store`` keeps what must outlive it; ``certificates`` is what it shows, if it has any.
    """

    def __init__(
        self,
        config: ServerConfig,
        sensors: Sensors,
        clock: Clock,
        descriptors: int,
        load: Callable[[], ServerConfig],
        *,
        store: Store | None = None,
        certificates: "Certificates | None" = None,
    ) -> None:
        self._clock = clock
        self._readers = Readers()
        self._at_once = max(1, min(RESERVED, descriptors // 2) // _SHARE)
        most = descriptors - min(RESERVED + KEPT * len(sensors), descriptors // 2)
        self._service = Service(
            config, sensors, clock, self._readers, most, load=load, store=store, certificates=certificates
        )
        self._stop = asyncio.Event()

    async def run(self, sockets: Sequence[socket.socket], ready: Callable[[], None]) -> None:
        """Serve on ``sockets`` until SIGTERM, SIGINT or :meth:`stop`; ``ready`` is called when clients are let in.

        SIGHUP has the configuration read again. The main thread must call it, for the sake of the signals.
        """
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._complain)
        with heeded(loop, self.stop, self.reload):
            await self._service.recall()
            alive = watchdog()
            if alive is None:
                self._service.begin()
            else:
                self._service.begin(Seconds(alive / 3), lambda: notify(ALIVE))
            entrances = [Accepting(sock, self._welcome_at(sock), self._at_once) for sock in sockets]
            for entrance in entrances:
                entrance.begin()
            try:
                ready()
                notify(READY)
                await self._stop.wait()
            finally:
                notify(STOPPING)
                self._service.reloading.stop()
                for entrance in entrances:
                    entrance.stop()
                await self._service.settle(_SETTLE)
                await self._part()
                await close_sensors(self._service.sensors, self._readers)

    def stop(self) -> None:
        """Stop serving."""
        self._stop.set()

    def reload(self) -> None:
        """Read the configuration again, and go on under it if nothing is wrong with it."""
        if not self._stop.is_set():
            audit.by_signal()
            self._service.reloading.ask()

    def _welcome_at(self, sock: socket.socket) -> Callable[[], asyncio.BaseProtocol]:
        """For who comes by ``sock``: with a certificate the server speaks TLS, but not with users of this host."""
        plain = self._service.certificates is None or sock.family == socket.AF_UNIX
        return self._service.welcome if plain else self._service.welcome_by_tls

    async def _part(self) -> None:
        """Tell every client that the server goes, and wait a moment for that to leave."""
        self._service.end()
        connections = self._service.desk.connections
        deadline = self._clock.mono() + _FLUSH
        while connections and self._clock.mono() < deadline:
            await asyncio.sleep(0.01)
        for connection in tuple(connections.values()):
            connection.abort()

    def _complain(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Log what went wrong in the event loop."""
        _log.error("%s", context["message"], exc_info=context.get("exception"))
