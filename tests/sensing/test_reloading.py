import asyncio
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from fand.config import DeviceConfig, ServerConfig, ShelfConfig
from fand.exceptions import ConfigError, RequestError, ServerNoConfigError
from fand.sensing import reloading, sensors
from fand.sensing.readers import Readers
from fand.sensing.reloading import Reloading
from fand.sensing.sensors import Sensors
from fand.units import Seconds
from tests.dispatch.halls import LAW


class Noted:
    family = None
    closed = 0

    def close(self) -> None:
        self.closed += 1


@pytest.fixture(autouse=True)
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Noted]:
    """Every sensor that is opened."""
    made: list[Noted] = []

    def open_sensor(_settings: object) -> Noted:
        made.append(Noted())
        return made[-1]

    monkeypatch.setattr(sensors, "sensor_kind", lambda _name: SimpleNamespace(open_sensor=open_sensor))
    return made


def config(*devices: str) -> ServerConfig:
    made = (DeviceConfig(name, "noted", None, Seconds(1), Seconds(1)) for name in devices)
    return ServerConfig((ShelfConfig("shelf1", LAW, tuple(made)),))


@dataclass
class Place:
    """What a server would be: its sensors, what it took, what it told the service manager."""

    load: Callable[[], ServerConfig]
    sensors: Sensors = ()
    taken: list[ServerConfig] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.reloading = Reloading(
            self.load, lambda: self.sensors, self.take, Readers(), self.tell, owners=lambda new: new.shelves
        )

    def take(self, config: ServerConfig, sensors: Sensors) -> None:
        self.taken.append(config)
        self.sensors = sensors

    def tell(self, state: str) -> None:
        self.told.append(state.partition("=")[0])


def refused(load: Callable[[], ServerConfig]) -> tuple[str, Place]:
    """What is told of a reload that must not count."""

    async def main() -> tuple[str, Place]:
        place = Place(load)
        with pytest.raises(RequestError) as caught:
            await place.reloading.ask()
        assert place.taken == []
        assert place.told == ["RELOADING", "READY"]
        return str(caught.value), place

    return asyncio.run(main())


def raiser(error: Exception) -> Callable[[], ServerConfig]:
    def load() -> ServerConfig:
        raise error

    return load


def test_s11_a_good_configuration_is_taken(opened: list[Noted]) -> None:
    async def main() -> None:
        place = Place(lambda: config("a"))
        await place.reloading.ask()
        await place.reloading.ask()
        assert len(place.taken) == 2
        assert place.told == ["RELOADING", "READY"] * 2

    asyncio.run(main())
    assert [sensor.closed for sensor in opened] == [0], "and the same device keeps its sensor"


def test_s11_every_fault_is_logged_and_the_first_told(caplog: pytest.LogCaptureFixture) -> None:
    faults = ["fand.toml: one: is wrong", "fand.toml: two: is wrong", "fand.toml: three: is wrong"]
    with caplog.at_level(logging.ERROR):
        told, _ = refused(raiser(ConfigError(faults)))
    assert told == "fand.toml: one: is wrong; and 2 more, see the server's log"
    assert caplog.messages == [
        *(f"reload: {fault}" for fault in faults),
        "the configuration in force stays in force",
    ]


def test_s11_a_file_that_is_gone_is_told(caplog: pytest.LogCaptureFixture) -> None:
    told, _ = refused(raiser(ServerNoConfigError("No configuration file '/etc/fand.toml'")))
    assert told == "No configuration file '/etc/fand.toml'"
    assert caplog.messages[0] == f"reload: {told}"


def test_s9_an_error_that_nobody_thought_of_is_logged_whole(caplog: pytest.LogCaptureFixture) -> None:
    told, _ = refused(raiser(ZeroDivisionError("by zero")))
    assert told == "ZeroDivisionError: by zero"
    assert "Traceback" in caplog.text


def test_a_fault_of_any_length_is_cut() -> None:
    told, _ = refused(raiser(ConfigError(["x" * 100_000, "y"])))
    assert 1900 < len(told) < 2000
    assert told.endswith("; and 1 more, see the server's log")


def test_s11_what_cannot_be_taken_is_told() -> None:
    class Fails(Place):
        def take(self, config: ServerConfig, sensors: Sensors) -> None:
            raise ZeroDivisionError

    async def main() -> None:
        place = Fails(lambda: config("a"))
        with pytest.raises(RequestError, match="ZeroDivisionError"):
            await place.reloading.ask()
        assert place.told == ["RELOADING", "READY"]

    asyncio.run(main())


def test_reloads_follow_one_another_and_share_the_next() -> None:
    """The second and third ask before the next has begun: it reads what is there by then, for both."""

    async def main() -> None:
        running, most, go = [0], [0], threading.Semaphore(0)

        def load() -> ServerConfig:
            running[0] += 1
            most[0] = max(most[0], running[0])
            go.acquire(timeout=20)
            running[0] -= 1
            return config("a")

        place = Place(load)
        first = place.reloading.ask()
        while not running[0]:
            await asyncio.sleep(0)
        second, third = place.reloading.ask(), place.reloading.ask()
        assert first is not second is third
        go.release()
        await first
        assert not second.done()
        go.release()
        await second
        assert len(place.taken) == 2
        assert most == [1]

    asyncio.run(main())


def test_s9_a_reload_that_hangs_is_given_up_and_not_joined_by_another(
    monkeypatch: pytest.MonkeyPatch, opened: list[Noted]
) -> None:
    release = threading.Event()
    answers = [config("a")]

    def hang() -> ServerConfig:
        if answers:
            return answers.pop()
        release.wait(20)
        return config("a", "b", "c")

    async def main() -> None:
        place = Place(hang)
        monkeypatch.setattr(reloading, "PATIENCE", 20.0)
        await place.reloading.ask()
        monkeypatch.setattr(reloading, "PATIENCE", 0.05)
        with pytest.raises(RequestError, match=r"takes longer than 0\.05 s"):
            await place.reloading.ask()
        with pytest.raises(RequestError, match="the reload before this one still hangs"):
            await place.reloading.ask()
        release.set()
        while sum(sensor.closed for sensor in opened) < 2:
            await asyncio.sleep(0)
        assert len(place.taken) == 1, "it came too late"
        monkeypatch.setattr(reloading, "PATIENCE", 20.0)
        await place.reloading.ask()
        assert len(place.taken) == 2

    asyncio.run(main())
    assert [sensor.closed for sensor in opened] == [0, 1, 1, 0, 0], "what was opened too late is closed, but no other"


def test_a_hung_reload_that_fails_in_the_end_is_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reloading, "PATIENCE", 0.05)
    release = threading.Event()

    def hang() -> ServerConfig:
        release.wait(20)
        raise ConfigError(["wrong"])

    async def main() -> None:
        place = Place(hang)
        with pytest.raises(RequestError, match="takes longer"):
            await place.reloading.ask()
        release.set()
        assert place.reloading._hung is not None
        await place.reloading._hung
        with pytest.raises(RequestError, match="wrong"):
            await place.reloading.ask()

    asyncio.run(main())


def test_a_server_that_stops_reloads_no_more() -> None:
    begun, release, threads = threading.Event(), threading.Event(), []

    def hang() -> ServerConfig:
        threads.append(threading.current_thread())
        begun.set()
        release.wait(20)
        return config("a")

    async def main() -> None:
        place = Place(hang)
        first = place.reloading.ask()
        while not begun.is_set():
            await asyncio.sleep(0)
        second = place.reloading.ask()
        place.reloading.stop()
        await asyncio.wait([first, second])
        assert first.cancelled()
        assert second.cancelled()
        assert place.told == ["RELOADING"]
        with pytest.raises(RequestError, match="the server stops"):
            place.reloading.ask()

    asyncio.run(main())
    release.set()
    threads[0].join(20)
