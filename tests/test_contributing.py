"""CONTRIBUTING.md says which files a new thing touches; in a copy of fand, these are enough."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.server.processes import running

PACKAGE = Path(__file__).parents[1] / "src" / "fand"

SENSOR = """
import msgspec
from fand.ports import Temperature

INTERVAL = TIMEOUT = 5.0

class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    oven: float

class Oven:
    family = "hdd"
    def __init__(self, celsius): self.celsius = celsius
    def read(self, now): return Temperature(self.celsius, now)
    def close(self): pass

def title(settings): return "the oven"
def open_sensor(settings): return Oven(settings.oven)
"""

CURVE = """
class Flat(Step):
    def duty(self, celsius): return self.points[-1][1]

CURVES["flat"] = Flat
"""

CONFIG = """
[curves.drives]
kind = "flat"
points = [[0, 25], [60, 42]]

[shelves.shelf1]
curves = { hdd = "drives" }
devices = [{ oven = 35 }]
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package, where it may be added to; programs started from now on are its."""
    shutil.copytree(PACKAGE, tmp_path / "fand", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    for name in ("COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START"):
        monkeypatch.delenv(name, raising=False)  # the copy is not what is to be covered
    return tmp_path / "fand"


def _add(path: Path, after: str, text: str) -> None:
    """Put ``text`` behind the first ``after`` in a file."""
    source = path.read_text()
    assert after in source
    path.write_text(source.replace(after, after + text, 1))


def _fand(*words: str) -> str:
    """What ``fand WORDS`` prints."""
    done = subprocess.run([sys.executable, "-m", "fand", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_sensor_kind_is_one_file_and_a_curve_kind_a_class_and_its_entry(package: Path, tmp_path: Path) -> None:
    (package / "drivers/sensors/oven.py").write_text(SENSOR)
    curve = package / "control/curve.py"
    curve.write_text(curve.read_text() + CURVE)
    config = tmp_path / "fand.toml"
    config.write_text(CONFIG)
    told = _fand("server", "-c", str(config), "--check")
    assert told.startswith("shelf1: 42 %: hdd the oven at 35.0 °C on curve drives -> 42 %\n")


def test_a_request_is_its_name_and_a_function_and_a_command_an_entry(package: Path, tmp_path: Path) -> None:
    _add(package / "wire/request.py", 'PING = "ping"\n', '    GET_ECHO = "get_echo"\n    SET_ECHO = "set_echo"\n')
    requests = package / "dispatch/requests.py"
    requests.write_text(
        requests.read_text() + "\n_TABLE[Request.GET_ECHO] = _Entry("
        "lambda hall, args, peer, now: Answer(Request.SET_ECHO, args), Role.READ, _Of.ANY, ('it',), 1)\n"
    )
    actions = package / "fanctl/actions.py"
    actions.write_text(
        actions.read_text()
        + "\nACTIONS['twice'] = Action(('SHELF',), 'twice', lambda shelf: lambda client: 2 * client.pwm(shelf))\n"
    )
    config = tmp_path / "fand.toml"
    config.write_text(
        '[curves.a]\npoints = [[30, 25]]\n[shelves.s]\ncurves = { hdd = "a" }\ndevices = [{ fake = 9 }]\n'
    )
    with running(config) as server:
        assert _fand("fanctl", "-p", str(server.port), "raw", "get_echo", "hi") == "Request.SET_ECHO('hi',)\n"
        assert _fand("fanctl", "-p", str(server.port), "twice", "s") in ("50\n", "200\n")
