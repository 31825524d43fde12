"""Round trips of one client for a while: ``python bench/trips.py socket|library PORT SHELF SECONDS [FRAME ANSWER]``.

``socket`` sends the frame (hexadecimal) on a bare socket and reads ANSWER bytes; ``library`` uses whatever
``fand.communication`` this Python has. Prints the round trips per second.
"""

import socket
import sys
import time
from typing import Callable  # the old fand runs on Pythons that know no other

BATCH = 200


def bare(port: int, frame: bytes, size: int) -> Callable[[], None]:
    """One round trip on a bare socket."""
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def trip() -> None:
        sock.sendall(frame)
        got = len(sock.recv(65536))
        while got < size:
            got += len(sock.recv(65536))

    return trip


def library(port: int, shelf: str) -> Callable[[], None]:
    """One round trip by ``fand.communication``: the old one or ours, which have the same interface."""
    from fand import communication as com

    sock = com.connect("127.0.0.1", port)

    def trip() -> None:
        com.send(sock, com.Request.GET_PWM, shelf)
        request, args = com.recv(sock)
        assert (request, args[0]) == (com.Request.SET_PWM, shelf)

    return trip


def main(kind: str, port: str, shelf: str, seconds: str, *frame: str) -> None:
    """Warm up, then count."""
    trip = bare(int(port), bytes.fromhex(frame[0]), int(frame[1])) if kind == "socket" else library(int(port), shelf)
    for _ in range(BATCH):
        trip()
    count, begin = 0, time.perf_counter()
    while (spent := time.perf_counter() - begin) < float(seconds):
        for _ in range(BATCH):
            trip()
        count += BATCH
    print(count / spent)


main(*sys.argv[1:])
