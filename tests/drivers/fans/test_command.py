import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fand.drivers.fans import command
from fand.exceptions import DriverError
from fand.ports import Fan, FanKind
from fand.units import FULL, Percent

SET = "import sys; open(sys.argv[1], 'a').write(sys.argv[2] + '\\n')"
GET = "import sys; print(open(sys.argv[1]).read().split()[-1])"


class Bench:
    """A file to which one program appends what it is told to set, and from which another reads it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "set"

    def run(self, code: str, *words: str) -> list[str]:
        return [sys.executable, "-c", code, str(self.file), *words]

    def fan(self, word: str = "{duty}", **keys: Any) -> command.CommandFan:
        settings = msgspec.convert({"command": self.run(SET, word)} | keys, command.Settings)
        return command.open_fan(settings, "front", self.folder)

    @property
    def told(self) -> list[str]:
        return self.file.read_text().split()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_it_is_a_fan_kind(bench: Bench) -> None:
    kind: FanKind = command
    assert kind.Settings is command.Settings
    opened: Fan = bench.fan()
    assert not bench.file.exists()
    with opened:
        assert opened.duty() == FULL


def test_the_duty_is_set_rounded_up_and_full_before_and_after(bench: Bench) -> None:
    with bench.fan() as opened:
        opened.drive(Percent(29.1))
        assert opened.duty() == 30.0
    assert bench.told == ["100", "30", "100"]


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("{raw}", "77"),
        ("{duty:x}", "1e"),
        ("{duty:#04x}", "0x1e"),
        ("{raw:02X}", "4D"),
        ("--pwm={duty}%,{raw}", "--pwm=30%,77"),
        ("{duty}{other}{duty.__class__}{}", "30{other}{duty.__class__}{}"),
    ],
)
def test_the_duty_is_written_as_the_program_wants_it(bench: Bench, word: str, told: str) -> None:
    with bench.fan(word) as opened:
        opened.drive(Percent(30))
    assert bench.told[1] == told


def test_what_can_be_read_back_is(bench: Bench) -> None:
    with bench.fan(get=bench.run(GET)) as opened:
        opened.drive(Percent(30))
        bench.file.write_text("55\n")
        assert opened.duty() == 55.0


def test_another_duty_than_was_set_is_an_error(bench: Bench) -> None:
    stuck = [sys.executable, "-c", "print(99)"]
    with bench.fan(get=stuck) as opened, pytest.raises(DriverError, match="30 % was set, but it reads 99 %"):
        opened.drive(Percent(30))
    with bench.fan(get=stuck, tolerance=1) as opened:
        assert opened.resolution == 1.0


@pytest.mark.parametrize("code", ["print('fast')", "print(101)", "print()", "raise SystemExit('bus error')"])
def test_a_program_that_reads_nothing_is_an_error(bench: Bench, code: str) -> None:
    opened = bench.fan(get=[sys.executable, "-c", code])
    with pytest.raises(DriverError, match=r"^Fan front \(.*python.*: ") as caught:
        opened.duty()
    assert code.split("'")[1 if "'" in code else 0] in str(caught.value)


def test_before_it_is_set_nothing_is_known(bench: Bench) -> None:
    with pytest.raises(DriverError, match="was not set yet"):
        bench.fan().duty()


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import sys; sys.exit('no such fan')", "ended with status 1: no such fan"),
        ("import os; os.kill(os.getpid(), 9)", "ended with signal 9$"),
    ],
)
def test_a_program_that_fails_is_an_error(bench: Bench, code: str, message: str) -> None:
    with pytest.raises(DriverError, match=message):
        bench.fan(command=bench.run(code, "{duty}"), kill_after=30).__enter__()


def test_a_program_that_hangs_is_an_error(bench: Bench) -> None:
    with pytest.raises(DriverError, match=r"took longer than 0.1 s"):
        bench.fan(command=bench.run("import time; time.sleep(60)", "{duty}"), kill_after=0.1).__enter__()


def test_it_is_released_to_its_own_control(bench: Bench) -> None:
    with bench.fan(release=bench.run(SET, "automatic")) as opened:
        opened.drive(Percent(30))
    assert bench.told == ["100", "30", "automatic"]


def test_what_cannot_be_released_is_left_at_full_speed(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    with bench.fan(release=bench.run("raise SystemExit(3)")) as opened:
        opened.drive(Percent(30))
    assert "could not be released: " in caplog.text
    assert "status 3" in caplog.text
    assert bench.told == ["100", "30", "100"]
    opened = bench.fan().__enter__()
    bench.file.unlink()
    bench.file.mkdir()
    with pytest.raises(DriverError, match="ended with status 1"):
        opened.__exit__(None, None, None)


def test_handed_over_it_runs_at_full_speed_or_by_its_own_control(bench: Bench) -> None:
    released = bench.folder / "released"
    release = bench.run(f"open({str(released)!r}, 'w').close()")
    with bench.fan(release=release) as opened:
        opened.drive(Percent(30))
        opened.hand_over()
        assert (bench.told[-1], released.exists()) == ("100", False)
        assert (opened.stolen(), list(opened.rivals())) == (None, [])
        bench.file.unlink()
        bench.file.mkdir()
        opened.hand_over()
        assert released.exists()
    with pytest.raises(DriverError, match="ended with status 1"):
        bench.fan().hand_over()


def test_a_missing_program_is_told_when_opened(bench: Bench) -> None:
    for key in ("command", "get", "release"):
        keys: dict[str, Any] = {key: ["no-such-program", "{duty}"]}
        with pytest.raises(DriverError, match=r"^there is no program 'no-such-program'"):
            bench.fan(**keys)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"command": []}, "command: give the program"),
        ({"command": ["", "{duty}"]}, "command: give the program"),
        ({"command": ["a", "b"]}, "where the duty goes"),
        ({"command": ["{duty}"]}, "where the duty goes"),
        ({"command": ["a", "{duty}\0"]}, "NUL"),
        ({"get": []}, "get: give the program"),
        ({"release": [""]}, "release: give the program"),
        ({"kill_after": 0}, "kill_after 0"),
        ({"kill_after": float("nan")}, "kill_after nan"),
        ({"tolerance": 51}, "tolerance 51"),
        ({"set": ["a"]}, "set"),
    ],
)
def test_bad_settings_are_refused(bench: Bench, keys: dict[str, Any], message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        bench.fan(**keys)
