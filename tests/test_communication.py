"""fand.communication over real sockets."""

import socket
from collections.abc import Iterator

import pytest

from fand import communication as com
from fand.communication import Request
from fand.exceptions import FandConnectionResetError

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Two connected sockets, managed."""
    ends = socket.socketpair()
    for end in ends:
        end.settimeout(10)
        com.add_socket(end)
    yield ends
    for end in ends:
        com.reset_connection(end, notice=False)
        end.close()


def test_what_is_sent_is_received(pair: Pair) -> None:
    com.send(pair[0], Request.SET_PWM, "shelf1", 40)
    assert com.recv(pair[1]) == (Request.SET_PWM, ("shelf1", 40))


def test_a_reason_reaches_the_other_end(pair: Pair) -> None:
    com.reset_connection(pair[0], "no such shelf")
    assert not com.is_socket_open(pair[0])
    with pytest.raises(FandConnectionResetError, match="no such shelf"):
        com.recv(pair[1])
