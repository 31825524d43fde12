"""TLS with one client, over real sockets, in made time; the client is the ssl module."""

import asyncio
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from fand.config import AllowConfig, LimitsConfig, ServerConfig
from fand.dispatch import Shelf
from fand.ports import Temperature
from fand.server import handshakes
from fand.server.certificates import Certificates, shown
from fand.server.connection import FAREWELL, UNREAD, Connection
from fand.server.desk import DEFAULT, Desk
from fand.server.encrypted import Encrypted
from fand.server.identity import access_of, own_user
from fand.tls import Files
from fand.tls.contexts import client_context
from fand.tls.faults import words
from fand.units import Celsius, Seconds
from fand.wire import Decoder, Request, encode
from tests.certificates import Pki
from tests.dispatch.halls import hall

from .travel import TravelClock, travel

NAME = "fans.example.org"
PING = encode(Request.PING, ())
ACK = (Request.ACK, ())

Reply = tuple[Request, tuple[Any, ...]]


class Client:
    """The other end, which need not speak TLS."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls: ssl.SSLObject | None = None
        self._decoder = Decoder()

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

    async def reply(self) -> Reply | None:
        while (found := self._decoder.next()) is None:
            data = await self.hear()
            if not data:
                return None
            self._decoder.feed(data)
        return found

    async def ask(self, request: Request, *args: object) -> Reply | None:
        await self.say(encode(request, args))
        return await self.reply()

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


@pytest.fixture
def serve(pki: Pki) -> Callable[..., None]:
    def served(play: Play, *shelves: Shelf, limits: LimitsConfig = DEFAULT) -> None:
        async def main() -> None:
            counter = Counter(pki, *shelves, limits=limits)
            try:
                await play(counter)
            finally:
                await counter.close()

        travel(main)

    return served


Serve = Callable[..., None]


class TestConversation:
    def test_a_client_is_known_by_its_certificate(self, pki: Pki, serve: Serve) -> None:
        async def play(counter: Counter) -> None:
            client = await counter.client()
            assert isinstance(counter.only(), Encrypted)
            await client.shake_hands(pki.client("pi1"))
            for _ in range(3):
                assert await client.ask(Request.GET_PWM, "shelf1") == (Request.SET_PWM, ("shelf1", 25))
            assert isinstance(counter.only(), Connection)
            assert counter.only().peer.who == "pi1"
            assert len(counter.desk.seats) == 1

        serve(play)

    def test_what_comes_with_the_last_of_the_handshake_is_answered(self, pki: Pki, serve: Serve) -> None:
        async def play(counter: Counter) -> None:
            client = await counter.client()
            await client.send(client.hello(pki.client("pi1")))
            assert client.tls is not None
            with pytest.raises(ssl.SSLWantReadError):
                client.tls.do_handshake()
            while True:
                await client._take()
                try:
                    client.tls.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    continue
            await client.say(PING)  # with it goes the end of the handshake
            assert await client.reply() == ACK

        serve(play)

    def test_byte_by_byte(self, pki: Pki, serve: Serve) -> None:
        async def play(counter: Counter) -> None:
            client = await counter.client()
            for byte in client.hello(pki.client("pi1")):
                await client.send(bytes([byte]))
                await asyncio.sleep(0)
            await client._take()
            assert client.tls is not None
            client.tls.do_handshake()
            for byte in client.encrypt(PING):
                await client.send(bytes([byte]))
                await asyncio.sleep(0)
            assert await client.reply() == ACK

        serve(play)

    def test_a_long_answer_and_many(self, pki: Pki, serve: Serve) -> None:
        async def play(counter: Counter) -> None:
            client = await counter.client()
            await client.shake_hands(pki.client("pi1"))
            await client.say(PING * 500)
            for _ in range(500):
                assert await client.reply() == ACK

        serve(play)

    def test_the_duty_is_pushed(self, pki: Pki, serve: Serve) -> None:
        async def play(counter: Counter) -> None:
            client = await counter.client()
            await client.shake_hands(pki.client("pi1"))
            await client.ask(Request.SUBSCRIBE_PWM, "shelf1")
            shelf = counter.hall.shelf("shelf1")
            shelf.observe("a", Temperature(Celsius(40), Seconds(0)))
            counter.desk.keeper.refresh(shelf)
            assert await client.reply() == (Request.SET_PWM, ("shelf1", 75))

        serve(play)

    def test_who_does_not_read_is_not_read_from(self, pki: Pki, serve: Serve) -> None:
        async def play(counter: Counter) -> None:
            client = await counter.client()
            await client.shake_hands(pki.client("pi1"))
            await client.ask(Request.PING)
            inside = counter.only()
            while not inside._paused:
                inside._transport.write(b"x" * UNREAD)
            assert inside._transport.get_write_buffer_size() > UNREAD
            while inside._paused:
                await client.receive()

        serve(play)


class TestEnd:
    def test_a_refusal_reaches_the_client_whatever_is_under_way(self, pki: Pki, serve: Serve) -> None:
        async def play(counter: Counter) -> None:
            client = await counter.client()
            await client.shake_hands(pki.client("pi1"))
            await client.say(encode(Request.GET_PWM, ("shelf9",)) + PING * 100)
            assert await client.reply() == (Request.DISCONNECT, ("no shelf is called 'shelf9'",))
            await client.say(PING)  # it is not heard, and breaks nothing
            assert await client.reply() is None
            assert await client.closed()
            await asyncio.sleep(FAREWELL)
            assert not counter.desk.connections

        serve(play)

    def test_who_is_granted_nothing_is_told(self, pki: Pki, serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
        async def play(counter: Counter) -> None:
            client = await counter.client()
            await client.shake_hands(pki.client("pi2"))
            assert await client.reply() == (Request.DISCONNECT, ("pi2 is not allowed to connect",))
            assert await client.reply() is None

        serve(play)
        assert "(pi2): refused: pi2 is not allowed to connect" in caplog.text

    def test_the_client_says_that_it_goes(self, pki: Pki, serve: Serve) -> None:
        async def play(counter: Counter) -> None:
            client = await counter.client()
            await client.shake_hands(pki.client("pi1"))
            await client.say(encode(Request.DISCONNECT, (None,)))
            assert await client.reply() is None
            assert await client.closed()
            assert not counter.desk.connections

        serve(play)

    def test_the_client_ends_tls(self, pki: Pki, serve: Serve) -> None:
        async def play(counter: Counter) -> None:
            client = await counter.client()
            await client.shake_hands(pki.client("pi1"))
            await client.ask(Request.PING)
            assert client.tls is not None
            with pytest.raises(ssl.SSLWantReadError):
                client.tls.unwrap()
            await client.send(client._outgoing.read())
            assert await client.reply() is None
            assert not counter.desk.connections

        serve(play)

    def test_the_client_just_goes(self, pki: Pki, serve: Serve) -> None:
        async def play(counter: Counter) -> None:
            client = await counter.client()
            await client.shake_hands(pki.client("pi1"))
            await client.say(PING)
            client.sock.shutdown(socket.SHUT_WR)
            assert await client.reply() == ACK
            assert await client.closed()
            assert not counter.desk.connections

        serve(play)

    def test_the_client_breaks_off(self, pki: Pki, serve: Serve) -> None:
        async def play(counter: Counter) -> None:
            client = await counter.client()
            await client.shake_hands(pki.client("pi1"))
            await client.ask(Request.PING)
            client.sock.close()
            while counter.desk.connections:
                await asyncio.sleep(0)

        serve(play)

    def test_what_is_no_record_ends_it(self, pki: Pki, serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)

        async def play(counter: Counter) -> None:
            client = await counter.client()
            await client.shake_hands(pki.client("pi1"))
            await client.ask(Request.PING)
            await client.send(b"\x17\x03\x03\x00\x20" + b"?" * 32)
            assert "bad record mac" in await client.refusal()
            assert await client.closed()
            await asyncio.sleep(FAREWELL)
            assert not counter.desk.connections

        serve(play)
        assert "(pi1): refused: what came is no TLS any more" in caplog.text

    def test_the_server_stops(self, pki: Pki, serve: Serve) -> None:
        async def play(counter: Counter) -> None:
            client, newcomer = await counter.client(), await counter.client()
            await client.shake_hands(pki.client("pi1"))
            await client.ask(Request.PING)
            for connection in tuple(counter.desk.connections.values()):
                connection.leave("the server stops")
            assert await client.reply() == (Request.DISCONNECT, ("the server stops",))
            assert await client.reply() is None
            assert await newcomer.closed()

        serve(play)


class TestHandshake:
    def test_who_speaks_no_tls_is_told_so_in_his_own_words(
        self, serve: Serve, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)

        async def play(counter: Counter) -> None:
            client = await counter.client()
            await client.send(PING)
            decoder = Decoder()
            decoder.feed(await client.receive())
            said = decoder.next()
            assert said is not None
            assert said[0] is Request.DISCONNECT
            assert "this server speaks TLS" in said[1][0]
            await client.send(PING)
            assert await client.closed()
            await asyncio.sleep(FAREWELL)
            assert not counter.desk.connections

        serve(play)
        assert "refused: it does not speak TLS" in caplog.text

    @pytest.mark.parametrize(
        ("days", "said"),
        [(-0.5, "has expired or is not valid yet")],
    )
    def test_a_certificate_whose_time_is_over(
        self, pki: Pki, serve: Serve, caplog: pytest.LogCaptureFixture, days: float, said: str
    ) -> None:
        async def play(counter: Counter) -> None:
            client = await counter.client()
            await client.shake_hands(pki.issued("pi1", server=False, days=days))
            assert said in await client.refusal()
            assert await client.closed()
            await asyncio.sleep(FAREWELL)
            assert not counter.desk.connections

        serve(play)
        (line,) = (record for record in caplog.records if record.levelno >= logging.WARNING)
        assert line.getMessage().endswith("refused: no TLS: its certificate is not good: certificate has expired")
        assert line.exc_info is None

    def test_no_certificate(self, pki: Pki, serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
        async def play(counter: Counter) -> None:
            client = await counter.client()
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.load_verify_locations(pki.server.authority)
            client.tls = context.wrap_bio(client._incoming, client._outgoing, server_hostname=NAME)
            with pytest.raises(ssl.SSLWantReadError):
                client.tls.do_handshake()
            await client.send(client._outgoing.read())
            await client._take()
            client.tls.do_handshake()
            await client.send(client._outgoing.read())
            assert await client.refusal() == "it wants a certificate, and this host has none"

        serve(play)
        assert "refused: no TLS: peer did not return a certificate" in caplog.text

    def test_a_client_that_does_not_trust_the_server(
        self, pki: Pki, serve: Serve, caplog: pytest.LogCaptureFixture, tmp_path: Any
    ) -> None:
        stranger = Pki(tmp_path).client("pi1")

        async def play(counter: Counter) -> None:
            client = await counter.client()
            with pytest.raises(ssl.SSLCertVerificationError):
                await client.shake_hands(stranger)
            await client.send(client._outgoing.read())
            assert await client.closed()

        serve(play)
        assert "refused: no TLS: the certificate of this host is not from its authority" in caplog.text

    def test_it_is_given_up_when_it_takes_too_long(
        self, pki: Pki, serve: Serve, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)

        async def play(counter: Counter) -> None:
            silent, slow = await counter.client(), await counter.client()
            await slow.send(slow.hello(pki.client("pi1"))[:50])
            await asyncio.sleep(DEFAULT.handshake - 0.1)
            assert len(counter.desk.connections) == 2
            await asyncio.sleep(0.2)
            assert not counter.desk.connections
            assert await silent.closed()
            assert await slow.closed()

        serve(play)
        assert "no TLS handshake within 10 s" in caplog.text

    def test_once_it_is_over_nobody_is_hurried(self, pki: Pki, serve: Serve) -> None:
        async def play(counter: Counter) -> None:
            client = await counter.client()
            await client.shake_hands(pki.client("pi1"))
            await client.ask(Request.PING)
            await asyncio.sleep(2 * DEFAULT.handshake)
            assert await client.ask(Request.PING) == ACK

        serve(play)

    def test_who_goes_before_its_end_leaves_his_seat(self, pki: Pki, serve: Serve) -> None:
        async def play(counter: Counter) -> None:
            client = await counter.client()
            await client.send(client.hello(pki.client("pi1"))[:50])
            client.sock.shutdown(socket.SHUT_WR)
            assert await client.closed()
            assert not len(counter.desk.seats)

        serve(play)

    def test_there_is_no_room(self, pki: Pki, serve: Serve) -> None:
        async def play(counter: Counter) -> None:
            first, second = await counter.client(), await counter.client()
            assert await second.closed()
            await first.shake_hands(pki.client("pi1"))
            assert await first.ask(Request.PING) == ACK
            assert len(counter.desk.connections) == 1

        serve(play, limits=LimitsConfig(connections=1))

    def test_it_waits_for_its_turn(self, pki: Pki, serve: Serve) -> None:
        async def play(counter: Counter) -> None:
            client = await counter.client()
            turns = counter.desk.turns
            turns.free(counter.clock.mono())
            counter.clock.pass_by(1)  # the turn is used up
            only = counter.only()
            only.data_received(client.hello(pki.client("pi1")))
            assert len(turns._line) == 1
            await client._take()
            assert client.tls is not None
            client.tls.do_handshake()
            await client.say(PING)
            assert await client.reply() == ACK

        serve(play)

    def test_who_goes_while_he_waits_costs_no_handshake(
        self, pki: Pki, serve: Serve, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def play(counter: Counter) -> None:
            client = await counter.client()
            turns = counter.desk.turns
            turns.line_up(lambda: counter.clock.pass_by(1))
            turns.line_up(lambda: counter.clock.pass_by(1))
            only = counter.only()
            only.data_received(client.hello(pki.client("pi1")))
            monkeypatch.setattr(only, "_context", None)
            client.sock.close()
            while counter.desk.connections:
                await asyncio.sleep(0)
            await asyncio.sleep(1)

        serve(play)

    def test_who_waits_and_sends_more_than_a_hello_is_not_read_from(self, pki: Pki, serve: Serve) -> None:
        async def play(counter: Counter) -> None:
            client = await counter.client()
            counter.desk.turns.line_up(lambda: None)
            only = counter.only()
            only.data_received(client.hello(pki.client("pi1")))
            assert only.network.is_reading()
            only.data_received(bytes(5000))
            assert not only.network.is_reading()
            await asyncio.sleep(FAREWELL + 1)
            assert not counter.desk.connections, "for that is no TLS"

        serve(play)

    def test_who_is_let_go_while_he_waits_is_not_served(self, pki: Pki, serve: Serve) -> None:
        async def play(counter: Counter) -> None:
            client = await counter.client()
            turns = counter.desk.turns
            turns.free(counter.clock.mono())
            counter.clock.pass_by(1)
            only = counter.only()
            only.data_received(client.hello(pki.client("pi1")))
            only.data_received(b"more")  # though it is not read from
            only.abort()
            await asyncio.sleep(0.1)
            assert await client.closed()

        serve(play)

    def test_more_than_a_handshake_can_be(self, serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)

        async def play(counter: Counter) -> None:
            client = await counter.client()
            counter.only().data_received(b"\x16\x03\x01\xff\xff" + b"x" * 40_000)
            assert await client.closed()

        serve(play)
        assert "too much is held for handshakes" in caplog.text

    def test_when_too_many_have_begun_the_first_goes_for_the_next(
        self, pki: Pki, serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(handshakes, "UNDER_WAY", 3)

        async def play(counter: Counter) -> None:
            crowd = [await counter.client() for _ in range(5)]
            for client in crowd:
                await client.send(client.hello(pki.client("pi1")))
                await client.receive()  # the server's part of the handshake
            assert [await client.closed() for client in crowd[:2]] == [True, True]
            assert len(counter.desk.connections) == 3
            honest = await counter.client()
            await honest.shake_hands(pki.client("pi1"))
            assert await honest.ask(Request.PING) == ACK
            assert await crowd[2].closed()
            for client in crowd[3:]:
                client.sock.close()
            while len(counter.desk.connections) > 1:
                await asyncio.sleep(0)
            assert await honest.ask(Request.PING) == ACK

        serve(play)
        assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [
            "3 handshakes are under way, and the first go for more",
            "no handshake has to go for others any more",
        ]

    def test_of_one_that_has_failed_nothing_is_kept_but_its_place(self, serve: Serve) -> None:
        async def play(counter: Counter) -> None:
            client = await counter.client()
            only = counter.only()
            await client.send(b"\x16\x03\x01\x00\x05hello")
            assert (await client.receive())[:1] == b"\x15", "an alert"
            assert only._tls is None
            assert len(counter.desk.connections) == 1

        serve(play)

    def test_in_it_nothing_is_pushed_or_judged(self, serve: Serve) -> None:
        async def play(counter: Counter) -> None:
            client = await counter.client()
            only = counter.only()
            only.judge()
            assert not only.push(PING)
            only.write(PING)
            only.say_goodbye()
            only.pause_writing()
            only.resume_writing()
            only.refuse("no more")
            assert await client.closed()

        serve(play)


class TestInside:
    def test_it_is_a_transport(self, pki: Pki, serve: Serve) -> None:
        async def play(counter: Counter) -> None:
            client = await counter.client()
            await client.shake_hands(pki.client("pi1"))
            await client.ask(Request.PING)
            inside = counter.only()._transport
            assert inside.can_write_eof()
            assert inside.get_extra_info("peername") == ""
            assert inside.get_extra_info("nothing", 1) == 1
            assert inside.get_extra_info("ssl_object").version() == "TLSv1.3"
            inside.close()
            assert inside.is_closing()
            inside.write(b"too late")
            inside.close()

        serve(play)
