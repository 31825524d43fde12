"""Our clients against fand 0.1.1's server."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fand.client import Client
from fand.communication import Request, connect, recv, reset_connection, send
from fand.exceptions import FandConnectionResetError

from .daemons import Daemon, running, their_server
from .peers import SCRIPTS, Peer

pytestmark = pytest.mark.peer

# For a drive it would call smartctl; with one step the processor gives the same duty on every host.
CONFIG = """
[DEFAULT]
shelves = shelf1
hdd_temps = 0: 25
ssd_temps = 0: 25
cpu_temps = 0: 40

[shelf1]
devices = cpu; board
"""


@pytest.fixture(scope="module")
def server(daemon_peer: Peer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    config = tmp_path_factory.mktemp("server") / "fand.ini"
    config.write_text(CONFIG)
    with their_server(daemon_peer, config) as daemon:
        yield daemon


def fanctl(server: Daemon, *args: object) -> subprocess.CompletedProcess[str]:
    """Our fanctl."""
    command = [sys.executable, "-m", "fand", "fanctl", "-a", "127.0.0.1", "-p", str(server.port), *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def test_our_functions_are_answered(server: Daemon) -> None:
    sock = connect("127.0.0.1", server.port)
    answers = []
    for request, *args in (
        (Request.PING,),
        (Request.SET_PWM_OVERRIDE, "shelf1", 50),
        (Request.GET_PWM, "shelf1"),
        (Request.SET_PWM_OVERRIDE, "shelf1", None),
        (Request.SET_RPM, "shelf1", 900),
        (Request.GET_RPM, "shelf1"),
    ):
        send(sock, request, *args)
        answers.append(recv(sock))
    reset_connection(sock)
    assert answers == [
        (Request.ACK, ()),
        (Request.ACK, ()),
        (Request.SET_PWM, ("shelf1", 50)),
        (Request.ACK, ()),
        (Request.ACK, ()),
        (Request.SET_RPM, ("shelf1", 900)),
    ]


def test_their_reason_for_disconnecting_reaches_our_caller(server: Daemon) -> None:
    with (
        Client("127.0.0.1", server.port) as client,
        pytest.raises(FandConnectionResetError, match="nowhere not found"),
    ):
        client.pwm("nowhere")


def test_our_fanctl_prints_what_it_always_did(server: Daemon) -> None:
    for args, printed in (
        (("ping",), "ok"),
        (("set-pwm-override", "shelf1", 80), "ok"),
        (("set-pwm-expire-in", "shelf1", "1h"), "ok"),
        (("set-pwm-expire-on", "shelf1", "2090-01-02T03:04:05+01:00"), "ok"),
        (("get-pwm", "shelf1"), "80"),
        (("set-pwm-override", "shelf1", "none"), "ok"),
    ):
        done = fanctl(server, *args)
        assert (done.stdout.strip(), done.returncode) == (printed, 0), done.stderr


def test_what_their_server_does_not_know_is_said_plainly(server: Daemon) -> None:
    done = fanctl(server, "status", "shelf1")
    assert done.returncode != 0
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1


def test_our_pi_drives_its_pin_by_their_duty(server: Daemon, tmp_path: Path) -> None:
    assert fanctl(server, "set-pwm-override", "shelf1", 55).returncode == 0
    command = [sys.executable, str(SCRIPTS / "rpi.py"), "-a", "127.0.0.1", "-p", str(server.port), "shelf1"]
    with running(command, tmp_path) as pi:
        pi.until("level 0.55")
    assert fanctl(server, "set-pwm-override", "shelf1", "none").returncode == 0
