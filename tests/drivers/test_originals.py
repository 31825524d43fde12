import logging
import os
from pathlib import Path
from typing import Any

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


@pytest.mark.parametrize("text", ["", "{", '{"enable": "two"}', "[]", "\xff"])
def test_a_damaged_file_is_as_none_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str) -> None:
    (tmp_path / "key.json").write_bytes(text.encode("latin-1"))
    with caplog.at_level(logging.WARNING):
        assert Original(tmp_path, "key", Mode).load() is None
    assert "key.json" in caplog.text


def test_a_folder_that_cannot_be_written_is_told_and_no_more(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    kept = Original(tmp_path / "file", "key", Mode)
    with caplog.at_level(logging.WARNING):
        kept.save(Mode(2))
        assert "state folder that it can write" in caplog.text
        caplog.clear()
        assert kept.load() is None
        kept.forget()
    assert [record.getMessage().split()[1] for record in caplog.records] == ["use", "remove"]


def test_a_full_disk_leaves_no_rest_and_what_was_kept_before(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Original(tmp_path, "key", Mode)
    kept.save(Mode(2))

    def full(handle: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    kept.save(Mode(1))
    assert "No space left on device" in caplog.text
    assert kept.load() == Mode(2)
    assert [path.name for path in tmp_path.iterdir()] == ["key.json"]
