"""The files, the configuration and the processes of the demo."""

import sys
import time
from pathlib import Path

import pytest

from fand import drivers
from fand.config import load
from fand.demo import stage
from fand.demo.stage import FANS, SHELF, Child, EndedError, Plant, configure


def celsius(folder: Path) -> list[float]:
    return [float((folder / f"bay{bay}").read_text()) for bay in range(1, len(SHELF.drives) + 1)]


def set_duty(folder: Path, duty: float) -> None:
    for name in FANS:
        (folder / f"{name}.duty").write_text(f"{duty}\n")


@pytest.mark.parametrize("name", ["plain", 'it\'s "quoted" \\ é 𝄞'])
def test_the_configuration_is_good_whatever_the_folder_is_called(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    configure(folder, 9999)
    config = load(folder / "fand.toml", drivers)
    assert config.server is not None
    assert config.client is not None
    (shelf,) = config.server.shelves
    assert len(shelf.devices) == len(SHELF.drives)
    assert [fan.name for fan in config.client.fans] == list(FANS)
    assert config.client.servers == (("127.0.0.1", 9999),)
    assert config.client.state == folder / "state"


def test_the_shelf_begins_idle(tmp_path: Path) -> None:
    Plant(tmp_path)
    begin = celsius(tmp_path)
    assert all(30 < warm < 36 for warm in begin)
    assert [float((tmp_path / f"{name}.rpm").read_text()) for name in FANS] == [800.0, 800.0]


def test_load_warms_the_drives_and_duty_cools_them(tmp_path: Path) -> None:
    plant = Plant(tmp_path)
    begin = celsius(tmp_path)
    set_duty(tmp_path, 40)
    plant.advance(1.0, 10.0)
    loaded = celsius(tmp_path)
    assert all(after > before + 1 for before, after in zip(begin, loaded, strict=True))
    set_duty(tmp_path, 100)
    plant.advance(1.0, 10.0)
    assert all(after < before for before, after in zip(loaded, celsius(tmp_path), strict=True))
    assert float((tmp_path / "front.rpm").read_text()) == pytest.approx(2000)


def test_a_fan_that_nobody_drives_runs_at_full_speed(tmp_path: Path) -> None:
    plant = Plant(tmp_path)
    plant.advance(0.0, 10.0)
    assert float((tmp_path / "rear.rpm").read_text()) == pytest.approx(2000)


def test_a_process_that_ended_is_told_with_its_last_words(tmp_path: Path) -> None:
    with Child("nosuch", tmp_path) as child:
        child._process.wait(20)
        with pytest.raises(EndedError, match=r"^fand nosuch has ended with status 2: .*nosuch"):
            child.check()


def test_a_process_that_said_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with Child("server", tmp_path) as child:
        child._process.wait(20)
        with pytest.raises(EndedError, match="with status 1: it said nothing"):
            child.check()


def test_a_process_that_will_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stubborn = tmp_path / "stubborn"
    stubborn.write_text("#!/bin/sh\ntrap '' TERM\necho ready\nwhile :; do sleep 1; done\n")
    stubborn.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(stubborn))
    monkeypatch.setattr(stage, "STOP", 0.1)
    with Child("server", tmp_path) as child:
        deadline = time.monotonic() + 20
        while (tmp_path / "server.log").read_text() != "ready\n":
            assert time.monotonic() < deadline
        child.check()
    assert child._process.returncode == -9
