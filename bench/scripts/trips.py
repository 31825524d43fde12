"""Round trips of one client for a while: ``trips.py socket|library|status PORT SHELF SECONDS [FRAME ANSWER]``.

``socket`` sends the frame (hexadecimal) on a bare socket and reads ANSWER bytes; ``library`` uses whatever
``fand.communication`` this Python has; ``status`` asks for all that is known of the shelf. By TLS where the variables
FAND_TLS_... name certificates. Prints the round trips per second.
"""

import os
import socket
import sys
import time
from typing import Callable  # the old fand runs on Pythons that know no other

BATCH = 200


def connected(port: int) -> socket.socket:
    """A bare socket, by TLS if that is wanted."""
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if "FAND_TLS_CERTIFICATE" not in os.environ:
        return sock
    import ssl

    context = ssl.create_default_context(cafile=os.environ["FAND_TLS_AUTHORITY"])
    context.load_cert_chain(os.environ["FAND_TLS_CERTIFICATE"], os.environ["FAND_TLS_KEY"])
    return context.wrap_socket(sock, server_hostname="localhost")


def bare(port: int, frame: bytes, size: int) -> Callable[[], None]:
    """One round trip on a bare socket."""
    sock = connected(port)

    def trip() -> None:
        sock.sendall(frame)
        got = len(sock.recv(65536))
        while got < size:
            got += len(sock.recv(65536))

    return trip


def library(port: int, shelf: str) -> Callable[[], None]:
    """One round trip by ``fand.communication``: the old one or ours, which have the same interface."""
    from fand import communication as com

    sock = com.connect("localhost", port)

    def trip() -> None:
        com.send(sock, com.Request.GET_PWM, shelf)
        request, args = com.recv(sock)
        assert (request, args[0]) == (com.Request.SET_PWM, shelf)

    return trip


def status(port: int, shelf: str) -> Callable[[], None]:
    """Everything about the shelf, in as many round trips as that takes."""
    from fand.client import Client

    client = Client("localhost", port)

    def trip() -> None:
        assert client.status(shelf)["devices"]

    return trip


def main(kind: str, port: str, shelf: str, seconds: str, *frame: str) -> None:
    """Warm up, then count."""
    if kind == "socket":
        trip = bare(int(port), bytes.fromhex(frame[0]), int(frame[1]))
    else:
        trip = {"library": library, "status": status}[kind](int(port), shelf)
    for _ in range(BATCH):
        trip()
    count, begin = 0, time.perf_counter()
    while (spent := time.perf_counter() - begin) < float(seconds):
        for _ in range(BATCH):
            trip()
        count += BATCH
    print(count / spent)


main(*sys.argv[1:])
