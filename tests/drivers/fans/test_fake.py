from pathlib import Path
from typing import Any

import msgspec
import pytest

from fand.drivers.fans import fake
from fand.exceptions import DriverError, ShelfPwmBadValue
from fand.ports import Fan, FanKind
from fand.units import FULL, Percent, percent


def settings(**keys: Any) -> fake.Settings:
    return msgspec.convert(keys, fake.Settings)


def test_it_is_a_fan_kind(tmp_path: Path) -> None:
    kind: FanKind = fake
    fan: Fan = kind.open_fan(settings(fake=str(tmp_path / "duty")), "front", tmp_path)
    assert not (tmp_path / "duty").exists()
    with fan:
        assert fan.duty() == FULL


def test_the_file_holds_the_duty_and_full_speed_before_and_after(tmp_path: Path) -> None:
    file = tmp_path / "duty"
    with fake.open_fan(settings(fake=str(file)), "front", tmp_path) as fan:
        assert file.read_text() == "100\n"
        fan.drive(Percent(37.5))
        assert file.read_text() == "37.5\n"
        assert fan.duty() == 37.5
        assert fan.resolution == 0.0
    assert file.read_text() == "100\n"
    assert [path.name for path in tmp_path.iterdir()] == ["duty"]


def test_an_exception_inside_passes_and_leaves_full_speed(tmp_path: Path) -> None:
    file = tmp_path / "duty"
    with pytest.raises(ShelfPwmBadValue), fake.open_fan(settings(fake=str(file)), "front", tmp_path) as fan:
        fan.drive(percent(file.write_text("30") + 200))
    assert file.read_text() == "100\n"


def test_what_somebody_else_writes_is_read_back(tmp_path: Path) -> None:
    file = tmp_path / "duty"
    with fake.open_fan(settings(fake=str(file)), "front", tmp_path) as fan:
        file.write_text("12\n")
        assert fan.duty() == 12.0


def test_it_turns_in_proportion(tmp_path: Path) -> None:
    with fake.open_fan(
        settings(fake=str(tmp_path / "duty"), rpm=str(tmp_path / "rpm"), max_rpm=3000), "front", tmp_path
    ) as fan:
        fan.drive(Percent(25))
        assert (tmp_path / "rpm").read_text() == "750\n"
    assert (tmp_path / "rpm").read_text() == "3000\n"


@pytest.mark.parametrize("text", ["", "fast", "101", "-1", "nan"])
def test_a_file_without_a_duty_is_an_error(tmp_path: Path, text: str) -> None:
    file = tmp_path / "duty"
    file.write_text(text)
    with pytest.raises(DriverError, match="duty"):
        fake.open_fan(settings(fake=str(file)), "front", tmp_path).duty()


def test_a_file_out_of_reach_is_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "there"
    fan = fake.open_fan(settings(fake=str(folder / "duty")), "front", tmp_path)
    with pytest.raises(DriverError, match=r"cannot write .*duty: No such file"):
        fan.__enter__()
    with pytest.raises(DriverError, match=r"cannot read .*duty: No such file"):
        fan.duty()
    with pytest.raises(DriverError, match=r"cannot write .*duty: No such file"):
        fan.__exit__(None, None, None)


def test_handed_over_it_is_at_full_speed_and_nobody_else_is_known(tmp_path: Path) -> None:
    with fake.open_fan(settings(fake=str(tmp_path / "duty")), "front", tmp_path) as fan:
        fan.drive(Percent(30))
        fan.hand_over()
        assert fan.duty() == FULL
        assert (fan.stolen(), fan.rivals()) == (None, ())


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({}, "fake"),
        ({"fake": ""}, "path"),
        ({"fake": "a\0b"}, "path"),
        ({"fake": "a", "rpm": ""}, "path"),
        ({"fake": "a", "rpm": "\0"}, "path"),
        ({"fake": "a", "rpm": "a"}, "own"),
        ({"fake": "a", "max_rpm": 0}, "max_rpm 0"),
        ({"fake": "a", "max_rpm": float("nan")}, "max_rpm nan"),
        ({"fake": "a", "speed": 1}, "speed"),
        ({"fake": 1}, "str"),
    ],
)
def test_bad_settings_are_refused(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        settings(**keys)
