"""The process of a server: the real service, on the simulated network, hardware and clock."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, TypeVar

from fand.config import DeviceConfig, ServerConfig, ShelfConfig
from fand.exceptions import ConfigError
from fand.notify import ALIVE, READY
from fand.ports import Sensor
from fand.sensing.readers import Readers
from fand.server.service import Service
from fand.units import Seconds
from tests.simulation.disk import Disk, SimStore
from tests.simulation.engine import Process
from tests.simulation.hardware import Bench, Rack, SensorPort, SmartPort
from tests.simulation.host import Unit
from tests.simulation.loop import SimLoop
from tests.simulation.network import Listener, Network

T = TypeVar("T")

MOST: Final = 200
"""So many clients are let in."""
SETTLE: Final = 1.0
"""Seconds that the disk has at the end."""


class SimReaders(Readers):
    """Calls whose result comes when the simulated hardware has answered."""

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self._bench = bench

    def start(self, function: Callable[[], T]) -> asyncio.Future[T]:
        """See the base."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._bench.delay, self._bench.asked, self._bench.whose = 0.0, None, None
        result = function()
        if self._bench.delay < float("inf"):
            loop.call_later(self._bench.delay, _finish, future, result, self._bench.asked)
        else:
            heard = self._bench.asked
            self._bench.hanging.append((self._bench.whose, lambda: loop.call_soon(_finish, future, result, heard)))
        return future


def _finish(future: asyncio.Future[T], result: T, heard: Callable[[], object] | None) -> None:
    if not future.cancelled():
        future.set_result(result)
        if heard is not None:
            heard()


class Server:
    """One run of the server, which serves all ``racks``. ``tap`` sees all that it sends."""

    def __init__(
        self,
        unit: Unit,
        racks: dict[str, Rack],
        network: Network,
        disk: Disk,
        tap: Callable[[bytes], None],
        complain: Callable[[Process, dict[str, Any]], None],
    ) -> None:
        self._unit = unit
        self._reading = 0.0
        self.host = unit.host
        self._process = unit.host.process(f"server.{unit.runs}")
        self._network = network
        self._tap = tap
        # asyncio's base is abstract to type checkers only
        self._loop = SimLoop(self._process, lambda context: complain(self._process, context))  # type: ignore[abstract]
        self.bench = bench = Bench()
        self._racks = racks
        self.extra = 0.0
        """By how much the configuration on disk has other floors than at the start."""
        self.refused = False
        """Whether the configuration on disk falls short."""
        shelves = tuple(_shelf(rack, 0.0) for rack in racks.values())
        sensors = [
            (shelf, device, _sensor(racks[shelf.name], number, bench))
            for shelf in shelves
            for number, device in enumerate(shelf.devices)
        ]
        store, readers = SimStore(disk, bench), SimReaders(bench)
        config = ServerConfig(shelves)
        self.service = Service(
            config, sensors, unit.host, readers, MOST, load=self._load, tell=unit.tell, store=store
        )

    @property
    def processes(self) -> tuple[Process, ...]:
        """See :class:`tests.simulation.host.Program`."""
        return (self._process,)

    def begin(self) -> None:
        """See :class:`tests.simulation.host.Program`."""
        self._task = self._loop.create_task(self._begin())

    async def _begin(self) -> None:
        """As the daemon begins."""
        await self.service.recall()
        self.service.begin(Seconds(self._unit.watchdog / 3), lambda: self._unit.tell(ALIVE))
        self._network.listen(self._unit.host.name, Listener(self._process, self.service.welcome, self._tap))
        self._unit.tell(READY)

    def terminate(self) -> None:
        """See :class:`tests.simulation.host.Program`."""
        self._task = self._loop.create_task(self._end())

    async def _end(self) -> None:
        """As the daemon ends."""
        self.service.end()
        await self.service.settle(SETTLE)
        self._ended()

    def reload(self, seconds: float) -> None:
        """SIGHUP; reading the configuration takes so long."""
        self._reading = seconds
        self._process.soon(self.service.reloading.ask)

    def _load(self) -> ServerConfig:
        self.bench.delay = self._reading
        if self.refused:
            raise ConfigError(["the curve falls"])
        return ServerConfig(tuple(_shelf(rack, self.extra) for rack in self._racks.values()))

    def resumed(self) -> None:
        """See :class:`tests.simulation.host.Program`."""

    def _ended(self) -> None:
        self._unit.ended(well=True)


def _shelf(rack: Rack, extra: float) -> ShelfConfig:
    spec = rack.spec
    devices = tuple(
        DeviceConfig(
            name=drive.name,
            kind="smart" if drive.smart else "sim",
            settings=None,
            interval=Seconds(drive.interval),
            timeout=Seconds(drive.timeout),
            optional=drive.optional,
        )
        for drive in spec.drives
    )
    return ShelfConfig(spec.name, spec.law(extra), devices)


def _sensor(rack: Rack, number: int, bench: Bench) -> Sensor:
    bay = rack.bays[number]
    return SmartPort(rack, bay, bench) if bay.spec.smart else SensorPort(rack, bay, bench)
