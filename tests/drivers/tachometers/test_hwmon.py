import errno
import shutil
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fand.drivers.tachometers import hwmon
from fand.exceptions import DriverError
from fand.ports import Tachometer, TachometerKind
from fand.units import Seconds
from tests.drivers.tree import Tree

NOW = Seconds(0.0)


def settings(**keys: Any) -> hwmon.Settings:
    return msgspec.convert({"hwmon": "nct6798", "fan": 2} | keys, hwmon.Settings)


def test_it_is_a_tachometer_kind(tree: Tree) -> None:
    tree.chip(2, "nct6798", "platform/nct6775.656", fan2_input=900)
    kind: TachometerKind = hwmon
    assert kind.Settings is hwmon.Settings
    opened: Tachometer = hwmon.open_tachometer(settings(), tree.root)
    assert opened.rpm(NOW) == 900.0
    opened.close()


@pytest.mark.parametrize(
    ("files", "speed"),
    [
        ({"fan2_input": 0}, 0),
        ({"fan2_input": 900, "fan2_fault": 0, "fan2_enable": 1}, 900),
        ({"fan2_input": 900, "fan2_fault": 1}, None),
        ({"fan2_input": 0, "fan2_enable": 0}, None),
        ({"fan2_input": -1}, None),
        ({"fan2_input": 675_000}, None),
    ],
)
def test_what_is_not_known_is_none(tree: Tree, files: dict[str, int], speed: float | None) -> None:
    tree.chip(2, "nct6798", "platform/nct6775.656", **files)
    assert hwmon.open_tachometer(settings(), tree.root).rpm(NOW) == speed


@pytest.mark.parametrize(("number", "known"), [(errno.ENODATA, False), (errno.EAGAIN, False), (errno.EIO, True)])
def test_no_value_at_the_moment_is_none_and_trouble_an_error(
    tree: Tree, monkeypatch: pytest.MonkeyPatch, number: int, known: bool
) -> None:
    tree.chip(2, "nct6798", "platform/nct6775.656", fan2_input=900)
    opened = hwmon.open_tachometer(settings(), tree.root)

    def refuse(path: Path) -> int:
        failure = DriverError(f"cannot read {path}: refused")
        failure.errno = number
        raise failure

    monkeypatch.setattr(hwmon, "read_int", refuse)
    if known:
        with pytest.raises(DriverError, match="refused"):
            opened.rpm(NOW)
    else:
        assert opened.rpm(NOW) is None


def test_a_chip_that_comes_back_elsewhere_is_followed(tree: Tree) -> None:
    chip = tree.chip(2, "nct6798", "platform/nct6775.656", fan2_input=900)
    opened = hwmon.open_tachometer(settings(), tree.root)
    shutil.rmtree(chip)
    with pytest.raises(DriverError, match="no hwmon chip"):
        opened.rpm(NOW)
    (tree.root / "sys/class/hwmon/hwmon2").unlink()
    tree.chip(4, "nct6798", "platform/nct6775.656", fan2_input=950)
    assert opened.rpm(NOW) == 950.0


def test_what_is_not_there_is_told_when_opened(tree: Tree) -> None:
    tree.chip(2, "nct6798", "platform/nct6775.656", fan1_input=900, fan3_input=800)
    with pytest.raises(DriverError, match="no hwmon chip 'it87'"):
        hwmon.open_tachometer(settings(hwmon="it87"), tree.root)
    with pytest.raises(DriverError, match=r"nct6798 has no fan2_input \(it has: 1, 3\)"):
        hwmon.open_tachometer(settings(), tree.root)
    tree.chip(3, "bare", "platform/bare.1")
    with pytest.raises(DriverError, match="it has: none"):
        hwmon.open_tachometer(settings(hwmon="bare"), tree.root)


def test_inputs_are_detected(tree: Tree) -> None:
    tree.chip(2, "nct6798", "platform/nct6775.656", fan1_input=900, fan2_input=-1, temp1_input=30000)
    tree.chip(3, "twin", "i2c-0/0-0001", fan1_input="?")
    tree.chip(4, "twin", "i2c-0/0-0002", fan1_input=0)
    found = hwmon.detect(tree.root)
    assert [tomllib.loads(f"fan = {each.line}")["fan"] for each in found] == [
        {"hwmon": "nct6798", "fan": 1},
        {"hwmon": "nct6798", "fan": 2},
        {"hwmon": "/sys/devices/i2c-0/0-0001", "fan": 1},
        {"hwmon": "/sys/devices/i2c-0/0-0002", "fan": 1},
    ]
    told = [each.comment.partition(": ")[2] for each in found]
    assert told[:2] == ["900 RPM", "unknown"]
    assert "not a whole number" in told[2]
    assert told[3] == "0 RPM"


@pytest.mark.parametrize("keys", [{"hwmon": ""}, {"hwmon": "/sys/\0"}, {"fan": -1}, {"fan": "2"}, {"pwm": 2}])
def test_bad_settings_are_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        settings(**keys)
