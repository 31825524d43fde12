import os
from pathlib import Path

import pytest

from fand.drivers import sysfs
from fand.exceptions import DriverError
from tests.drivers.tree import Tree


def test_small_files_are_read_and_written(tmp_path: Path) -> None:
    file = tmp_path / "pwm1"
    file.write_text("128\n")
    assert sysfs.read_int(file) == 128
    sysfs.write(file, 255)
    assert file.read_text() == "255\n"
    assert sysfs.peek(file) == "255"


def test_what_is_no_whole_number_is_named(tmp_path: Path) -> None:
    file = tmp_path / "temp1_input"
    for text in ("", "abc", "1.5", "1_000", "9" * 30):
        file.write_text(text)
        with pytest.raises(DriverError, match=r"temp1_input holds .* not a whole number"):
            sysfs.read_int(file)


def test_an_absent_file_is_named_and_not_made(tmp_path: Path) -> None:
    file = tmp_path / "pwm1"
    with pytest.raises(DriverError, match=r"cannot read .*pwm1: No such file"):
        sysfs.read_text(file)
    with pytest.raises(DriverError, match=r"cannot write '0' to .*pwm1: No such file") as caught:
        sysfs.write(file, "0")
    assert caught.value.errno == 2
    assert not file.exists()
    assert sysfs.peek(file) is None


def test_a_file_that_this_user_may_not_write_says_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, flags: int) -> int:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(DriverError, match=r"pwm1: Permission denied; run as root, or .* udev") as caught:
        sysfs.write(tmp_path / "pwm1", 0)
    assert caught.value.errno == 13


def test_no_read_waits_or_takes_more_than_a_page(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    assert sysfs.read_text(tmp_path / "fifo") == ""
    (tmp_path / "long").write_bytes(b"\xff" * 100_000)
    assert len(sysfs.read_text(tmp_path / "long")) == sysfs.LIMIT
    with pytest.raises(DriverError, match="Is a directory"):
        sysfs.read_text(tmp_path)


def test_a_chip_is_found_by_its_name(tree: Tree) -> None:
    tree.chip(0, "coretemp", "platform/coretemp.0")
    folder = tree.chip(3, "nct6798", "platform/nct6775.656")
    chip = sysfs.find_chip("nct6798", tree.root)
    assert chip == sysfs.Chip("nct6798", folder.resolve(), "/sys/devices/platform/nct6775.656")
    assert chip.present()


def test_equal_chips_are_told_apart_by_device_path(tree: Tree) -> None:
    tree.chip(1, "nvme", "pci0000:00/0000:01:00.0/nvme/nvme0")
    tree.chip(2, "nvme", "pci0000:00/0000:02:00.0/nvme/nvme1")
    tree.link("sys/bus/pci/devices/second", "sys/devices/pci0000:00/0000:02:00.0/nvme/nvme1")
    with pytest.raises(
        DriverError, match=r"2 hwmon chips match 'nvme'.* /sys/devices/pci0000:00/0000:01:00.0/nvme/nvme0"
    ):
        sysfs.find_chip("nvme", tree.root)
    for path in ("/sys/devices/pci0000:00/0000:02:00.0/nvme/nvme1", "/sys/bus/pci/devices/second"):
        assert sysfs.find_chip(path, tree.root).folder.name == "hwmon2"


def test_an_absent_chip_is_named_with_what_there_is(tree: Tree) -> None:
    with pytest.raises(DriverError, match=r"no hwmon chip 'nct6798' \(there are: none\)"):
        sysfs.find_chip("nct6798", tree.root)
    tree.chip(0, "coretemp", "platform/coretemp.0")
    with pytest.raises(DriverError, match=r"there are: coretemp\)"):
        sysfs.find_chip("/sys/devices/platform/other", tree.root)


@pytest.mark.parametrize("which", ["hwmon3", "/sys/class/hwmon/hwmon3", "/sys/devices/platform/a.1/hwmon/hwmon3/"])
def test_the_number_of_a_chip_names_nothing(tree: Tree, which: str) -> None:
    tree.chip(3, "nct6798", "platform/nct6775.656")
    with pytest.raises(DriverError, match="number of a hwmon changes; give the chip's name"):
        sysfs.find_chip(which, tree.root)


def test_a_chip_of_the_old_style_has_its_files_in_the_device_folder(tree: Tree) -> None:
    tree.put("sys/devices/i2c-0/0-002f/name", "w83795g\n")
    tree.put("sys/devices/i2c-0/0-002f/hwmon/hwmon5/uevent", "")
    tree.link("sys/devices/i2c-0/0-002f/hwmon/hwmon5/device", "sys/devices/i2c-0/0-002f")
    tree.link("sys/class/hwmon/hwmon5", "sys/devices/i2c-0/0-002f/hwmon/hwmon5")
    chip = sysfs.find_chip("w83795g", tree.root)
    assert chip.folder == (tree.root / "sys/devices/i2c-0/0-002f").resolve()
    assert chip.device == "/sys/devices/i2c-0/0-002f"


def test_a_chip_without_device_or_name_does_no_harm(tree: Tree) -> None:
    tree.put("sys/devices/virtual/hwmon/hwmon0/name", "acpitz\n")
    tree.link("sys/class/hwmon/hwmon0", "sys/devices/virtual/hwmon/hwmon0")
    tree.link("sys/class/hwmon/hwmon1", "sys/devices/gone")
    tree.put("sys/devices/x/hwmon/hwmon10/name", "late\n")
    tree.link("sys/class/hwmon/hwmon10", "sys/devices/x/hwmon/hwmon10")
    assert [chip.name for chip in sysfs.chips(tree.root)] == ["acpitz", "late"]


def test_a_chip_is_no_longer_present_when_another_took_its_place(tree: Tree) -> None:
    folder = tree.chip(0, "coretemp", "platform/coretemp.0")
    chip = sysfs.find_chip("coretemp", tree.root)
    (folder / "name").write_text("other\n")
    assert not chip.present()


def test_numbers_of_files(tree: Tree) -> None:
    folder = tree.chip(
        0, "x", "y", temp10_input=1, temp2_input=1, temp2_label="a", temp_input=1, pwm1=3, pwm1_enable=1
    )
    assert sysfs.numbers(folder, "temp*_input") == [2, 10]
    assert sysfs.numbers(folder, "pwm*") == [1]
    assert sysfs.numbers(folder / "absent", "pwm*") == []
