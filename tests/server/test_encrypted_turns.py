"""What one client that speaks TLS can have of the server: time by its turn, and no memory that is not counted."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from fand.server.connection import FAREWELL, STALL
from fand.server.limits import FREE, MOST_HELD, Rank, Seat
from fand.server.turns import SHORTEST, SLICE
from fand.units import Seconds
from fand.wire import Request, encode
from tests.certificates import Pki
from tests.tls.forged import CIPHER, Forger

from .test_encrypted import ACK, PING, Client, Counter, Serve, serve
from .travel import TravelClock

__all__ = ["serve"]

RECORD = len(PING) + 22
"""Bytes of the record that has it."""
FAN = ("shelf1", [{"name": "front", "rpm": 900, "duty": 35, "state": "ok"}])


async def forger(client: Client, pki: Pki, folder: Path) -> Forger:
    """Shake hands, and forge what ``client`` sends from then on."""
    await client.shake_hands(pki.client("pi1"), folder / "keys")
    assert client.tls is not None
    cipher = client.tls.cipher()
    assert cipher is not None
    assert cipher[0] == CIPHER
    return Forger(folder / "keys")


def somebody_waits(counter: Counter) -> None:
    """From now on it is nobody's turn before another had his."""
    counter.desk.turns.line_up(lambda: None)


async def let_in(counter: Counter) -> Any:
    """What the only client talks to, once its handshake is over."""
    while not (one := counter.only()).peer.grant.roles:
        await asyncio.sleep(0)
    return one


class BusyClock(TravelClock):
    """Each time it is looked at, ``late`` seconds have passed by, as on a busy host."""

    late = 0.0

    def mono(self) -> Seconds:
        self.pass_by(self.late)
        return super().mono()


class TestTime:
    def test_one_record_is_read_at_once_and_more_by_turn(self, pki: Pki, serve: Serve, tmp_path: Path) -> None:
        async def play(counter: Counter) -> None:
            client = await counter.client()
            forged = await forger(client, pki, tmp_path)
            outside = (await let_in(counter))._transport._outside
            somebody_waits(counter)
            outside.data_received(b"".join(forged.record(PING) for _ in range(3)))
            assert outside._records.held == 2 * RECORD
            assert not outside.network.is_reading()
            for _ in range(3):
                assert await client.reply() == ACK
            await client.send(forged.record(PING))
            assert await client.reply() == ACK

        serve(play)

    @pytest.mark.parametrize("asks", [False, True])
    def test_records_that_ask_nothing_wait_for_their_turn_too(
        self, pki: Pki, serve: Serve, tmp_path: Path, asks: bool
    ) -> None:
        async def play(counter: Counter) -> None:
            client = await counter.client()
            forged = await forger(client, pki, tmp_path)
            outside = (await let_in(counter))._transport._outside
            somebody_waits(counter)
            outside.data_received(b"".join(forged.other_keys(asks=asks) for _ in range(50)) + forged.record(PING))
            assert outside._waits
            assert await client.reply() == ACK
            assert not outside._waits

        serve(play)

    def test_who_ranks_first_has_a_moment(self, pki: Pki, serve: Serve, tmp_path: Path) -> None:
        async def play(counter: Counter) -> None:
            client = await counter.client()
            forged = await forger(client, pki, tmp_path)
            await client.send(forged.record(encode(Request.SET_FANS, FAN)))
            assert await client.reply() == ACK
            assert counter.only().seat.rank is Rank.WORKER
            outside = counter.only()._transport._outside
            somebody_waits(counter)
            outside.data_received(forged.record(PING) + forged.record(PING))
            assert not outside._waits
            counter.desk.clock = clock = BusyClock()
            clock.late = SHORTEST
            outside.data_received(b"".join(forged.record(PING) for _ in range(3)))
            clock.late = 0.0
            assert outside._records.held == RECORD
            for _ in range(5):
                assert await client.reply() == ACK

        serve(play)

    def test_a_turn_has_an_end(self, pki: Pki, serve: Serve, tmp_path: Path) -> None:
        async def play(counter: Counter) -> None:
            client = await counter.client()
            forged = await forger(client, pki, tmp_path)
            outside = (await let_in(counter))._transport._outside
            somebody_waits(counter)
            outside.data_received(b"".join(forged.record(PING) for _ in range(5)))
            counter.desk.clock = clock = BusyClock()
            clock.late = SLICE
            outside._my_turn()
            clock.late = 0.0
            assert outside._waits
            assert outside._records.held == 3 * RECORD
            for _ in range(5):
                assert await client.reply() == ACK

        serve(play)

    def test_who_is_refused_while_he_waits_is_heard_no_more(self, pki: Pki, serve: Serve, tmp_path: Path) -> None:
        async def play(counter: Counter) -> None:
            client = await counter.client()
            forged = await forger(client, pki, tmp_path)
            inside = await let_in(counter)
            outside = inside._transport._outside
            somebody_waits(counter)
            outside.data_received(forged.record(PING) + forged.record(PING))
            assert not outside.network.is_reading()
            inside.refuse("no more")
            assert await client.reply() == (Request.DISCONNECT, ("no more",))
            assert await client.reply() is None
            await asyncio.sleep(0.1)
            assert outside.network.is_reading(), "so that what it sends does not reset the connection"

        serve(play)

    def test_who_must_not_be_read_from_is_not_when_his_turn_comes(
        self, pki: Pki, serve: Serve, tmp_path: Path
    ) -> None:
        async def play(counter: Counter) -> None:
            client = await counter.client()
            forged = await forger(client, pki, tmp_path)
            inside = await let_in(counter)
            outside = inside._transport._outside
            somebody_waits(counter)
            outside.data_received(forged.record(PING) + forged.record(PING))
            inside.pause_writing()
            await asyncio.sleep(0.1)
            assert not outside._waits
            assert not outside.network.is_reading()
            inside.resume_writing()
            assert outside.network.is_reading()
            for _ in range(2):
                assert await client.reply() == ACK

        serve(play)

    def test_what_has_come_and_waits_for_its_turn_is_not_late(
        self, pki: Pki, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def play(counter: Counter) -> None:
            client = await counter.client()
            forged = await forger(client, pki, tmp_path)
            outside, line = (await let_in(counter))._transport._outside, list[Any]()
            outside.data_received(forged.record(PING[:9]))
            with monkeypatch.context() as patch:
                patch.setattr(counter.desk.turns, "line_up", line.append)
                patch.setattr(counter.desk.turns, "free", lambda _now: False)
                outside.data_received(forged.record(PING[9:20]) + forged.record(PING[20:]))
                await asyncio.sleep(3 * STALL)
            for go in line:
                go()
            assert await client.reply() == ACK

        serve(play)

    def test_who_goes_while_he_waits_is_forgotten(self, pki: Pki, serve: Serve, tmp_path: Path) -> None:
        async def play(counter: Counter) -> None:
            client = await counter.client()
            forged = await forger(client, pki, tmp_path)
            outside = (await let_in(counter))._transport._outside
            somebody_waits(counter)
            outside.data_received(forged.record(PING) + forged.record(PING))
            outside.network.abort()
            await asyncio.sleep(0.1)
            assert not counter.desk.connections

        serve(play)


class TestMemory:
    def test_part_of_a_hello_costs_no_cipher(self, pki: Pki, serve: Serve) -> None:
        async def play(counter: Counter) -> None:
            client = await counter.client()
            hello = client.hello(pki.client("pi1"))
            await client.send(hello[:-1])
            await asyncio.sleep(1)
            assert counter.only()._tls is None
            await client.send(hello[-1:])
            assert await client.receive()

        serve(play)

    def test_who_announces_more_than_he_sends_is_let_go(self, serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
        async def play(counter: Counter) -> None:
            client = await counter.client()
            await client.send(b"\x16\x03\x01\x00\x04\x01\x01\xff\xff")
            assert await client.closed()
            await asyncio.sleep(FAREWELL)
            assert not counter.desk.connections

        serve(play)
        assert "no TLS: its hello is longer than the record" in caplog.text

    def test_the_rest_of_a_record_must_come(self, pki: Pki, serve: Serve, tmp_path: Path) -> None:
        async def play(counter: Counter) -> None:
            client = await counter.client()
            forged = await forger(client, pki, tmp_path)
            await client.send(forged.record(PING) + (record := forged.record(PING))[:5])
            assert await client.reply() == ACK
            await asyncio.sleep(STALL - 1)
            await client.send(record[5:])
            assert await client.reply() == ACK
            await asyncio.sleep(2 * STALL)
            for byte in forged.record(bytes(10_000))[:20]:
                assert counter.desk.connections
                await client.send(bytes((byte,)))
                await asyncio.sleep(STALL / 20)
            reason = f"the rest of a record of TLS did not come within {STALL:g} s"
            assert await client.reply() == (Request.DISCONNECT, (reason,))
            await asyncio.sleep(FAREWELL)
            assert not counter.desk.connections

        serve(play)

    def test_it_need_not_while_nothing_is_read(self, pki: Pki, serve: Serve, tmp_path: Path) -> None:
        async def play(counter: Counter) -> None:
            client = await counter.client()
            record = (await forger(client, pki, tmp_path)).record(PING)
            inside = await let_in(counter)
            inside._transport._outside.data_received(record[:20])
            inside._transport.pause_reading()
            await asyncio.sleep(5 * STALL)
            inside._transport.resume_reading()
            await client.send(record[20:])
            assert await client.reply() == ACK

        serve(play)

    def test_after_a_refusal_it_is_waited_for_no_more(self, pki: Pki, serve: Serve, tmp_path: Path) -> None:
        async def play(counter: Counter) -> None:
            client = await counter.client()
            record = (await forger(client, pki, tmp_path)).record(PING)
            inside = await let_in(counter)
            outside = inside._transport._outside
            outside.data_received(record[:20])
            inside.refuse("no more")
            outside._stalled(inside)
            assert await client.reply() == (Request.DISCONNECT, ("no more",))
            assert await client.reply() is None

        serve(play)

    def test_what_is_not_decrypted_counts(self, pki: Pki, serve: Serve, tmp_path: Path) -> None:
        async def play(counter: Counter) -> None:
            client = await counter.client()
            forged = await forger(client, pki, tmp_path)
            outside, seats = (await let_in(counter))._transport._outside, counter.desk.seats
            outside.data_received((record := forged.record(bytes(10_000)))[:5000])
            assert outside.seat.held == 5000 - FREE
            assert seats._held == outside.seat.held
            counter.desk.seats.hold(Seat(counter.only().peer, "another"), MOST_HELD)
            outside.data_received(record[5000:5001])
            assert (await client.reply() or [None])[0] is Request.DISCONNECT
            assert await client.reply() is None
            client.sock.close()
            await asyncio.sleep(FAREWELL)
            assert seats._held == MOST_HELD - FREE

        serve(play)
