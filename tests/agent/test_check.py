import asyncio

from fand.agent.check import check
from fand.clock import SystemClock
from fand.config import AgentConfig, DeviceConfig
from fand.drivers.sensors import fake
from fand.sensing.sensors import open_sensors
from fand.units import Seconds


def device(name: str, plays: float | str, family: str | None = None) -> DeviceConfig:
    return DeviceConfig(name, "fake", fake.Settings(plays), Seconds(1), Seconds(5), family=family)


def test_every_device_tells_what_it_says() -> None:
    devices = (device("a", 38.25), device("sleeper", "asleep", "nvme"), device("b", "lost"), device("c", "nan"))
    sensors = open_sensors((AgentConfig("nas2", (), devices),))
    assert asyncio.run(check(sensors, SystemClock())).splitlines() == [
        "a        hdd   38.2 °C",
        "sleeper  nvme  asleep",
        "b        hdd   FAILED: plays a lost drive",
        "c        hdd   FAILED: gave nan, which is not a number",
    ]
