import os
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fand.drivers.sensors import file
from fand.ports import Failed, Temperature
from fand.units import Celsius, Seconds

NOW = Seconds(5.0)


def settings(**keys: Any) -> file.Settings:
    return msgspec.convert(keys, file.Settings)


def test_the_number_is_scaled(tmp_path: Path) -> None:
    path = tmp_path / "t"
    path.write_text("41500\n")
    sensor = file.open_sensor(settings(file=str(path), scale=0.001))
    assert sensor.read(NOW) == Temperature(Celsius(41.5), NOW)
    path.write_text("0\n")
    assert sensor.read(NOW) == Temperature(Celsius(0.0), NOW)
    sensor.close()


def test_a_root_moves_the_file(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run/t").write_text("20")
    assert file.open_sensor(settings(file="/run/t"), tmp_path).read(NOW) == Temperature(Celsius(20.0), NOW)


@pytest.mark.parametrize("text", ["", "warm", "nan", "41 42", "\xff"])
def test_what_is_no_temperature_failed_and_names_the_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "t"
    path.write_text(text, encoding="latin-1")
    reading = file.open_sensor(settings(file=str(path))).read(NOW)
    assert isinstance(reading, Failed)
    assert str(path) in reading.reason


@pytest.mark.parametrize("text", ["300", "-40"])
def test_what_cannot_be_failed(tmp_path: Path, text: str) -> None:
    path = tmp_path / "t"
    path.write_text(text)
    assert isinstance(file.open_sensor(settings(file=str(path))).read(NOW), Failed)


@pytest.mark.parametrize("max_age", [None, 60.0])
def test_an_absent_file_failed_until_it_comes(tmp_path: Path, max_age: float | None) -> None:
    sensor = file.open_sensor(settings(file=str(tmp_path / "t"), max_age=max_age))
    assert sensor.read(NOW) == Failed(f"cannot read {tmp_path / 't'}: No such file or directory", NOW)
    (tmp_path / "t").write_text("30")
    assert sensor.read(NOW) == Temperature(Celsius(30.0), NOW)


@pytest.mark.parametrize(("keys", "limit"), [({"max_age": 60}, 60), ({}, file.MAX_AGE)])
def test_a_file_too_old_at_first_sight_failed(tmp_path: Path, keys: dict[str, Any], limit: float) -> None:
    path = tmp_path / "t"
    path.write_text("30")
    os.utime(path, (time.time() - limit - 5, time.time() - limit - 5))
    reading = file.open_sensor(settings(file=str(path), **keys)).read(NOW)
    assert isinstance(reading, Failed)
    assert f"more than {limit:g} s" in reading.reason


@pytest.mark.parametrize("shift", [0.0, 3600.0, -3600.0])
def test_a_writer_that_died_is_noticed_whatever_the_wall_clock_says(tmp_path: Path, shift: float) -> None:
    path, start = tmp_path / "t", time.time()
    path.write_text("30")
    sensor = file.open_sensor(settings(file=str(path), max_age=60))
    assert isinstance(sensor.read(Seconds(0.0)), Temperature)
    path.write_text("31")
    os.utime(path, (start + shift, start + shift))  # written when the clock had jumped
    assert isinstance(sensor.read(Seconds(50.0)), Temperature)
    assert isinstance(sensor.read(Seconds(109.0)), Temperature)
    assert isinstance(sensor.read(Seconds(111.0)), Failed)
    path.write_text("32")
    assert isinstance(sensor.read(Seconds(112.0)), Temperature)


def test_a_file_of_the_kernel_has_no_age(tmp_path: Path) -> None:
    path = tmp_path / "sys/t"
    path.parent.mkdir()
    path.write_text("30")
    os.utime(path, (0, 0))
    sensor = file.open_sensor(settings(file="/sys/t"), tmp_path)
    assert sensor.read(NOW) == Temperature(Celsius(30.0), NOW)


@pytest.mark.parametrize(
    "keys",
    [{"file": ""}, {"file": "/t", "scale": 0}, {"file": "/t", "max_age": 0}, {"file": "/t", "unknown": 1}, {},
     {"file": "/t", "scale": float("nan")}],
)  # fmt: skip
def test_settings_that_fall_short_are_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        settings(**keys)


def test_the_title_is_the_path() -> None:
    assert file.title(settings(file="/run/t")) == "/run/t"
