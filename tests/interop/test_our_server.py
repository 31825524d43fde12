"""fand 0.1.1's clients against our server."""

import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from .daemons import Daemon, our_server, running
from .peers import Peer

pytestmark = pytest.mark.peer

CONFIG = """
[curves.air]
kind = "step"
points = [[0, 25], [30, 50], [40, 62.5]]

[shelves.shelf1]
curves = { air = "air" }
devices = [{ fake = 35, family = "air" }]
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    config = tmp_path_factory.mktemp("server") / "fand.toml"
    config.write_text(CONFIG)
    with our_server(config) as daemon:
        yield daemon


def ask(peer: Peer, server: Daemon, *questions: list[object]) -> list[object]:
    """What 0.1.1's functions are answered."""
    asked = "".join(json.dumps(question) + "\n" for question in questions)
    command = peer.command("talk.py", server.port)
    done = subprocess.run(command, input=asked, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return [line if line == "disconnected" else json.loads(line) for line in done.stdout.splitlines()]


def fanctl(peer: Peer, server: Daemon, *args: object) -> subprocess.CompletedProcess[str]:
    """0.1.1's fanctl."""
    command = peer.fand("fanctl", "-a", "127.0.0.1", "-p", server.port, *args)
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def test_every_request_of_their_functions_is_answered(peer: Peer, server: Daemon) -> None:
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert ask(
        peer,
        server,
        ["ping"],
        ["get_pwm", "shelf1"],
        ["set_rpm", "shelf1", 1234],
        ["get_rpm", "shelf1"],
        ["set_pwm_override", "shelf1", 70],
        ["set_pwm_expire", "shelf1", {"date": tomorrow}],
        ["get_pwm", "shelf1"],
        ["set_pwm_expire", "shelf1", None],
        ["set_pwm_override", "shelf1", None],
        ["get_pwm", "shelf1"],
    ) == [
        ["ack"],
        ["set_pwm", "shelf1", 50],
        ["ack"],
        ["set_rpm", "shelf1", 1234],
        ["ack"],
        ["ack"],
        ["set_pwm", "shelf1", 70],
        ["ack"],
        ["ack"],
        ["set_pwm", "shelf1", 50],
    ]


def test_our_refusal_is_a_disconnection_to_them(peer: Peer, server: Daemon) -> None:
    assert ask(peer, server, ["ping"], ["get_pwm", "nowhere"], ["ping"]) == [["ack"], "disconnected"]


def test_their_fanctl_prints_what_it_always_did(daemon_peer: Peer, server: Daemon) -> None:
    for args, printed in (
        (("ping",), "ok"),
        (("get-pwm", "shelf1"), "50"),
        (("set-pwm-override", "shelf1", 80), "ok"),
        (("set-pwm-expire-in", "shelf1", "1h"), "ok"),
        (("set-pwm-expire-on", "shelf1", "2090-01-02T03:04:05+01:00"), "ok"),
        (("get-pwm", "shelf1"), "80"),
        (("set-pwm-override", "shelf1", "none"), "ok"),
    ):
        done = fanctl(daemon_peer, server, *args)
        assert (done.stdout.strip(), done.returncode) == (printed, 0), done.stderr


def test_their_fanctl_fails_on_a_shelf_that_is_not_there(daemon_peer: Peer, server: Daemon) -> None:
    done = fanctl(daemon_peer, server, "get-pwm", "nowhere")
    assert done.returncode != 0
    assert done.stdout == ""


def test_their_pi_drives_its_pin_by_our_duty(daemon_peer: Peer, server: Daemon, tmp_path: Path) -> None:
    command = daemon_peer.command("rpi.py", "-a", "127.0.0.1", "-p", server.port, "shelf1")
    with running(command, tmp_path) as pi:
        pi.until("level 0.5")
        assert fanctl(daemon_peer, server, "set-pwm-override", "shelf1", 85).returncode == 0
        pi.until("level 0.85")
        assert fanctl(daemon_peer, server, "set-pwm-override", "shelf1", "none").returncode == 0
        pi.until("level 0.5")
