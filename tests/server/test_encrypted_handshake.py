"""The handshake of TLS with one client: who gets in, who is told why not, and what it may cost."""

import asyncio
import logging
import socket
import ssl
from typing import Any

import pytest

from fand.config import LimitsConfig
from fand.server import handshakes
from fand.server.connection import FAREWELL
from fand.server.desk import DEFAULT
from fand.server.turns import SLICE
from fand.wire import Decoder, Request
from tests.certificates import Pki

from .secure import ACK, NAME, PING, Counter, Serve, serve

__all__ = ["serve"]


class Waiting:
    """Has yet to begin, and is in no hurry."""

    def leave(self, reason: str) -> None: ...


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
            turns.spend(SLICE)
            only = counter.only()
            only.data_received(client.hello(pki.client("pi1")))
            assert len(turns._line) == 1
            await client._take()
            assert client.tls is not None
            client.tls.do_handshake()
            await client.say(PING)
            assert await client.reply() == ACK

        serve(play)

    def test_who_has_begun_does_not_wait_behind_all_who_have_not(
        self, pki: Pki, serve: Serve, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(handshakes, "IN_LINE", 1)

        async def play(counter: Counter) -> None:
            client, turns, begun = await counter.client(), counter.desk.turns, list[int]()
            await client.send(client.hello(pki.client("pi1")))
            await client._take()
            assert client.tls is not None
            client.tls.do_handshake()
            one = counter.only()
            for number in range(100):
                one._handshakes.line_up(Waiting(), turns, lambda number=number: begun.append(number))
            one.data_received(client._outgoing.read())
            assert one._waits
            while counter.only() is one:
                await asyncio.sleep(0)
            assert 0 < len(begun) < 10
            await asyncio.sleep(1)
            assert begun == list(range(100))

        serve(play)

    def test_it_counts(self, pki: Pki, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
        async def play(counter: Counter) -> None:
            client = await counter.client()
            only = counter.only()
            wrap = only._context.wrap_bio

            def slowly(*args: Any, **more: Any) -> Any:
                counter.clock.pass_by(SLICE)
                return wrap(*args, **more)

            context = type("Slow", (), {"wrap_bio": staticmethod(slowly)})
            monkeypatch.setattr(only, "_context", context)
            only.data_received(client.hello(pki.client("pi1")))
            assert not counter.desk.turns.free()

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
            turns.spend(SLICE)
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
