"""The agent's loop, in made time; test_hosts.py has it among other programs."""

import asyncio
import logging
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from fand.agent import daemon
from fand.agent.daemon import Daemon
from fand.agent.link import Link
from fand.config import AgentConfig, DeviceConfig
from fand.exceptions import ConfigError
from fand.notify import ALIVE, READY, STOPPING
from fand.ports import Reading, Temperature
from fand.sensing import sensors
from fand.sensing.readers import Readers
from fand.tls import Files
from fand.units import Celsius, Seconds
from tests.server.travel import TravelClock, travel


class AtOnce(Readers):
    """Calls without a thread."""

    def start(self, function):  # type: ignore[no-untyped-def]
        future = asyncio.get_running_loop().create_future()
        future.set_result(function())
        return future


class Played:
    """A sensor that notes when it is asked, and whether it was closed."""

    family = "hdd"

    def __init__(self) -> None:
        self.reads: list[float] = []
        self.closed = 0

    def read(self, now: Seconds) -> Reading:
        self.reads.append(now)
        return Temperature(Celsius(40), now)

    def close(self) -> None:
        self.closed += 1


def device(name: str) -> DeviceConfig:
    return DeviceConfig(name, "played", None, Seconds(10), Seconds(5))


class Stage:
    def __init__(self, *servers: tuple[str, int], alive: float | None = None) -> None:
        self.clock, self.sensor, self.said = TravelClock(), Played(), list[str]()
        self.config = AgentConfig("nas2", servers, (device("sda"),))
        self.load: Callable[[], AgentConfig] = lambda: self.config
        self.daemon = Daemon(
            self.config,
            [(self.config, device("sda"), self.sensor)],
            self.clock,
            AtOnce(),
            lambda: self.load(),
            alive=None if alive is None else Seconds(alive),
            tell=self.said.append,
        )

    async def run(self, seconds: float) -> None:
        task = asyncio.create_task(self.daemon.run())
        await asyncio.sleep(seconds)
        self.daemon.stop()
        await task


def test_sensors_are_asked_on_their_schedule_and_closed_at_the_end() -> None:
    stage = Stage()
    travel(lambda: stage.run(25))
    assert stage.sensor.reads == [0, 10, 20]
    assert stage.sensor.closed == 1


@pytest.mark.parametrize(("alive", "times"), [(None, 0), (1.5, 21)])
def test_the_service_manager_is_told(alive: float | None, times: int) -> None:
    stage = Stage(alive=alive)
    travel(lambda: stage.run(10.25))
    assert stage.said == [READY, *[ALIVE] * times, STOPPING]


def test_no_word_that_it_lives_when_a_link_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Link, "start", lambda _self: None)
    stage = Stage(("127.0.0.1", 0), alive=30)
    travel(lambda: stage.run(5))
    assert stage.said == [READY, STOPPING]


def test_after_the_host_has_slept_every_device_is_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    stage = Stage()

    async def main() -> Any:
        asyncio.get_running_loop().call_later(4.5, setattr, stage.clock, "slept", 1000.0)
        await stage.run(6)

    travel(main)
    assert stage.sensor.reads == [0, 1005]
    assert "has slept for 1000 s" in caplog.text


class TestReload:
    """Another configuration while it runs (S11)."""

    def reloaded(self, stage: Stage, config: AgentConfig | Exception, seconds: float = 12) -> None:
        """``config`` is what the file says at 5 s, when it is read again."""

        def load() -> AgentConfig:
            if isinstance(config, Exception):
                raise config
            return config

        async def main() -> None:
            stage.load = load
            asyncio.get_running_loop().call_later(5, stage.daemon.reload)
            await stage.run(seconds)

        travel(main)

    @pytest.fixture(autouse=True)
    def opened(self, monkeypatch: pytest.MonkeyPatch) -> list[Played]:
        """Every sensor that is opened."""
        made: list[Played] = []

        def open_sensor(_settings: object) -> Played:
            made.append(Played())
            return made[-1]

        monkeypatch.setattr(sensors, "sensor_kind", lambda _name: SimpleNamespace(open_sensor=open_sensor))
        return made

    @pytest.fixture(autouse=True)
    def links(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """What has become of links."""
        said: list[str] = []

        class Noted:
            def __init__(self, server: tuple[str, int], name: str, _interval: Seconds, **_more: object) -> None:
                self._what = f"{name} {server[0]}"

            def start(self) -> None:
                said.append(f"start {self._what}")

            def stop(self) -> None:
                said.append(f"stop {self._what}")

            def is_alive(self) -> bool:
                return True

        monkeypatch.setattr(daemon, "Link", Noted)
        return said

    def test_a_device_that_stays_goes_on_and_one_that_comes_is_asked_at_once(self, opened: list[Played]) -> None:
        stage = Stage()
        self.reloaded(stage, AgentConfig("nas2", (), (device("sda"), device("sdb"))))
        assert stage.sensor.reads == [0, 10]
        (new,) = opened
        assert new.reads[0] == 5
        assert (stage.sensor.closed, new.closed) == (1, 1)
        assert stage.daemon._board.news.keys() == {"sda", "sdb"}
        assert [said.partition("=")[0] for said in stage.said] == ["READY", "RELOADING", "READY", "STOPPING"]

    def test_what_a_device_said_that_goes_is_forgotten(self, opened: list[Played]) -> None:
        stage = Stage()
        self.reloaded(stage, AgentConfig("nas2", (), (device("sdb"),)))
        assert stage.sensor.reads == [0]
        assert stage.sensor.closed == opened[0].closed == 1
        assert stage.daemon._board.news.keys() == {"sdb"}

    def test_servers_come_and_go_and_who_is_told_already_goes_on_being_told(self, links: list[str]) -> None:
        stage = Stage(("a", 1), ("b", 1))
        self.reloaded(stage, AgentConfig("nas2", (("b", 1), ("c", 1)), (device("sda"),)))
        assert links == ["start nas2 a", "start nas2 b", "stop nas2 a", "start nas2 c", "stop nas2 b", "stop nas2 c"]

    @pytest.mark.parametrize(
        "other",
        [
            AgentConfig("nas3", (("a", 1),), (device("sda"),)),
            AgentConfig("nas2", (("a", 1),), (device("sda"),), interval=Seconds(1)),
            AgentConfig("nas2", (("a", 1),), (device("sda"),), tls=Files("/c", "/k", "/a")),
        ],
    )
    def test_a_server_is_told_anew_if_it_is_to_be_told_otherwise(self, links: list[str], other: AgentConfig) -> None:
        self.reloaded(Stage(("a", 1)), other)
        assert links[:3] == ["start nas2 a", "stop nas2 a", f"start {other.name} a"]

    def test_s11_a_bad_one_changes_nothing(self, links: list[str], caplog: pytest.LogCaptureFixture) -> None:
        stage = Stage(("a", 1))
        self.reloaded(stage, ConfigError(["fand.toml: agent: one", "fand.toml: agent: two"]))
        assert stage.sensor.reads == [0, 10]
        assert links == ["start nas2 a", "stop nas2 a"]
        assert caplog.messages == [
            *("reload: fand.toml: agent: one", "reload: fand.toml: agent: two"),
            "the configuration in force stays in force",
        ]

    def test_an_agent_that_stops_reloads_no_more(self) -> None:
        stage = Stage()
        travel(lambda: stage.run(1))
        stage.daemon.reload()
        assert stage.said == [READY, STOPPING]
