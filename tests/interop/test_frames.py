"""Our frames read by fand 0.1.1's functions, and theirs by ours, under every Python."""

import socket
import subprocess
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from fand.communication import Request, add_socket, recv, reset_connection, send
from fand.exceptions import FandConnectionResetError
from tests.child import Child

from .peers import Peer

pytestmark = pytest.mark.peer

FRAMES: list[tuple[Request, tuple[object, ...]]] = [
    (Request.PING, ()),
    (Request.ACK, ()),
    (Request.GET_PWM, ("shelf1",)),
    (Request.GET_PWM, ("étagère 架",)),
    (Request.SET_PWM, ("shelf1", 50)),
    (Request.SET_PWM, ("shelf1", 62.5)),
    (Request.SET_RPM, ("shelf1", 100_000)),
    (Request.SET_PWM_OVERRIDE, ("shelf1", None)),
    (Request.SET_PWM_OVERRIDE, ("shelf1", 0)),
    (Request.SET_PWM_EXPIRE, ("shelf1", None)),
    (Request.SET_PWM_EXPIRE, ("shelf1", datetime(2030, 1, 2, 3, 4, 5, 678901))),
    (Request.SET_PWM_EXPIRE, ("shelf1", datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC))),
    (Request.SET_PWM_EXPIRE, ("shelf1", datetime(2030, 7, 1, tzinfo=timezone(timedelta(hours=-3, minutes=-30))))),
    (Request.SET_PWM_EXPIRE, ("shelf1", datetime(2030, 7, 1, tzinfo=ZoneInfo("Europe/Paris")))),
]


def test_what_is_sent_comes_back_the_same(peer: Peer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = peer.command("echo.py", listener.getsockname()[1])
        with Child(command, stdout=subprocess.PIPE, text=True) as process:
            listener.settimeout(30)
            sock, _ = listener.accept()
            sock.settimeout(30)
            add_socket(sock)
            answers = []
            for request, args in FRAMES:
                send(sock, request, *args)
                answers.append(recv(sock))
            reset_connection(sock, "that is all")
            said, _ = process.communicate(timeout=30)
    assert answers == FRAMES
    assert said == "disconnected\n"
    assert process.returncode == 0


def test_their_disconnect_is_understood(peer: Peer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = peer.command("talk.py", listener.getsockname()[1])
        with Child(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            listener.settimeout(30)
            sock, _ = listener.accept()
            sock.settimeout(30)
            add_socket(sock)
            assert process.stdin
            process.stdin.close()
            with pytest.raises(FandConnectionResetError):
                recv(sock)
            reset_connection(sock, notice=False)
            process.wait(30)
    assert process.returncode == 0
