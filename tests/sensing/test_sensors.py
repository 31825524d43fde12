import asyncio
import logging
import threading
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from fand.config import DeviceConfig, ShelfConfig
from fand.exceptions import ConfigError, DriverError
from fand.sensing import sensors
from fand.sensing.readers import MOST_AT_ONCE, Readers
from fand.sensing.sensors import close_sensors, open_sensors
from fand.units import Seconds
from tests.dispatch.halls import LAW


class Noted:
    """A sensor that notes when it is closed."""

    family = None

    def __init__(self, settings: Any) -> None:
        if isinstance(settings, Exception):
            raise settings
        self.settings = settings
        self.closed = 0

    def close(self) -> None:
        self.closed += 1
        if callable(self.settings):
            self.settings()


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Noted]:
    """Every sensor that is opened; a device's settings are an error to raise, or what happens at the close."""
    made: list[Noted] = []

    def open_sensor(settings: Any) -> Noted:
        made.append(Noted(settings))
        return made[-1]

    monkeypatch.setattr(sensors, "sensor_kind", lambda _name: SimpleNamespace(open_sensor=open_sensor))
    return made


def shelves(*settings: object) -> tuple[ShelfConfig, ...]:
    devices = (
        DeviceConfig(f"d{number}", "noted", one, Seconds(1), Seconds(1)) for number, one in enumerate(settings, 1)
    )
    return (ShelfConfig("shelf1", LAW, tuple(devices)),)


def test_every_device_gets_its_sensor(opened: list[Noted]) -> None:
    assert [(shelf.name, device.name) for shelf, device, _ in open_sensors(shelves(1, 2))] == [
        ("shelf1", "d1"),
        ("shelf1", "d2"),
    ]
    assert [sensor.settings for sensor in opened] == [1, 2]


def test_a_kind_is_looked_up_once_however_many_devices_are_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def look_up(name: str) -> Any:
        asked.append(name)
        return SimpleNamespace(open_sensor=Noted)

    monkeypatch.setattr(sensors, "sensor_kind", look_up)
    open_sensors(shelves(1, 2, 3))
    assert asked == ["noted"]


def test_all_that_can_never_work_is_told_at_once_and_the_rest_closed(opened: list[Noted]) -> None:
    missing = DriverError("the program smartctl is missing; install smartmontools")
    with pytest.raises(ConfigError) as caught:
        open_sensors(shelves(missing, 2, KeyError("x")))
    assert caught.value.faults == (
        "shelf shelf1, device d1: the program smartctl is missing; install smartmontools",
        "shelf shelf1, device d3: KeyError: 'x'",
    )
    assert [sensor.closed for sensor in opened] == [1]


def test_s9_a_sensor_that_hangs_or_fails_at_the_close_holds_up_no_other(
    opened: list[Noted], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    release = threading.Event()

    def fail() -> None:
        raise ZeroDivisionError

    async def main() -> None:
        monkeypatch.setattr(sensors, "_PATIENCE", 0.05)
        await close_sensors(open_sensors(shelves(release.wait, fail, 3)), Readers())
        await close_sensors([], Readers())

    with caplog.at_level(logging.ERROR):
        asyncio.run(main())
    assert [sensor.closed for sensor in opened] == [1, 1, 1]
    assert "d2 could not be closed" in caplog.text
    release.set()


def test_s11_the_same_device_keeps_its_sensor(opened: list[Noted]) -> None:
    before = open_sensors(shelves("same", "other", "family", "kind"))
    (shelf,) = shelves("same", "another", "family", "kind", "new")
    same, other, family, kind, new = shelf.devices
    devices = (replace(same, interval=Seconds(9), optional=True), other, replace(family, family="ssd"),
               replace(kind, kind="more"), new)  # fmt: skip
    after = open_sensors((replace(shelf, devices=devices),), before)
    assert [entry[1] for entry in after] == list(devices)
    kept = {id(sensor) for _, _, sensor in before}
    assert [id(sensor) in kept for _, _, sensor in after] == [True, False, False, False, False]
    moved = open_sensors((replace(shelf, name="shelf2"),), before)
    assert not any(id(sensor) in kept for _, _, sensor in moved), "in another shelf it is another device"


def test_s11_where_some_cannot_be_opened_those_in_use_stay_open(opened: list[Noted]) -> None:
    before = open_sensors(shelves(1))
    with pytest.raises(ConfigError):
        open_sensors(shelves(1, 2, KeyError("x")), before)
    assert [sensor.closed for sensor in opened] == [0, 1]


def test_many_sensors_are_closed_by_few_threads_though_one_hangs(opened: list[Noted]) -> None:
    release = threading.Event()
    begun: list[int] = []

    class Counting(Readers):
        def start(self, function):  # type: ignore[no-untyped-def]
            begun.append(1)
            return super().start(function)

    async def main() -> None:
        closing = asyncio.create_task(close_sensors(open_sensors(shelves(release.wait, *range(1000))), Counting()))
        while sum(sensor.closed for sensor in opened) < 1001:
            await asyncio.sleep(0)
        release.set()
        await closing

    asyncio.run(main())
    assert len(begun) == MOST_AT_ONCE
