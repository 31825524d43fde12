import tomllib
from typing import Any

import msgspec
import pytest

from fand.drivers.sensors import smart
from fand.exceptions import DriverError
from fand.ports import Asleep, Failed, Temperature
from fand.units import Celsius, Seconds
from tests.drivers.standin import CAPTURES, StandIn
from tests.drivers.tree import Tree

NOW = Seconds(5.0)


def settings(**keys: Any) -> smart.Settings:
    return msgspec.convert(keys, smart.Settings)


@pytest.mark.parametrize(
    ("capture", "serial", "celsius", "family"),
    [
        ("04-hdd-sata-seagate-st3000dm001-exit192.json", "Z501MAQ5", 37.0, "hdd"),
        ("14-sas-seagate-st18000nm004j.json", "ZR51ZEKN0000C2061A1W", 33.0, "hdd"),
        ("07-ssd-sata-kingston-sa400-exit4.json", "REDACTED", 38.0, "ssd"),
        ("11-nvme-samsung-mzwll3t2-exit8-failing.json", "REDACTED", 40.0, "nvme"),
    ],
)
def test_a_drive_by_its_serial_number(
    tree: Tree, smartctl: StandIn, capture: str, serial: str, celsius: float, family: str
) -> None:
    tree.disk("sda", serial)
    smartctl.answer("/dev/sda", (CAPTURES / capture).read_bytes(), 4)
    sensor = smart.open_sensor(settings(smart=f" {serial} "), tree.root)
    assert sensor.read(NOW) == Temperature(Celsius(celsius), NOW)
    assert sensor.family == family
    sensor.close()


def test_s10_in_the_loop_there_is_no_scan_and_every_call_says_how_to_let_sleep(tree: Tree, smartctl: StandIn) -> None:
    tree.disk("sda", "S1")
    smartctl.drive("/dev/sda", "S1", 30)
    sensor = smart.open_sensor(settings(smart="S1", nocheck="idle"), tree.root)
    for now in range(10):
        sensor.read(Seconds(now * 30.0))
    smartctl.drive("/dev/sda", "S1", 30, asleep="IDLE")
    assert sensor.read(NOW) == Asleep(NOW)
    assert smartctl.calls() == [["-j", "-n", "idle,3", "-i", "-A", "-d", "sat", "/dev/sda"]] * 11


def test_a_hung_smartctl_is_given_up(tree: Tree, smartctl: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    tree.disk("sda", "S1")
    smartctl.drive("/dev/sda", "S1", 30, hang=True)
    monkeypatch.setattr("fand.drivers.smartctl.LIMIT", Seconds(0.2))
    reading = smart.open_sensor(settings(smart="S1"), tree.root).read(NOW)
    assert isinstance(reading, Failed)
    assert "took longer than 0.2 s" in reading.reason


def test_a_missing_smartctl_is_named_with_its_package(tree: Tree, no_smartctl: None) -> None:
    with pytest.raises(DriverError, match="smartmontools"):
        smart.open_sensor(settings(smart="S1"), tree.root)
    assert smart.detect(tree.root) == []


@pytest.mark.parametrize(
    "keys", [{"smart": ""}, {"smart": "S\n1"}, {"smart": "S1", "type": ""}, {"smart": "S1", "type": "sat\0"},
             {"smart": "S1", "nocheck": "sleep"}, {"smart": "S1", "drive": "S1"}, {"smart": 5}],
)  # fmt: skip
def test_settings_that_fall_short_are_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        settings(**keys)


def test_titles_are_the_identity() -> None:
    assert smart.title(settings(smart=" S1", type="sat")) == "S1"
    assert smart.title(settings(smart="/dev/bus/0", type="megaraid,1")) == "/dev/bus/0 megaraid,1"
    assert smart.title(settings(smart="/dev/disk/by-path/bay-1")) == "/dev/disk/by-path/bay-1"


def test_what_is_detected_can_be_configured(tree: Tree, smartctl: StandIn) -> None:
    smartctl.scan((CAPTURES / "scan/scan-megaraid.json").read_text())
    smartctl.drive("/dev/bus/0", "R0", 30, key=" megaraid,0", type="sat+megaraid,0")
    smartctl.answer("/dev/bus/0 megaraid,1", '{"logical_unit_id": "0x5000c500d7c94dff", "device": {"type": "x"}}')
    found = smart.detect(tree.root)
    assert [(thing.line, thing.comment) for thing in found] == [
        ('{ smart = "R0" }', "hdd at /dev/bus/0, type sat+megaraid,0"),
        ('{ smart = "wwn-0x5000c500d7c94dff" }', "drive at /dev/bus/0, type x"),
    ]
    for thing in found:
        settings(**tomllib.loads(f"x = {thing.line}")["x"])
