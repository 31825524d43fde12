import shutil
import tomllib
from typing import Any

import msgspec
import pytest

from fand.drivers.sensors import hwmon
from fand.ports import Asleep, Failed, Reading, Temperature
from fand.units import Celsius, Seconds
from tests.drivers.tree import Tree

NOW = Seconds(5.0)
BOARD: dict[str, str | int] = {
    "temp1_input": 36500, "temp1_label": "SYSTIN", "temp2_input": 41000, "temp2_label": "CPUTIN",
    "temp10_input": 20000, "pwm1": 100,
}  # fmt: skip


def settings(**keys: Any) -> hwmon.Settings:
    return msgspec.convert(keys, hwmon.Settings)


def read(tree: Tree, **keys: Any) -> Reading:
    return hwmon.open_sensor(settings(**keys), tree.root).read(NOW)


def failure(reading: object) -> str:
    assert isinstance(reading, Failed)
    return reading.reason


def test_a_temperature_by_label_and_by_number(tree: Tree) -> None:
    tree.chip(2, "nct6798", "platform/nct6775.656", **BOARD)
    assert read(tree, hwmon="nct6798", label="SYSTIN") == Temperature(Celsius(36.5), NOW)
    assert read(tree, hwmon="nct6798", input=10) == Temperature(Celsius(20.0), NOW)
    assert read(tree, hwmon="/sys/devices/platform/nct6775.656", input=2) == Temperature(Celsius(41.0), NOW)


def test_a_single_temperature_needs_no_choice(tree: Tree) -> None:
    tree.chip(0, "lm75", "i2c-0/0-0048", temp1_input=25000)
    assert read(tree, hwmon="lm75") == Temperature(Celsius(25.0), NOW)


def test_what_there_is_to_choose_is_told(tree: Tree) -> None:
    tree.chip(2, "nct6798", "platform/nct6775.656", **BOARD)
    choice = "temp1 SYSTIN, temp2 CPUTIN, temp10"
    assert "which temperature?" in failure(read(tree, hwmon="nct6798"))
    assert choice in failure(read(tree, hwmon="nct6798"))
    assert choice in failure(read(tree, hwmon="nct6798", label="systin"))
    assert choice in failure(read(tree, hwmon="nct6798", input=3))
    tree.chip(3, "bare", "platform/bare.1")
    assert "it has: none" in failure(read(tree, hwmon="bare"))


def test_the_fault_file_is_honoured(tree: Tree) -> None:
    folder = tree.chip(0, "lm75", "i2c-0/0-0048", temp1_input=25000, temp1_fault=1)
    assert "temp1_fault tells of a fault" in failure(read(tree, hwmon="lm75"))
    (folder / "temp1_fault").write_text("0\n")
    assert read(tree, hwmon="lm75") == Temperature(Celsius(25.0), NOW)


@pytest.mark.parametrize("value", ["-128000", "127000", "", "x"])
def test_what_cannot_be_failed(tree: Tree, value: str) -> None:
    tree.chip(0, "lm75", "i2c-0/0-0048", temp1_input=value)
    failure(read(tree, hwmon="lm75"))


def test_a_chip_that_moves_is_found_again(tree: Tree) -> None:
    folder = tree.chip(0, "lm75", "i2c-0/0-0048", temp1_input=25000)
    sensor = hwmon.open_sensor(settings(hwmon="lm75"), tree.root)
    assert [sensor.read(NOW), sensor.read(NOW)] == [Temperature(Celsius(25.0), NOW)] * 2
    shutil.rmtree(folder)
    (tree.root / "sys/class/hwmon/hwmon0").unlink()
    assert "no hwmon chip 'lm75'" in failure(sensor.read(NOW))
    tree.chip(0, "other", "platform/other", temp1_input=90000)
    tree.chip(4, "lm75", "i2c-0/0-0048b", temp1_input=26000)
    assert sensor.read(NOW) == Temperature(Celsius(26.0), NOW)
    sensor.close()


def test_a_chip_that_comes_late_is_found(tree: Tree) -> None:
    sensor = hwmon.open_sensor(settings(hwmon="lm75"), tree.root)
    failure(sensor.read(NOW))
    assert sensor.family is None
    folder = tree.chip(0, "lm75", "i2c-0/0-0048")
    failure(sensor.read(NOW))
    (folder / "temp1_input").write_text("25000")
    assert sensor.read(NOW) == Temperature(Celsius(25.0), NOW)


def test_families(tree: Tree) -> None:
    for number, (name, family) in enumerate(
        {"k10temp": "cpu", "amdgpu": "gpu", "nvme": "nvme", "nct6798": "air"}.items()
    ):
        tree.chip(number, name, f"platform/{name}", temp1_input=40000)
        sensor = hwmon.open_sensor(settings(hwmon=name), tree.root)
        sensor.read(NOW)
        assert sensor.family == family


def test_a_suspended_graphics_card_is_not_woken(tree: Tree) -> None:
    tree.chip(0, "amdgpu", "pci/0000:01:00.0", temp1_input=40000)
    tree.put("sys/devices/pci/0000:01:00.0/power/runtime_status", "suspended\n")
    assert read(tree, hwmon="amdgpu") == Asleep(NOW)
    tree.put("sys/devices/pci/0000:01:00.0/power/runtime_status", "active\n")
    assert read(tree, hwmon="amdgpu") == Temperature(Celsius(40.0), NOW)
    # a board's chip may say so and work all the same
    tree.chip(1, "lm75", "i2c-0/0-0048", temp1_input=25000)
    tree.put("sys/devices/i2c-0/0-0048/power/runtime_status", "suspended\n")
    assert read(tree, hwmon="lm75") == Temperature(Celsius(25.0), NOW)


def test_s10_drivetemp_is_left_to_the_kind_that_does_not_wake_drives(tree: Tree) -> None:
    tree.chip(0, "drivetemp", "ata1/0:0:0:0", temp1_input=30000)
    assert "{ drive = ... }" in failure(read(tree, hwmon="/sys/devices/ata1/0:0:0:0"))
    with pytest.raises(msgspec.ValidationError, match=r"{ drive = ... }"):
        settings(hwmon="drivetemp")


def test_an_nvme_at_0_has_no_reading(tree: Tree) -> None:
    tree.chip(0, "nvme", "pci/nvme0", temp1_input=0)
    failure(read(tree, hwmon="nvme"))


@pytest.mark.parametrize(
    "keys", [{"hwmon": ""}, {"hwmon": "x", "label": "a", "input": 1}, {"hwmon": "x", "input": -1}, {"hwmon": 3}, {}]
)
def test_settings_that_fall_short_are_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        settings(**keys)


def test_titles() -> None:
    assert hwmon.title(settings(hwmon="nct6798", label="SYSTIN")) == "nct6798 SYSTIN"
    assert hwmon.title(settings(hwmon="nct6798", input=0)) == "nct6798 temp0"
    assert hwmon.title(settings(hwmon="lm75")) == "lm75"


def test_what_is_detected_can_be_configured(tree: Tree) -> None:
    tree.chip(0, "nct6798", "platform/nct6775.656", **BOARD, temp3_input="junk", temp3_label="CPUTIN")
    tree.chip(1, "amdgpu", "pci/0000:01:00.0", temp1_input=50000, temp1_label="edge")
    tree.chip(2, "amdgpu", "pci/0000:02:00.0", temp1_input=51000, temp1_label="edge")
    tree.chip(5, "coretemp", "platform/coretemp.1", temp1_input=51000, temp1_label="Package id 1")
    tree.chip(3, "drivetemp", "ata1/0:0:0:0", temp1_input=30000)
    tree.chip(4, "nvme", "pci/nvme0", temp1_input=30000)
    found = hwmon.detect(tree.root)
    assert [thing.line for thing in found] == [
        '{ hwmon = "nct6798", label = "SYSTIN", family = "air" }',
        '{ hwmon = "nct6798", input = 2, family = "air" }',
        '{ hwmon = "nct6798", input = 3, family = "air" }',
        '{ hwmon = "nct6798", input = 10, family = "air" }',
        '{ hwmon = "/sys/devices/pci/0000:01:00.0", label = "edge", family = "gpu" }',
        '{ hwmon = "/sys/devices/pci/0000:02:00.0", label = "edge", family = "gpu" }',
    ]
    assert found[0].comment == "temp1 of nct6798 at /sys/devices/platform/nct6775.656: 36.5 °C"
    assert "no reading: " in found[2].comment
    assert "'junk', not a whole number" in found[2].comment
    assert [thing.ready for thing in found] == [True, True, False, True, True, True]
    for thing in found:
        keys = tomllib.loads(f"x = {thing.line}")["x"]
        assert keys.pop("family") in ("air", "gpu")
        settings(**keys)
