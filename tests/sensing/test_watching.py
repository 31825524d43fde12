import asyncio
import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import pytest

from fand.clock import SystemClock
from fand.config import DeviceConfig, ShelfConfig
from fand.ports import Asleep, Failed, Reading, Temperature
from fand.sensing.readers import Readers
from fand.sensing.sensors import Opened
from fand.sensing.watching import AT_ONCE, Answer, Trouble, Watcher, Watches
from fand.units import Celsius, Seconds
from tests.dispatch.halls import LAW
from tests.server.travel import TravelClock, travel

T = TypeVar("T")


class Played:
    """A sensor that does what it is told, and counts."""

    def __init__(self, play: Callable[[Seconds], Reading], family: str | None = "hdd") -> None:
        self.play = play
        self.family = family
        self.calls: list[Seconds] = []
        self.closed = 0

    def read(self, now: Seconds) -> Reading:
        self.calls.append(now)
        return self.play(now)

    def close(self) -> None:
        self.closed += 1


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

    def start(self, function: Callable[[], T]) -> asyncio.Future[T]:
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
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


@pytest.mark.parametrize(("interval", "second"), [(10.0, 3.0), (5.0, 3.0), (4.0, 2.6)])
def test_devices_that_are_asked_seldom_are_asked_several_at_a_time(interval: float, second: float) -> None:
    async def main() -> list[list[Seconds]]:
        clock, sensors = TravelClock(), [Played(good), Played(good)]
        for sensor, phase in zip(sensors, (2.6, 2.9), strict=True):
            watcher = Watcher("shelf1", device(interval), sensor, AtOnce(), clock)
            tasks.append(asyncio.create_task(watcher.watch(lambda *_: None, Seconds(phase))))
        await asyncio.sleep(3.5 + interval)
        return [sensor.calls for sensor in sensors]

    tasks: list[asyncio.Task[None]] = []
    first, other = travel(main)
    assert first == [0, second, second + interval]
    assert (first == other) is (interval >= 5.0)


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
    assert reading.reason == f"{type(error).__name__}: {error}".strip()
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


class Ward:
    """Watches in made time, and what they tell: (time, shelf, device, reading)."""

    def __init__(self, takes: float = 0.0) -> None:
        self.clock, self.readers = TravelClock(), AtOnce(takes)
        self.told: list[tuple[float, str, str, Reading]] = []
        self.watches = Watches(self.observe, self.readers, self.clock)

    def observe(self, shelf: str, device: str, reading: Reading, _family: str | None) -> None:
        self.told.append((asyncio.get_running_loop().time(), shelf, device, reading))

    def times(self, name: str = "a") -> list[float]:
        """When the device of that name has answered since this was asked last."""
        times = [when for when, _, device, _ in self.told if device == name]
        self.told.clear()
        return times


def opened(config: DeviceConfig, sensor: Played, shelf: str = "shelf1") -> Opened:
    return ShelfConfig(shelf, LAW, (config,)), config, sensor


def test_s3_a_device_that_is_woken_is_asked_at_once_and_then_on_its_schedule() -> None:
    async def main() -> None:
        ward = Ward()
        ward.watches.become([opened(device(), Played(good))])
        await asyncio.sleep(12)
        assert ward.times() == [0, 10]
        ward.clock.slept = 3607.0
        ward.watches.wake()
        await asyncio.sleep(15)
        assert ward.times() == [12, 13, 23], "the schedule is of the clock that counts the sleep: 12 is 3619 there"
        ward.watches.stop()

    travel(main)


def test_who_is_woken_while_it_is_asked_is_asked_once_more() -> None:
    """The question may have been put before the host slept: its answer is of then."""

    async def main() -> None:
        ward = Ward(takes=4)
        ward.watches.become([opened(device(), Played(good))])
        await asyncio.sleep(2)
        ward.watches.wake()
        await asyncio.sleep(15)
        assert ward.times() == [4, 8, 14]
        ward.watches.stop()

    travel(main)


def test_s11_what_stays_the_same_goes_on_and_what_is_gone_is_closed() -> None:
    async def main() -> None:
        ward, stays, goes, comes = Ward(), Played(good), Played(good), Played(good)
        one, two = device(), replace(device(), name="b")
        ward.watches.become([opened(one, stays), opened(two, goes)])
        await asyncio.sleep(12)
        ward.told.clear()
        ward.watches.become([opened(two, comes), opened(one, stays)])
        await asyncio.sleep(9)
        assert [entry[:3] for entry in ward.told] == [(12, "shelf1", "b"), (15, "shelf1", "a"), (17, "shelf1", "b")]
        assert (stays.closed, goes.closed, comes.closed) == (0, 1, 0)
        assert goes.calls == [0, 10]
        ward.watches.stop()

    travel(main)


def test_s11_a_device_that_is_watched_otherwise_is_asked_at_once_and_as_often_as_it_says_now() -> None:
    async def main() -> None:
        ward, sensor = Ward(), Played(good)
        ward.watches.become([opened(device(100), sensor)])
        await asyncio.sleep(12)
        ward.watches.become([opened(device(10), sensor)])
        await asyncio.sleep(25)
        assert ward.times() == [0, 12, 22, 32]
        ward.watches.become([opened(device(50), sensor)])
        await asyncio.sleep(60)
        assert ward.times() == [37, 42, 92]
        ward.watches.stop()

    travel(main)


def test_s9_a_sensor_that_hangs_is_closed_when_its_call_has_come_back_and_nobody_waits_for_that() -> None:
    release = threading.Event()

    def hang(now: Seconds) -> Reading:
        release.wait(20)
        return good(now)

    async def main() -> None:
        told: list[Reading] = []
        watches = Watches(lambda _shelf, _device, reading, _family: told.append(reading), Readers(), SystemClock())
        sensor = Played(hang)
        watches.become([opened(device(timeout=0.01), sensor)])
        while not told:
            await asyncio.sleep(0)
        watches.become([])
        for _ in range(100):
            await asyncio.sleep(0)
        assert sensor.closed == 0, "one thread at a time"
        release.set()
        while not sensor.closed:
            await asyncio.sleep(0)
        assert len(told) == 1
        assert len(sensor.calls) == 1

    asyncio.run(main())


def test_a_device_that_is_gone_while_it_is_asked_is_not_heard() -> None:
    async def main() -> None:
        ward, sensor = Ward(takes=4), Played(good)
        ward.watches.become([opened(device(), sensor)])
        await asyncio.sleep(2)
        ward.watches.become([])
        await asyncio.sleep(30)
        assert ward.told == []
        assert (len(sensor.calls), sensor.closed) == (1, 1)

    travel(main)


def test_a_sensor_that_no_thread_can_close_is_told(caplog: pytest.LogCaptureFixture) -> None:
    class NoThreads(AtOnce):
        def start(self, function: Callable[[], T]) -> asyncio.Future[T]:
            raise RuntimeError("can't start new thread")

    async def main() -> None:
        watches = Watches(lambda *_: None, NoThreads(), TravelClock())
        watches.become([opened(device(), Played(good))])
        await asyncio.sleep(1)
        watches.become([])
        await asyncio.sleep(1)

    travel(main)
    assert caplog.messages == ["shelf1: a could not be closed: can't start new thread"]


def test_s9_the_loop_turns_while_hundreds_of_devices_are_read() -> None:
    """Each reading waits until the loop has turned: one that was made in the loop itself would fail."""
    told: list[Reading] = []

    async def main() -> None:
        loop, over = asyncio.get_running_loop(), asyncio.Event()

        def read(now: Seconds) -> Reading:
            turned = threading.Event()
            loop.call_soon_threadsafe(turned.set)
            return good(now) if turned.wait(20) else Failed("the loop stood still", now)

        def note(_shelf: str, _device: str, reading: Reading, _family: str | None) -> None:
            told.append(reading)
            if len(told) == len(sensors):
                over.set()

        devices = [replace(device(), name=str(number)) for number in range(200)]
        sensors = [opened(one, Played(read)) for one in devices]
        watches = Watches(note, Readers(), SystemClock())
        watches.become(sensors)
        await over.wait()
        watches.stop()

    asyncio.run(main())
    assert all(isinstance(reading, Temperature) for reading in told)


class TestTrouble:
    def test_it_is_logged_when_it_begins_changes_and_ends(self, caplog: pytest.LogCaptureFixture) -> None:
        trouble = Trouble("shelf1", "a")
        for at, said in enumerate((None, "no answer within 5 s", "no answer within 6 s", "it is gone", None, None)):
            trouble.note(good(Seconds(at)) if said is None else Failed(said, Seconds(at)))
        assert caplog.messages == [
            "shelf1: a failed: no answer within 5 s",
            "shelf1: a failed: it is gone",
            "shelf1: a answers again",
        ]

    def test_what_goes_on_and_off_is_logged_now_and_then_and_how_it_ends(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        trouble = Trouble("shelf1", "a")
        for step in range(10_000):
            at = Seconds(step / 100)
            trouble.note(Failed("no answer", at) if step % 2 else good(at))
        assert AT_ONCE <= len(caplog.messages) <= AT_ONCE + 2
        for end in (Failed("no answer", Seconds(300)), good(Seconds(600)), Failed("gone", Seconds(1200))):
            trouble.note(end)
            assert trouble.failure == (end.reason if isinstance(end, Failed) else None)
        assert caplog.messages[-1] == "shelf1: a failed: gone"
