from pathlib import Path
from typing import Any

import msgspec
import pytest

from fand.drivers.tachometers import fake
from fand.exceptions import DriverError
from fand.ports import Tachometer, TachometerKind
from fand.units import Seconds

NOW = Seconds(0.0)


def tachometer(value: Any) -> fake.FakeTachometer:
    return fake.open_tachometer(msgspec.convert({"fake": value}, fake.Settings))


def test_it_is_a_tachometer_kind() -> None:
    kind: TachometerKind = fake
    opened: Tachometer = kind.open_tachometer(msgspec.convert({"fake": 1500}, fake.Settings))
    assert opened.rpm(NOW) == 1500.0
    opened.close()
    opened.close()


def test_a_file_plays_the_speed(tmp_path: Path) -> None:
    file = tmp_path / "rpm"
    opened = tachometer(str(file))
    for text, speed in (("1200\n", 1200), ("0", 0), ("33.5", 33.5), ("unknown\n", None)):
        file.write_text(text)
        assert opened.rpm(NOW) == speed


@pytest.mark.parametrize(("text", "message"), [("error", "plays"), ("", "''"), ("-1", "RPM -1"), ("nan", "RPM nan")])
def test_a_file_without_a_speed_is_an_error(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "rpm"
    file.write_text(text)
    with pytest.raises(DriverError, match=message):
        tachometer(str(file)).rpm(NOW)


def test_no_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DriverError, match=r"cannot read .*rpm: No such file"):
        tachometer(str(tmp_path / "rpm")).rpm(NOW)


@pytest.mark.parametrize("value", ["", " ", "a\0b", -1, 10**9, float("nan"), None])
def test_bad_settings_are_refused(value: Any) -> None:
    with pytest.raises(msgspec.ValidationError):
        tachometer(value)
