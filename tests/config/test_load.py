from pathlib import Path

import pytest

from fand.config import Config, DeviceConfig, FanConfig, TachometerConfig, load
from fand.control import FamilyLaw, Linear
from fand.control.curve import Points
from fand.units import FULL, Celsius, Percent, Seconds
from tests.config.hand_made import (
    ChipFanSettings,
    ChipSensorSettings,
    ChipTachometerSettings,
    DriveSettings,
    HandMadeKinds,
)

WHOLE = """
[curves.drives]                      # percent at degrees Celsius
kind = "linear"
points = [[30, 25], [38, 50], [41, 100]]
critical = 50

[curves.room]
points = [[20, 20], [35, 100]]
hysteresis = 1.5
combine = "average"

[shelves.shelf1]
curves = { hdd = "drives", air = "room" }
fall = 30
devices = [
  { drive = "AD7E4EE5B03693D6", position = "1,1" },
  { drive = "wwn-0x5000c500a1b2c3d4", position = "1,2", optional = true, interval = 60, timeout = 20 },
  { hwmon = "nct6798", label = "SYSTIN", family = "air", name = "room" },
]

[client]
shelf = "shelf1"
servers = ["nas.example.org", "[::1]:1234"]

[[client.fans]]
name = "front"
hwmon = "nct6798"
pwm = 2
tachometer = 2
"""


def points(*pairs: tuple[float, float]) -> Points:
    return tuple((Celsius(celsius), Percent(duty)) for celsius, duty in pairs)


def write(folder: Path, text: str, name: str = "fand.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def whole(tmp_path: Path) -> Config:
    return load(write(tmp_path, WHOLE), HandMadeKinds())


def test_a_shelf_has_its_law(whole: Config) -> None:
    assert whole.server is not None
    (shelf,) = whole.server.shelves
    assert shelf.name == "shelf1"
    assert set(shelf.law.families) == {"hdd", "air"}
    drives, room = shelf.law.families["hdd"], shelf.law.families["air"]
    assert isinstance(drives.curve, Linear)
    assert drives.curve == Linear(points((30, 25), (38, 50), (41, 100)))
    assert drives == FamilyLaw("drives", drives.curve, critical=Celsius(50.0))
    assert room == FamilyLaw("room", room.curve, hysteresis=Celsius(1.5), average=True)
    assert (shelf.law.floor, shelf.law.on_lost, shelf.law.fall) == (Percent(20), FULL, Percent(0.5))
    assert drives.curve.duty(Celsius(34.0)) == Percent(37.5)


def test_a_shelf_has_its_devices(whole: Config) -> None:
    assert whole.server is not None
    assert whole.server.shelves[0].devices == (
        DeviceConfig(
            name="AD7E4EE5B03693D6",
            kind="drive",
            settings=DriveSettings("AD7E4EE5B03693D6"),
            interval=Seconds(30.0),
            timeout=Seconds(5.0),
            position="1,1",
        ),
        DeviceConfig(
            name="wwn-0x5000c500a1b2c3d4",
            kind="drive",
            settings=DriveSettings("wwn-0x5000c500a1b2c3d4"),
            interval=Seconds(60.0),
            timeout=Seconds(20.0),
            optional=True,
            position="1,2",
        ),
        DeviceConfig(
            name="room",
            kind="hwmon",
            settings=ChipSensorSettings("nct6798", "SYSTIN"),
            interval=Seconds(10.0),
            timeout=Seconds(5.0),
            family="air",
        ),
    )


def test_the_fan_client_has_its_servers_and_fans(whole: Config) -> None:
    assert whole.client is not None
    assert whole.client.shelf == "shelf1"
    assert whole.client.servers == (("nas.example.org", 9999), ("::1", 1234))
    assert whole.client.interval == Seconds(5)
    assert whole.client.lease == Seconds(20)
    assert whole.client.failsafe == FULL
    assert whole.client.state is None
    tachometer = TachometerConfig("hwmon", ChipTachometerSettings("nct6798", 2))
    assert whole.client.fans == (FanConfig("front", "hwmon", ChipFanSettings("nct6798", 2), tachometer),)
