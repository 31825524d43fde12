import shutil

import pytest

from fand.drivers.kept import GoneError, Kept
from fand.drivers.thermometer import Thermometer
from fand.exceptions import DriverError
from fand.ports import Asleep, Failed, Temperature
from fand.units import Celsius, Seconds
from tests.drivers.tree import Tree

NOW = Seconds(5.0)


def test_a_temperature_now(tree: Tree) -> None:
    folder = tree.chip(0, "lm75", "i2c-0/0-0048", temp2_input=25000)
    thermometer = Thermometer(folder, 2)
    assert thermometer.read(NOW) == Temperature(Celsius(25.0), NOW)
    (folder / "temp2_input").write_text("-5500\n")
    assert thermometer.read(NOW) == Temperature(Celsius(-5.5), NOW)
    thermometer.close()
    thermometer.close()


def test_one_that_is_not_there(tree: Tree) -> None:
    folder = tree.chip(0, "lm75", "i2c-0/0-0048", temp1_input=25000)
    with pytest.raises(DriverError, match="temp2_input: No such file"):
        Thermometer(folder, 2)


def test_a_fault_that_comes_and_goes(tree: Tree) -> None:
    folder = tree.chip(0, "lm75", "i2c-0/0-0048", temp1_input=25000, temp1_fault=0)
    thermometer = Thermometer(folder, 1)
    assert isinstance(thermometer.read(NOW), Temperature)
    (folder / "temp1_fault").write_text("1\n")
    reading = thermometer.read(NOW)
    assert isinstance(reading, Failed)
    assert "temp1_fault tells of a fault" in reading.reason
    (folder / "temp1_fault").write_text("0\n")
    assert isinstance(thermometer.read(NOW), Temperature)
    thermometer.close()


@pytest.mark.parametrize("text", ["", "x", "31.5\n", "1" * 30])
def test_what_is_no_number_failed(tree: Tree, text: str) -> None:
    thermometer = Thermometer(tree.chip(0, "lm75", "i2c-0/0-0048", temp1_input=text), 1)
    reading = thermometer.read(NOW)
    assert isinstance(reading, Failed)
    assert "not a whole number" in reading.reason
    thermometer.close()


def test_0_is_a_temperature_but_not_of_a_drive(tree: Tree) -> None:
    folder = tree.chip(0, "drivetemp", "ata1/0:0:0:0", temp1_input=0)
    assert isinstance(Thermometer(folder, 1).read(NOW), Temperature)
    assert isinstance(Thermometer(folder, 1, drive=True).read(NOW), Failed)


@pytest.mark.parametrize("status", ["suspended", "suspending"])
def test_s10_what_sleeps_is_not_read(tree: Tree, monkeypatch: pytest.MonkeyPatch, status: str) -> None:
    folder = tree.chip(0, "drivetemp", "ata1/0:0:0:0", temp1_input=31000)
    power = tree.put("sys/devices/ata1/0:0:0:0/power/runtime_status", "active\n")
    thermometer = Thermometer(folder, 1, [power, power.with_name("absent")])
    assert thermometer.read(NOW) == Temperature(Celsius(31.0), NOW)
    read: list[str] = []
    genuine = Kept.read

    def noted(kept: Kept) -> bytes:
        read.append(kept.path.name)
        return genuine(kept)

    monkeypatch.setattr(Kept, "read", noted)
    power.write_text(f"{status}\n")
    assert thermometer.read(NOW) == Asleep(NOW)
    assert read == ["runtime_status"]
    power.write_text("active\n")
    assert thermometer.read(NOW) == Temperature(Celsius(31.0), NOW)
    thermometer.close()


@pytest.mark.parametrize("gone", ["hwmon", "power"])
def test_what_goes_must_be_found_anew(tree: Tree, gone: str) -> None:
    folder = tree.chip(0, "drivetemp", "ata1/0:0:0:0", temp1_input=31000)
    power = tree.put("sys/devices/ata1/0:0:0:0/power/runtime_status", "active\n")
    thermometer = Thermometer(folder, 1, [power])
    shutil.rmtree(tree.root / "sys/devices/ata1/0:0:0:0" / gone)
    with pytest.raises(GoneError):
        thermometer.read(NOW)
    thermometer.close()
