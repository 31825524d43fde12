"""TLS with one client, over real sockets, in made time; the client is the ssl module."""

import asyncio
import logging
import socket
import ssl

import pytest

from fand.ports import Temperature
from fand.server.connection import FAREWELL, UNREAD, Connection
from fand.server.encrypted import Encrypted
from fand.units import Celsius, Seconds
from fand.wire import Request, encode
from tests.certificates import Pki

from .secure import ACK, PING, Counter, Serve, serve

__all__ = ["serve"]


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
