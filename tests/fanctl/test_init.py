"""``fanctl`` as a program: exit statuses, one sentence for each failure, whatever becomes of its output."""

import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fand.fanctl import main
from fand.wire import Request, encode
from tests.fanctl.conftest import Fanctl, Scripted
from tests.server.processes import Server


def program(port: int, *words: str, stdout: int = subprocess.PIPE) -> "subprocess.CompletedProcess[str]":
    """``python -m fand.fanctl`` in a process of its own."""
    command = [sys.executable, "-m", "fand.fanctl", "-a", "127.0.0.1", "-p", str(port), *words]
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=40, check=False)


def test_what_worked_is_status_0(fanctl: Fanctl) -> None:
    assert fanctl("ping") == (0, "ok\n", "")


def test_what_the_server_refuses_is_status_1_and_one_sentence(fanctl: Fanctl) -> None:
    status, out, err = fanctl("get-pwm", "nosuch")
    assert (status, out) == (1, "")
    assert err.startswith("fanctl: ")
    assert "nosuch" in err
    assert err.count("\n") == 1


def test_what_cannot_be_used_is_status_2_and_one_sentence(fanctl: Fanctl) -> None:
    status, out, err = fanctl("get-pmw", "shelf1")
    assert (status, out) == (2, "")
    assert err.startswith("fanctl: unknown action 'get-pmw'; did you mean 'get-rpm' or 'get-pwm'?")
    assert err.count("\n") == 1


def test_an_answer_to_another_question_is_status_1(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    port = scripted(encode(Request.SET_RPM, ("shelf1", 1500)))
    monkeypatch.setenv("FAND_SERVER", f"127.0.0.1:{port}")
    assert main(["get-pwm", "shelf1"]) == 1
    assert capsys.readouterr().err.startswith("fanctl: ")


def test_interrupted_it_says_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(argv: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("fand.fanctl.command.run", interrupted)
    assert main(["ping"]) == 130
    assert capsys.readouterr() == ("", "")


def test_it_runs_as_a_program(server: Server) -> None:
    done = program(server.port, "get-pwm", "shelf1")
    assert (done.returncode, done.stdout, done.stderr) == (0, "35\n", "")


def test_a_reader_that_went_away_is_no_news(server: Server) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = program(server.port, "status", stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_an_answer_that_cannot_be_written_is_told(server: Server) -> None:
    with Path("/dev/full").open("w") as full:
        done = program(server.port, "get-pwm", "shelf1", stdout=full.fileno())
    assert (done.returncode, done.stderr) == (1, "fanctl: cannot write the answer: No space left on device\n")


def test_without_a_standard_output_it_works_too(server: Server) -> None:
    code = "import os, sys; os.close(1); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    words = ["-m", "fand.fanctl", "-a", "127.0.0.1", "-p", str(server.port), "ping"]
    done = subprocess.run(
        [sys.executable, "-c", code, *words], stderr=subprocess.PIPE, text=True, timeout=40, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_plain_question_starts_without_what_it_does_not_need(server: Server) -> None:
    words = ["-a", "127.0.0.1", "-p", str(server.port), "get-pwm", "shelf1"]
    code = f"import sys; from fand.fanctl import main; main({words}); print(*sys.modules)"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, timeout=40, check=True
    )
    answer, modules = done.stdout.splitlines()
    assert answer == "35"
    slow = {
        "argparse",
        "asyncio",
        "dataclasses",
        "json",
        "locale",
        "logging",
        "msgspec",
        "pathlib",
        "pickle",
        "rich",
        "shutil",
        "ssl",
    }
    assert slow & set(modules.split()) == set()


def test_the_collector_is_left_alone_where_the_process_goes_on(fanctl: Fanctl) -> None:
    assert fanctl("ping")[0] == 0
    assert gc.isenabled()
