"""The server without its surroundings: shelves, one task a device, a desk for clients; on any event loop.

The daemon gives it sockets, signals and threads; a simulation gives it a network and a clock of its own.
"""

import asyncio
from collections.abc import Callable

from fand.clock import instant
from fand.config import DeviceConfig, ServerConfig
from fand.control import Watch
from fand.dispatch import Hall, Shelf, Slot
from fand.ports import Clock, Reading
from fand.server.connection import Connection, Desk
from fand.server.readers import Readers
from fand.server.sensors import Sensors
from fand.server.watching import Watcher
from fand.units import Seconds


def hall_of(config: ServerConfig) -> Hall:
    """The shelves of ``config``, of which nothing is known yet."""
    return Hall((Shelf(shelf.name, shelf.law, map(slot_of, shelf.devices)) for shelf in config.shelves), instant)


def slot_of(device: DeviceConfig) -> Slot:
    """The place of ``device`` in its shelf."""
    return Slot(device.name, device.kind, Watch(device.interval, device.optional), device.position)


class Service:
    """``most`` is how many clients there may be at once; ``readers`` is where sensors are asked."""

    def __init__(self, config: ServerConfig, sensors: Sensors, clock: Clock, readers: Readers, most: int) -> None:
        self.hall = hall_of(config)
        self.desk = Desk(self.hall, clock, most)
        self._sensors = sensors
        self._clock = clock
        self._readers = readers
        self._watches: list[asyncio.Task[None]] = []

    def begin(self) -> None:
        """Watch every device. Their second readings are spread over the interval, and so all that follow."""
        count = len(self._sensors)
        for number, (shelf, device, sensor) in enumerate(self._sensors, 1):
            watcher = Watcher(shelf.name, device, sensor, self._readers, self._clock)
            observe = self._observer(self.hall.shelves[shelf.name], device.name)
            phase = Seconds(device.interval * number / count)
            watch = watcher.watch(observe, phase)
            self._watches.append(asyncio.create_task(watch, name=f"{shelf.name}: {device.name}"))

    def welcome(self) -> Connection:
        """For a client that comes."""
        return Connection(self.desk)

    def end(self) -> None:
        """Watch no device any more, push nothing, and tell every client that the server goes."""
        for watch in self._watches:
            watch.cancel()
        self.desk.keeper.stop()
        for connection in tuple(self.desk.connections.values()):
            connection.leave("the server stops")

    def _observer(self, shelf: Shelf, name: str) -> Callable[[Reading, str | None], None]:
        def observe(reading: Reading, family: str | None) -> None:
            shelf.observe(name, reading, family)
            self.desk.keeper.refresh(shelf)

        return observe
