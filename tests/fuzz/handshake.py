"""The target ``handshake``: what a server with TLS promises of any bytes, before and after it knows who is there.

An input names a client, honest or not, and lists events: what it sends goes as it is, changed, cut or twice; bytes
that no client would send; time. The cipher is real at both ends.
"""

import ssl
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from fand.dispatch import ALL, NOTHING, Hall
from fand.exceptions import CorruptedDataError
from fand.server.connection import FAREWELL
from fand.server.desk import Desk
from fand.server.encrypted import Encrypted
from fand.server.handshakes import Handshakes
from fand.server.identity import Access, trusted
from fand.tls.contexts import client_context, server_context
from fand.units import Timestamp
from fand.wire import HEADER_SIZE, Decoder, Request, encode
from tests.certificates import Pki
from tests.fuzz.dispatch import LIMITS, quietly
from tests.fuzz.stage import Loop, Wire
from tests.fuzz.values import Reader

NAME: Final = "fans.example.org"
FRIEND: Final = 1
"""The number of the one client that is let in and may do something."""
STRANGERS: Final = (
    "without TLS",
    "friend",
    "without a certificate",
    "without an entry",
    "of another authority",
    "with TLS 1.2 only",
    "with the certificate of a server",
)
RECORDS: Final = range(0x14, 0x18)
"""The first byte of whatever TLS sends (RFC 8446, 5.1)."""
SPANS: Final = (0.5, FAREWELL, 5.0, 11.0)


@dataclass(frozen=True, slots=True)
class Contexts:
    """The server's context, and that of each client by number; None has none."""

    server: ssl.SSLContext
    clients: tuple[ssl.SSLContext | None, ...]


@cache
def contexts() -> Contexts:
    """Made once in a process."""
    with tempfile.TemporaryDirectory() as folder:
        ours, others = Path(folder) / "ours", Path(folder) / "others"
        for path in (ours, others):
            path.mkdir()
        pki = Pki(ours)
        friend, mallory = pki.client("friend"), pki.client("mallory")
        nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        nobody.load_verify_locations(friend.authority)
        old = client_context(friend)
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_2
        foreign = client_context(Pki(others).client("friend")._replace(authority=friend.authority))
        clients = (None, client_context(friend), nobody, client_context(mallory), foreign, old)
        return Contexts(server_context(pki.server), (*clients, client_context(pki.server)))


def check(data: bytes) -> None:
    """Check all promises for one input.

    :raises AssertionError: one is broken; any other exception has escaped the server
    """
    loop = Loop()  # type: ignore[abstract]  # asyncio's base is abstract to type checkers only
    with quietly(loop):
        reader = Reader(data)
        play = Play(loop, reader.byte() % len(STRANGERS))
        while reader:
            play.step(reader)
        play.end()


class Play:
    """A server, and the client with this number."""

    def __init__(self, loop: Loop, number: int) -> None:
        self.loop = loop
        self.number = number
        hall = Hall((), lambda when: Timestamp(when.timestamp()))
        access = Access(names={"friend": ALL}, plain=NOTHING, authority=trusted(contexts().server))
        self.desk = Desk(hall, loop, 4, MappingProxyType({}), access=access, limits=LIMITS)
        end = Encrypted(self.desk, contexts().server, lambda _certificate: None, Handshakes(loop))
        extra = {"peername": ("192.0.2.1", 4000)}
        self.heard = bytearray()
        self.wire = Wire(loop, end, extra, self.heard.extend, lambda act: act(), halves=True)
        end.connection_made(self.wire)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = contexts().clients[number]
        self.tls: ssl.SSLObject | None = None
        if context is not None:
            self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=NAME)
        self.change: Callable[[bytes], bytes] = bytes
        self.pings = 0
        self.answers = bytearray()

    def step(self, reader: Reader) -> None:
        """One event."""
        _EVENTS[reader.byte() % len(_EVENTS)](self, reader)
        self.loop.run_ready()
        for connection in self.desk.connections.values():
            assert not connection.peer.grant.roles or self.number == FRIEND, f"{STRANGERS[self.number]}: let in"

    def exchange(self) -> None:
        """The client reads what has come, and sends what it has to say."""
        if self.tls is None:
            return
        if self.heard:
            self.incoming.write(bytes(self.heard))
            self.heard.clear()
        try:
            self.tls.do_handshake()
            while data := self.tls.read(1 << 16):
                self.answers += data
        except ssl.SSLError:
            pass
        if self.outgoing.pending:
            data, self.change = self.change(self.outgoing.read()), bytes
            self.wire.come(data)

    def end(self) -> None:
        """Who has not been let in by now is not there any more, and who leaves is not either."""
        for _ in range(2):
            self.exchange()
            self.loop.run_ready()
        if self.tls is None and self.heard and self.heard[0] not in RECORDS:
            told = Decoder()
            told.feed(bytes(self.heard))
            assert (told.next() or (None,))[0] is Request.DISCONNECT, "no reason is told"
        self._answered()
        if not any(connection.peer.grant.roles for connection in self.desk.connections.values()):
            self.loop.travel(LIMITS.handshake + FAREWELL + 1.0)
            assert not self.desk.connections, "a handshake takes for ever"
        self.wire.abort()
        self.loop.run_ready()
        assert not self.desk.connections, "somebody who has gone is still there"
        assert not len(self.desk.seats), "a seat is taken by nobody"

    def _answered(self) -> None:
        """What the client could decrypt is an answer to what it sent, or why it is refused."""
        decoder = Decoder()
        decoder.feed(bytes(self.answers))
        try:
            while (answer := decoder.next()) is not None:
                assert answer[0] in (Request.ACK, Request.DISCONNECT), f"{answer} was sent unasked"
                self.pings -= answer[0] is Request.ACK
        except CorruptedDataError as error:
            raise AssertionError(f"the server has sent no frame: {error}") from error
        assert not decoder.mid_frame, "the server has sent part of a frame"
        assert self.pings >= 0, "more answers than requests"


def _exchange(play: Play, _reader: Reader) -> None:
    play.exchange()


def _changed(play: Play, reader: Reader) -> None:
    """The next that the client sends is changed in one byte."""
    at, bits = reader.byte() << 2, reader.byte()

    def change(data: bytes) -> bytes:
        place = at % len(data)
        return data[:place] + bytes((data[place] ^ bits,)) + data[place + 1 :]

    play.change = change


def _cut(play: Play, reader: Reader) -> None:
    """The next that the client sends is cut short."""
    size = reader.byte() << 2
    play.change = lambda data: data[:size]


def _twice(play: Play, _reader: Reader) -> None:
    play.change = lambda data: data + data


def _bytes(play: Play, reader: Reader) -> None:
    if data := reader.take(reader.byte()):
        play.wire.come(data)


def _many_bytes(play: Play, reader: Reader) -> None:
    """A piece, again and again."""
    if data := reader.take(1 + reader.byte() % 16):
        play.wire.come(data * 4096)


def _ping(play: Play, reader: Reader) -> None:
    if play.tls is not None:
        count = 1 + reader.byte() % 8
        try:
            play.tls.write(encode(Request.PING, ()) * count)
        except ssl.SSLError:
            return
        play.pings += count


def _corrupt(play: Play, reader: Reader) -> None:
    """The client says what no client would."""
    payload = reader.take(reader.byte() % 32) or b"\0"
    frame = b"99F9%04x" % len(payload) + payload
    assert len(frame) > HEADER_SIZE
    if play.tls is not None:
        try:
            play.tls.write(frame)
        except ssl.SSLError:
            return


def _time(play: Play, reader: Reader) -> None:
    play.loop.travel(reader.of(SPANS))


def _reads(play: Play, _reader: Reader) -> None:
    play.wire.read_on(not play.wire.reading)


def _half_close(play: Play, _reader: Reader) -> None:
    play.wire.end()


def _goodbye(play: Play, _reader: Reader) -> None:
    if play.tls is not None:
        try:
            play.tls.unwrap()
        except (ssl.SSLError, ValueError):
            pass


_EVENTS: Final[tuple[Callable[[Play, Reader], Any], ...]] = (
    *(_exchange, _exchange, _changed, _cut, _twice, _bytes, _many_bytes),
    *(_ping, _corrupt, _time, _reads, _half_close, _goodbye),
)
