"""fand.server.door and the limits of connections, over socket pairs in made time."""

import asyncio
import logging
import os
import pwd
from datetime import datetime

import pytest

from fand.config import LimitsConfig
from fand.server import limits
from fand.server.connection import STALL
from fand.server.limits import FREE, PATIENCE, WINDOW, Rank
from fand.server.turns import SLICE, TURN
from fand.units import Seconds, Timestamp
from fand.wire import Request, encode

from .test_connection import ACK, DUTY, GET, PING, Counter, big, served

WHY = (Request.DISCONNECT, ("somebody else needs the room, and nothing was asked for long",))
FULL = (Request.DISCONNECT, ("too many clients are connected",))


def test_who_asks_nothing_goes_for_a_newcomer_and_a_fan_client_stays(caplog: pytest.LogCaptureFixture) -> None:
    async def play(counter: Counter) -> None:
        fan, stranger = await counter.client(), await counter.client()
        await fan.ask(Request.SUBSCRIBE_PWM, "shelf1")
        await asyncio.sleep(PATIENCE[Rank.STRANGER] + 1)
        new = await counter.client()
        assert await stranger.reply() == WHY
        assert await stranger.reply() is None
        assert await new.ask(Request.PING) == ACK
        late = await counter.client()
        assert await late.reply() == FULL
        assert await fan.ask(Request.GET_PWM, "shelf1") == DUTY
        assert len(counter.desk.connections) == len(counter.desk.seats) == 2

    with caplog.at_level(logging.WARNING):
        served(play, limits=LimitsConfig(connections=2))
    assert caplog.messages.count("2 clients are connected, and there is no room for more") == 1


def test_one_origin_has_a_limit_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    user = f"user {pwd.getpwuid(os.geteuid()).pw_name}"
    why = f"too many clients are connected from {user}"

    async def play(counter: Counter) -> None:
        first, second = await counter.client(), await counter.client()
        for _ in range(2):
            new = await counter.client()
            assert await new.reply() == (Request.DISCONNECT, (why,))
        assert await first.ask(Request.PING) == ACK
        first.sock.close()
        second.sock.close()
        await asyncio.sleep(1)
        assert await (await counter.client()).ask(Request.PING) == ACK

    with caplog.at_level(logging.WARNING):
        served(play, limits=LimitsConfig(per_peer=2))
    assert caplog.messages == [
        f"2 clients are connected from {user}, and there is no room for more",
        f"clients are let in again from {user}",
    ]


def test_who_asks_nothing_for_long_is_told_so_and_let_go() -> None:
    async def play(counter: Counter) -> None:
        fan, guest, idler = await counter.client(), await counter.client(), await counter.client()
        await fan.ask(Request.SUBSCRIBE_PWM, "shelf1")
        await asyncio.sleep(50)
        await guest.ask(Request.PING)
        assert len(counter.desk.connections) == 3
        await asyncio.sleep(30)
        assert await idler.reply() == (Request.DISCONNECT, ("nothing was asked for 60 s",))
        assert await idler.reply() is None
        assert len(counter.desk.connections) == len(counter.desk.seats) == 2
        await asyncio.sleep(100)
        assert await guest.reply() == (Request.DISCONNECT, ("nothing was asked for 60 s",))
        assert len(counter.desk.connections) == 1
        fan.sock.close()
        await asyncio.sleep(100)
        assert await (await counter.client()).ask(Request.PING) == ACK

    served(play, limits=LimitsConfig(idle=Seconds(60)))


def test_new_limits_count_for_who_is_there() -> None:
    async def play(counter: Counter) -> None:
        counter.desk.door.become(LimitsConfig(connections=1))
        idler = await counter.client()
        assert await (await counter.client()).reply() == FULL
        await asyncio.sleep(100)
        counter.desk.door.become(LimitsConfig(idle=Seconds(60)))
        assert await idler.reply() == (Request.DISCONNECT, ("nothing was asked for 60 s",))

    served(play)


def test_who_asks_for_more_than_its_rate_waits_and_nobody_else_does() -> None:
    async def play(counter: Counter) -> None:
        greedy, modest = await counter.client(), await counter.client()
        at_once = int(WINDOW) + 1
        await greedy.send(GET + PING * (at_once - 1) + GET + PING)
        assert await greedy.reply() == DUTY
        for _ in range(at_once - 1):
            assert await greedy.reply() == ACK
        assert await modest.ask(Request.PING) == ACK
        assert counter.clock.mono() == 0
        assert await greedy.reply() == DUTY
        assert counter.clock.mono() == pytest.approx(1)
        assert await greedy.reply() == ACK
        await greedy.send(GET)
        assert await greedy.reply() == DUTY
        assert counter.clock.mono() == pytest.approx(3)

    served(play, limits=LimitsConfig(frames_per_second=1))


def test_who_goes_while_it_waits_disturbs_nobody(caplog: pytest.LogCaptureFixture) -> None:
    async def play(counter: Counter) -> None:
        greedy = await counter.client()
        await greedy.send(PING * (int(WINDOW) + 5))
        await greedy.receive()
        counter.only().abort()
        await asyncio.sleep(10)
        assert not counter.desk.connections

    served(play, limits=LimitsConfig(frames_per_second=1))
    assert not caplog.records


def test_while_the_server_is_busy_fan_clients_are_heard_and_others_line_up() -> None:
    async def play(counter: Counter) -> None:
        fan, operator, late = await counter.client(), await counter.client(), await counter.client()
        await fan.ask(Request.SUBSCRIBE_PWM, "shelf1")
        turns = counter.desk.turns
        assert turns.free()
        turns.spend(SLICE)
        connections = list(counter.desk.connections.values())
        for connection in connections:
            connection.data_received(PING)  # type: ignore[attr-defined]
        assert fan.sock.recv(1000) == encode(Request.ACK, ())
        for client in (operator, late):
            with pytest.raises(BlockingIOError):
                client.sock.recv(1000)
        assert await operator.reply() == ACK
        assert await late.reply() == ACK

    served(play)


def test_requests_that_take_long_end_the_turn_of_their_client() -> None:
    async def play(counter: Counter) -> None:
        slow, other = await counter.client(), await counter.client()
        real = counter.hall.instant

        def instant(when: datetime) -> Timestamp:
            counter.clock.pass_by(2 * SLICE)
            return real(when)

        counter.hall.instant = instant
        await slow.send(encode(Request.SET_PWM_EXPIRE, ("shelf1", datetime(2050, 1, 1))) * 10)
        await other.send(PING)
        assert await other.reply() == ACK
        assert counter.clock.mono() < 20 * SLICE
        for _ in range(10):
            assert await slow.reply() == ACK

    served(play)


@pytest.mark.parametrize("count", [1, 2])
def test_who_has_nothing_more_to_ask_does_not_line_up_however_long_it_took(count: int) -> None:
    async def play(counter: Counter) -> None:
        client = await counter.client()
        real = counter.hall.instant

        def instant(when: datetime) -> Timestamp:
            counter.clock.pass_by(2 * SLICE)
            return real(when)

        counter.hall.instant = instant
        connection = counter.only()
        connection.data_received(
            PING * (count - 1) + encode(Request.SET_PWM_EXPIRE, ("shelf1", datetime(2050, 1, 1)))
        )
        assert not connection._waits
        assert connection._decoder is None
        assert connection._transport.is_reading()
        for _ in range(count):
            assert await client.reply() == ACK
        assert not counter.desk.turns.free(), "but it counts"
        assert await client.ask(Request.PING) == ACK

    served(play)


def test_a_frame_that_came_while_its_client_waited_did_not_come_too_late() -> None:
    async def play(counter: Counter) -> None:
        client = await counter.client()
        await client.send(PING[:10])
        await asyncio.sleep(STALL - 1)
        connection, turns = counter.only(), counter.desk.turns
        turns.spend(SLICE)
        connection.data_received(PING[10:])
        assert await client.reply() == ACK
        assert await client.ask(Request.PING) == ACK

    served(play)


def test_the_time_for_a_frame_that_passes_in_line_does_not_count() -> None:
    async def play(counter: Counter) -> None:
        client = await counter.client()
        await client.send(PING[:10])
        await asyncio.sleep(0.01)
        connection = counter.only()
        connection._wait()
        await asyncio.sleep(STALL + 1)
        connection.data_received(PING[10:])
        connection._my_turn()
        assert await client.reply() == ACK

    served(play)


def test_unfinished_frames_are_kept_for_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_HELD", 100_000)
    half = b"99F9ffff" + bytes(60_000)

    async def play(counter: Counter) -> None:
        fan, slow = await counter.client(), await counter.client()
        await fan.ask(Request.SET_RPM, "shelf1", 900)
        await slow.send(half)
        await asyncio.sleep(0.01)
        late = await counter.client()
        await late.send(half)
        reason = "too much is held for clients whose requests are not whole or not answered yet"
        assert await late.reply() == (Request.DISCONNECT, (reason,))
        modest = await counter.client()
        await modest.send(PING[:10])
        await asyncio.sleep(0.01)
        await modest.send(PING[10:])
        assert await modest.reply() == ACK
        await fan.send(half)
        await asyncio.sleep(0.01)
        assert len(counter.desk.connections) == 4
        slow.sock.close()
        await asyncio.sleep(5)
        again = await counter.client()
        await again.send(half[: 30_000 + FREE])
        await asyncio.sleep(0.01)
        assert len(counter.desk.connections) == 3

    served(play)


def test_unread_answers_are_kept_for_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_HELD", 10_000)

    async def play(counter: Counter) -> None:
        never = await counter.client()
        await never.send(encode(Request.GET_STATUS, ("shelf1",)) * TURN)
        await asyncio.sleep(1)
        assert not counter.desk.connections
        client = await counter.client()
        assert await client.ask(Request.PING) == ACK

    served(play, big())
