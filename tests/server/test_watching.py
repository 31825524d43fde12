import asyncio
import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import pytest

from fand.clock import SystemClock
from fand.config import DeviceConfig
from fand.ports import Asleep, Failed, Reading, Temperature
from fand.server.readers import Readers
from fand.server.watching import Answer, Watcher
from fand.units import Celsius, Seconds

from .travel import TravelClock, travel

T = TypeVar("T")


class Played:
    """A sensor that does what it is told, and counts."""

    def __init__(self, play: Callable[[Seconds], Reading], family: str | None = "hdd") -> None:
        self.play = play
        self.family = family
        self.calls: list[Seconds] = []

    def read(self, now: Seconds) -> Reading:
        self.calls.append(now)
        return self.play(now)

    def close(self) -> None:
        pass


class AtOnce(Readers):
    """Calls made here and now, some taking made time."""

    def __init__(self, takes: float = 0.0) -> None:
        super().__init__()
        self.takes = takes

    async def call(self, function: Callable[[], T], timeout: float) -> asyncio.Future[T]:
        await asyncio.sleep(min(self.takes, timeout))
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        if self.takes <= timeout:
            future.set_result(function())
        return future


def device(interval: float = 10.0, timeout: float = 5.0, family: str | None = None) -> DeviceConfig:
    return DeviceConfig("a", "fake", None, Seconds(interval), Seconds(timeout), family=family)


def good(now: Seconds) -> Reading:
    return Temperature(Celsius(35), now)


def watched(sensor: Played, until: float, phase: float = 10.0, takes: float = 0.0) -> list[tuple[float, Reading]]:
    """What a watch tells in ``until`` seconds, and when."""
    told: list[tuple[float, Reading]] = []

    async def main() -> None:
        clock = TravelClock()
        watcher = Watcher("shelf1", device(), sensor, AtOnce(takes), clock)
        task = asyncio.create_task(
            watcher.watch(lambda reading, _: told.append((clock.mono(), reading)), Seconds(phase))
        )
        await asyncio.sleep(until)
        task.cancel()

    travel(main)
    return told


def once(sensor: Played, config: DeviceConfig | None = None) -> Answer:
    async def main() -> Answer:
        return await Watcher("shelf1", config or device(), sensor, Readers(), SystemClock()).read()

    return asyncio.run(main())


def test_s10_a_device_is_asked_once_an_interval_and_nothing_else_is_asked() -> None:
    sensor = Played(Asleep)
    told = watched(sensor, 45)
    assert sensor.calls == [0, 10, 20, 30, 40]
    assert [when for when, _ in told] == sensor.calls


def test_the_second_question_comes_after_the_phase_and_the_rest_follow_it() -> None:
    sensor = Played(good)
    watched(sensor, 45, phase=2.5)
    assert sensor.calls == [0, 2.5, 12.5, 22.5, 32.5, 42.5]


def test_a_slow_answer_does_not_shift_the_schedule() -> None:
    sensor = Played(good)
    told = watched(sensor, 45, takes=4)
    assert [when for when, _ in told] == [4, 14, 24, 34, 44]


def test_rounds_that_an_answer_covered_are_left_out() -> None:
    async def main() -> list[float]:
        clock, readers, sensor = TravelClock(), AtOnce(12), Played(good)
        watcher = Watcher("shelf1", device(timeout=60), sensor, readers, clock)
        task = asyncio.create_task(watcher.watch(lambda *_: None, Seconds(10)))
        await asyncio.sleep(15)
        readers.takes = 0
        await asyncio.sleep(40)
        task.cancel()
        return list(sensor.calls)

    # asked at 0, answered at 12: the round at 10 is left out, and from 20 on each is in time
    assert travel(main) == [12, 20, 30, 40, 50]


def test_s2_an_answer_that_does_not_come_is_a_failure_each_interval() -> None:
    told = watched(Played(good), 25, takes=99)
    assert told == [(5, Failed("no answer within 5 s", Seconds(0))), *told[1:]]
    assert [(when, type(reading)) for when, reading in told] == [(5, Failed), (10, Failed), (20, Failed)]


def test_s9_a_hung_call_is_not_joined_by_another_until_it_returns() -> None:
    release = threading.Event()

    def hang(now: Seconds) -> Reading:
        release.wait(20)
        return good(now)

    async def main() -> None:
        sensor = Played(hang)
        watcher = Watcher("shelf1", device(timeout=0.01), sensor, Readers(), SystemClock())
        for _ in range(3):
            reading, family = await watcher.read()
            assert isinstance(reading, Failed)
            assert reading.reason == "no answer within 0.01 s"
            assert family is None
        assert len(sensor.calls) == 1
        release.set()
        watcher = Watcher("shelf1", device(), sensor, Readers(), SystemClock())
        assert isinstance((await watcher.read())[0], Temperature)

    asyncio.run(main())


def test_a_call_that_returned_late_is_followed_by_a_new_one() -> None:
    release = threading.Event()

    def hang(now: Seconds) -> Reading:
        release.wait(20)
        return good(now)

    async def main() -> None:
        sensor = Played(hang)
        watcher = Watcher("shelf1", device(timeout=0.01), sensor, Readers(), SystemClock())
        assert isinstance((await watcher.read())[0], Failed)
        release.set()
        while isinstance((await watcher.read())[0], Failed):
            await asyncio.sleep(0)
        assert len(sensor.calls) == 2, "the late answer is old, and not told"

    asyncio.run(main())


@pytest.mark.parametrize(
    "error", [OSError("lost"), KeyError("x"), StopIteration(), SystemExit(1), RecursionError("deep")]
)
def test_s9_whatever_a_driver_raises_is_the_failure_of_its_device(error: BaseException) -> None:
    def play(_now: Seconds) -> Reading:
        raise error

    reading, family = once(Played(play), device(family="cpu"))
    assert isinstance(reading, Failed)
    assert reading.reason == f"{type(error).__name__}: {error}"
    assert family == "cpu"


def test_what_is_no_reading_is_a_failure() -> None:
    reading, _ = once(Played(lambda _: 35.0))  # type: ignore[arg-type, return-value]
    assert isinstance(reading, Failed)
    assert reading.reason == "its driver gave 35.0, which is no reading"


@pytest.mark.parametrize("celsius", [float("nan"), float("inf"), 126.0, "35", None])
def test_a_temperature_that_cannot_be_is_a_failure_whoever_wrote_the_driver(celsius: Any) -> None:
    assert isinstance(once(Played(lambda now: Temperature(celsius, now)))[0], Failed)


@pytest.mark.parametrize("kind", [Asleep, partial(Temperature, Celsius(35))])
def test_a_reading_is_never_from_the_future(kind: Callable[[Seconds], Reading]) -> None:
    sensor = Played(lambda now: kind(Seconds(now + 1e9)))
    assert once(sensor)[0] == kind(sensor.calls[0])


def test_a_family_that_is_no_text_is_a_failure() -> None:
    reading, family = once(Played(good, family=["hdd"]))  # type: ignore[arg-type]
    assert reading == Failed("TypeError: its driver says that it is of family ['hdd']", reading.at)
    assert family is None


def test_an_error_that_cannot_be_told_is_told_by_its_type() -> None:
    class MuteError(Exception):
        def __str__(self) -> str:
            raise ZeroDivisionError

    def play(_now: Seconds) -> Reading:
        raise MuteError

    reading, _ = once(Played(play))
    assert reading == Failed("MuteError", reading.at)


def test_the_family_is_the_configured_one_or_else_the_drivers() -> None:
    assert once(Played(good))[1] == "hdd"
    assert once(Played(good, family=None))[1] is None
    assert once(Played(good), device(family="cpu"))[1] == "cpu"


def test_a_system_without_threads_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    reading, _ = once(Played(good))
    assert isinstance(reading, Failed)
    assert reading.reason == "could not be asked: can't start new thread"


def test_a_fault_is_logged_when_it_starts_changes_and_ends(caplog: pytest.LogCaptureFixture) -> None:
    failures = iter(["lost for 1 s", "lost for 2.5 s", "odd", "odd", None, None, "lost for 3 s"])

    def play(now: Seconds) -> Reading:
        failure = next(failures)
        return good(now) if failure is None else Failed(failure, now)

    with caplog.at_level(logging.WARNING):
        watched(Played(play), 65)
    assert [record.getMessage() for record in caplog.records] == [
        "shelf1: a failed: lost for 1 s",
        "shelf1: a failed: odd",
        "shelf1: a answers again",
        "shelf1: a failed: lost for 3 s",
    ]


def test_s9_a_reading_that_cannot_be_weighed_does_not_end_the_watch(caplog: pytest.LogCaptureFixture) -> None:
    sensor = Played(good)

    def observe(_reading: Reading, _family: str | None) -> None:
        raise ZeroDivisionError

    async def main() -> None:
        watcher = Watcher("shelf1", device(), sensor, AtOnce(), TravelClock())
        task = asyncio.create_task(watcher.watch(observe, Seconds(10)))
        await asyncio.sleep(15)
        task.cancel()

    travel(main)
    assert len(sensor.calls) == 2
    assert "shelf1: a reading of a could not be weighed" in caplog.text
