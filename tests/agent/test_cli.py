import signal
import socket
from pathlib import Path

import pytest

from fand.agent.cli import configured
from fand.exceptions import ConfigError
from tests.fanclient.processes import until

from .processes import agent, ended

DEVICES = 'devices = [{ fake = 31.5, name = "sda" }]\n'


def write(folder: Path, text: str = DEVICES) -> Path:
    path = folder / "fand.toml"
    path.write_text(f"[agent]\n{text}")
    return path


def test_the_file_says_whom_it_tells(tmp_path: Path) -> None:
    config = configured(write(tmp_path, f'name = "nas2"\nservers = ["a", "b:1"]\n{DEVICES}'), None, None)
    assert (config.name, config.servers) == ("nas2", (("a", 9999), ("b", 1)))


@pytest.mark.parametrize(
    ("address", "port", "servers"),
    [
        ("c", None, (("c", 9999),)),
        ("c", 5, (("c", 5),)),
        (None, 5, (("a", 5), ("b", 5))),
    ],
)
def test_the_command_line_says_otherwise(
    tmp_path: Path, address: str | None, port: int | None, servers: object
) -> None:
    path = write(tmp_path, f'servers = ["a", "b:1"]\n{DEVICES}')
    assert configured(path, address, port).servers == servers


def test_without_a_name_it_has_that_of_its_host(tmp_path: Path) -> None:
    assert configured(write(tmp_path), None, None).name == socket.gethostname()


def test_a_file_without_an_agent_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "fand.toml"
    path.write_text(
        '[curves.a]\npoints = [[30, 25]]\n[shelves.s]\ncurves = { hdd = "a" }\ndevices = [{ fake = 9 }]\n'
    )
    with pytest.raises(ConfigError, match="describes no agent"):
        configured(path, None, None)


def test_check_prints_what_every_sensor_says(tmp_path: Path) -> None:
    done = ended("-c", str(write(tmp_path)), "--check")
    assert (done.returncode, done.stdout, done.stderr) == (0, "sda  hdd  31.5 °C\n", "")


def test_what_the_user_can_mend_is_one_sentence(tmp_path: Path) -> None:
    path = write(tmp_path, 'devices = [{ drive = "X", via = "smartctl", type = "" }]\nx = 1\n')
    done = ended("-c", str(path))
    assert done.returncode == 1
    assert [line.startswith("fand-agent: ") for line in done.stderr.splitlines()] == [True, True]
    assert "unknown key 'x'" in done.stderr


def test_a_log_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    done = ended("-c", str(write(tmp_path)), "-l", str(tmp_path / "none" / "log"))
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", ["SIGTERM", "SIGINT"])
def test_a_signal_ends_it(tmp_path: Path, number: str) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        agent(write(tmp_path), "-a", "127.0.0.1", "-p", str(listener.getsockname()[1])) as program,
    ):
        until(lambda: "connected to" in program.text)
        assert program.end(signal.Signals[number]) == 0
    assert "Traceback" not in program.text
