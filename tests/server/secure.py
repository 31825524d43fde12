"""A server's counter where TLS is spoken, and clients of it over real sockets, in made time; they are the ssl module,
or forge what they send.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from fand.config import AllowConfig, LimitsConfig, ServerConfig
from fand.dispatch import Shelf
from fand.server.certificates import Certificates, shown
from fand.server.connection import Connection
from fand.server.desk import DEFAULT, Desk
from fand.server.encrypted import Encrypted
from fand.server.identity import access_of, own_user
from fand.tls import Files
from fand.tls.contexts import client_context
from fand.tls.faults import words
from fand.wire import Request, encode
from tests.certificates import Pki
from tests.dispatch.halls import hall
from tests.tls.forged import CIPHER, Forger

from .asking import Asking
from .travel import TravelClock, travel

NAME = "fans.example.org"
PING = encode(Request.PING, ())
ACK = (Request.ACK, ())


class Client(Asking):
    """The other end, which need not speak TLS."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__()
        self.sock = sock
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls: ssl.SSLObject | None = None

    async def send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.sock, data)

    async def receive(self) -> bytes:
        try:
            return await asyncio.get_running_loop().sock_recv(self.sock, 1 << 20)
        except ConnectionResetError:
            return b""

    def hello(self, files: Files, keys: Path | None = None) -> bytes:
        """What begins a handshake; ``keys`` is where its keys are written to."""
        context = client_context(files)
        if keys is not None:
            context.keylog_filename = str(keys)
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=NAME)
        with pytest.raises(ssl.SSLWantReadError):
            self.tls.do_handshake()
        return self._outgoing.read()

    async def shake_hands(self, files: Files, keys: Path | None = None) -> None:
        await self.send(self.hello(files, keys))
        assert self.tls is not None
        while True:
            await self._take()
            try:
                self.tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                continue
        await self.send(self._outgoing.read())

    def encrypt(self, data: bytes) -> bytes:
        assert self.tls is not None
        self.tls.write(data)
        return self._outgoing.read()

    async def say(self, data: bytes) -> None:
        await self.send(self.encrypt(data))

    async def hear(self) -> bytes:
        """What comes, decrypted; nothing once the server has said that it sends no more."""
        assert self.tls is not None
        while True:
            try:
                return self.tls.read(1 << 20)
            except ssl.SSLWantReadError:
                await self._take()
            except ssl.SSLZeroReturnError:  # both have said so
                return b""

    async def refusal(self) -> str:
        """Why TLS has ended."""
        with pytest.raises(ssl.SSLError) as caught:
            await self.hear()
        return words(caught.value)

    async def closed(self) -> bool:
        """Tell whether nothing more comes from the network."""
        return not await self.receive()

    async def _take(self) -> None:
        data = await self.receive()
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()


class Counter:
    """Accepts clients, as the daemon does where TLS is spoken; pi1 may do everything, pi2 nothing."""

    def __init__(self, pki: Pki, *shelves: Shelf, limits: LimitsConfig = DEFAULT) -> None:
        self.clock = TravelClock()
        self.hall = hall(*shelves)
        allow = (AllowConfig("pi1", None, None, frozenset({"control", "report"})),)
        self.certificates = Certificates(shown(pki.server), self.clock)
        access = access_of(ServerConfig((), allow=allow), own_user(), self.certificates.authority)
        self.desk = Desk(self.hall, self.clock, 100, access=access, limits=limits)
        self._sockets: list[socket.socket] = []

    async def client(self) -> Client:
        here, there = socket.socketpair()
        here.setblocking(False)
        there.setblocking(False)
        self._sockets.append(here)
        await asyncio.get_running_loop().connect_accepted_socket(lambda: self.certificates.welcome(self.desk), there)
        return Client(here)

    def only(self) -> Any:
        (one,) = self.desk.connections.values()
        return one

    async def close(self) -> None:
        self.desk.keeper.stop()
        for connection in list(self.desk.connections.values()):
            connection.abort()
        for sock in self._sockets:
            sock.close()
        for _ in range(3):
            await asyncio.sleep(0)


Play = Callable[[Counter], Awaitable[None]]
Serve = Callable[..., None]


@pytest.fixture
def serve(pki: Pki) -> Serve:
    """Plays a part with the counter of a server, in made time."""

    def served(play: Play, *shelves: Shelf, limits: LimitsConfig = DEFAULT) -> None:
        async def main() -> None:
            counter = Counter(pki, *shelves, limits=limits)
            try:
                await play(counter)
            finally:
                await counter.close()

        travel(main)

    return served


class Forged:
    """The only client of ``counter`` when its handshake is over, and what the server has of it: ``outside`` and
    ``inside`` TLS. What it sends from then on is forged.
    """

    client: Client
    inside: Connection
    outside: Encrypted

    def __init__(self, counter: Counter) -> None:
        self.counter = counter

    async def meet(self, files: Files, keys: Path) -> None:
        """Shake hands."""
        self.client = client = await self.counter.client()
        await client.shake_hands(files, keys)
        assert client.tls is not None
        cipher = client.tls.cipher()
        assert cipher is not None
        assert cipher[0] == CIPHER
        self._forger = forger = Forger(keys)
        self.record, self.other_keys = forger.record, forger.other_keys
        while not (one := self.counter.only()).peer.grant.roles:
            await asyncio.sleep(0)
        self.inside = one
        self.outside = one._transport._outside

    def arrives(self, *records: bytes) -> None:
        """These are what the network has brought, all at once."""
        self.outside.data_received(b"".join(records))

    def pings(self, count: int) -> bytes:
        """So many records, each of which asks."""
        return b"".join(self.record(PING) for _ in range(count))

    async def send(self, data: bytes) -> None:
        """Send it through the network."""
        await self.client.send(data)

    async def answers(self, count: int) -> bool:
        """Tell whether the next so many replies are those to pings."""
        return [await self.client.reply() for _ in range(count)] == [ACK] * count

    def somebody_waits(self) -> None:
        """From now on it is nobody's turn before another had his."""
        self.counter.desk.turns.line_up(lambda: None)


Talk = Callable[[Callable[[Forged], Awaitable[None]]], None]


@pytest.fixture
def talk(pki: Pki, serve: Serve, tmp_path: Path) -> Talk:
    """Plays a part with one client that forges."""

    def talked(play: Callable[[Forged], Awaitable[None]]) -> None:
        async def main(counter: Counter) -> None:
            forged = Forged(counter)
            await forged.meet(pki.client("pi1"), tmp_path / "keys")
            await play(forged)

        serve(main)

    return talked
