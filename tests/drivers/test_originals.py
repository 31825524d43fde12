import logging
from pathlib import Path

import msgspec
import pytest

from fand.drivers.originals import Original


class Mode(msgspec.Struct, frozen=True):
    enable: int | None


def test_what_is_kept_outlives_the_object_until_it_is_forgotten(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "fand"
    assert Original(folder, "nct6798 pwm2", Mode).load() is None
    Original(folder, "nct6798 pwm2", Mode).save(Mode(5))
    Original(folder, "nct6798 pwm3", Mode).save(Mode(None))
    again = Original(folder, "nct6798 pwm2", Mode)
    assert again.load() == Mode(5)
    assert [path.name for path in sorted(folder.iterdir())] == ["nct6798_pwm2.json", "nct6798_pwm3.json"]
    again.forget()
    again.forget()
    assert again.load() is None
    assert Original(folder, "nct6798 pwm3", Mode).load() == Mode(None)


def test_a_name_is_a_file_name_whatever_the_hardware_is_called(tmp_path: Path) -> None:
    kept = Original(tmp_path, "../../etc/" + "x" * 500, Mode)
    kept.save(Mode(1))
    (file,) = tmp_path.iterdir()
    assert len(file.name) <= 255
    assert kept.load() == Mode(1)


def test_trouble_is_told_with_what_follows_and_what_to_do(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    kept = Original(tmp_path / "file", "key", Mode)
    with caplog.at_level(logging.WARNING):
        kept.save(Mode(2))
    assert "how the hardware was found" in caplog.text
    assert "give the fan client a state folder that it can write" in caplog.text
