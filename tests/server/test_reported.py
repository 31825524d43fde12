"""Devices that agents report, in the running service, on a loop whose time is made."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest

from fand.config import DeviceConfig, ServerConfig, ShelfConfig
from fand.control import Watch
from fand.dispatch import Peer, answer
from fand.dispatch.mail import AT_ONCE
from fand.drivers.sensors import agent, fake
from fand.sensing.readers import Readers
from fand.sensing.sensors import Sensors, open_sensors
from fand.server.service import Service
from fand.units import Seconds
from fand.wire import Request
from tests.dispatch.halls import LAW

from .travel import TravelClock, travel


def remote(name: str, **more: Any) -> DeviceConfig:
    settings = agent.Settings("nas2", name)
    return replace(DeviceConfig(name, "agent", settings, agent.INTERVAL, agent.TIMEOUT, family="hdd"), **more)


LOCAL = DeviceConfig("local", "fake", fake.Settings(35), Seconds(1), Seconds(5))


class AtOnce(Readers):
    """Calls without a thread."""

    def start(self, function):  # type: ignore[no-untyped-def]
        future = asyncio.get_running_loop().create_future()
        future.set_result(function())
        return future


class Stage:
    """A service, and an agent that talks to it."""

    def __init__(self, *devices: DeviceConfig) -> None:
        self.clock = TravelClock()
        self.config = ServerConfig((ShelfConfig("shelf1", LAW, devices),))
        self.sensors: Sensors = open_sensors(self.config.shelves)
        self.service = Service(self.config, self.sensors, self.clock, AtOnce(), 10)
        self.service.begin()
        self.peer = self.come()

    def come(self) -> Peer:
        """The agent, connected anew."""
        return Peer("192.0.2.7:4000", self.clock.mono())

    def tell(self, *devices: tuple[str, float]) -> Any:
        """What the server answers to a report."""
        self.peer.at = self.clock.mono()
        news = [{"device": name, "state": "ok", "celsius": celsius, "age": 0} for name, celsius in devices]
        given = answer(self.service.hall, Request.SET_TEMPERATURES, (news, "nas2"), self.peer, self.clock.now())
        assert given is not None
        self.service.desk.keeper.look_after(given.changed)
        return given.args

    @property
    def duty(self) -> float:
        return self.service.hall.shelf("shelf1").decision(self.clock.now()).duty

    def health(self, name: str) -> str:
        given = answer(self.service.hall, Request.GET_STATUS, ("shelf1",), self.peer, self.clock.now())
        assert given is not None
        return str({device["name"]: device["health"] for device in given.args[1]["devices"]}[name])

    def reload(self, *devices: DeviceConfig) -> None:
        self.config = ServerConfig((ShelfConfig("shelf1", LAW, devices),))
        self.sensors = open_sensors(self.config.shelves, self.sensors)
        self.service.become(self.config, self.sensors)


def play(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    travel(main)


def test_two_agents_of_one_name_are_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        stage = Stage(remote("a"))
        first, second = stage.peer, stage.come()
        second.since = Seconds(second.since + 1)
        for celsius, stage.peer in ((40, first), (30, second), (40, first), (30, second), (40, first)):
            await asyncio.sleep(2)
            stage.tell(("a", celsius))
        stage.service.end()

    play(main)
    assert [record.getMessage() for record in caplog.records if "by the name" in record.getMessage()] == [
        "shelf1: a is reported by two connections in turn: do two agents go by the name nas2?"
    ]


def test_s1_full_speed_until_every_reported_device_was_reported() -> None:
    async def main() -> None:
        stage = Stage(remote("a"), remote("b"))
        await asyncio.sleep(1)
        stage.tell(("a", 30))
        assert stage.duty == 100
        stage.tell(("b", 30))
        assert stage.duty < 100
        stage.service.end()

    play(main)


def test_a_change_counts_at_once() -> None:
    async def main() -> None:
        stage = Stage(remote("a"))
        stage.tell(("a", 30))
        cool = stage.duty
        await asyncio.sleep(3)
        stage.tell(("a", 38))
        assert stage.duty > cool
        stage.service.end()

    play(main)


def test_s2_an_agent_that_goes_and_comes_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)

    async def main() -> None:
        stage = Stage(remote("a"))
        stage.tell(("a", 30))
        cool = stage.duty
        stage.service.hall.leave(stage.peer)
        await asyncio.sleep(4)
        assert stage.duty == cool, "an agent that is only restarted makes no noise"
        await asyncio.sleep(14)
        assert stage.duty == 100
        assert stage.health("a") == "lost"
        stage.peer = stage.come()
        stage.tell(("a", 31))
        assert stage.health("a") == "good"
        stage.service.end()

    play(main)
    told = [record.getMessage() for record in caplog.records if record.name == "fand.sensing.watching"]
    assert told == ["shelf1: a failed: agent nas2 has gone", "shelf1: a answers again"]


def test_s2_an_agent_that_falls_silent_is_lost_within_half_a_minute() -> None:
    async def main() -> None:
        stage = Stage(remote("a"), LOCAL)
        stage.tell(("a", 30))
        await asyncio.sleep(14)
        assert stage.duty < 100
        await asyncio.sleep(15)
        assert (stage.health("a"), stage.duty) == ("lost", 100)
        stage.service.end()

    play(main)


def test_signs_of_life_keep_a_device_that_is_asked_rarely() -> None:
    async def main() -> None:
        stage = Stage(remote("a"))
        stage.tell(("a", 30))
        for _ in range(12):
            await asyncio.sleep(5)
            stage.tell()
            assert stage.health("a") == "good"
        for _ in range(7):
            await asyncio.sleep(5)
            stage.tell()
        assert stage.health("a") == "lost"
        assert stage.duty == 100
        stage.service.end()

    play(main)


def test_an_optional_device_is_absent_while_its_agent_is() -> None:
    async def main() -> None:
        stage = Stage(LOCAL, remote("a", optional=True))
        await asyncio.sleep(10)
        assert (stage.health("a"), stage.duty) == ("waiting", 100), "its agent may be about to come"
        await asyncio.sleep(7)
        assert stage.health("a") == "absent"
        assert stage.duty < 100
        stage.tell(("a", 39))
        assert stage.health("a") == "good"
        stage.service.hall.leave(stage.peer)
        await asyncio.sleep(20)
        assert stage.health("a") == "absent"
        assert stage.duty < 100
        stage.service.end()

    play(main)


def test_s11_a_reload_adds_and_removes_reported_devices() -> None:
    async def main() -> None:
        stage = Stage(LOCAL, remote("a"))
        assert stage.tell(("a", 30), ("b", 30)) == (["b"], "nas2")
        await asyncio.sleep(1)
        assert stage.duty < 100
        stage.reload(LOCAL, remote("a", interval=Seconds(60)), remote("b"))
        assert stage.health("a") == "good"
        assert stage.duty == 100
        assert stage.tell(("b", 30)) == ()
        assert stage.duty < 100
        assert stage.service.hall.shelf("shelf1").slots[1].watch == Watch(Seconds(60))
        stage.reload(LOCAL)
        assert stage.tell(("a", 30)) == (["a"], "nas2")
        await asyncio.sleep(60)
        assert stage.duty < 100
        stage.service.end()

    play(main)


def test_s9_a_shelf_that_cannot_be_decided_keeps_no_other_from_being_told(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        stage = Stage(remote("a"))
        other = ShelfConfig("shelf2", LAW, (remote("a"),))
        stage.config = ServerConfig((*stage.config.shelves, other))
        stage.sensors = open_sensors(stage.config.shelves, stage.sensors)
        stage.service.become(stage.config, stage.sensors)
        stage.tell(("a", 30))
        await asyncio.sleep(1)
        broken, well = stage.service.hall.shelves.values()
        setattr(broken, "frame", lambda _now: 1 / 0)  # noqa: B010 - a bug of ours
        await asyncio.sleep(63)
        assert well.decision(stage.clock.now()).duty == 100
        stage.tell(("a", 30))
        assert well.decision(stage.clock.now()).duty < 100
        stage.service.end()

    play(main)
    assert "shelf1: cannot be looked after" in caplog.text


def test_after_the_end_nothing_is_looked_at() -> None:
    async def main() -> None:
        stage = Stage(remote("a"))
        stage.tell(("a", 30))
        stage.service.end()
        await asyncio.sleep(60)
        track = stage.service.hall.shelf("shelf1").devices[0].track
        assert track.failures == 0

    play(main)


def test_s2_thousands_of_devices_that_fall_silent_at_once_are_all_found() -> None:
    async def main() -> None:
        count = 2 * AT_ONCE + 1
        stage = Stage(*(remote(f"d{number}") for number in range(count)))
        stage.tell(*((f"d{number}", 30) for number in range(200)))
        await asyncio.sleep(17)
        devices = stage.service.hall.shelf("shelf1").devices
        assert sum(device.track.failures > 0 for device in devices) == count
        stage.service.end()

    play(main)
