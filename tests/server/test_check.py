import asyncio

from fand.clock import SystemClock
from fand.config import DeviceConfig, ServerConfig, ShelfConfig
from fand.drivers.sensors.fake import FakeSensor, Settings
from fand.ports import Asleep, Reading
from fand.server.check import check
from fand.units import Celsius, Seconds
from tests.dispatch.halls import LAW


class Sleeper:
    family = None

    def read(self, now: Seconds) -> Reading:
        return Asleep(now)

    def close(self) -> None:
        pass


def device(name: str, fake: float | str = 35, *, optional: bool = False, position: str = "") -> DeviceConfig:
    return DeviceConfig(name, "fake", Settings(fake), Seconds(1), Seconds(20), optional, position)


def checked(*shelves: ShelfConfig) -> str:
    def sensor(one: DeviceConfig) -> FakeSensor | Sleeper:
        assert isinstance(one.settings, Settings)
        return Sleeper() if one.settings.fake == "asleep" else FakeSensor(one.settings)

    sensors = [(shelf, one, sensor(one)) for shelf in shelves for one in shelf.devices]
    return asyncio.run(check(ServerConfig(shelves), sensors, SystemClock()))


def test_each_shelf_is_told_with_its_duty_its_reason_and_its_devices() -> None:
    left = ShelfConfig("left", LAW, (device("a", position="1,1"), device("second", 30.25)))
    right = ShelfConfig("right", LAW, (device("c", 45),))
    assert checked(left, right).splitlines() == [
        "left: 50 %: hdd a at 35.0 °C on curve drives -> 50 %",
        "  a       1,1  hdd  35.0 °C",
        "  second       hdd  30.2 °C",
        "right: 75 %: hdd c at 45.0 °C on curve drives -> 75 %",
        "  c  hdd  45.0 °C",
    ]


def test_a_device_that_fails_sleeps_or_may_be_absent_is_told_as_such() -> None:
    devices = (device("a", "lost"), device("b", "lost", optional=True), device("c", "asleep"))
    assert checked(ShelfConfig("s", LAW, devices)).splitlines() == [
        "s: 100 %: hdd a has not answered since the start: plays a lost drive",
        "  a  hdd  FAILED: plays a lost drive",
        "  b  hdd  absent, as it may be: plays a lost drive",
        "  c  ?    asleep",
    ]


def test_temperatures_are_shown_to_a_tenth() -> None:
    assert "  a  hdd  41.0 °C\n" in checked(ShelfConfig("s", LAW, (device("a", float(Celsius(40.96))),)))
