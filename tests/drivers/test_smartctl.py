import json
import os
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fand.drivers.process import Output
from fand.drivers.smartctl import Smartctl, find_program, interpret
from fand.exceptions import DriverError
from fand.ports import Asleep, Failed, Temperature
from fand.units import Celsius, Seconds
from tests.drivers.standin import CAPTURES, Capture, StandIn, captures

NOW = Seconds(5.0)


def told(document: object, status: int = 0) -> Any:
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return interpret(Output(status, data, b""), NOW)


def failure(answer: Any) -> str:
    assert isinstance(answer.reading, Failed)
    return answer.reading.reason


def test_there_are_captures() -> None:
    assert len(captures()) == 17


@pytest.mark.parametrize("capture", captures(), ids=lambda capture: str(capture.name))
def test_a_real_capture_gives_the_reading_that_its_source_states(capture: Capture, smartctl: StandIn) -> None:
    smartctl.answer("/dev/sda", capture.data, capture.status)
    reading = Smartctl().ask("/dev/sda", "sat", "standby", NOW).reading
    if capture.celsius is None:
        assert isinstance(reading, Failed)
    else:
        assert reading == Temperature(Celsius(capture.celsius), NOW)
    assert smartctl.calls() == [["-j", "-n", "standby,3", "-i", "-A", "-d", "sat", "/dev/sda"]]


@pytest.mark.parametrize(
    ("name", "family"),
    [("01", "hdd"), ("06", "ssd"), ("07", "ssd"), ("09", "ssd"), ("10", "nvme"), ("11", "nvme"), ("14", "hdd"),
     ("17", "hdd"), ("24", None)],
)  # fmt: skip
def test_the_family_is_what_the_drive_says(name: str, family: str | None) -> None:
    (path,) = CAPTURES.glob(f"{name}-*.json")
    assert told(path.read_bytes()).family == family


def test_the_identity_is_told() -> None:
    ata = told((CAPTURES / "04-hdd-sata-seagate-st3000dm001-exit192.json").read_bytes())
    assert (ata.serial, ata.wwn, ata.type) == ("Z501MAQ5", "5000c5007bd700c6", "sat")
    sas = told((CAPTURES / "14-sas-seagate-st18000nm004j.json").read_bytes())
    assert (sas.serial, sas.wwn, sas.type) == ("ZR51ZEKN0000C2061A1W", "5000c500d7c94dff", "scsi")


@pytest.mark.parametrize(
    "name", ["openfail-enodev", "openfail-eperm", "openfail-permission-denied", "notadisk-devnull"]
)
def test_a_drive_that_cannot_be_opened_failed_whatever_status_it_was_given(name: str) -> None:
    (path,) = CAPTURES.glob(f"{name}-*.json")
    for status in (0, 1, 2, 3):
        answer = told(path.read_bytes(), status)
        assert isinstance(answer.reading, Failed)
        assert answer.denied == ("perm" in name)
        assert not answer.awake


def test_a_reason_names_the_remedy() -> None:
    denied = told((CAPTURES / "openfail-permission-denied-exit2.json").read_bytes(), 2)
    assert "Permission denied; smartctl needs root, or CAP_SYS_RAWIO" in failure(denied)
    bridge = told((CAPTURES / "23-openfail-unknown-usb-bridge-exit1.json").read_bytes(), 1)
    assert "Unknown USB bridge" in failure(bridge)
    assert 'give its type, such as type = "sat"' in failure(bridge)
    bare = told((CAPTURES / "25-no-temperature-info-only-exit0.json").read_bytes())
    assert failure(bare) == "tells smartctl no temperature (exit status 0)"


def test_captures_of_the_virtual_machine() -> None:
    folder = CAPTURES.parent / "smartctl-vm"
    asleep = told((folder / "standby-sat-exit3.json").read_bytes(), 3)
    assert (asleep.reading, asleep.type, asleep.awake) == (Asleep(NOW), "sat", False)
    bare = told((folder / "scsi-no-temperature-exit0.json").read_bytes())
    assert failure(bare) == "tells smartctl no temperature (exit status 0)"
    assert bare.awake
    denied = told((folder / "nvme-denied-exit2.json").read_bytes(), 2)
    assert "CAP_SYS_ADMIN" in failure(denied)
    assert denied.denied


@pytest.mark.parametrize("mode", ["STANDBY", "SLEEP", "STANDBY BY COMMAND", "STANDBY (OS)", "STANDBY_Y", "IDLE_B"])
@pytest.mark.parametrize("status", [0, 2, 3])
def test_a_drive_that_smartctl_left_alone_sleeps(mode: str, status: int) -> None:
    message = {"string": f"Device is in {mode} mode, exit({status})", "severity": "information"}
    document = {"smartctl": {"messages": [message], "exit_status": status}, "device": {"name": "/dev/sda"}}
    assert told(document, status).reading == Asleep(NOW)
    assert not told(document, status).awake
    prefixed = {**document, "smartctl": {"messages": [{**message, "string": f"/dev/sda: {message['string']}"}]}}
    assert told(prefixed, status).reading == Asleep(NOW)
    assert told(f"smartctl 6.6\n\n{message['string']}\n".encode(), status).reading == Asleep(NOW)


@pytest.mark.parametrize(
    "mode", [{"ata_value": 0}, {"ata_value": -1}, {"ata_value": 1}, {"ata_value": 7, "name": "STANDBY"}, "SLEEP"]
)
def test_the_power_mode_of_newer_versions_tells_sleep(mode: object) -> None:
    assert told({"device": {}, "power_mode": mode}, 2).reading == Asleep(NOW)
    warm = {"device": {}, "power_mode": mode, "temperature": {"current": 30}}
    assert told(warm).reading == Temperature(Celsius(30.0), NOW)


@pytest.mark.parametrize("mode", [{"ata_value": 255, "name": "ACTIVE or IDLE"}, {"ata_value": 128}, 42, None, "IDLE"])
def test_an_active_power_mode_is_no_sleep(mode: object) -> None:
    failure(told({"device": {}, "power_mode": mode}))


def test_the_status_given_for_sleep_needs_a_device_and_no_error() -> None:
    assert told({"device": {"name": "/dev/sda"}}, 3).reading == Asleep(NOW)
    failure(told({}, 3))
    failure(told({"device": {"name": "/dev/sda"}}, 2))
    failure(told({"device": {}, "smartctl": {"messages": [{"string": "No such device", "severity": "error"}]}}, 3))


def test_an_active_device_does_not_sleep() -> None:
    message = {"string": "Device is in ACTIVE or IDLE mode", "severity": "information"}
    failure(told({"smartctl": {"messages": [message]}}))


def test_an_error_message_with_a_good_temperature_is_a_temperature() -> None:
    document = {
        "smartctl": {"messages": [{"string": "Read SMART Error Log failed", "severity": "error"}], "exit_status": 4},
        "temperature": {"current": 36},
    }
    assert told(document, 4).reading == Temperature(Celsius(36.0), NOW)


@pytest.mark.parametrize("current", [0, -1, 125, 255, 1000, None, True, "36", [36], {"c": 36}, -300, 10**400])
def test_what_is_no_temperature_failed(current: object) -> None:
    document = {"temperature": {"current": current, "drive_trip": 60, "lifetime_max": 50}, "device": {"type": "scsi"}}
    failure(told(document))


@pytest.mark.parametrize("status", [0, 1, 2, 4, 8, 64, 192, 255, -15])
def test_the_status_alone_decides_nothing(status: int) -> None:
    assert told({"temperature": {"current": 36}}, status).reading == Temperature(Celsius(36.0), NOW)
    failure(told({}, status))


@pytest.mark.parametrize(
    ("document", "celsius", "family"),
    [
        ({"device": {"type": "scsi", "protocol": "SCSI"}, "rotation_rate": 7200, "serial_number": "Volume1",
          "temperature": {"current": 0, "drive_trip": 0}}, None, "hdd"),  # a RAID volume
        ({"device": {"type": "scsi", "protocol": "SCSI"}, "rotation_rate": 15015,
          "temperature": {"current": 33, "drive_trip": 68}, "temperature_warning": {"enabled": False}}, 33, "hdd"),
        ({"device": {"type": "sntjmicron", "protocol": "NVMe"}, "temperature": {"current": 42}}, 42, "nvme"),
        ({"device": {"type": "sat+megaraid,14", "protocol": "ATA"}, "rotation_rate": 7200,
          "smartctl": {"messages": [{"string": "Warning: This result is based on an Attribute check.",
                                     "severity": "warning"}], "exit_status": 4},
          "temperature": {"current": 25}}, 25, "hdd"),
        ({"device": {"type": "sat", "protocol": "ATA"}, "smart_support": True, "rotation_rate": 0,
          "temperature": {"current": 31, "op_limit_min": 0, "op_limit_max": 70, "lifetime_max": 255}}, 31, "ssd"),
        ({"device": {"type": "sat", "protocol": "ATA"}, "temperature": {"current": 40}}, 40, None),  # an old disk
        ({"device": {"type": "sat", "protocol": "ATA"}, "rotation_rate": {"rpm": 7200},
          "smart_status": {"passed": None}, "temperature": {"current": 29}}, 29, None),
    ],
)  # fmt: skip
def test_shapes_of_other_drives(document: object, celsius: float | None, family: str | None) -> None:
    answer = told(document, 4)
    assert answer.family == family
    if celsius is None:
        failure(answer)
    else:
        assert answer.reading == Temperature(Celsius(celsius), NOW)


def test_text_around_the_json_and_bytes_that_are_no_utf8_do_no_harm() -> None:
    text = b'smartctl: warning\n{"model_name": "\xff\xfe", "temperature": {"current": 36}}\ntrailing } {'
    assert told(text).reading == Temperature(Celsius(36.0), NOW)


def test_a_brace_in_a_warning_before_the_json_is_not_its_beginning() -> None:
    text = b'/etc/smart_drivedb.h(3): missing { after "model"\n{\n  "temperature": {\n    "current": 36\n  }\n}\n'
    assert told(text).reading == Temperature(Celsius(36.0), NOW)
    assert "damaged or cut off" in failure(told(text[:-10]))


def test_control_characters_in_a_text_do_not_cost_the_temperature() -> None:
    answer = told(b'{"serial_number": "AB\t12\x00\x00", "temperature": {"current": 36}}')
    assert answer.reading == Temperature(Celsius(36.0), NOW)
    assert answer.serial == "AB\t12"


@given(st.integers(min_value=0, max_value=8978))
def test_truncated_json_never_is_a_reading(length: int) -> None:
    data = (CAPTURES / "01-hdd-sata-hgst-hus726060-exit0.json").read_bytes().rstrip()
    failure(told(data[:length]))


KEYS = ["temperature", "current", "device", "type", "smartctl", "messages", "power_mode", "wwn", "serial_number"]
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.sampled_from(KEYS), children),
)


@given(st.binary(max_size=200) | ANYTHING.map(lambda value: json.dumps(dict.fromkeys(KEYS, value)).encode()))
def test_no_output_whatever_is_an_error(data: bytes) -> None:
    assert told(data).reading.at == NOW


def test_what_is_no_json_is_told_in_its_own_words() -> None:
    answer = interpret(Output(127, b"", b"smartctl: error while loading shared libraries\nmore"), NOW)
    assert "(status 127): smartctl: error while loading shared libraries" in failure(answer)
    assert failure(interpret(Output(-9, b"", b""), NOW)).endswith("(ended by signal 9)")
    assert "damaged or cut off" in failure(interpret(Output(0, b'{"a": [', b""), NOW))
    assert "damaged or cut off" in failure(interpret(Output(0, b'{"a":' + b"[" * 100_000, b""), NOW))


def test_calls_carry_the_type_and_what_counts_as_asleep(smartctl: StandIn) -> None:
    smartctl.drive("/dev/sda", "S1", 30)
    program = Smartctl()
    program.ask("/dev/sda", None, "idle", NOW)
    program.ask("/dev/sda", "usbjmicron", "never", NOW)
    program.ask("/dev/sda", "scsi", "standby", NOW)
    assert smartctl.calls() == [
        ["-j", "-n", "idle,3", "-i", "-A", "/dev/sda"],
        ["-j", "-n", "never", "-i", "-A", "-d", "usbjmicron", "/dev/sda"],
        ["-j", "-n", "standby,3", "-i", "-H", "-A", "-d", "scsi", "/dev/sda"],  # the only way for some old drives
    ]
    program.close()
    assert "closed" in failure(program.ask("/dev/sda", "sat", "standby", NOW))


def test_scans_do_not_believe_scsi(smartctl: StandIn) -> None:
    smartctl.scan((CAPTURES / "scan/scan-megaraid.json").read_text())
    assert Smartctl().scan() == [("/dev/bus/0", "megaraid,0"), ("/dev/bus/0", "megaraid,1")]
    smartctl.scan((CAPTURES / "scan/scan-sata-reported-as-scsi.json").read_text())
    assert Smartctl().scan() == [(f"/dev/sd{letter}", None) for letter in "abcdefg"]
    smartctl.scan((CAPTURES / "scan/scan-v75-sata-nvme.json").read_text())
    assert Smartctl().scan() == [("/dev/sda", "sat"), ("/dev/nvme0", "nvme")]
    for text in ("{}", '{"devices": 3}', '{"devices": [3, {"name": 4}]}'):
        smartctl.scan(text)
        assert Smartctl().scan() == []
    smartctl.scan("usage: smartctl")
    with pytest.raises(DriverError, match="no JSON"):
        Smartctl().scan()


def test_a_missing_program_is_named_with_its_package(no_smartctl: None) -> None:
    with pytest.raises(DriverError, match="smartmontools"):
        Smartctl()


def test_it_is_found_in_the_folders_of_administrators(smartctl: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fand.drivers.smartctl.SBIN", (str(smartctl.folder),))
    monkeypatch.setenv("PATH", "/nonexistent")
    assert find_program() == os.fspath(smartctl.folder / "smartctl")
