import logging
import os
import tomllib
from typing import Any

import msgspec
import pytest

from fand.drivers.sensors import drive
from fand.exceptions import DriverError
from fand.ports import Asleep, Failed, Reading, Temperature
from fand.units import Celsius, Seconds
from tests.drivers.standin import CAPTURES, StandIn
from tests.drivers.tree import Tree

NOW = Seconds(5.0)
DENIED = CAPTURES / "openfail-permission-denied-exit2.json"


def settings(**keys: Any) -> drive.Settings:
    return msgspec.convert(keys, drive.Settings)


def sensor(tree: Tree, identity: str = "S1", **keys: Any) -> drive.DriveSensor:
    return drive.open_sensor(settings(drive=identity, **keys), tree.root)


def at(celsius: float) -> Temperature:
    return Temperature(Celsius(celsius), NOW)


def reason(reading: Reading) -> str:
    assert isinstance(reading, Failed)
    return reading.reason


def test_solid_state_is_read_from_the_kernel_at_no_cost(tree: Tree, smartctl: StandIn) -> None:
    tree.disk("sda", "S1", rotational="0", celsius=31)
    tree.nvme("nvme0", "NV0", celsius=41.85)
    for identity, celsius, family in (("S1", 31.0, "ssd"), ("NV0", 41.85, "nvme")):
        opened = sensor(tree, identity)
        assert opened.read(NOW) == at(celsius)
        assert opened.family == family
    assert smartctl.calls() == []


def test_s10_a_disk_that_turns_is_asked_for_its_power_mode_first(tree: Tree, smartctl: StandIn) -> None:
    tree.disk("sda", "S1", celsius=31)
    smartctl.drive("/dev/sda", "S1", 33)
    opened = sensor(tree)
    assert opened.read(NOW) == at(33)
    assert opened.family == "hdd"
    smartctl.drive("/dev/sda", "S1", 33, asleep="STANDBY")
    assert opened.read(NOW) == Asleep(NOW)
    assert smartctl.woken() == []
    assert smartctl.calls() == [["-j", "-n", "standby,3", "-i", "-A", "-d", "sat", "/dev/sda"]] * 2


@pytest.mark.parametrize("via", ["auto", "kernel", "smartctl"])
def test_s10_what_the_kernel_suspended_is_not_touched(tree: Tree, smartctl: StandIn, via: str) -> None:
    folder = tree.disk("sda", "S1", celsius=31)
    (folder / "power/runtime_status").write_text("suspended\n")
    smartctl.drive("/dev/sda", "S1", 33)
    assert sensor(tree, via=via).read(NOW) == Asleep(NOW)
    assert smartctl.calls() == []


def test_a_drive_that_is_read_again_has_its_files_open(
    tree: Tree, no_smartctl: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tree.disk("sda", "S1", rotational="0", celsius=31)
    opened = sensor(tree)
    assert opened.read(NOW) == at(31)

    def refuse(path: object, *_: object, **__: object) -> int:
        raise AssertionError(f"{path} is opened again")

    monkeypatch.setattr(os, "open", refuse)
    assert opened.read(NOW) == at(31)
    monkeypatch.undo()
    (folder / "power/runtime_status").write_text("suspended\n")
    assert opened.read(NOW) == Asleep(NOW)
    (folder / "power/runtime_status").write_text("active\n")
    (folder / "hwmon/hwmon1/temp1_input").write_text("32000\n")
    assert opened.read(NOW) == at(32)
    opened.close()


def test_where_smartctl_may_not_the_kernel_is_read_with_a_warning(
    tree: Tree, smartctl: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    tree.disk("sda", "S1", celsius=31)
    smartctl.answer("/dev/sda", DENIED.read_bytes(), 2)
    opened = sensor(tree)
    with caplog.at_level(logging.WARNING):
        assert [opened.read(NOW), opened.read(NOW)] == [at(31), at(31)]
    (record,) = caplog.records
    assert "drive S1 is read without knowing whether it sleeps" in record.getMessage()
    assert "Permission denied" in record.getMessage()


def test_without_smartctl_the_kernel_is_read_with_a_warning(
    tree: Tree, no_smartctl: None, caplog: pytest.LogCaptureFixture
) -> None:
    tree.disk("sda", "S1", celsius=31)
    tree.disk("sdb", "S2", at="pci/b/1:0:0:0", rotational="0", celsius=32)
    with caplog.at_level(logging.WARNING):
        assert sensor(tree).read(NOW) == at(31)
        assert sensor(tree, "S2").read(NOW) == at(32)
        assert sensor(tree, via="kernel").read(NOW) == at(31)
    assert ["smartctl is not installed" in record.getMessage() for record in caplog.records] == [True]


def test_an_awake_disk_that_tells_smartctl_nothing_is_read_from_the_kernel(
    tree: Tree, smartctl: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    tree.disk("sda", "S1", celsius=31)
    smartctl.drive("/dev/sda", "S1", None)
    assert sensor(tree).read(NOW) == at(31)
    assert not caplog.records


def test_s10_a_disk_that_does_not_answer_is_not_tried_another_way(tree: Tree, smartctl: StandIn) -> None:
    tree.disk("sda", "S1", celsius=31)
    assert "No such device" in reason(sensor(tree).read(NOW))
    smartctl.drive("/dev/sda", "S2", 33)
    assert "is now drive S2" in reason(sensor(tree).read(NOW))


def test_the_way_can_be_chosen(tree: Tree, smartctl: StandIn) -> None:
    tree.disk("sda", "S1", celsius=31)
    tree.nvme("nvme0", "NV0", celsius=41.85)
    smartctl.drive("/dev/sda", "S1", 33)
    smartctl.drive("/dev/nvme0", "NV0", 44, type="nvme", protocol="NVMe")
    assert sensor(tree, via="kernel").read(NOW) == at(31)
    assert smartctl.calls() == []
    assert sensor(tree, via="smartctl").read(NOW) == at(33)
    assert sensor(tree, "NV0", via="smartctl").read(NOW) == at(44)
    assert sensor(tree, type="sat,12").read(NOW) == at(33)
    assert smartctl.calls()[-1][-3:] == ["-d", "sat,12", "/dev/sda"]


def test_a_sas_drive_and_an_nvme_without_hwmon_are_left_to_smartctl(tree: Tree, smartctl: StandIn) -> None:
    tree.disk("sdb", "S2", vendor="SEAGATE")
    tree.nvme("nvme0", "NV0")
    smartctl.drive("/dev/sdb", "S2", 33, type="scsi", protocol="SCSI", rotation_rate=0)
    smartctl.drive("/dev/nvme0", "NV0", 44, type="nvme", protocol="NVMe")
    opened = sensor(tree, "S2")
    assert opened.read(NOW) == at(33)
    assert opened.family == "ssd"  # the drive knows better than the kernel
    assert sensor(tree, "NV0").read(NOW) == at(44)


def test_a_denied_disk_without_drivetemp_is_told_both_remedies(tree: Tree, smartctl: StandIn) -> None:
    tree.disk("sda", "S1")
    smartctl.answer("/dev/sda", DENIED.read_bytes(), 2)
    told = reason(sensor(tree).read(NOW))
    assert "CAP_SYS_RAWIO" in told
    assert "load the kernel module drivetemp" in told


def test_a_drive_that_sysfs_does_not_know_is_left_to_smartctl(tree: Tree, smartctl: StandIn) -> None:
    smartctl.scan((CAPTURES / "scan/scan-megaraid.json").read_text())
    smartctl.drive("/dev/bus/0", "R0", 36, key=" megaraid,0", type="megaraid,0")
    opened = sensor(tree, "R0")
    assert opened.read(NOW) == at(36)
    assert opened.family == "hdd"
    assert "no sysfs here" in reason(sensor(tree, "R0", via="kernel").read(NOW))


@pytest.mark.parametrize(
    ("identity", "remedy"),
    [("S1", "load the kernel module drivetemp"), ("S2", "install smartctl"), ("NV0", "nvme hwmon")],
)
def test_without_any_way_the_remedy_is_told(tree: Tree, no_smartctl: None, identity: str, remedy: str) -> None:
    tree.disk("sda", "S1")
    tree.disk("sdb", "S2", at="pci/b/1:0:0:0", vendor="SEAGATE")
    tree.nvme("nvme0", "NV0")
    assert remedy in reason(sensor(tree, identity).read(NOW))
    with pytest.raises(DriverError, match="smartmontools"):
        sensor(tree, identity, via="smartctl")


def test_a_drive_that_comes_back_elsewhere_is_found_again(tree: Tree, no_smartctl: None) -> None:
    opened = sensor(tree, "S1", via="kernel")
    assert "no sysfs here" in reason(opened.read(NOW))
    folder = tree.disk("sda", "S1", at="pci/a/0:0:0:0", celsius=31)
    assert opened.read(NOW) == at(31)
    tree.unplug("sda", folder)
    assert "no drive S1 on this host (fand detect lists them)" in reason(opened.read(NOW))
    (tree.root / "sys/class/hwmon/hwmon1").unlink()
    tree.disk("sda", "S3", at="pci/a/0:0:0:0", celsius=60)
    assert "no drive S1" in reason(opened.read(NOW))
    tree.disk("sdb", "S1", at="pci/b/1:0:0:0", celsius=32)
    assert opened.read(NOW) == at(32)
    opened.close()


def test_a_drive_that_cannot_be_read_failed(tree: Tree, smartctl: StandIn) -> None:
    folder = tree.disk("sda", "S1", rotational="0", celsius=0)
    assert "gave 0" in reason(sensor(tree).read(NOW))
    file = folder / "hwmon/hwmon1/temp1_input"
    file.unlink()
    file.mkdir()  # the kernel's EIO is an OSError like this one
    assert "cannot read" in reason(sensor(tree).read(NOW))


def test_without_smartctl_a_disk_of_the_chosen_way_is_read_without_a_word(
    tree: Tree, no_smartctl: None, caplog: pytest.LogCaptureFixture
) -> None:
    tree.disk("sda", "S1", celsius=31)
    assert sensor(tree, via="kernel").read(NOW) == at(31)
    assert not caplog.records


def test_an_ambiguous_serial_number_failed(tree: Tree, smartctl: StandIn) -> None:
    tree.disk("sda", "S1", at="pci/a/0:0:0:0")
    tree.disk("sdb", "S1", at="pci/b/1:0:0:0")
    opened = sensor(tree)
    assert "same serial number" in reason(opened.read(NOW))
    opened.close()


@pytest.mark.parametrize(
    "keys",
    [
        {"drive": " "},
        {"drive": "/dev/sda"},
        {"drive": "S1", "via": "magic"},
        {"drive": "S1", "type": ""},
        {"drive": "S\0"},
        {},
    ],
)
def test_settings_that_fall_short_are_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        settings(**keys)


def test_the_title_is_the_identity() -> None:
    assert drive.title(settings(drive=" S1 ")) == "S1"


def test_what_is_detected_can_be_configured(tree: Tree, smartctl: StandIn) -> None:
    tree.disk("sda", "S1", celsius=31)
    tree.disk("sdb", None, at="pci/b/1:0:0:0", wwid="naa.5000c500d7c94dff", rotational="")
    tree.disk("sdc", None, at="pci/c/2:0:0:0")
    tree.nvme("nvme0", "NV0")
    found = drive.detect(tree.root)
    assert [(thing.line, thing.comment) for thing in found] == [
        ('{ drive = "S1" }', "hdd Model One, now /dev/sda"),
        ('{ drive = "wwn-0x5000c500d7c94dff" }', "drive Model One, now /dev/sdb"),
        ('{ drive = "NV0" }', "nvme Model NVMe, now /dev/nvme0"),
    ]
    for thing in found:
        settings(**tomllib.loads(f"x = {thing.line}")["x"])
    assert smartctl.calls() == []
