"""What outlives a real server: killed at any instant, on disks that are full, read-only or damaged. And a command for
alarms that misbehaves beside it.
"""

import json
import os
import random
import resource
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fand.config import ServerConfig
from fand.server import cli
from fand.server.state import file_name
from fand.wire import Request
from tests.child import Child
from tests.fanclient.processes import until

from .processes import CURVE, Server, Talk, running
from .test_daemon import SHELF, duty_becomes, play

ACK = (Request.ACK, ())
ROUNDS = 12


def configured(folder: Path, device: str = '{ fake = 32, name = "a" }', more: str = "") -> Path:
    """A configuration with one shelf, its state in a folder of its own."""
    path = folder / "fand.toml"
    state = "" if "state =" in more else f'state = "{folder / "state"}"\n'
    path.write_text(f"[server]\n{state}{more}{CURVE}{SHELF.format('shelf1', device)}")
    return path


def override(talk: Talk) -> Any:
    """The override that the server has."""
    answer = talk.ask(Request.GET_STATUS, "shelf1")
    return answer[1][1]["override"]


def kept(folder: Path) -> Any:
    """What the state file has for the shelf."""
    path = folder / "state" / file_name(folder / "fand.toml")
    return json.loads(path.read_text())["shelves"].get("shelf1", {}) if path.exists() else {}


def alarms(folder: Path) -> list[tuple[str, str]]:
    return [(alarm["sort"], alarm["subject"]) for alarm in kept(folder).get("alarms", [])]


def set_until_killed(server: Server, first: int, delay: float) -> tuple[int, int]:
    """Set one override after the other, from number ``first``, and kill the server ``delay`` seconds after the first
    was acknowledged; returns the last number that was acknowledged, and the last that was sent.
    """
    acknowledged, sent = first - 1, first
    killer = threading.Timer(delay, server.process.kill)
    with server.talk() as talk:
        try:
            while True:
                talk.send(Request.SET_PWM_OVERRIDE, "shelf1", sent % 1000 / 10)
                assert talk.reply() == ACK
                acknowledged = sent
                if acknowledged == first:
                    killer.start()
                sent += 1
        except (EOFError, OSError):
            killer.join()
            server.process.wait(20)
            return acknowledged, sent


def test_s8_what_was_acknowledged_survives_a_kill_at_any_instant(tmp_path: Path) -> None:
    chance = random.Random(8)
    config = configured(tmp_path)
    acknowledged = sent = 0
    total, end = 0, time.monotonic() + 40
    for number in range(ROUNDS):
        with running(config) as server:
            if number:
                with server.talk() as talk:
                    found = override(talk)["percent"]
                assert found in {turn % 1000 / 10 for turn in range(acknowledged, sent + 1)}
            acknowledged, sent = set_until_killed(server, sent + 1, chance.uniform(0, 0.06))
            total += 1
            errors = server.process.communicate()[1]
        assert "Cannot" not in errors
        assert "Traceback" not in errors
        if time.monotonic() > end:  # on a host that is busy with other things
            break
    assert total > 3
    with running(config) as server:
        server.stop()
    left = {path.suffix for path in (tmp_path / "state").iterdir()}
    assert left == {".json", ".lock"}, "nothing was damaged, and what kills left half done has been removed"


def test_s8_an_override_its_end_and_its_removal_survive_a_kill(tmp_path: Path) -> None:
    config = configured(tmp_path)
    when = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=3)
    with running(config) as server, server.talk() as talk:
        assert talk.ask(Request.SET_PWM_OVERRIDE, "shelf1", 60) == ACK
        assert talk.ask(Request.SET_PWM_EXPIRE, "shelf1", when) == ACK
        server.process.kill()
    with running(config, TZ="Asia/Tokyo") as server, server.talk() as talk:
        assert override(talk) == {"percent": 60, "until": when.timestamp()}
        assert talk.ask(Request.SET_PWM_OVERRIDE, "shelf1", None) == ACK
        assert talk.ask(Request.SET_PWM_EXPIRE, "shelf1", None) == ACK
        server.process.kill()
    with running(config) as server, server.talk() as talk:
        assert override(talk) is None
        assert talk.ask(Request.SET_PWM_OVERRIDE, "shelf1", 70) == ACK
        assert override(talk) == {"percent": 70, "until": None}, "the end for the next one was kept too"


def test_s8_an_override_that_ended_while_no_server_ran_stays_dead(tmp_path: Path) -> None:
    config = configured(tmp_path)
    with running(config) as server, server.talk() as talk:
        assert talk.ask(Request.SET_PWM_OVERRIDE, "shelf1", 60) == ACK
        server.process.kill()
    path = tmp_path / "state" / file_name(config)
    state = json.loads(path.read_text())
    state["shelves"]["shelf1"]["override"]["until"] = time.time() - 1
    path.write_text(json.dumps(state))
    with running(config) as server, server.talk() as talk:
        assert override(talk) is None
        assert "shelf1: the override of 60 % ended at " in server.stop()
    assert kept(tmp_path) == {}


def test_s8_a_damaged_file_is_set_aside_and_the_server_starts_without(tmp_path: Path) -> None:
    config = configured(tmp_path)
    path = tmp_path / "state" / file_name(config)
    path.parent.mkdir()
    path.write_bytes(b'{"version":1,"shelves":{"shelf1":{"override":{"perc')
    with running(config) as server, server.talk() as talk:
        talk.send(Request.SUBSCRIBE_PWM, "shelf1")
        duty_becomes(talk, 35)
        with server.talk() as other:
            assert other.ask(Request.SET_PWM_OVERRIDE, "shelf1", 60) == ACK
        errors = server.stop()
    assert f"Cannot use {path}" in errors
    assert path.with_name(f"{path.name}.bad1").read_bytes().endswith(b"perc")
    assert kept(tmp_path)["override"]["percent"] == 60


def no_room() -> None:
    """As on a full disk: not a byte can be written."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


@pytest.mark.parametrize(
    ("place", "prepare", "why"),
    [
        ("state", no_room, "File too large"),
        ("/proc/fand", None, "No such file or directory"),  # where nobody can write, root included
        ("fand.toml", None, "File exists"),
    ],
    ids=["full", "read-only", "no folder"],
)
def test_s8_a_folder_that_takes_nothing_never_stops_control(
    tmp_path: Path, place: str, prepare: Callable[[], None] | None, why: str
) -> None:
    config = configured(tmp_path, more=f'state = "{tmp_path / place}"\n')
    command = [sys.executable, "-m", "fand", "server", "-c", str(config), "-p", "0"]
    # not measured: that would need room on the disk
    environ = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    with Child(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=prepare, env=environ
    ) as process:
        server = Server(process)
        with server.talk() as fan, server.talk() as talk:
            fan.send(Request.SUBSCRIBE_PWM, "shelf1")
            for percent in (50, 60, 70):
                assert talk.ask(Request.SET_PWM_OVERRIDE, "shelf1", percent) == ACK
                duty_becomes(fan, percent)
            assert override(talk)["percent"] == 70
        errors = server.stop()
    assert process.returncode == 0
    assert errors.count("Cannot keep") == errors.count(f"({why})") == 1
    assert "Traceback" not in errors


def test_a_second_server_of_the_same_configuration_mixes_nothing(tmp_path: Path) -> None:
    config = configured(tmp_path)
    with running(config) as first, first.talk() as talk:
        assert talk.ask(Request.SET_PWM_OVERRIDE, "shelf1", 60) == ACK
        with running(config) as second, second.talk() as other:
            assert override(other) is None
            assert other.ask(Request.SET_PWM_OVERRIDE, "shelf1", 70) == ACK
            assert "Another server of this configuration runs" in second.stop()
        first.process.kill()
    with running(config) as server, server.talk() as talk:
        assert override(talk)["percent"] == 60


def test_a_server_whose_user_has_no_home_serves_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("STATE_DIRECTORY")
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("os.geteuid", lambda: 54321)
    monkeypatch.setattr("os.getuid", lambda: 54321)
    assert cli._store(ServerConfig(()), tmp_path / "fand.toml") is None
    assert "overrides and alarms are not kept: user 54321 has no home" in caplog.text


def noting(path: Path) -> str:
    """The words of a command that adds the change and the sort of each alarm that it is told to ``path``."""
    words = ["sh", "-c", f'echo "$FAND_CHANGE $FAND_ALARM $FAND_SUBJECT" >> {shlex.quote(str(path))}']
    return f"on_alarm = {json.dumps(words)}\n"


def test_s8_an_alarm_survives_a_kill_and_is_told_once_and_when_it_is_over(tmp_path: Path) -> None:
    told = tmp_path / "told"
    config = configured(tmp_path, play(tmp_path, "a", 30), noting(told))
    with running(config) as server, server.talk() as talk:
        talk.send(Request.SUBSCRIBE_PWM, "shelf1")
        duty_becomes(talk, 25)
        play(tmp_path, "a", "lost")
        until(lambda: told.exists() and told.read_text() == "raised lost a\n")
        until(lambda: alarms(tmp_path) == [("lost", "a")])
        since = kept(tmp_path)["alarms"][0]["since"]
        server.process.kill()
    with running(config) as server, server.talk() as talk:
        until(lambda: talk.ask(Request.GET_STATUS, "shelf1")[1][1]["devices"][0]["failure"] is not None)
        play(tmp_path, "a", 30)
        until(lambda: "cleared" in told.read_text())
        until(lambda: kept(tmp_path) == {})
        server.stop()
    lines = told.read_text().splitlines()
    assert lines[0] == "raised lost a"
    assert "cleared lost a" in lines[1:]
    assert "raised lost a" not in lines[1:]
    assert since <= time.time()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["sleep", "600"], ""),
        (["sh", "-c", "trap '' TERM; while :; do sleep 600 & sleep 600; done"], ""),
        (["yes"], "yes printed more than 1000000 bytes"),
        (["sh", "-c", "echo it is broken; exit 3"], "ended with status 3: it is broken"),
        (["/nonexistent/notify"], "there is no program /nonexistent/notify"),
    ],
    ids=["hangs", "forks", "floods", "fails", "missing"],
)
def test_s12_a_command_for_alarms_that_misbehaves_never_touches_control(
    tmp_path: Path, words: list[str], why: str
) -> None:
    config = configured(tmp_path, play(tmp_path, "a", 30), f"on_alarm = {json.dumps(words)}\n")
    log = tmp_path / "log"
    with (
        log.open("w") as file,
        running(config, stderr=file.fileno()) as server,
        server.talk() as fan,
        server.talk() as talk,
    ):
        fan.send(Request.SUBSCRIBE_PWM, "shelf1")
        for _ in range(2):
            duty_becomes(fan, 25)
            play(tmp_path, "a", "lost")
            duty_becomes(fan, 100)
            assert talk.ask(Request.SET_PWM_OVERRIDE, "shelf1", 60) == ACK
            assert talk.ask(Request.SET_PWM_OVERRIDE, "shelf1", None) == ACK
            play(tmp_path, "a", 30)
        duty_becomes(fan, 25)
        until(lambda: why in log.read_text())
        server.stop()
        assert server.process.returncode == 0
    assert "Traceback" not in log.read_text()
