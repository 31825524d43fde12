"""Our clients against fand 0.1.1's server."""

from collections.abc import Iterator

import pytest

from fand.client import Client
from fand.communication import Request, connect, recv, reset_connection, send
from fand.exceptions import FandConnectionResetError

from .daemons import Daemon, their_server
from .peers import Peer

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
