import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fand.drivers.fans import hwmon
from fand.drivers.sysfs import write
from fand.exceptions import DriverError
from fand.ports import Fan, FanKind
from fand.units import FULL, Percent
from tests.drivers.tree import Tree

BOARD = "platform/nct6775.656"
Rule = Callable[[Path, int], int | None]


def settings(**keys: Any) -> hwmon.Settings:
    return msgspec.convert(keys, hwmon.Settings)


@pytest.fixture
def board(tree: Tree) -> Path:
    """A chip in its automatic mode 5, its second output at 40 %."""
    return tree.chip(2, "nct6798", BOARD, pwm2=102, pwm2_enable=5, fan2_input=900)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def fan(tree: Tree, state: Path, **keys: Any) -> hwmon.HwmonFan:
    return hwmon.open_fan(settings(**{"hwmon": "nct6798", "pwm": 2} | keys), "front", state, tree.root)


def read(folder: Path, file: str = "pwm2") -> int:
    return int((folder / file).read_text())


def behave(monkeypatch: pytest.MonkeyPatch, rule: Rule) -> list[tuple[str, int]]:
    """The chip stores what ``rule`` makes of a write, or drops it (None). Returns the list of all writes."""
    seen: list[tuple[str, int]] = []

    def chip(path: Path, value: int) -> None:
        seen.append((path.name, value))
        stored = rule(path, value)
        if stored is not None:
            write(path, stored)

    monkeypatch.setattr(hwmon, "write", chip)
    return seen


def test_it_is_a_fan_kind(tree: Tree, board: Path, state: Path) -> None:
    kind: FanKind = hwmon
    opened: Fan = fan(tree, state)
    assert kind.Settings is hwmon.Settings
    assert (read(board), read(board, "pwm2_enable")) == (102, 5)
    with opened:
        assert opened.duty() == FULL


def test_the_original_is_kept_before_manual_control_and_that_is_set_before_the_duty(
    tree: Tree, board: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = state / "hwmon-nct6798-nct6775.656-pwm2.json"

    def rule(path: Path, value: int) -> int:
        assert msgspec.json.decode(file.read_bytes()) == {"enable": 5, "pwm": 102}
        return value

    seen = behave(monkeypatch, rule)
    with fan(tree, state):
        assert seen == [("pwm2_enable", 1), ("pwm2", 255)]
        assert (read(board), read(board, "pwm2_enable")) == (255, 1)
    assert seen[2:] == [("pwm2", 102), ("pwm2_enable", 5)]
    assert (read(board), read(board, "pwm2_enable")) == (102, 5)
    assert not list(state.iterdir())


def test_a_duty_is_rounded_up_and_full_is_full(tree: Tree, board: Path, state: Path) -> None:
    with fan(tree, state) as opened:
        for duty, value in ((0, 0), (0.1, 1), (20, 51), (40, 102), (50, 128), (99.7, 255), (100, 255)):
            opened.drive(Percent(duty))
            assert read(board) == value
        for value in range(256):
            write(board / "pwm2", value)
            opened.drive(opened.duty())
            assert read(board) == value


def test_what_a_killed_run_had_found_is_restored(
    tree: Tree, board: Path, state: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fan(tree, state).__enter__().drive(Percent(30))  # and then killed
    assert (read(board), read(board, "pwm2_enable")) == (77, 1)
    with fan(tree, state):
        assert read(board) == 255
        assert "it was not given back before" in caplog.text
    assert (read(board), read(board, "pwm2_enable")) == (102, 5)
    assert not list(state.iterdir())


@pytest.mark.parametrize("mode", [0, 1])
def test_a_chip_found_without_control_of_its_own_is_left_at_full_speed(tree: Tree, state: Path, mode: int) -> None:
    board = tree.chip(2, "nct6798", BOARD, pwm2=60, pwm2_enable=mode)
    with fan(tree, state) as opened:
        opened.drive(Percent(30))
    assert read(board, "pwm2_enable") == mode
    assert mode == 0 or read(board) == 255
    assert not list(state.iterdir())


def test_a_chip_without_modes_is_left_at_full_speed(tree: Tree, state: Path) -> None:
    chip = tree.chip(1, "max6639", "i2c-0/0-002c", pwm1=100)
    with hwmon.open_fan(settings(hwmon="max6639", pwm=1), "front", state, tree.root) as opened:
        opened.drive(Percent(40))
        assert read(chip, "pwm1") == 102
    assert read(chip, "pwm1") == 255
    assert not (chip / "pwm1_enable").exists()
    assert not list(state.iterdir())


def test_pwm_fan_is_never_given_mode_0_which_stops_it(
    tree: Tree, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chip = tree.chip(1, "pwmfan", "platform/cooling_fan", pwm1=75, pwm1_enable=1)
    seen = behave(monkeypatch, lambda path, value: None if path.name == "pwm1" and value == 255 else value)
    opened = hwmon.open_fan(settings(hwmon="pwmfan", pwm=1), "front", state, tree.root)
    with pytest.raises(DriverError):
        opened.__enter__()
    for last in (opened.hand_over, lambda: opened.__exit__(None, None, None)):
        with pytest.raises(DriverError, match="could not be"):
            last()
    assert ("pwm1_enable", 0) not in seen
    write(chip / "pwm1_enable", 0)
    assert opened.duty() == 75 * 100 / 255


def test_pwm_fan_is_left_at_full_speed(tree: Tree, state: Path) -> None:
    chip = tree.chip(1, "pwmfan", "platform/cooling_fan", pwm1=75, pwm1_enable=2)
    with hwmon.open_fan(settings(hwmon="pwmfan", pwm=1), "front", state, tree.root) as opened:
        opened.drive(Percent(20))
    assert (read(chip, "pwm1"), read(chip, "pwm1_enable")) == (255, 1)


def test_a_write_dropped_in_silence_is_an_error(
    tree: Tree, board: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fan(tree, state) as opened:
        behave(monkeypatch, lambda path, value: None if path.name == "pwm2" else value)
        with pytest.raises(DriverError, match=r"pwm2: 102 was written, but it reads 255; .* tolerance = 60"):
            opened.drive(Percent(40))


def test_a_mode_that_does_not_stay_is_an_error_and_full_speed(
    tree: Tree, board: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    behave(monkeypatch, lambda path, value: 5 if path.name == "pwm2_enable" and value == 1 else value)
    with pytest.raises(DriverError, match=r"mode 1 was written, but it reads 5; .* firmware"):
        fan(tree, state).__enter__()
    assert read(board, "pwm2_enable") == 0
    assert len(list(state.iterdir())) == 1  # the original is not restored yet


def test_a_chip_that_cannot_be_taken_is_told_by_the_error_alone(
    tree: Tree, board: Path, state: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is tried again every few seconds: who does that logs what is new."""

    def refuse(path: Path, _value: int) -> None:
        raise DriverError(f"cannot write {path}: Input/output error")

    monkeypatch.setattr(hwmon, "write", refuse)
    for _ in range(2):
        with pytest.raises(DriverError, match=r"pwm2_enable: Input/output error; it could not be set to full speed"):
            fan(tree, state).__enter__()
    assert not caplog.records


def test_if_the_original_mode_is_refused_it_is_full_speed_by_whatever_works(
    tree: Tree, board: Path, state: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for mode, refused in ((0, {5}), (1, {5, 0})):
        with fan(tree, state) as opened:
            opened.drive(Percent(30))
            behave(monkeypatch, lambda path, value, no=refused: None if value in no else value)  # type: ignore[misc]
        assert read(board, "pwm2_enable") == mode
        assert opened.duty() == FULL
        assert "giving it back" in caplog.text
        assert len(list(state.iterdir())) == 1
        monkeypatch.undo()
    with fan(tree, state):
        pass
    assert read(board, "pwm2_enable") == 5  # it was not forgotten


def test_leaving_a_chip_that_is_gone_is_an_error(tree: Tree, board: Path, state: Path) -> None:
    opened = fan(tree, state)
    opened.__exit__(None, None, None)  # never taken
    assert read(board, "pwm2_enable") == 5
    with pytest.raises(DriverError, match="could not be given back, nor set to full speed: "), opened:
        shutil.rmtree(board)


def test_c1_the_mode_that_something_else_set_is_told_and_taken_back(tree: Tree, board: Path, state: Path) -> None:
    with fan(tree, state) as opened:
        assert opened.stolen() is None
        write(board / "pwm2_enable", 4)
        assert opened.stolen() == "set mode 4"
        opened.drive(Percent(50))
        assert (read(board), read(board, "pwm2_enable"), opened.stolen()) == (128, 1, None)


@pytest.mark.parametrize(
    ("dropped", "left"),
    [(set(), (77, 0)), ({0}, (255, 1)), ({0, 1}, (255, 5))],
)
def test_handed_over_it_is_at_full_speed_by_whatever_works(
    tree: Tree,
    board: Path,
    state: Path,
    monkeypatch: pytest.MonkeyPatch,
    dropped: set[int],
    left: tuple[int, int],
) -> None:
    with fan(tree, state) as opened:
        opened.drive(Percent(30))
        write(board / "pwm2_enable", 5)
        behave(monkeypatch, lambda path, value: None if path.name != "pwm2" and value in dropped else value)
        opened.hand_over()
        assert (read(board), read(board, "pwm2_enable")) == left
        monkeypatch.undo()
        opened.drive(Percent(30))
        assert (read(board), read(board, "pwm2_enable")) == (77, 1)


def test_when_nothing_works_that_is_told(
    tree: Tree, board: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fan(tree, state) as opened:
        opened.drive(Percent(30))
        behave(monkeypatch, lambda path, value: None)
        with pytest.raises(DriverError, match=r"could not be set to full speed: .*mode 0 .*, but it reads 1"):
            opened.hand_over()
        monkeypatch.undo()


def test_a_chip_that_rounds_down_is_given_more(
    tree: Tree, board: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As max6639, which has 120 steps."""
    seen = behave(monkeypatch, lambda path, value: value * 120 // 255 * 255 // 120 if path.name == "pwm2" else value)
    with fan(tree, state) as opened:
        for duty in range(101):
            opened.drive(Percent(duty))
            assert duty <= opened.duty() <= duty + opened.resolution
        seen.clear()
        opened.drive(Percent(53))
        assert len(seen) == 2  # it has learnt what to write


def test_few_steps_need_a_tolerance(tree: Tree, board: Path, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    behave(monkeypatch, lambda path, value: (value >> 5) * 255 // 7 if path.name == "pwm2" else value)
    with fan(tree, state) as opened, pytest.raises(DriverError, match="set tolerance = 7"):
        opened.drive(Percent(50))
    with fan(tree, state, tolerance=7) as opened:
        opened.drive(Percent(50))
        assert opened.resolution >= 7
        assert opened.duty() > 56


def test_a_refusal_is_told(tree: Tree, board: Path, state: Path) -> None:
    with fan(tree, state) as opened:
        (board / "pwm2").unlink()
        (board / "pwm2").mkdir()
        with pytest.raises(DriverError, match=r"cannot write 77 to .*pwm2: Is a directory$"):
            opened.drive(Percent(30))


def test_a_chip_that_comes_back_elsewhere_is_followed(tree: Tree, board: Path, state: Path) -> None:
    with fan(tree, state) as opened:
        opened.drive(Percent(30))
        shutil.rmtree(board)
        (tree.root / "sys/class/hwmon/hwmon2").unlink()
        with pytest.raises(DriverError, match="no hwmon chip 'nct6798'"):
            opened.drive(Percent(30))
        board = tree.chip(7, "nct6798", BOARD, pwm2=102, pwm2_enable=5)
        opened.drive(Percent(30))
        assert (read(board), read(board, "pwm2_enable")) == (77, 1)
        assert opened.duty() == 77 * 100 / 255


def test_what_is_not_there_is_told_when_opened(tree: Tree, board: Path, state: Path) -> None:
    with pytest.raises(DriverError, match=r"no hwmon chip 'it87' \(there are: nct6798\)"):
        fan(tree, state, hwmon="it87")
    with pytest.raises(DriverError, match=r"nct6798 has no output pwm1 \(it has: 2\)"):
        fan(tree, state, pwm=1)
    tree.chip(3, "bare", "platform/bare.1")
    with pytest.raises(DriverError, match="it has: none"):
        fan(tree, state, hwmon="bare")


def zone(tree: Tree, **files: str) -> None:
    tree.put("sys/devices/virtual/thermal/cooling_device0/type", files.pop("cooler", "pwm-fan") + "\n")
    for file, text in ({"type": "cpu-thermal", "mode": "enabled", "policy": "step_wise"} | files).items():
        tree.put(f"sys/class/thermal/thermal_zone0/{file}", text + "\n")
    tree.put("sys/class/thermal/thermal_zone0/cdev0_weight", "0\n")
    tree.link("sys/class/thermal/thermal_zone0/cdev0", "sys/devices/virtual/thermal/cooling_device0")


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({}, True),
        ({"cooler": "pwmfan_1"}, True),
        ({"cooler": "Processor"}, False),
        ({"mode": "disabled"}, False),
        ({"policy": "user_space"}, False),
    ],
)
def test_c1_a_thermal_zone_with_the_same_fan_is_named(
    tree: Tree, state: Path, files: dict[str, str], told: bool
) -> None:
    tree.chip(1, "pwmfan", "platform/cooling_fan", pwm1=75, pwm1_enable=1)
    zone(tree, **files)
    opened = hwmon.open_fan(settings(hwmon="pwmfan", pwm=1), "front", state, tree.root)
    assert opened.rivals() == (["thermal zone cpu-thermal"] if told else [])


def test_outputs_are_detected(tree: Tree, board: Path) -> None:
    tree.chip(3, "twin", "i2c-0/0-0001", pwm1=255, pwm1_enable=0)
    tree.chip(4, "twin", "i2c-0/0-0002", pwm1="?", pwm1_enable=1)
    tree.chip(5, "max6639", "i2c-0/0-002c", pwm1=128)
    found = hwmon.detect(tree.root)
    assert [tomllib.loads(f"fan = {each.line}")["fan"] for each in found] == [
        {"hwmon": "nct6798", "pwm": 2},
        {"hwmon": "/sys/devices/i2c-0/0-0001", "pwm": 1},
        {"hwmon": "/sys/devices/i2c-0/0-0002", "pwm": 1},
        {"hwmon": "max6639", "pwm": 1},
    ]
    assert [each.comment.partition(": ")[2] for each in found] == [
        "40 %, automatic (mode 5)", "100 %, at full speed", "unknown, manual", "50 %",
    ]  # fmt: skip
    for each in found:
        values = tomllib.loads(f"fan = {each.line}")["fan"]
        hwmon.open_fan(msgspec.convert(values, hwmon.Settings), "x", tree.root, tree.root)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"hwmon": "", "pwm": 1}, "name of a chip"),
        ({"hwmon": "/sys/\0", "pwm": 1}, "name of a chip"),
        ({"hwmon": "nct6798"}, "pwm"),
        ({"hwmon": "nct6798", "pwm": -1}, "pwm -1"),
        ({"hwmon": "nct6798", "pwm": 1, "tolerance": 51}, "tolerance 51"),
        ({"hwmon": "nct6798", "pwm": 1, "tolerance": float("nan")}, "tolerance nan"),
        ({"hwmon": "nct6798", "pwm": 1, "label": "x"}, "label"),
    ],
)
def test_bad_settings_are_refused(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        settings(**keys)
