import sys
from typing import Any

import msgspec
import pytest

from fand.drivers.sensors import command
from fand.ports import Failed, Reading, Temperature
from fand.units import Celsius, Seconds

NOW = Seconds(5.0)


def settings(*argv: str, **keys: Any) -> command.Settings:
    return msgspec.convert({"command": list(argv), **keys}, command.Settings)


def read(*argv: str, **keys: Any) -> Reading:
    return command.open_sensor(settings(*argv, **keys)).read(NOW)


def reason(reading: Reading) -> str:
    assert isinstance(reading, Failed)
    return reading.reason


def test_the_number_that_it_prints_is_the_temperature() -> None:
    assert read("echo", "41.5") == Temperature(Celsius(41.5), NOW)
    assert read("printf", "-3") == Temperature(Celsius(-3.0), NOW)


def test_no_shell_sees_the_arguments() -> None:
    assert reason(read("echo", "$((40 + 1))")) == "echo: '$((40 + 1))' is not a number"


@pytest.mark.parametrize("text", ["", "warm", "41 42", "nan", "inf"])
def test_what_is_no_number_failed(text: str) -> None:
    assert "number" in reason(read("echo", text))


def test_what_cannot_be_failed() -> None:
    assert "cannot be" in reason(read("echo", "300"))


def test_an_end_with_failure_is_told_in_the_programs_words() -> None:
    code = "import sys; print(41); print('no bus\\nmore', file=sys.stderr); sys.exit(3)"
    assert reason(read(sys.executable, "-IS", "-c", code)).endswith(" ended with status 3: no bus")
    assert reason(read("false")) == "false ended with status 1"
    assert reason(read(sys.executable, "-IS", "-c", "import os; os.kill(os.getpid(), 9)")).endswith("signal 9")


def test_a_program_that_hangs_is_killed() -> None:
    assert reason(read("sleep", "600", kill_after=0.2)) == "sleep took longer than 0.2 s"


def test_a_program_that_is_missing_is_named() -> None:
    assert reason(read("/nonexistent/x")) == "cannot run /nonexistent/x: No such file or directory"


def test_after_closing_nothing_runs() -> None:
    sensor = command.open_sensor(settings("echo", "41"))
    sensor.close()
    assert "closed" in reason(sensor.read(NOW))


@pytest.mark.parametrize(
    "keys",
    [{"command": []}, {"command": [""]}, {"command": "echo 41"}, {"command": ["a\0b"]}, {},
     {"command": ["a"], "kill_after": 0}, {"command": ["a"], "kill_after": float("nan")}],
)  # fmt: skip
def test_settings_that_fall_short_are_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(keys, command.Settings)


def test_the_title_is_the_command_line() -> None:
    assert command.title(settings("read-it", "room 1")) == "read-it 'room 1'"
