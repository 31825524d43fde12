"""The running agent: its sensors asked in an event loop, a thread for each server."""

import asyncio
import logging
import signal
from collections.abc import Callable
from typing import Final

from fand.agent.board import Board
from fand.agent.conversation import News
from fand.agent.link import Link
from fand.clock import GLANCE, Naps
from fand.config import AgentConfig
from fand.notify import ALIVE, READY, STOPPING, notify
from fand.ports import Clock, Reading
from fand.sensing.readers import Readers
from fand.sensing.sensors import Sensors, close_sensors
from fand.sensing.watching import Watches
from fand.units import Seconds

_log = logging.getLogger(__name__)

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""What ends an agent."""


class Daemon:
    """One agent. ``readers`` is where its sensors are asked; ``tell`` gives word to the service manager, which wants
    a sign of life every ``alive`` seconds; None if it wants none.
    """

    def __init__(
        self,
        config: AgentConfig,
        sensors: Sensors,
        clock: Clock,
        readers: Readers,
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
        self._links = [
            Link(server, config.name, config.interval, board=self._board, clock=clock, tls=config.tls)
            for server in config.servers
        ]
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Read and report until SIGTERM, SIGINT or SIGHUP comes, or :meth:`stop` is called.

        The main thread must call it, for the sake of the signals.
        """
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, self.stop)
        self._board.beat(self._clock.mono())
        self._watches.become(self._sensors)
        for link in self._links:
            link.start()
        self._tell(READY)
        try:
            await self._look_after()
        finally:
            self._tell(STOPPING)
            self._watches.stop()
            for link in self._links:
                link.stop()
            for number in SIGNALS:
                loop.remove_signal_handler(number)
            await close_sensors(self._sensors, self._readers)

    def stop(self) -> None:
        """Read and report no more."""
        self._stop.set()

    async def _look_after(self) -> None:
        """Vouch for the sensors as long as this loop turns; after the host has slept, ask them all at once."""
        naps = Naps(self._clock.mono, asyncio.get_running_loop().time)
        while not self._stop.is_set():
            if slept := naps.slept():
                _log.warning("this host has slept for %.0f s: every device is asked again", slept)
                self._watches.wake()
            self._board.beat(self._clock.mono())
            if self._watched and all(link.is_alive() for link in self._links):
                self._tell(ALIVE)
            try:
                await asyncio.wait_for(self._stop.wait(), self._pause)
            except TimeoutError:
                pass

    def _observe(self, _agent: str, device: str, reading: Reading, family: str | None) -> None:
        self._board.put(device, News(reading, family))
