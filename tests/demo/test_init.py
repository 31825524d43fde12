"""The demo as a whole: real server, real client, in processes of their own."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fand.demo import PATIENCE, Watch, main
from fand.exceptions import ConnectionFailedError
from tests.child import Child
from tests.terminal import terminal


@contextmanager
def demo(folder: Path, *options: str) -> Iterator["subprocess.Popen[str]"]:
    """A demo that plays in ``folder``."""
    with Child(
        [sys.executable, "-m", "fand", "demo", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(folder)},
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait(50)


def second_line(process: "subprocess.Popen[str]") -> str:
    """The first line that tells of the shelf: everything runs by then."""
    assert process.stdout is not None
    assert process.stdout.readline().startswith("fand demo: 1 second here is 60 in the shelf; ")
    return process.stdout.readline()


def test_it_ends_by_itself_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with demo(tmp_path, "--seconds", "2") as process:
        out, err = process.communicate(timeout=50)
    assert (process.returncode, err) == (0, "")
    first, *told, last = out.splitlines()
    assert first.startswith("fand demo: ")
    assert told
    assert all("idle" in line and "duty" in line for line in told)
    assert last.startswith("fand demo: in 0:0")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_in_order(tmp_path: Path, number: int) -> None:
    with demo(tmp_path) as process:
        assert "idle" in second_line(process)
        process.send_signal(number)
        out, err = process.communicate(timeout=50)
    assert (process.returncode, err) == (0, "")
    assert out.splitlines()[-1].startswith("fand demo: in 0:")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="its processes are found in /proc")
def test_the_death_of_a_child_ends_it(tmp_path: Path) -> None:
    with demo(tmp_path) as process:
        second_line(process)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert len(children) == 2
        os.kill(int(children[0]), signal.SIGKILL)
        _, err = process.communicate(timeout=50)
    assert process.returncode == 1
    assert err.startswith("fand demo: fand server has ended with status -9: ")
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_went_away_ends_it_silently(tmp_path: Path) -> None:
    with demo(tmp_path) as process:
        second_line(process)
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
        assert process.wait(50) == 1
    assert list(tmp_path.iterdir()) == []


def test_on_a_terminal_it_takes_the_screen_and_gives_it_back(tmp_path: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "LINES")}
    environ |= {"TMPDIR": str(tmp_path), "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"}
    with terminal(80) as (descriptor, received):
        command = [sys.executable, "-m", "fand", "demo", "--seconds", "1"]
        done = subprocess.run(command, stdout=descriptor, stderr=descriptor, env=environ, timeout=50, check=False)
        os.close(descriptor)
        text = received.result(20)
    assert done.returncode == 0
    assert (
        text.index("\x1b[?1049h") < text.index("bay 1") < text.index("\x1b[?1049l") < text.index("fand demo: in 0:")
    )


@pytest.mark.parametrize("text", ["0", "-1", "soon", "nan", "inf", ""])
def test_a_length_that_is_none(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([f"--seconds={text}"])
    assert caught.value.code == 2
    assert f"'{text}' is not a number of seconds above 0" in capsys.readouterr().err


def test_a_server_that_does_not_answer_is_borne_for_a_while() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with Watch(port) as watch:
        assert watch.status(100.0) is None
        assert watch.status(100.0 + PATIENCE) is None
        with pytest.raises(ConnectionFailedError):
            watch.status(100.1 + PATIENCE)
