import json
import threading
from pathlib import Path

import pytest

from fand.drivers.smartctl import Answer, Smartctl
from fand.drivers.smartdrive import FIRST_PAUSE, FRESH, SmartDrive, unknown_drives
from fand.exceptions import DriverError
from fand.ports import Asleep, Failed, Reading, Temperature
from fand.units import Celsius, Seconds
from tests.drivers.standin import CAPTURES, StandIn
from tests.drivers.tree import Tree

USB = "pci0000:00/usb2/2-1/2-1:1.0/host6/target6:0:0/6:0:0:0"
RAID = (CAPTURES / "scan/scan-megaraid.json").read_text()


def scan(*devices: tuple[str, str]) -> str:
    return json.dumps({"devices": [{"name": name, "type": kind} for name, kind in devices]})


def at(celsius: float, seconds: float = 0.0) -> Temperature:
    return Temperature(Celsius(celsius), Seconds(seconds))


def reason(reading: object) -> str:
    assert isinstance(reading, Failed)
    return reading.reason


class Asked:
    """A drive, and the last reading asked of it at a time that runs."""

    def __init__(self, tree: Tree, identity: str, kind: str | None = None, nocheck: str = "standby") -> None:
        self.drive = SmartDrive(identity, kind, nocheck, tree.root)

    def __call__(self, now: float = 0.0) -> Reading:
        return self.drive.ask(Seconds(now)).reading


def test_s10_a_drive_that_sysfs_knows_is_never_searched_nor_its_type(tree: Tree, smartctl: StandIn) -> None:
    tree.disk("sda", "S1")
    tree.disk("sdb", "S2", at="pci/host1/target1:0:0/1:0:0:0", vendor="SEAGATE")
    tree.nvme("nvme0", "NV0")
    for device, serial in (("/dev/sda", "S1"), ("/dev/sdb", "S2"), ("/dev/nvme0", "NV0")):
        smartctl.drive(device, serial, 30)
        asked = Asked(tree, serial)
        assert [asked(), asked(30.0)] == [at(30), at(30, 30.0)]
    assert smartctl.calls() == [
        ["-j", "-n", "standby,3", "-i", *(["-H"] if kind == "scsi" else []), "-A", "-d", kind, device]
        for kind, device in (("sat", "/dev/sda"), ("scsi", "/dev/sdb"), ("nvme", "/dev/nvme0"))
        for _ in range(2)
    ]


def test_s10_a_sleeping_drive_is_not_woken(tree: Tree, smartctl: StandIn) -> None:
    tree.disk("sda", "S1")
    smartctl.drive("/dev/sda", "S1", 30, asleep="STANDBY")
    asked = Asked(tree, "S1")
    assert asked(7.0) == Asleep(Seconds(7.0))
    assert smartctl.woken() == []
    assert Asked(tree, "S1", nocheck="never")() == at(30)
    assert smartctl.woken() == ["/dev/sda"]


def test_s10_a_drive_that_the_kernel_suspended_is_not_opened(tree: Tree, smartctl: StandIn) -> None:
    folder = tree.disk("sda", "S1")
    (folder / "power/runtime_status").write_text("suspended\n")
    smartctl.drive("/dev/sda", "S1", 30)
    asked = Asked(tree, "S1")
    assert asked() == Asleep(Seconds(0.0))
    assert smartctl.calls() == []
    (folder / "power/runtime_status").write_text("active\n")
    assert asked() == at(30)


def test_a_drive_that_moves_is_followed(tree: Tree, smartctl: StandIn) -> None:
    one = tree.disk("sda", "S1", at="pci/a/0:0:0:0")
    tree.disk("sdb", "S2", at="pci/b/1:0:0:0")
    smartctl.drive("/dev/sda", "S1", 30)
    asked = Asked(tree, "S1")
    assert asked() == at(30)
    tree.unplug("sda", one)
    smartctl.gone("/dev/sda")
    assert reason(asked()) == "there is no drive S1 on this host (fand detect lists them)"
    tree.disk("sda", "S3", at="pci/a/0:0:0:0")
    smartctl.drive("/dev/sda", "S3", 60)
    assert "no drive S1" in reason(asked())
    tree.disk("sdc", "S1", at="pci/c/2:0:0:0")
    smartctl.drive("/dev/sdc", "S1", 31)
    assert asked() == at(31)


def test_another_drives_document_is_never_taken(tree: Tree, smartctl: StandIn) -> None:
    tree.disk("sda", "S1", wwid="naa.5000c500a1b2c3d4")
    smartctl.drive("/dev/sda", "S2", 30)
    assert reason(Asked(tree, "S1")()) == "/dev/sda is now drive S2, not S1"
    document = {"temperature": {"current": 30}, "logical_unit_id": "0x5000c500a1b2c3d5"}
    smartctl.answer("/dev/sda", json.dumps(document))
    assert "is now drive 5000c500a1b2c3d5" in reason(Asked(tree, "wwn-0x5000c500a1b2c3d4")())
    document["logical_unit_id"] = "0x5000C500A1B2C3D4"
    smartctl.answer("/dev/sda", json.dumps(document))
    assert Asked(tree, "wwn-0x5000c500a1b2c3d4")() == at(30)


def test_a_document_without_a_name_counts_for_the_drive_that_sysfs_names(tree: Tree, smartctl: StandIn) -> None:
    tree.disk("sda", "S1", wwid="naa.5000c500a1b2c3d4")
    smartctl.answer("/dev/sda", '{"temperature": {"current": 30}}')
    assert Asked(tree, "S1")() == at(30)
    assert Asked(tree, "wwn-0x5000c500a1b2c3d4")() == at(30)


def test_a_drive_that_changes_while_it_is_asked_is_not_believed(
    tree: Tree, smartctl: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tree.disk("sda", "S1")
    smartctl.drive("/dev/sda", "S1", 30)
    asked = Asked(tree, "S1")
    assert asked() == at(30)
    program = smartctl.folder / "smartctl"
    swap = f"open({str(folder / 'vpd_pg80')!r}, 'wb').write(b'\\0\\x80\\0\\x02S2')\n"
    program.write_text(program.read_text().replace("import json", f"{swap}import json", 1))
    assert reason(asked()) == "/dev/sda changed while it was asked"
    assert "no drive S1" in reason(asked())


def test_behind_usb_the_type_is_found_once(tree: Tree, smartctl: StandIn) -> None:
    tree.disk("sdc", "BRIDGE", at=USB)
    smartctl.drive("/dev/sdc", "REAL", 33, type="usbjmicron")
    asked = Asked(tree, "BRIDGE")
    assert [asked(), asked()] == [at(33), at(33)]
    assert ["-d" in call for call in smartctl.calls()] == [False, True]
    assert smartctl.calls()[1][-3:] == ["-d", "usbjmicron", "/dev/sdc"]
    smartctl.answer("/dev/sdc", (CAPTURES / "09-ssd-usb-sandisk-pssd-no-temperature.json").read_bytes())
    bare = Asked(tree, "BRIDGE")
    assert "tells smartctl no temperature" in reason(bare())
    reason(bare())
    assert smartctl.calls()[-1][-3:] == ["-d", "sat", "/dev/sdc"]
    assert bare.drive.family == "ssd"


def test_a_type_that_was_given_is_used(tree: Tree, smartctl: StandIn) -> None:
    tree.disk("sdc", "BRIDGE", at=USB)
    smartctl.drive("/dev/sdc", "BRIDGE", 33)
    assert Asked(tree, "BRIDGE", "sntasmedia")() == at(33)
    assert smartctl.calls()[0][-3:] == ["-d", "sntasmedia", "/dev/sdc"]


def test_behind_usb_a_drive_is_found_by_its_own_serial_number(tree: Tree, smartctl: StandIn) -> None:
    tree.disk("sda", "S1")
    tree.disk("sdc", "BRIDGE", at=USB)
    smartctl.scan(scan(("/dev/sda", "scsi"), ("/dev/sdc", "scsi")))
    smartctl.drive("/dev/sdc", "REAL", 33, type="sat")
    asked = Asked(tree, "REAL")
    assert [asked(), asked()] == [at(33), at(33)]
    assert [call[-1] for call in smartctl.calls()] == ["--scan", "/dev/sdc", "/dev/sdc"]


def raid(smartctl: StandIn, *serials: str) -> None:
    smartctl.scan(RAID)
    for number, serial in enumerate(serials):
        smartctl.drive("/dev/bus/0", serial, 30 + number, key=f" megaraid,{number}", type=f"sat+megaraid,{number}")
        smartctl.drive(
            "/dev/bus/0", serial, 30 + number, key=f" sat+megaraid,{number}", type=f"sat+megaraid,{number}"
        )


def test_behind_raid_drives_are_told_apart_by_type_after_one_search(tree: Tree, smartctl: StandIn) -> None:
    raid(smartctl, "R0", "R1")
    tree.disk("sda", "VOLUME", vendor="DELL")
    both = [Asked(tree, "R0"), Asked(tree, "R1")]
    assert [asked() for asked in both] == [at(30), at(31)]
    assert [asked() for asked in both] == [at(30), at(31)]
    searched = [call for call in smartctl.calls() if "--scan" in call or call[-2].startswith("megaraid")]
    assert len(searched) == 3
    assert smartctl.calls()[-1][-3:] == ["-d", "sat+megaraid,1", "/dev/bus/0"]
    before = len(smartctl.calls())
    assert "no drive R7" in reason(Asked(tree, "R7")(FIRST_PAUSE))
    assert [call[-1] for call in smartctl.calls()[before:]] == ["--scan"]  # who has told is not asked again


def test_what_a_drive_answers_to_the_search_is_its_first_reading(tree: Tree, smartctl: StandIn) -> None:
    raid(smartctl, "R0", "R1")
    drives = [Asked(tree, "R0"), Asked(tree, "R1", nocheck="never")]
    devices = len(json.loads(RAID)["devices"])
    assert [asked(1.0) for asked in drives] == [at(30, 1.0), at(31, 1.0)]
    assert len(smartctl.calls()) == 1 + devices
    late = Asked(tree, "R0")
    assert late(1.0 + 2 * FRESH) == at(30, 1.0 + 2 * FRESH)
    assert len(smartctl.calls()) == 2 + devices, "what it answered then is old"


def test_what_told_no_temperature_when_it_was_found_is_asked_as_its_owner_wants(
    tree: Tree, smartctl: StandIn
) -> None:
    smartctl.scan(RAID)
    for key in ("megaraid,0", "sat+megaraid,0"):
        smartctl.drive("/dev/bus/0", "R0", None, key=f" {key}", type="sat+megaraid,0")
    assert "no temperature" in reason(Asked(tree, "R0", nocheck="never")())
    assert smartctl.calls()[-1][2] == "never"


def test_s9_a_device_that_hangs_in_the_search_holds_up_no_other(
    tree: Tree, smartctl: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    raid(smartctl, "R0", "R1")
    hangs, release, genuine = threading.Event(), threading.Event(), Smartctl.ask

    def ask(program: Smartctl, device: str, kind: str | None, nocheck: str, now: Seconds) -> Answer:
        if kind == "megaraid,0":
            hangs.set()
            release.wait(20)
        return genuine(program, device, kind, nocheck, now)

    monkeypatch.setattr(Smartctl, "ask", ask)
    assert Asked(tree, "R1")() == at(31)
    assert hangs.wait(20)
    release.set()
    assert Asked(tree, "R0")() == at(30)


def test_behind_raid_a_drive_that_swaps_its_bay_is_followed(tree: Tree, smartctl: StandIn) -> None:
    raid(smartctl, "R0", "R1")
    asked = Asked(tree, "R0")
    assert asked() == at(30)
    assert Asked(tree, "R1")() == at(31)  # so that the search is over
    raid(smartctl, "R1", "R0")
    assert reason(asked(1.0)) == "/dev/bus/0 is now drive R1, not R0"
    assert "no drive R0" in reason(asked(2.0))  # the next search is not due yet
    assert asked(FIRST_PAUSE) == at(31, FIRST_PAUSE)


def test_behind_raid_a_drive_without_a_name_is_not_believed(tree: Tree, smartctl: StandIn) -> None:
    raid(smartctl, "R0")
    asked = Asked(tree, "R0")
    assert asked() == at(30)
    smartctl.answer("/dev/bus/0 sat+megaraid,0", '{"temperature": {"current": 30}}')
    assert "is now drive unknown" in reason(asked())


def test_behind_raid_a_sleeping_drive_sleeps(tree: Tree, smartctl: StandIn) -> None:
    raid(smartctl, "R0")
    asked = Asked(tree, "R0")
    assert asked() == at(30)
    smartctl.drive("/dev/bus/0", "R0", 30, key=" sat+megaraid,0", asleep="STANDBY BY COMMAND")
    assert asked() == Asleep(Seconds(0.0))
    assert smartctl.woken() == []


def test_behind_raid_a_drive_that_keeps_failing_is_looked_for_again(tree: Tree, smartctl: StandIn) -> None:
    raid(smartctl, "R0", "R1")
    asked = Asked(tree, "R1")
    assert asked() == at(31)
    for number in range(3):
        smartctl.answer("/dev/bus/0 sat+megaraid,1", "{}", 2)
        assert "tells smartctl no temperature" in reason(asked(number))
    raid(smartctl, "R1", "R9")
    assert asked(FIRST_PAUSE) == at(30, FIRST_PAUSE)


def test_a_search_is_repeated_ever_more_rarely(tree: Tree, smartctl: StandIn) -> None:
    tree.disk("sda", "S1")
    smartctl.scan(scan(("/dev/sda", "scsi"), ("/dev/sdz", "scsi")))
    asked = Asked(tree, "S9")
    for now in range(0, 1000, 10):
        assert "no drive S9" in reason(asked(float(now)))
    scans = [call for call in smartctl.calls() if "--scan" in call]
    assert len(scans) == 5  # at 0, 60, 180, 420, 900
    assert all(call[-1] in ("--scan", "/dev/sdz") for call in smartctl.calls())  # the known one is not asked


def test_s10_the_search_wakes_nobody(tree: Tree, smartctl: StandIn) -> None:
    tree.disk("sdc", None, at=USB)
    suspended = tree.disk("sdd", None, at=USB.replace("6:0:0:0", "6:0:0:1"))
    (suspended / "power/runtime_status").write_text("suspended\n")
    smartctl.scan(scan(("/dev/sdc", "scsi"), ("/dev/sdd", "scsi")))
    smartctl.drive("/dev/sdc", "S1", 30, asleep="STANDBY")
    smartctl.drive("/dev/sdd", "S2", 30)
    assert "no drive S1" in reason(Asked(tree, "S1")())
    assert [call[-1] for call in smartctl.calls()] == ["--scan", "/dev/sdc"]
    assert smartctl.woken() == []


def test_without_sysfs_the_scan_finds_the_drive(tree: Tree, smartctl: StandIn) -> None:
    smartctl.scan(scan(("/dev/cd0", "scsi"), ("/dev/ada0", "atacam"), ("/dev/nvme0", "nvme")))
    smartctl.drive("/dev/ada0", "S1", 30, type="atacam")
    smartctl.drive("/dev/nvme0", "NV0", 40, type="nvme", protocol="NVMe")
    asked = Asked(tree, "NV0")
    assert asked() == at(40)
    assert asked.drive.family == "nvme"
    assert Asked(tree, "S1")() == at(30)


def test_a_scan_that_fails_is_told(tree: Tree, smartctl: StandIn) -> None:
    smartctl.scan("smartctl: out of order")
    asked = Asked(tree, "S1")
    assert "printed no JSON" in reason(asked())
    assert "no drive S1" in reason(asked(1.0))  # the next search is not due yet


def test_a_place_is_read_whoever_stands_there(tree: Tree, smartctl: StandIn) -> None:
    folder = tree.disk("sda", "S1")
    tree.link("dev/disk/by-path/bay-1", "dev/sda")
    asked = Asked(tree, "/dev/disk/by-path/bay-1")
    smartctl.drive("/dev/disk/by-path/bay-1", "S1", 30)
    assert asked() == at(30)
    (folder / "vpd_pg80").write_bytes(b"\0\x80\0\x02S2")
    smartctl.drive("/dev/disk/by-path/bay-1", "S2", 31)
    assert asked() == at(31)
    smartctl.drive("/dev/bus/0", "R0", 32, key=" megaraid,0")
    assert Asked(tree, "/dev/bus/0", "megaraid,0")() == at(32)


def test_the_family_falls_back_on_sysfs_then_on_the_cautious_one(tree: Tree, smartctl: StandIn) -> None:
    tree.disk("sda", "S1", rotational="0")
    smartctl.drive("/dev/sda", "S1", 30, rotation_rate=None)
    asked = Asked(tree, "S1")
    asked()
    assert asked.drive.family == "ssd"
    smartctl.scan(scan(("/dev/ada0", "ata")))
    smartctl.drive("/dev/ada0", "S5", 0, rotation_rate=None, type="ata")
    old = Asked(tree, "S5")
    reason(old())
    assert old.drive.family is None
    smartctl.drive("/dev/ada0", "S5", 30, rotation_rate=None, type="ata")
    old()
    assert old.drive.family == "hdd"


def test_an_ambiguous_serial_number_is_told(tree: Tree, smartctl: StandIn) -> None:
    tree.disk("sda", "000", at="pci/a/0:0:0:0")
    tree.disk("sdb", "000", at="pci/b/1:0:0:0")
    assert "same serial number" in reason(Asked(tree, "000")())


def test_nothing_is_asked_after_closing(tree: Tree, smartctl: StandIn) -> None:
    tree.disk("sda", "S1")
    asked = Asked(tree, "S1")
    asked.drive.close()
    assert "closed" in reason(asked())


def test_drives_that_only_smartctl_tells_apart(tree: Tree, smartctl: StandIn) -> None:
    raid(smartctl, "R0", "R1")
    tree.disk("sda", "S1")
    told = unknown_drives(tree.root)
    assert [(place.device, place.type, answer.serial) for place, answer in told] == [
        ("/dev/bus/0", "sat+megaraid,0", "R0"),
        ("/dev/bus/0", "sat+megaraid,1", "R1"),
    ]


def test_without_smartctl_there_is_no_such_drive(tmp_path: Path, no_smartctl: None) -> None:
    with pytest.raises(DriverError, match="smartmontools"):
        SmartDrive("S1", None, root=tmp_path)
