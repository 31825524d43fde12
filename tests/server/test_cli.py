"""The command line, as real processes."""

import gc
import os
import re
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from fand import __version__
from fand.server.cli import collect_seldom
from fand.wire import Request
from tests.child import Child

from .processes import ended, running, write_config, write_shelf

INI = """\
[DEFAULT]
shelves = shelf1
hdd_temps = 0: 25, 38: 50
ssd_temps = 0: 25
cpu_temps = 0: 25

[shelf1]
devices = AB12; 1,1
"""


def told(*options: str, **environ: str) -> str:
    """The one sentence with which it refuses to run."""
    done = ended(*options, **environ)
    assert done.returncode == 1
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


def test_help_and_version() -> None:
    done = ended("--help")
    assert done.returncode == 0
    assert all(option in done.stdout for option in ("--config", "--address", "--port", "--check", "--convert"))
    assert ended("-V").stdout == f"fand-server {__version__}\n"


def test_the_console_script_is_the_same_program() -> None:
    script = Path(sys.executable).with_name("fand-server")
    done = subprocess.run([script, "-V"], capture_output=True, text=True, check=True)
    assert done.stdout == f"fand-server {__version__}\n"


def test_no_configuration_is_told(tmp_path: Path) -> None:
    assert "absent.toml" in told("-c", str(tmp_path / "absent.toml"))


def test_the_configuration_may_be_named_by_the_environment(tmp_path: Path) -> None:
    done = ended("--check", FAND_CONFIG=str(write_shelf(tmp_path, '{ fake = 32, name = "a" }')))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "shelf1: 35 %: hdd a at 32.0 °C on curve drives -> 35 %\n  a  hdd  32.0 °C\n"


def test_a_check_tells_a_failed_sensor_once(tmp_path: Path) -> None:
    done = ended("--check", "-c", str(write_shelf(tmp_path, '{ fake = "lost", name = "a" }')))
    assert done.stdout.endswith("\n  a  hdd  FAILED: plays a lost drive\n")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("option", [[], ["--check"]])
def test_s11_every_fault_of_the_configuration_is_told_with_its_place(tmp_path: Path, option: list[str]) -> None:
    path = write_config(
        tmp_path, '[shelves.shelf1]\ncurves = { hdd = "drive" }\ndevices = [{ fke = 32 }]\nflor = 3\n'
    )
    done = ended("-c", str(path), *option)
    assert done.returncode == 1
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) >= 3
    assert all(line.startswith(f"fand-server: {path}: shelves.shelf1") for line in lines)


def test_a_configuration_without_shelves_is_no_servers(tmp_path: Path) -> None:
    path = tmp_path / "fand.toml"
    path.write_text('[client]\nshelf = "s"\nservers = ["localhost"]\n[[client.fans]]\nname = "f"\nfake = "/tmp/f"\n')
    assert "shelves" in told("-c", str(path))


def test_a_missing_program_is_told_at_the_start(tmp_path: Path) -> None:
    path = write_shelf(tmp_path, '{ smart = "AB12" }')
    for option in ([], ["--check"]):
        line = told("-c", str(path), "-p", "0", *option, PATH="/nonexistent")
        assert line.startswith("fand-server: shelf shelf1, device AB12: ")
        assert "smartmontools" in line


def test_a_port_in_use_is_told(tmp_path: Path) -> None:
    path = str(write_shelf(tmp_path, "{ fake = 32 }"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"port {port} of 127.0.0.1 is in use" in told("-c", path, "-p", str(port))


def test_an_address_that_is_not_loopback_needs_plain(tmp_path: Path) -> None:
    path = write_shelf(tmp_path, "{ fake = 32 }")
    line = told("-c", str(path), "-a", "0.0.0.0")
    assert line.startswith("fand-server: 0.0.0.0 can be reached from outside")
    assert f"plain = true under [server] in {path}" in line
    path.write_text(path.read_text() + "[server]\nplain = true\n")
    with running(path, "-a", "0.0.0.0") as server, server.talk() as talk:
        assert server.host == "0.0.0.0"
        assert talk.ask(Request.PING) == (Request.ACK, ())


def test_a_fand_ini_has_words_of_its_own_for_plain(tmp_path: Path) -> None:
    path = tmp_path / "fand.ini"
    path.write_text(INI)
    assert f"plain = yes under [DEFAULT] in {path}" in told("-c", str(path), "-a", "0.0.0.0")


def test_an_unknown_address_is_told(tmp_path: Path) -> None:
    line = told("-c", str(write_shelf(tmp_path, "{ fake = 32 }")), "-a", "no such host")
    assert line.startswith("fand-server: cannot listen on 'no such host': no such address")


def test_the_port_is_the_configured_one_unless_told_otherwise(tmp_path: Path) -> None:
    path = write_shelf(tmp_path, "{ fake = 32 }")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        path.write_text(path.read_text() + f"[server]\nport = {port}\n")
        assert f"port {port} of" in told("-c", str(path))
        with running(path) as server:
            assert server.port != port


def test_a_user_whom_the_host_does_not_know_is_told(tmp_path: Path) -> None:
    path = write_shelf(tmp_path, "{ fake = 32 }")
    allowed = "".join(f'[[server.allow]]\nuser = "{user}"\nroles = ["read"]\n' for user in ("daemon", "anna-bob"))
    path.write_text(path.read_text() + f'[server]\nsocket = "{tmp_path}/fand.sock"\n{allowed}')
    warning = f"{path}: server.allow[2].user: this host knows no user 'anna-bob'; reload when it does"
    done = ended("--check", "-c", str(path))
    assert (done.returncode, done.stderr) == (1, f"fand-server: {warning}\n")
    assert done.stdout.startswith("shelf1: 35 %")
    with running(path) as server:
        assert server.stop().splitlines()[0].endswith(f"WARNING fand.server.cli: {warning}")


def test_a_quiet_server_logs_no_override(tmp_path: Path) -> None:
    path = write_shelf(tmp_path, "{ fake = 32 }")
    for options, lines in (([], 1), (["-q"], 0)):
        with running(path, *options, XDG_STATE_HOME=str(tmp_path)) as server:
            with server.talk() as talk:
                assert talk.ask(Request.SET_PWM_OVERRIDE, "shelf1", 60) == (Request.ACK, ())
            assert server.stop().count("INFO fand.audit: 127.0.0.1:") == lines


def test_a_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    command = 'cd "$1" && rmdir "$1" && exec "$0" -m fand server'
    done = subprocess.run(["sh", "-c", command, sys.executable, folder], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "fand-server: the operating system refuses: [Errno 2] No such file or directory\n"


def test_a_wrong_option_is_told() -> None:
    done = ended("--prot", "9")
    assert done.returncode == 2
    assert "--prot" in done.stderr


def test_a_fand_ini_is_converted_to_a_fand_toml_that_checks(tmp_path: Path) -> None:
    ini = tmp_path / "fand.ini"
    ini.write_text(INI)
    done = ended("--convert", str(ini))
    assert (done.returncode, done.stderr) == (0, "")
    assert "AB12" in done.stdout
    assert "absent.ini" in told("--convert", str(tmp_path / "absent.ini"))


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    path = write_shelf(tmp_path, "{ fake = 32 }")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "fand", "server", "-c", str(path), "--check"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "fand-server: cannot write to the standard output: No space left on device\n"


@pytest.mark.parametrize("redirection", [">&-", ">/dev/full"])
def test_serving_does_not_depend_on_the_standard_output(tmp_path: Path, redirection: str) -> None:
    path, log = write_shelf(tmp_path, "{ fake = 32 }"), tmp_path / "log"
    os.mkfifo(log)
    command = f'exec "$0" -m fand server -c "$1" -p 0 -v -l "$2" {redirection}'
    with Child(["sh", "-c", command, sys.executable, path, log], stderr=subprocess.PIPE) as process:
        with log.open() as lines:
            assert any("serving 1 shelves on 127.0.0.1:" in line for line in lines)
            process.terminate()
            lines.read()
        assert process.communicate(timeout=20)[1] == b""
        assert process.returncode == 0


def test_an_interrupted_check_is_no_traceback(tmp_path: Path) -> None:
    path = write_shelf(tmp_path, f'{{ command = ["sh", "-c", "echo > {tmp_path}/asked; sleep 20"], timeout = 20 }}')
    os.mkfifo(tmp_path / "asked")
    with Child(
        [sys.executable, "-m", "fand", "server", "-c", path, "--check"], stderr=subprocess.PIPE, text=True
    ) as process:
        (tmp_path / "asked").read_text()
        process.send_signal(2)
        assert process.communicate(timeout=20)[1] == "fand-server: interrupted\n"
        assert process.returncode == 1


def test_the_pid_file_and_the_log_file_are_written(tmp_path: Path) -> None:
    path, pid, log = write_shelf(tmp_path, "{ fake = 32 }"), tmp_path / "pid", tmp_path / "log"
    with running(path, "-P", str(pid), "-l", str(log), "-v") as server:
        assert pid.read_text() == f"{server.process.pid}\n"
        assert stat.S_ISREG(log.stat().st_mode)
        assert server.stop() == ""
    assert not pid.exists()
    assert re.search(r"INFO fand\.server\.\w+: serving 1 shelves on 127\.0\.0\.1:\d+", log.read_text())


def test_what_comes_and_goes_with_each_reading_is_not_looked_through_for_cycles() -> None:
    before, whole = gc.get_threshold(), gc.get_stats()
    collect_seldom()
    try:
        held = [[number] for number in range(10_000)]  # thousands of readings, of which none is given up
        assert sum(each["collections"] for each in gc.get_stats()) <= sum(each["collections"] for each in whole) + 1
        assert len(held) == 10_000
    finally:
        gc.set_threshold(*before)
