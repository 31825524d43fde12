import errno
import os
from pathlib import Path

import pytest

from fand.config import Config, DeviceConfig, FanConfig, TachometerConfig, load
from fand.control import FamilyLaw, Linear, ShelfLaw, Step
from fand.control.curve import Points
from fand.exceptions import ConfigError, ServerNoConfigError
from fand.units import FULL, Celsius, Percent, Seconds
from tests.config.hand_made import (
    ChipFanSettings,
    ChipSensorSettings,
    ChipTachometerSettings,
    DriveSettings,
    HandMadeKinds,
)
from tests.config.test_ini import EXAMPLE

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


# the file itself


def faults(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(path, HandMadeKinds())
    return list(caught.value.faults)


def test_s11_every_fault_of_a_file_is_told_at_once(tmp_path: Path) -> None:
    text = WHOLE.replace("[38, 50]", "[38, nan]").replace("optional", "optinal").replace("pwm = 2", 'pwm = "2"')
    path = write(tmp_path, text)
    assert faults(path) == [
        f"{path}: curves.drives.points[2][2]: nan is no number that can be used",
        f"{path}: shelves.shelf1.devices[2]: unknown key 'optinal'; did you mean 'optional'?",
        f"{path}: client.fans[1].pwm: expected a whole number from 1 to 16, not '2'",
    ]


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ServerNoConfigError, match=r"gone\.toml"):
        load(tmp_path / "gone.toml", HandMadeKinds())


def test_a_folder_is_told(tmp_path: Path) -> None:
    assert faults(tmp_path) == [f"{tmp_path}: cannot be read: Is a directory"]


def test_a_file_that_may_not_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, WHOLE)
    path.chmod(0)
    if os.access(path, os.R_OK):  # the superuser may read everything
        opened = Path.open
        monkeypatch.setattr(Path, "open", lambda self, mode: refuse() if self == path else opened(self, mode))
    assert faults(path) == [f"{path}: cannot be read: Permission denied; fand must be allowed to read it"]


def refuse() -> None:
    raise PermissionError(errno.EACCES, "Permission denied")


def test_what_is_not_utf8_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "fand.toml"
    path.write_bytes(b"# a\n# b \xe9\n")
    assert faults(path) == [f"{path}: line 2: is not UTF-8 text; save the file in that encoding"]
    path.write_text(WHOLE, encoding="utf-16")
    assert faults(path) == [f"{path}: line 1: is not UTF-8 text; save the file in that encoding"]


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "fand.toml"
    path.write_text(WHOLE, encoding="utf-8-sig")
    assert load(path, HandMadeKinds()).server is not None
    ini = tmp_path / "fand.ini"
    ini.write_text(EXAMPLE, encoding="utf-8-sig")
    assert load(ini, HandMadeKinds()).server is not None


def test_an_empty_file_is_told(tmp_path: Path) -> None:
    path = write(tmp_path, "")
    assert faults(path) == [f"{path}: describes nothing; give a shelf in [shelves.NAME], a [client] or an [agent]"]
    ini = write(tmp_path, "", "fand.ini")
    assert faults(ini)[0].startswith(f"{ini}: [DEFAULT] shelves: is missing")


def test_what_never_ends_is_no_configuration() -> None:
    assert faults(Path("/dev/zero")) == [f"/dev/zero: is longer than {1 << 24} bytes, which no configuration is"]


def test_a_hall_of_a_hundred_thousand_devices_is_a_configuration(tmp_path: Path) -> None:
    device = '  { drive = "wwn-0x5000c500a1b2c3d4", position = "row 12, rack 34, shelf 56, slot 24" },\n'
    assert load(write(tmp_path, "#" + " " * len(device) * 100_000 + WHOLE), HandMadeKinds()).server is not None


def test_a_syntax_fault_is_told_with_line_and_column(tmp_path: Path) -> None:
    path = write(tmp_path, "[server]\nport =\n")
    assert faults(path) == [f"{path}: line 2, column 7: Invalid value"]


@pytest.mark.parametrize(
    ("name", "text"), [("fand.ini", EXAMPLE), ("fand.conf", EXAMPLE), ("fand.toml", WHOLE), ("fand.conf", WHOLE)]
)
def test_the_suffix_or_else_the_text_tells_the_format(tmp_path: Path, name: str, text: str) -> None:
    config = load(write(tmp_path, text, name), HandMadeKinds())
    assert config.path == tmp_path / name
    assert config.server is not None
    assert len(config.server.shelves) == (2 if text == EXAMPLE else 1)


# fand.ini


def test_a_fand_ini_becomes_step_curves(tmp_path: Path) -> None:
    config = load(write(tmp_path, EXAMPLE, "fand.ini"), HandMadeKinds())
    assert config.client is None
    assert config.server is not None
    assert (config.server.address, config.server.plain) == (None, False)
    upper, lower = config.server.shelves
    assert upper.law == ShelfLaw(
        {
            "hdd": FamilyLaw("hdd", Step(points((0, 20), (35, 35), (42, 100)))),
            "ssd": FamilyLaw("ssd", Step(points((0, 20), (62.5, 60), (70, 100)))),
            "cpu": FamilyLaw("cpu", Step(points((0, 30), (80, 100)))),
        },
        floor=Percent(0.0),
    )
    assert lower.law.families["hdd"] == FamilyLaw("lower-hdd", Step(points((0, 50), (40, 100))))
    assert lower.law.families["ssd"] == upper.law.families["ssd"]
    assert upper.law.of("nvme") == upper.law.families["ssd"]
    assert [(device.kind, device.name, device.position) for device in upper.devices] == [
        ("drive", "WD-0001", "front 1"),
        ("drive", "WD-0002", "front 2"),
        ("cpu", "auto", "mainboard"),
    ]


def test_s11_faults_of_a_fand_ini_are_told_by_section_and_key(tmp_path: Path) -> None:
    text = EXAMPLE.replace("35: 35", "35: 10").replace("S2-0003", "WD-0001").replace("0: 50, 40", "20: 50, 40")
    path = write(tmp_path, text.replace("mainboard", "x" * 300), "fand.ini")
    assert faults(path) == [
        f"{path}: [DEFAULT] hdd_temps: point 2: the duty falls from 20 to 10; a curve must not fall",
        f"{path}: [lower] hdd_temps: has no point at the bottom; begin at 0 °C or below, not at 20",
        f"{path}: [upper] devices: cpu: '{'x' * 30}...' is longer than 200 bytes",
        f"{path}: [lower] devices: WD-0001: drive WD-0001 stands at [upper] devices: WD-0001 already; "
        "a drive sits in one place only",
    ]
