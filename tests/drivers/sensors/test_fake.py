import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fand.drivers.sensors import fake
from fand.ports import Asleep, Failed, Reading, Temperature
from fand.units import Celsius, Seconds


def sensor(value: Any, path: Path | None = None) -> fake.FakeSensor:
    keys = {"fake": value} | ({"path": str(path)} if path else {})
    return fake.open_sensor(msgspec.convert(keys, fake.Settings))


def at(celsius: float, seconds: float) -> Temperature:
    return Temperature(Celsius(celsius), Seconds(seconds))


def test_a_number_is_the_temperature() -> None:
    assert sensor(35).read(Seconds(1.0)) == at(35.0, 1.0)
    assert isinstance(sensor(0).read(Seconds(1.0)), Failed)  # a drive at 0 has no sensor
    assert sensor(35).family == "hdd"


def test_steps_run_from_the_first_reading() -> None:
    played = sensor([[0, 30], [60, 45.5], [120, "asleep"], [130, "lost"], [140, "nan"]])
    assert played.read(Seconds(1000.0)) == at(30.0, 1000.0)
    assert played.read(Seconds(1059.0)) == at(30.0, 1059.0)
    assert played.read(Seconds(1060.0)) == at(45.5, 1060.0)
    assert played.read(Seconds(1120.0)) == Asleep(Seconds(1120.0))
    assert played.read(Seconds(1130.0)) == Failed("plays a lost drive", Seconds(1130.0))
    assert isinstance(played.read(Seconds(9999.0)), Failed)
    assert sensor([[10, 20]]).read(Seconds(0.0)) == at(20.0, 0.0)


def test_a_file_overrules_while_it_is_there(tmp_path: Path) -> None:
    path = tmp_path / "sda"
    played = sensor(30, path)
    assert played.read(Seconds(0.0)) == at(30.0, 0.0)
    for text, expected in (("41.5\n", at(41.5, 1.0)), ("asleep", Asleep(Seconds(1.0)))):
        path.write_text(text)
        assert played.read(Seconds(1.0)) == expected
    for text in ("lost", "nan", "", "warm"):
        path.write_text(text)
        assert isinstance(played.read(Seconds(1.0)), Failed)
    path.unlink()
    path.mkdir()
    assert isinstance(played.read(Seconds(1.0)), Failed)


def test_a_hung_read_ends_when_the_file_says_something_else(tmp_path: Path) -> None:
    class Glances(threading.Event):
        """Lets the file change while the read looks for the third time."""

        count = 0

        def wait(self, timeout: float | None = None) -> bool:
            self.count += 1
            if self.count == 3:
                path.write_text("44")
            return super().wait(0)

    path = tmp_path / "sda"
    path.write_text("hang")
    played = sensor(30, path)
    played._closed = Glances()
    assert played.read(Seconds(1.0)) == at(44.0, 1.0)


def test_a_hung_read_ends_when_the_sensor_is_closed() -> None:
    played, answers = sensor("hang"), list[Reading]()
    reader = threading.Thread(target=lambda: answers.append(played.read(Seconds(1.0))))
    reader.start()
    played.close()
    reader.join()
    assert answers == [Failed("closed while it hung", Seconds(1.0))]


@pytest.mark.parametrize("value", ["warm", [], [[0, 1], [0, 2]], [[float("nan"), 1]], [[0, "x"]], float("inf"), None])
def test_settings_that_fall_short_are_refused(value: Any) -> None:
    with pytest.raises(msgspec.ValidationError):
        sensor(value)


def test_titles() -> None:
    def title(keys: dict[str, Any]) -> str:
        return fake.title(msgspec.convert(keys, fake.Settings))

    assert title({"fake": 35}) == "fake 35.0"
    assert title({"fake": [[0, 1]]}) == "fake script of 1 steps"
    assert title({"fake": 35, "path": "/run/x"}) == "/run/x"
