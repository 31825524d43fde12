"""What one client that speaks TLS can have of the server: time by its turn, and no memory that is not counted."""

import asyncio
from typing import Any

import pytest

from fand.server.connection import FAREWELL, STALL
from fand.server.limits import FREE, MOST_HELD, Rank, Seat
from fand.server.turns import SHORTEST, SLICE
from fand.units import Seconds
from fand.wire import Request, encode
from tests.certificates import Pki

from .secure import PING, Counter, Forged, Serve, Talk, serve, talk
from .travel import TravelClock

__all__ = ["serve", "talk"]

RECORD = len(PING) + 22
"""Bytes of the record that has it."""
FAN = ("shelf1", [{"name": "front", "rpm": 900, "duty": 35, "state": "ok"}])


class BusyClock(TravelClock):
    """Each time it is looked at, ``late`` seconds have passed by, as on a busy host."""

    late = 0.0

    def mono(self) -> Seconds:
        self.pass_by(self.late)
        return super().mono()


class TestTime:
    def test_one_record_is_read_at_once_and_more_by_turn(self, talk: Talk) -> None:
        async def play(forged: Forged) -> None:
            forged.somebody_waits()
            forged.arrives(forged.pings(3))
            assert forged.outside._records.held == 2 * RECORD
            assert not forged.outside.network.is_reading()
            assert await forged.answers(3)
            await forged.send(forged.record(PING))
            assert await forged.answers(1)

        talk(play)

    @pytest.mark.parametrize("asks", [False, True])
    def test_records_that_ask_nothing_wait_for_their_turn_too(self, talk: Talk, asks: bool) -> None:
        async def play(forged: Forged) -> None:
            forged.somebody_waits()
            forged.arrives(*(forged.other_keys(asks=asks) for _ in range(50)), forged.record(PING))
            assert forged.outside._waits
            assert await forged.answers(1)
            assert not forged.outside._waits

        talk(play)

    def test_who_ranks_first_has_a_moment(self, talk: Talk) -> None:
        async def play(forged: Forged) -> None:
            await forged.send(forged.record(encode(Request.SET_FANS, FAN)))
            assert await forged.answers(1)
            assert forged.inside.seat.rank is Rank.WORKER
            forged.somebody_waits()
            forged.arrives(forged.pings(2))
            assert not forged.outside._waits
            forged.counter.desk.clock = clock = BusyClock()
            clock.late = SHORTEST
            forged.arrives(forged.pings(3))
            clock.late = 0.0
            assert forged.outside._records.held == RECORD
            assert await forged.answers(5)

        talk(play)

    def test_a_turn_has_an_end(self, talk: Talk) -> None:
        async def play(forged: Forged) -> None:
            forged.somebody_waits()
            forged.arrives(forged.pings(5))
            forged.counter.desk.clock = clock = BusyClock()
            clock.late = SLICE
            forged.outside._my_turn()
            clock.late = 0.0
            assert forged.outside._waits
            assert forged.outside._records.held == 3 * RECORD
            assert await forged.answers(5)

        talk(play)

    @pytest.mark.parametrize("ranks_first", [False, True])
    def test_what_decrypting_costs_counts_but_for_who_ranks_first(self, talk: Talk, ranks_first: bool) -> None:
        async def play(forged: Forged) -> None:
            if ranks_first:
                await forged.send(forged.record(encode(Request.SET_FANS, FAN)))
                assert await forged.answers(1)
            forged.counter.desk.clock = clock = BusyClock()
            clock.late = SLICE
            forged.arrives(forged.other_keys())
            clock.late = 0.0
            assert forged.counter.desk.turns.free() == ranks_first

        talk(play)

    def test_who_is_refused_while_he_waits_is_heard_no_more(self, talk: Talk) -> None:
        async def play(forged: Forged) -> None:
            forged.somebody_waits()
            forged.arrives(forged.pings(2))
            assert not forged.outside.network.is_reading()
            forged.inside.refuse("no more")
            assert await forged.client.reply() == (Request.DISCONNECT, ("no more",))
            assert await forged.client.reply() is None
            await asyncio.sleep(0.1)
            assert forged.outside.network.is_reading(), "so that what it sends does not reset the connection"

        talk(play)

    def test_who_must_not_be_read_from_is_not_when_his_turn_comes(self, talk: Talk) -> None:
        async def play(forged: Forged) -> None:
            outside = forged.outside
            forged.somebody_waits()
            forged.arrives(forged.pings(2))
            forged.inside.pause_writing()
            await asyncio.sleep(0.1)
            assert not outside._waits
            assert not outside.network.is_reading()
            forged.inside.resume_writing()
            assert outside.network.is_reading()
            assert await forged.answers(2)

        talk(play)

    def test_what_has_come_and_waits_for_its_turn_is_not_late(
        self, talk: Talk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def play(forged: Forged) -> None:
            line, turns = list[Any](), forged.counter.desk.turns
            forged.arrives(forged.record(PING[:9]))
            with monkeypatch.context() as patch:
                patch.setattr(turns, "line_up", line.append)
                patch.setattr(turns, "free", lambda: False)
                forged.arrives(forged.record(PING[9:20]), forged.record(PING[20:]))
                await asyncio.sleep(3 * STALL)
            for go in line:
                go()
            assert await forged.answers(1)

        talk(play)

    def test_who_goes_while_he_waits_is_forgotten(self, talk: Talk) -> None:
        async def play(forged: Forged) -> None:
            forged.somebody_waits()
            forged.arrives(forged.pings(2))
            forged.outside.network.abort()
            await asyncio.sleep(0.1)
            assert not forged.counter.desk.connections

        talk(play)


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

    def test_the_rest_of_a_record_must_come(self, talk: Talk) -> None:
        async def play(forged: Forged) -> None:
            client, connections = forged.client, forged.counter.desk.connections
            await forged.send(forged.record(PING) + (record := forged.record(PING))[:5])
            assert await forged.answers(1)
            await asyncio.sleep(STALL - 1)
            await forged.send(record[5:])
            assert await forged.answers(1)
            await asyncio.sleep(2 * STALL)
            for byte in forged.record(bytes(10_000))[:20]:
                assert connections
                await forged.send(bytes((byte,)))
                await asyncio.sleep(STALL / 20)
            reason = f"the rest of a record of TLS did not come within {STALL:g} s"
            assert await client.reply() == (Request.DISCONNECT, (reason,))
            await asyncio.sleep(FAREWELL)
            assert not connections

        talk(play)

    def test_it_need_not_while_nothing_is_read(self, talk: Talk) -> None:
        async def play(forged: Forged) -> None:
            record, transport = forged.record(PING), forged.inside._transport
            forged.arrives(record[:20])
            transport.pause_reading()
            await asyncio.sleep(5 * STALL)
            transport.resume_reading()
            await forged.send(record[20:])
            assert await forged.answers(1)

        talk(play)

    def test_after_a_refusal_it_is_waited_for_no_more(self, talk: Talk) -> None:
        async def play(forged: Forged) -> None:
            forged.arrives(forged.record(PING)[:20])
            forged.inside.refuse("no more")
            forged.outside._stalled(forged.inside)
            assert await forged.client.reply() == (Request.DISCONNECT, ("no more",))
            assert await forged.client.reply() is None

        talk(play)

    def test_what_is_not_decrypted_counts(self, talk: Talk) -> None:
        async def play(forged: Forged) -> None:
            client, outside, seats = forged.client, forged.outside, forged.counter.desk.seats
            forged.arrives((record := forged.record(bytes(10_000)))[:5000])
            assert outside.seat.held == 5000 - FREE
            assert seats._held == outside.seat.held
            seats.hold(Seat(forged.inside.peer, "another"), MOST_HELD)
            forged.arrives(record[5000:5001])
            assert (await client.reply() or [None])[0] is Request.DISCONNECT
            assert await client.reply() is None
            client.sock.close()
            await asyncio.sleep(FAREWELL)
            assert seats._held == MOST_HELD - FREE

        talk(play)
