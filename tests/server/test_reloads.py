"""Any sequence of good and bad reloads, among readings, overrides and time that passes."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from fand.config import DeviceConfig, ServerConfig, ShelfConfig
from fand.control import FamilyLaw, Linear, ShelfLaw
from fand.exceptions import ConfigError, DriverError, RequestError
from fand.ports import Reading, Temperature
from fand.sensing import sensors
from fand.sensing.readers import Readers
from fand.server.service import Service
from fand.units import Celsius, Percent, Seconds

from .travel import TravelClock, TravelLoop

T = TypeVar("T")

NAMES = ("a", "b", "c")


class Slow(Readers):
    """Calls made here; those of devices take a little of the made time."""

    async def call(self, function: Callable[[], T], timeout: float) -> asyncio.Future[T]:
        await asyncio.sleep(0.2)
        return await super().call(function, timeout)

    def start(self, function: Callable[[], T]) -> asyncio.Future[T]:
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        future.set_result(function())
        return future


@dataclass(eq=False)
class Drive:
    """A drive of the temperature that ``warmth`` has for its name."""

    name: str
    warmth: dict[str, float]
    last: float | None = None
    closed: int = 0
    family: str | None = "hdd"

    def read(self, now: Seconds) -> Reading:
        assert not self.closed
        self.last = self.warmth[self.name]
        return Temperature(Celsius(self.last), now)

    def close(self) -> None:
        self.closed += 1


@dataclass
class Room:
    """A server in made time with a file that may be edited."""

    warmth: dict[str, float] = field(default_factory=lambda: dict.fromkeys(NAMES, 30.0))
    opened: list[Drive] = field(default_factory=list)
    file: ServerConfig | Exception = field(default_factory=lambda: ServerConfig(()))

    def __post_init__(self) -> None:
        self.runner = asyncio.Runner(loop_factory=TravelLoop)
        self.service: Service = self.run(self.start())

    def run(self, what: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(what)

    async def start(self) -> Service:
        service = Service(ServerConfig(()), [], TravelClock(), Slow(), 10, load=self.load, tell=lambda _state: None)
        service.begin()
        return service

    def load(self) -> ServerConfig:
        if isinstance(self.file, Exception):
            raise self.file
        return self.file

    def open(self, setting: tuple[str, int]) -> Drive:
        name = setting[0]
        if name not in self.warmth:
            raise DriverError("can never be read here")
        self.opened.append(Drive(name, self.warmth))
        return self.opened[-1]


Shape = dict[str, tuple[set[str], int, float, float, float]]
"""Shelves by name: devices, which drives these are, the duty at 30 degC, interval, how fast the demand falls."""

shapes = st.dictionaries(
    st.sampled_from(("one", "two")),
    st.tuples(
        st.sets(st.sampled_from(NAMES), min_size=1),
        st.integers(1, 2),
        st.sampled_from((20.0, 35.0, 50.0)),
        st.sampled_from((5.0, 10.0)),
        st.sampled_from((1.0, 100.0)),
    ),
    min_size=1,
)


def configured(shape: Shape) -> ServerConfig:
    shelves = []
    for name, (devices, which, least, interval, fall) in shape.items():
        curve = Linear(((Celsius(30), Percent(least)), (Celsius(50), Percent(100))))
        law = ShelfLaw({"hdd": FamilyLaw("drives", curve, critical=Celsius(60))}, fall=Percent(fall))
        made = (
            DeviceConfig(device, "noted", (device, which), Seconds(interval), Seconds(1))
            for device in sorted(devices)
        )
        shelves.append(ShelfConfig(name, law, tuple(made)))
    return ServerConfig(tuple(shelves))


class Reloads(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.room = Room()
        self.patch.setattr(sensors, "sensor_kind", lambda _kind: SimpleNamespace(open_sensor=self.room.open))
        self.good = ServerConfig(())
        self.overrides: dict[str, float] = {}

    def teardown(self) -> None:
        async def end() -> None:
            self.room.service.end()
            await asyncio.sleep(1)

        self.room.run(end())
        self.room.runner.close()
        self.patch.undo()

    def _take(self, shape: Shape) -> None:
        self.room.file = self.good = configured(shape)
        assert self._reload()
        self.overrides = {name: duty for name, duty in self.overrides.items() if name in shape}

    def _reload(self) -> bool:
        async def ask() -> bool:
            try:
                await self.room.service.reloading.ask()
            except RequestError:
                return False
            return True

        return self.room.run(ask())

    @initialize(shape=shapes)
    def first_one(self, shape: Shape) -> None:
        self._take(shape)

    @rule(shape=shapes)
    def good_one(self, shape: Shape) -> None:
        self._take(shape)

    @rule(shape=shapes, sensor=st.booleans())
    def bad_one(self, shape: Shape, sensor: bool) -> None:
        if sensor:
            shape = {name: ({*rest[0], "z"}, *rest[1:]) for name, rest in shape.items()}
        self.room.file = configured(shape) if sensor else ConfigError(["wrong"])
        before = self.room.service.sensors
        assert not self._reload()
        assert self.room.service.sensors is before

    @rule(name=st.sampled_from(NAMES), celsius=st.sampled_from((25.0, 30.0, 34.5, 40.0, 45.0, 62.0)))
    def warm(self, name: str, celsius: float) -> None:
        self.room.warmth[name] = celsius

    @rule(seconds=st.sampled_from((0.0, 0.3, 4.0, 11.0, 60.0)))
    def wait(self, seconds: float) -> None:
        self.room.run(asyncio.sleep(seconds))

    @rule(duty=st.sampled_from((0.0, 40.0, 90.0, None)), data=st.data())
    def override(self, duty: float | None, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from([shelf.name for shelf in self.good.shelves]))

        async def give() -> None:
            shelf = self.room.service.hall.shelf(name)
            shelf.set_override(None if duty is None else Percent(duty), TravelClock().now())

        self.room.run(give())
        self.overrides.pop(name, None)
        if duty is not None:
            self.overrides[name] = duty

    @invariant()
    def the_newest_good_configuration_drives(self) -> None:
        service = self.room.service
        assert list(service.hall.shelves) == [shelf.name for shelf in self.good.shelves]

        async def duties() -> dict[str, float]:
            await asyncio.sleep(0.01)
            now = TravelClock().now()
            return {name: shelf.decision(now).duty for name, shelf in service.hall.shelves.items()}

        for name, duty in self.room.run(duties()).items():
            config = next(shelf for shelf in self.good.shelves if shelf.name == name)
            drives = [sensor for shelf, _, sensor in service.sensors if shelf.name == name]
            assert len(drives) == len(config.devices)
            least = max(_asked(config, drive) for drive in drives if isinstance(drive, Drive))
            if name in self.overrides:
                given = service.hall.shelf(name).override
                assert given is not None
                assert given.percent == self.overrides[name]
                assert duty in ([100.0] if least > 100 else [given.percent, 100.0])
            else:
                assert duty >= min(least, 100.0)
        self._check_sensors()

    def _check_sensors(self) -> None:
        """None in use is closed, and every other is, once no call of it runs."""
        self.room.run(asyncio.sleep(0.3))
        used = {id(sensor) for _, _, sensor in self.room.service.sensors}
        assert [drive.closed for drive in self.room.opened] == [
            0 if id(drive) in used else 1 for drive in self.room.opened
        ]


def _asked(config: ShelfConfig, drive: Drive) -> float:
    """What the drive asks for by what it said last; beyond 100 where no override counts (S1, S4)."""
    if drive.last is None or drive.last >= 60:
        return 101.0
    return config.law.families["hdd"].curve.duty(Celsius(drive.last))


# Not shrunk: that would take longer than a test may.
Reloads.TestCase.settings = settings(max_examples=40, stateful_step_count=25, phases=[Phase.generate])
TestS11Reloads = Reloads.TestCase
