"""The running agent: its sensors asked in an event loop, a thread for each server."""

import asyncio
import logging
from collections.abc import Callable
from typing import NamedTuple

from fand.agent.board import Board
from fand.agent.conversation import News
from fand.agent.link import Link
from fand.clock import GLANCE, Naps
from fand.config import AgentConfig
from fand.notify import ALIVE, READY, STOPPING, notify
from fand.ports import Clock, Reading
from fand.sensing.readers import Readers
from fand.sensing.reloading import Reloading
from fand.sensing.sensors import Sensors, close_sensors
from fand.sensing.watching import Watches
from fand.signals import heeded
from fand.tls import Files
from fand.units import Seconds

_log = logging.getLogger(__name__)


class _Told(NamedTuple):
    """Whom a link tells, and how: if that changes, it takes another link."""

    server: tuple[str, int]
    name: str
    interval: Seconds
    tls: Files | None


class Daemon:
    """One agent. ``readers`` is where its sensors are asked; ``load`` reads its configuration once more; ``tell``
    gives word to the service manager, which wants a sign of life every ``alive`` seconds; None if it wants none.
    """

    def __init__(
        self,
        config: AgentConfig,
        sensors: Sensors,
        clock: Clock,
        readers: Readers,
        load: Callable[[], AgentConfig],
        *,
        alive: Seconds | None = None,
        tell: Callable[[str], object] = notify,
    ) -> None:
        self._sensors = sensors
        self._clock = clock
        self._tell = tell
        self._watched = alive is not None
        self._pause = GLANCE if alive is None else min(GLANCE, alive / 3)
        self._board = Board()
        self._readers = readers
        self._watches = Watches(self._observe, self._readers, clock)
        self._links: dict[_Told, Link] = {}
        self._config = config
        self._reloading = Reloading(
            load, lambda: self._sensors, self._become, readers, tell, owners=lambda new: (new,), what="agent"
        )
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Read and report until SIGTERM or SIGINT comes, or :meth:`stop` is called.

        SIGHUP has the configuration read again. The main thread must call it, for the sake of the signals.
        """
        with heeded(asyncio.get_running_loop(), self.stop, self.reload):
            self._board.beat(self._clock.mono())
            self._watches.become(self._sensors)
            self._link(self._config)
            self._tell(READY)
            try:
                await self._look_after()
            finally:
                self._tell(STOPPING)
                self._reloading.stop()
                self._watches.stop()
                for link in self._links.values():
                    link.stop()
                await close_sensors(self._sensors, self._readers)

    def stop(self) -> None:
        """Read and report no more."""
        self._stop.set()

    def reload(self) -> None:
        """Read the configuration again, and go on under it if nothing is wrong with it."""
        if not self._stop.is_set():
            self._reloading.ask()

    def _become(self, config: AgentConfig, sensors: Sensors) -> None:
        """Go on under ``config``, in one step. A device whose sensor is the same object is the same as before."""
        before = {id(sensor) for _, _, sensor in self._sensors}
        self._board.keep({device.name for _, device, sensor in sensors if id(sensor) in before})
        self._watches.become(sensors)
        self._sensors = sensors
        self._link(config)
        _log.info("reloaded: %d devices, told to %d servers", len(sensors), len(self._links))

    def _link(self, config: AgentConfig) -> None:
        """Tell the servers of ``config``, and no others. Who is told already goes on being told."""
        wanted = {_Told(server, config.name, config.interval, config.tls): None for server in config.servers}
        for gone in self._links.keys() - wanted.keys():
            self._links.pop(gone).stop()
        for told in wanted:
            if told not in self._links:
                self._links[told] = link = Link(*told[:3], board=self._board, clock=self._clock, tls=told.tls)
                link.start()

    async def _look_after(self) -> None:
        """Vouch for the sensors as long as this loop turns; after the host has slept, ask them all at once."""
        naps = Naps(self._clock.mono, asyncio.get_running_loop().time)
        while not self._stop.is_set():
            if slept := naps.slept():
                _log.warning("this host has slept for %.0f s: every device is asked again", slept)
                self._watches.wake()
            self._board.beat(self._clock.mono())
            if self._watched and all(link.is_alive() for link in self._links.values()):
                self._tell(ALIVE)
            try:
                await asyncio.wait_for(self._stop.wait(), self._pause)
            except TimeoutError:
                pass

    def _observe(self, _agent: str, device: str, reading: Reading, family: str | None) -> None:
        self._board.put(device, News(reading, family))
