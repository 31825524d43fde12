"""The agent's loop, in made time; test_hosts.py has it among other programs."""

import asyncio
import logging
from typing import Any

import pytest

from fand.agent.daemon import Daemon
from fand.config import AgentConfig, DeviceConfig
from fand.notify import ALIVE, READY, STOPPING
from fand.ports import Reading, Temperature
from fand.sensing.readers import Readers
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


class Stage:
    def __init__(self, *servers: tuple[str, int], alive: float | None = None) -> None:
        self.clock, self.sensor, self.said = TravelClock(), Played(), list[str]()
        device = DeviceConfig("sda", "fake", None, Seconds(10), Seconds(5))
        config = AgentConfig("nas2", servers, (device,))
        self.daemon = Daemon(
            config,
            [(config, device, self.sensor)],
            self.clock,
            AtOnce(),
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


def test_no_word_that_it_lives_when_a_link_has_ended() -> None:
    stage = Stage(("127.0.0.1", 0), alive=30)

    async def main() -> None:
        def start() -> None: ...

        (link,) = stage.daemon._links
        link.start = start  # type: ignore[method-assign]
        await stage.run(5)

    travel(main)
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
