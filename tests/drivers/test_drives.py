import shutil
import threading
from pathlib import Path

import pytest

from fand.drivers.drives import Census, Drive, census, drive_at, drive_named, drives, find_drive, same_serial, wwn
from fand.exceptions import DriverError
from tests.drivers.tree import Tree

WWN = "wwn-0x5000c500a1b2c3d4"
USB = "pci0000:00/usb2/2-1/2-1:1.0/host6/target6:0:0/6:0:0:0"


@pytest.mark.parametrize(
    "text",
    [WWN, "0x5000c500a1b2c3d4", "naa.5000c500a1b2c3d4", "NAA.5000C500A1B2C3D4", " eui.5000c500a1b2c3d4\n",
     "nvme-eui.5000c500a1b2c3d4"],
)  # fmt: skip
def test_a_wwn_has_many_spellings(text: str) -> None:
    assert wwn(text) == "5000c500a1b2c3d4"


@pytest.mark.parametrize("text", ["5000c500a1b2c3d4", "wwn-0x12", "t10.ATA x", "", "wwn-0x5000c500a1b2c3zz"])
def test_what_is_no_wwn(text: str) -> None:
    assert wwn(text) is None


def test_serial_numbers_are_the_same_as_udev_writes_them() -> None:
    assert same_serial("  WD-WCC4N 12", "WD-WCC4N_12")
    assert not same_serial("S1", "s1")


def test_a_sata_disk_by_its_serial_number_in_the_vital_product_data(tree: Tree) -> None:
    folder = tree.disk("sda", "RIGSATA0001", wwid="naa.5000c500a1b2c3d4", celsius=31)
    for identity in ("RIGSATA0001", WWN):
        drive = find_drive(identity, tree.root)
        assert drive is not None
        assert (drive.node, drive.bus, drive.serial, drive.family) == ("/dev/sda", "ata", "RIGSATA0001", "hdd")
        assert drive.folder == folder.resolve()
        assert drive.model == "Model One"
    assert find_drive("RIGSATA0002", tree.root) is None
    assert find_drive("wwn-0x5000c500a1b2c3d5", tree.root) is None


def test_a_sata_disk_by_its_serial_number_in_the_wwid(tree: Tree) -> None:
    tree.disk("sdaa", wwid="t10.ATA     QEMU HARDDISK                           RIGSATA0001         ", rotational="0")
    drive = find_drive("RIGSATA0001", tree.root)
    assert drive is not None
    assert (drive.node, drive.family) == ("/dev/sdaa", "ssd")


def test_a_sas_disk_and_one_behind_usb(tree: Tree) -> None:
    tree.disk("sdb", "ZR51", at="pci/host1/target1:0:0/1:0:0:0", vendor="SEAGATE", wwid="naa.5000c500d7c94dff")
    tree.disk("sdc", "BRIDGE1", at=USB, rotational="?")
    found = {drive.node: drive for drive in drives(tree.root)}
    assert (found["/dev/sdb"].bus, found["/dev/sdb"].wwns) == ("scsi", frozenset({"5000c500d7c94dff"}))
    assert (found["/dev/sdc"].bus, found["/dev/sdc"].family) == ("usb", None)


def test_an_nvme_drive_by_its_controller(tree: Tree) -> None:
    tree.nvme("nvme0", "NV0", celsius=41.85, wwid="eui.0025385b71b0d1c2")
    tree.nvme("nvme1", "NV1")
    for identity in ("NV0", "eui.0025385b71b0d1c2", "nvme-eui.0025385b71b0d1c2"):
        drive = find_drive(identity, tree.root)
        assert drive is not None
        assert (drive.node, drive.bus, drive.family, drive.model) == ("/dev/nvme0", "nvme", "nvme", "Model NVMe")
    for name in ("nvme1", "nvme1n1", "nvme1c0n2"):
        drive = drive_named(name, tree.root)
        assert drive is not None
        assert drive.serial == "NV1"


@pytest.mark.parametrize("name", ["sda", "nvme3", "vda", "sr0", "loop0", "", "..", "null"])
def test_what_is_no_drive_here(tree: Tree, name: str) -> None:
    assert drive_named(name, tree.root) is None
    assert drives(tree.root) == []


def test_the_thermometer_is_the_chip_of_the_drive_itself(tree: Tree) -> None:
    tree.disk("sda", "S1", celsius=31)
    tree.disk("sdb", "S2", at="pci/ata2/host1/target1:0:0/1:0:0:0")
    tree.nvme("nvme0", "NV0", celsius=41.85)
    old = tree.nvme("nvme1", "NV1")
    tree.put("sys/devices/pci/ata2/host1/target1:0:0/1:0:0:0/hwmon/hwmon5/name", "enclosure\n")
    tree.put(f"{(old / 'device').resolve().relative_to(tree.root.resolve())}/hwmon/hwmon9/name", "nvme\n")
    chips = {drive.serial: drive.thermometer() for drive in drives(tree.root)}
    assert {serial: chip.name if chip else None for serial, chip in chips.items()} == {
        "S1": "hwmon1", "S2": None, "NV0": "hwmon7", "NV1": "hwmon9",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("status", "asleep"), [("suspended", True), ("suspending", True), ("active", False), ("unsupported", False)]
)
def test_s10_what_the_kernel_suspended_is_asleep(tree: Tree, status: str, asleep: bool) -> None:
    folder = tree.disk("sda", "S1")
    (folder / "power/runtime_status").write_text(status + "\n")
    drive = drive_named("sda", tree.root)
    assert drive is not None
    assert drive.suspended() is asleep


def test_two_drives_with_one_serial_number_are_told_apart_by_wwn(tree: Tree) -> None:
    tree.disk("sda", "000", at="pci/a/0:0:0:0", wwid="naa.5000000000000001")
    second = tree.disk("sdb", "000", at="pci/b/1:0:0:0", wwid="naa.5000000000000002")
    with pytest.raises(DriverError, match="/dev/sda and /dev/sdb have the same serial number '000'; choose by WWN"):
        find_drive("000", tree.root)
    drive = find_drive("wwn-0x5000000000000002", tree.root)
    assert drive is not None
    assert drive.node == "/dev/sdb"
    (second / "wwid").write_text("naa.5000000000000001\n")  # two paths to one drive
    drive = find_drive("000", tree.root)
    assert drive is not None
    assert drive.node == "/dev/sda"


def test_two_nameless_drives_with_one_serial_number_are_refused(tree: Tree) -> None:
    tree.disk("sda", "000", at="pci/a/0:0:0:0")
    tree.disk("sdb", "000", at="pci/b/1:0:0:0")
    with pytest.raises(DriverError, match="same serial number"):
        find_drive("000", tree.root)


@pytest.mark.parametrize(
    ("link", "identity"),
    [
        ("ata-Model_One_S1", "S1"),
        ("ata-Model_One_WD-WCC4N_12", "WD-WCC4N 12"),
        ("usb-Vendor_Stick_S1-0:0", "S1"),
        (WWN, WWN),
        (WWN, "naa.5000c500a1b2c3d4"),
        ("scsi-SATA_Model_S1", "S1"),
    ],
)
def test_a_disk_that_only_udev_knows(tree: Tree, link: str, identity: str) -> None:
    tree.disk("sdb")
    tree.put("dev/sdb", "")
    tree.link(f"dev/disk/by-id/{link}-part1", "dev/other")
    tree.link(f"dev/disk/by-id/{link}", "dev/sdb")
    drive = find_drive(identity, tree.root)
    assert drive is not None
    assert drive.node == "/dev/sdb"
    assert find_drive("1", tree.root) is None


def test_an_nvme_link_leads_to_the_controller(tree: Tree) -> None:
    tree.nvme("nvme0", "")
    tree.link("dev/disk/by-id/nvme-Model_NVMe_NV0_1", "dev/nvme0n1")
    drive = find_drive("NV0", tree.root)
    assert drive is not None
    assert drive.node == "/dev/nvme0"


def test_a_link_does_not_overrule_what_the_kernel_knows(tree: Tree) -> None:
    tree.disk("sdb", "OTHER_S1X")
    tree.link("dev/disk/by-id/ata-Model_One_S1", "dev/sdb")
    tree.link("dev/disk/by-id/ata-Model_One_S2", "dev/dm-0")
    assert find_drive("S1", tree.root) is None
    assert find_drive("S2", tree.root) is None
    tree.disk("sdc", "BRIDGE", at=USB)
    tree.link("dev/disk/by-id/ata-Model_One_S3", "dev/sdc")
    drive = find_drive("S3", tree.root)
    assert drive is not None
    assert drive.node == "/dev/sdc"


def test_a_device_path_leads_to_its_drive(tree: Tree) -> None:
    tree.disk("sda", "S1")
    tree.link("dev/disk/by-path/pci-0000:00:1f.2-ata-1", "dev/sda")
    for path in ("/dev/sda", "/dev/disk/by-path/pci-0000:00:1f.2-ata-1"):
        drive = drive_at(path, tree.root)
        assert drive is not None
        assert drive.serial == "S1"
    assert drive_at("/dev/bus/0", tree.root) is None


def test_a_disk_that_is_just_leaving_does_no_harm(tree: Tree) -> None:
    shutil.rmtree(tree.disk("sda", "S1"))
    assert drives(tree.root) == []


def test_many_look_for_their_drives_and_they_are_counted_once(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    for letter in "abc":
        tree.disk(f"sd{letter}", f"S {letter}", at=f"pci/{letter}/0:0:0:0", wwid=f"naa.5000c500a1b2c3d{letter}")
    counted = Census(tree.root)
    counts: list[Path] = []

    def count(root: Path) -> list[Drive]:
        counts.append(root)
        return drives(root)

    monkeypatch.setattr("fand.drivers.drives.drives", count)
    for letter in "abc":
        for identity in (f"S_{letter}", f"wwn-0x5000c500a1b2c3d{letter}"):
            assert counted.find(identity) == drive_named(f"sd{letter}", tree.root)
    assert counts == [tree.root]
    assert counted.find("S d") is None
    assert len(counts) == 2, "it may have come since"


def test_a_drive_that_is_not_where_it_was_is_counted_again(tree: Tree) -> None:
    folder = tree.disk("sda", "S1", at="pci/a/0:0:0:0")
    tree.disk("sdb", "S2", at="pci/b/0:0:0:0")
    counted = Census(tree.root)
    assert counted.find("S1") == drive_named("sda", tree.root)
    tree.unplug("sda", folder)
    tree.disk("sda", "S3", at="pci/a/0:0:0:0")
    assert counted.find("S1") is None
    tree.disk("sdc", "S1", at="pci/c/0:0:0:0")
    assert counted.find("S1") == drive_named("sdc", tree.root)
    assert counted.find("S3") == drive_named("sda", tree.root)
    tree.disk("sdd", "S2", at="pci/d/0:0:0:0")
    assert counted.find("S4") is None
    with pytest.raises(DriverError, match="same serial number"):
        counted.find("S2")


def test_who_looks_while_drives_are_counted_gets_a_count_begun_since(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted, counting, go_on = Census(tree.root), threading.Event(), threading.Event()
    tree.disk("sda", "S1", at="pci/a/0:0:0:0")

    def count(root: Path) -> list[Drive]:
        found = drives(root)
        counting.set()
        go_on.wait(20)
        return found

    monkeypatch.setattr("fand.drivers.drives.drives", count)
    found: dict[str, Drive | None] = {}
    first = threading.Thread(target=lambda: found.update(S1=counted.find("S1")))
    first.start()
    counting.wait(20)
    tree.disk("sdb", "S2", at="pci/b/0:0:0:0")
    second = threading.Thread(target=lambda: found.update(S2=counted.find("S2")))
    second.start()
    go_on.set()
    first.join(20)
    second.join(20)
    assert found == {"S1": drive_named("sda", tree.root), "S2": drive_named("sdb", tree.root)}


def test_a_process_counts_the_drives_of_a_host_together(tree: Tree) -> None:
    assert census(tree.root) is census(tree.root)
