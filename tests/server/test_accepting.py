"""fand.server.accepting, with sockets that run out."""

import asyncio
import errno
import logging
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from fand.server.accepting import PAUSE, Accepting

from .travel import travel


class Clients(list[asyncio.BaseTransport]):
    """Those who were let in."""

    def welcome(self) -> asyncio.Protocol:
        return Client(self)


class Client(asyncio.Protocol):
    def __init__(self, clients: Clients) -> None:
        self.connection_made = clients.append  # type: ignore[method-assign,assignment]


class Listening:
    """A listening socket whose next calls of accept go wrong by ``errors``."""

    def __init__(self) -> None:
        self.sock = socket.create_server(("127.0.0.1", 0), backlog=50)
        self.sock.setblocking(False)
        self.errors: list[OSError] = []
        self.accepted = 0

    def fileno(self) -> int:
        return self.sock.fileno()

    def close(self) -> None:
        self.sock.close()

    def accept(self) -> Any:
        if self.errors:
            raise self.errors.pop(0)
        found = self.sock.accept()
        self.accepted += 1
        return found


def let_in(play: Callable[[Listening, Clients, Accepting], Awaitable[None]], comers: int = 1) -> None:
    """Play with ``comers`` who wait to be let in."""

    async def main() -> None:
        sock, clients = Listening(), Clients()
        coming = [socket.create_connection(sock.sock.getsockname()) for _ in range(comers)]
        entrance = Accepting(sock, clients.welcome, 2)  # type: ignore[arg-type]
        entrance.begin()
        try:
            await play(sock, clients, entrance)
        finally:
            entrance.stop()
            for transport in clients:
                transport.close()
            for one in coming:
                one.close()
            await asyncio.sleep(0.01)
        assert sock.fileno() < 0

    travel(main)


FULL = OSError(errno.EMFILE, "Too many open files")


def test_all_who_wait_are_let_in_a_few_at_a_time() -> None:
    async def play(sock: Listening, clients: Clients, _: Accepting) -> None:
        most, before = 0, 0
        while len(clients) < 5:
            await asyncio.sleep(0)
            most, before = max(most, sock.accepted - before), sock.accepted
        assert most == 2

    let_in(play, comers=5)


def test_without_descriptors_it_waits_says_so_once_and_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    async def play(sock: Listening, clients: Clients, _: Accepting) -> None:
        sock.errors = [FULL, FULL]
        await asyncio.sleep(1.5 * PAUSE)
        assert not clients
        await asyncio.sleep(PAUSE)
        assert len(clients) == 1
        assert caplog.messages == ["no more clients can be let in for now: [Errno 24] Too many open files"]

    let_in(play)


def test_it_can_be_stopped_while_it_waits() -> None:
    async def play(sock: Listening, clients: Clients, _: Accepting) -> None:
        sock.errors = [FULL]
        await asyncio.sleep(PAUSE / 2)
        assert not sock.errors

    let_in(play)


def test_who_is_gone_before_disturbs_nobody(caplog: pytest.LogCaptureFixture) -> None:
    async def play(sock: Listening, clients: Clients, entrance: Accepting) -> None:
        sock.errors = [ConnectionAbortedError(), BlockingIOError()]
        while not clients:
            await asyncio.sleep(0)
        assert not caplog.messages

        def broken() -> asyncio.Protocol:
            raise OSError(errno.ENOTCONN, "it is gone")

        entrance._welcome = broken
        with caplog.at_level(logging.DEBUG, "fand.server.accepting"), socket.socket() as more:
            more.connect(sock.sock.getsockname())
            while not caplog.messages:
                await asyncio.sleep(0)
            assert more.recv(1) == b""
        assert caplog.messages == ["a client went before it was let in: [Errno 107] it is gone"]

    let_in(play)
