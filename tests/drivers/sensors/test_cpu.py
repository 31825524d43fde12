import shutil
import sys
from collections import namedtuple
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from fand.drivers.sensors import cpu
from fand.exceptions import DriverError
from fand.ports import Failed, Reading, Temperature
from fand.units import Celsius, Seconds
from tests.drivers.tree import Tree

NOW = Seconds(5.0)
INTEL: dict[str, str | int] = {
    "temp1_input": 45000, "temp1_label": "Package id 0", "temp2_input": 44000, "temp2_label": "Core 0",
    "temp3_input": 47000, "temp3_label": "Core 1",
}  # fmt: skip


def settings(**keys: Any) -> cpu.Settings:
    return msgspec.convert(keys, cpu.Settings)


def read(tree: Tree, which: str = "auto") -> Reading:
    return cpu.open_sensor(settings(cpu=which), tree.root).read(NOW)


def at(celsius: float) -> Temperature:
    return Temperature(Celsius(celsius), NOW)


def reason(reading: Reading) -> str:
    assert isinstance(reading, Failed)
    return reading.reason


def test_the_hottest_core_counts(tree: Tree) -> None:
    tree.chip(0, "nct6798", "platform/nct6775.656", temp1_input=90000)
    folder = tree.chip(1, "coretemp", "platform/coretemp.0", **INTEL)
    assert read(tree) == at(47)
    (folder / "temp3_input").unlink()  # a core that is switched off
    assert read(tree) == at(45)
    (folder / "temp1_input").write_text("junk")
    assert read(tree) == at(44)


def test_the_hottest_of_two_processors_counts_and_none_may_be_missing(tree: Tree) -> None:
    tree.chip(0, "coretemp", "platform/coretemp.0", temp1_input=45000)
    second = tree.chip(1, "coretemp", "platform/coretemp.1", temp1_input=55000)
    sensor = cpu.open_sensor(settings(), tree.root)
    assert sensor.read(NOW) == at(55)
    (second / "temp1_input").write_text("junk")
    assert "temp1_input holds 'junk'" in reason(sensor.read(NOW))
    shutil.rmtree(second)
    (tree.root / "sys/class/hwmon/hwmon1").unlink()
    assert reason(sensor.read(NOW)) == "the sensors of the processor at /sys/devices/platform/coretemp.1 are gone"
    assert read(tree, "/sys/devices/platform/coretemp.0") == at(45)
    assert read(tree, "coretemp") == at(45)
    sensor.close()


@pytest.mark.parametrize("name", ["k10temp", "zenpower"])
def test_tctl_is_left_out_where_there_is_tdie(tree: Tree, name: str) -> None:
    folder = tree.chip(0, name, "pci/0000:00:18.3", temp1_input=77000, temp1_label="Tctl", temp3_input=48000)
    assert read(tree) == at(77)
    (folder / "temp2_label").write_text("Tdie\n")
    (folder / "temp2_input").write_text("50000\n")
    assert read(tree) == at(50)
    (folder / "temp3_label").write_text("Tccd1\n")
    (folder / "temp3_input").write_text("52000\n")
    assert read(tree) == at(52)


@pytest.mark.parametrize("name", ["cpu_thermal", "soc_thermal", "cpu0_thermal", "bcm2835_thermal", "k8temp"])
def test_other_processors(tree: Tree, name: str) -> None:
    tree.chip(0, name, "virtual/thermal/thermal_zone0", temp1_input=51000)
    assert read(tree) == at(51)


def test_without_a_chip_the_thermal_zones_of_processors_are_read(tree: Tree) -> None:
    tree.chip(0, "coretemp", "platform/coretemp.0")
    for number, (kind, millidegrees) in enumerate(
        (("acpitz", 90000), ("x86_pkg_temp", 50000), ("cpu-thermal", 49000))
    ):
        tree.put(f"sys/class/thermal/thermal_zone{number}/type", f"{kind}\n")
        tree.put(f"sys/class/thermal/thermal_zone{number}/temp", f"{millidegrees}\n")
    assert read(tree) == at(50)
    tree.put("sys/class/thermal/thermal_zone2/temp", "")
    assert "thermal_zone2/temp holds ''" in reason(read(tree))


def test_a_processor_that_is_not_found_is_told(tree: Tree) -> None:
    (tree.root / "sys/class").mkdir(parents=True)
    assert "no temperature of the processor found" in reason(read(tree))
    assert "no hwmon chip 'k10temp'" in reason(read(tree, "k10temp"))
    tree.chip(0, "k10temp", "pci/0000:00:18.3")
    assert "has no temperature" in reason(read(tree, "k10temp"))


Entry = namedtuple("Entry", "label current high critical")


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ({"acpitz": [Entry("", 80.0, None, None)], "coretemp": [Entry("", 40.0, 9, 9), Entry("", 41.5, 9, 9)]}, 41.5),
        ({"dev.cpu": [Entry("", 44.0, None, None), Entry("", None, None, None)]}, 44.0),
        ({}, None),
        ({"coretemp": [Entry("", None, None, None)]}, None),
    ],
)
def test_without_sysfs_psutil_is_asked(
    tree: Tree, monkeypatch: pytest.MonkeyPatch, groups: dict[str, list[Entry]], expected: float | None
) -> None:
    monkeypatch.setitem(sys.modules, "psutil", SimpleNamespace(sensors_temperatures=lambda: groups))
    reading = read(tree)
    if expected is None:
        reason(reading)
    else:
        assert reading == at(expected)


def test_a_psutil_that_cannot_is_told(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psutil", SimpleNamespace())
    sensor = cpu.open_sensor(settings(), tree.root)
    assert "psutil cannot read temperatures on this system" in reason(sensor.read(NOW))
    assert sensor.family == "cpu"
    sensor.close()


def test_without_sysfs_and_psutil_the_remedy_is_told(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psutil", None)
    with pytest.raises(DriverError, match="pip install"):
        cpu.open_sensor(settings(), tree.root)
    assert cpu.detect(tree.root) == []


def test_settings_and_titles() -> None:
    assert cpu.title(settings()) == "cpu"
    assert cpu.title(settings(cpu="coretemp")) == "cpu coretemp"
    for keys in ({"cpu": ""}, {"cpu": 1}, {"label": "x"}):
        with pytest.raises(msgspec.ValidationError):
            settings(**keys)


def test_what_is_detected(tree: Tree) -> None:
    (tree.root / "sys/class").mkdir(parents=True)
    assert cpu.detect(tree.root) == []
    tree.put("sys/class/thermal/thermal_zone0/type", "cpu-thermal")
    tree.put("sys/class/thermal/thermal_zone0/temp", "50000")
    (found,) = cpu.detect(tree.root)
    assert (found.line, found.comment) == ('{ cpu = "auto" }', "processor, by a thermal zone: 50.0 °C")
    tree.chip(1, "coretemp", "platform/coretemp.0", **INTEL)
    (found,) = cpu.detect(tree.root)
    assert found.comment == "processor, by coretemp: 47.0 °C"
