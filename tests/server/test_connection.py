"""Connections over socket pairs, in made time."""

import asyncio
import logging
import os
import re
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fand.config import LimitsConfig, ServerConfig
from fand.dispatch import ALL, NOTHING, After, Grant, Role, Shelf
from fand.exceptions import RequestError
from fand.ports import Temperature
from fand.server.connection import FAREWELL, STALL, Connection
from fand.server.desk import DEFAULT, Desk
from fand.server.identity import Access, access_of, own_user
from fand.server.turns import TURN
from fand.units import Celsius, Moment, Percent, Seconds
from fand.wire import HEADER_SIZE, MAGIC, Request, decode, encode
from tests.dispatch.halls import hall, shelf, slot, warm

from .asking import Asking, Reply
from .travel import TravelClock, travel

GET = encode(Request.GET_PWM, ("shelf1",))
PING = encode(Request.PING, ())
DUTY = (Request.SET_PWM, ("shelf1", 25))


class Client(Asking):
    """The other end of one connection to ``desk``."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__()
        self.sock = sock

    async def send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.sock, data)

    async def receive(self) -> bytes:
        return await asyncio.get_running_loop().sock_recv(self.sock, 1 << 20)

    say = send
    hear = receive


class Counter:
    """Accepts clients, as the daemon does."""

    def __init__(self, *shelves: Shelf, most: int = 100, limits: LimitsConfig = DEFAULT) -> None:
        self.clock = TravelClock()
        self.hall = hall(*shelves)
        self.waits: list[asyncio.Future[None]] = []
        self.desk = Desk(self.hall, self.clock, most, access=access_of(ServerConfig(()), own_user()), limits=limits)
        self._sockets: list[socket.socket] = []

    def hold(self) -> None:
        """From now on what is set is not answered before the newest of ``waits`` is done."""

        def begin() -> asyncio.Future[None]:
            self.waits.append(asyncio.get_running_loop().create_future())
            return self.waits[-1]

        self.desk.works = {After.SAVED: begin}

    async def client(self) -> Client:
        here, there = socket.socketpair()
        here.setblocking(False)
        there.setblocking(False)
        self._sockets.append(here)
        await asyncio.get_running_loop().connect_accepted_socket(lambda: Connection(self.desk), there)
        return Client(here)

    def only(self) -> Connection:
        """The one connection that there is."""
        (connection,) = self.desk.connections.values()
        assert isinstance(connection, Connection)
        return connection

    async def close(self) -> None:
        self.desk.keeper.stop()
        for connection in list(self.desk.connections.values()):
            connection.abort()
        for sock in self._sockets:
            sock.close()
        await asyncio.sleep(0)
        await asyncio.sleep(0)


def served(
    play: Callable[[Counter], Awaitable[None]], *shelves: Shelf, most: int = 100, limits: LimitsConfig = DEFAULT
) -> None:
    """Play against a counter with these shelves."""

    async def main() -> None:
        counter = Counter(*shelves, most=most, limits=limits)
        try:
            await play(counter)
        finally:
            await counter.close()

    travel(main)


def test_a_request_is_answered_the_first_time_and_by_its_bytes_afterwards() -> None:
    async def play(counter: Counter) -> None:
        client = await counter.client()
        for _ in range(3):
            await client.send(GET)
            assert await client.reply() == DUTY
        assert list(counter.desk.known) == [GET]

    served(play)


def test_what_is_known_by_its_bytes_is_still_judged_when_the_answer_is_given() -> None:
    async def play(counter: Counter) -> None:
        client = await counter.client()
        await client.ask(Request.GET_PWM, "shelf1")
        counter.hall.shelf("shelf1").observe("a", Temperature(Celsius(40), Seconds(0)))
        assert await client.ask(Request.GET_PWM, "shelf1") == (Request.SET_PWM, ("shelf1", 75))
        await asyncio.sleep(31)
        assert await client.ask(Request.GET_PWM, "shelf1") == (Request.SET_PWM, ("shelf1", 100))

    served(play)


@pytest.mark.parametrize("header", [b"88F9", b"99F9zzzz", b"99F9%04x" % len(GET)])
def test_a_known_payload_behind_a_wrong_header_is_not_taken(header: bytes) -> None:
    async def play(counter: Counter) -> None:
        client = await counter.client()
        await client.ask(Request.GET_PWM, "shelf1")
        await client.send((header + GET)[:8] + GET[HEADER_SIZE:])
        if header.startswith(b"99F9") and b"z" not in header:
            await client.send(b"x" * 8)  # the header told of a longer payload
        reply = await client.reply()
        assert reply is not None
        assert reply[0] is Request.DISCONNECT

    served(play)


@pytest.mark.parametrize("before", [b"", PING], ids=["by itself", "after another"])
def test_what_is_known_by_its_bytes_is_refused_to_whom_it_is_not_granted(before: bytes) -> None:
    async def play(counter: Counter) -> None:
        await (await counter.client()).ask(Request.GET_PWM, "shelf1")
        stranger = await counter.client()
        assert await stranger.ask(Request.GET_PWM, "shelf1") == DUTY
        *_, connection = counter.desk.connections.values()
        connection.peer.grant = Grant(ALL.roles, frozenset({"another"}))
        await stranger.send(before + GET)
        assert not before or await stranger.reply() == (Request.ACK, ())
        reason = "GET_PWM needs the role read for shelf 'shelf1'"
        assert await stranger.reply() == (Request.DISCONNECT, (reason,))

    served(play)


READER = Grant(frozenset({Role.READ}), frozenset({"shelf1"}))
OWN = os.geteuid()


def log_of(caplog: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    """Level and text of what the audit log says of clients at a socket pair."""
    who = rf"^local:{os.getpid()} \(user [^)]+\):"
    audit = [record for record in caplog.records if record.name == "fand.audit"]
    return [(record.levelno, re.sub(who, "US:", record.getMessage())) for record in audit]


def test_who_is_not_listed_is_told_so_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def play(counter: Counter) -> None:
        counter.desk.access = Access(titles={OWN: "anna"})
        client = await counter.client()
        assert await client.reply() == (Request.DISCONNECT, ("user anna is not allowed to connect",))
        await client.send(GET)
        assert await client.reply() is None

    served(play)
    assert log_of(caplog) == [(logging.WARNING, "US: refused: user anna is not allowed to connect")]


def test_what_is_not_granted_is_refused_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def play(counter: Counter) -> None:
        counter.desk.access = Access(users={OWN: READER})
        client = await counter.client()
        assert await client.ask(Request.GET_PWM, "shelf1") == DUTY
        reason = "SET_PWM_OVERRIDE needs the role control"
        assert await client.ask(Request.SET_PWM_OVERRIDE, "shelf1", 0) == (Request.DISCONNECT, (reason,))
        assert await client.reply() is None
        assert counter.hall.shelf("shelf1").override is None

    served(play)
    text = "US: SET_PWM_OVERRIDE refused: SET_PWM_OVERRIDE needs the role control"
    assert log_of(caplog) == [(logging.WARNING, text)]


def test_overrides_are_logged_with_who_and_what(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "fand.audit")

    async def play(counter: Counter) -> None:
        client = await counter.client()
        assert await client.ask(Request.SET_PWM_EXPIRE, "shelf1", None) == (Request.ACK, ())
        assert await client.ask(Request.SET_PWM_OVERRIDE, "shelf1", 60) == (Request.ACK, ())
        assert await client.ask(Request.SET_RPM, "shelf1", 900) == (Request.ACK, ())

    served(play)
    assert log_of(caplog) == [
        (logging.INFO, "US: SET_PWM_EXPIRE shelf1: the next override until removed"),
        (logging.INFO, "US: SET_PWM_OVERRIDE shelf1: 60 % until removed"),
    ]


def test_who_may_do_less_than_before_is_disconnected_and_who_may_do_more_stays() -> None:
    async def play(counter: Counter) -> None:
        client = await counter.client()
        await client.ask(Request.PING)
        counter.desk.become(counter.desk.access)
        (connection,) = counter.desk.connections.values()
        connection.peer.grant = NOTHING
        counter.desk.become(Access(users={OWN: READER}))
        assert await client.ask(Request.GET_PWM, "shelf1") == DUTY
        counter.desk.become(Access(users={OWN: ALL}))
        assert await client.ask(Request.SET_PWM_OVERRIDE, "shelf1", 60) == (Request.ACK, ())
        counter.desk.become(Access(users={OWN: READER}))
        reason = "less is allowed than before; connect again"
        assert await client.reply() == (Request.DISCONNECT, (reason,))
        assert connection.peer.grant == NOTHING
        again = await counter.client()
        assert await again.ask(Request.GET_PWM, "shelf1") == (Request.SET_PWM, ("shelf1", 60))
        counter.desk.become(Access())
        told = await again.reply()
        assert told is not None
        assert told[0] is Request.DISCONNECT

    served(play)


def test_who_subscribed_and_is_refused_is_pushed_nothing_more() -> None:
    async def play(counter: Counter) -> None:
        client = await counter.client()
        assert await client.ask(Request.SUBSCRIBE_PWM, "shelf1") == DUTY
        counter.desk.become(Access())
        counter.hall.shelf("shelf1").set_override(Percent(60), counter.desk.now())
        counter.desk.keeper.refresh(counter.hall.shelf("shelf1"))
        told = await client.reply()
        assert told is not None
        assert told[0] is Request.DISCONNECT
        assert await client.reply() is None

    served(play)


@given(st.lists(st.integers(1, 40), max_size=12))
def test_frames_split_anywhere_are_answered_in_order(cuts: list[int]) -> None:
    stream = PING + GET + GET + encode(Request.GET_RPM, ("shelf1",)) + GET

    async def play(counter: Counter) -> None:
        client, rest = await counter.client(), stream
        for cut in cuts:
            await client.send(rest[:cut])
            rest = rest[cut:]
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        if rest:
            await client.send(rest)
        speed = (Request.SET_RPM, ("shelf1", 0))
        assert [await client.reply() for _ in range(5)] == [(Request.ACK, ()), DUTY, DUTY, speed, DUTY]
        assert len(counter.desk.connections) == 1

    served(play)


def test_requests_sent_together_are_answered_by_one_write() -> None:
    async def play(counter: Counter) -> None:
        client = await counter.client()
        await client.send(PING * 50)
        assert await client.receive() == encode(Request.ACK, ()) * 50

    served(play)


def test_a_client_that_asks_much_takes_its_turn_with_others() -> None:
    async def play(counter: Counter) -> None:
        greedy, modest = await counter.client(), await counter.client()
        await greedy.send(PING * (10 * TURN) + PING[:10])
        await modest.send(PING)
        assert await modest.reply() == (Request.ACK, ())
        answered = len(await greedy.receive()) // len(encode(Request.ACK, ()))
        assert TURN <= answered < 10 * TURN
        for _ in range(10 * TURN - answered):
            await greedy.reply()
        await greedy.send(PING[10:])
        assert await greedy.reply() == (Request.ACK, ())

    served(play)


def test_a_client_that_goes_in_the_middle_of_its_turns_is_let_go() -> None:
    async def play(counter: Counter) -> None:
        client = await counter.client()
        await client.send(PING * (10 * TURN))
        await client.receive()
        connection = counter.only()
        connection.abort()
        await asyncio.sleep(1)
        assert not counter.desk.connections

    served(play)


def test_a_client_that_ends_its_side_gets_the_answers_of_all_its_turns() -> None:
    async def play(counter: Counter) -> None:
        client = await counter.client()
        await client.send(PING * (3 * TURN))
        client.sock.shutdown(socket.SHUT_WR)
        assert [await client.reply() for _ in range(3 * TURN)] == [(Request.ACK, ())] * (3 * TURN)
        assert await client.reply() is None

    served(play)


def test_the_stall_of_a_client_that_stops_reading_during_its_turn_is_noticed() -> None:
    async def play(counter: Counter) -> None:
        client = await counter.client()
        await client.send(encode(Request.GET_STATUS, ("shelf1",)) * 200)
        await asyncio.sleep(STALL + 1)
        assert not counter.desk.connections

    served(play, big())


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (encode(Request.GET_PWM, ("nowhere",)), "no shelf is called 'nowhere'"),
        (encode(Request.SET_PWM_OVERRIDE, ("shelf1", 101)), "PWM 101 is not a number from 0 to 100"),
        (encode(Request.SET_RPM, ("shelf1", float("nan"))), "RPM nan is not a number from 0 to 200000"),
        (encode(Request.GET_PWM, ()), "GET_PWM takes a shelf; 0 arguments came"),
        (encode(Request.ACK, ()), "the server takes no ACK"),
    ],
)
def test_what_cannot_be_granted_is_refused_in_words_and_the_connection_closes(frame: bytes, reason: str) -> None:
    async def play(counter: Counter) -> None:
        client = await counter.client()
        await client.send(PING + frame + PING)
        assert await client.reply() == (Request.ACK, ())
        assert await client.reply() == (Request.DISCONNECT, (reason,))
        assert await client.reply() is None

    served(play)


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n\r\n", MAGIC + b"0003abc", MAGIC + b"00zz", b"\x00" * 8])
def test_what_is_no_frame_is_refused_in_words(data: bytes) -> None:
    async def play(counter: Counter) -> None:
        client = await counter.client()
        await client.send(data)
        reply = await client.reply()
        assert reply is not None
        assert reply[0] is Request.DISCONNECT
        assert 0 < len(reply[1][0]) <= 240
        assert await client.reply() is None

    served(play)


def test_who_is_refused_has_a_moment_to_read_why_and_no_longer() -> None:
    async def play(counter: Counter) -> None:
        client = await counter.client()
        await client.send(encode(Request.ACK, ()))
        await asyncio.sleep(FAREWELL - 0.1)
        await client.send(PING * 10)  # not read any more, and no reason to reset the connection
        assert len(counter.desk.connections) == 1
        await asyncio.sleep(0.2)
        assert not counter.desk.connections
        assert await client.reply() == (Request.DISCONNECT, ("the server takes no ACK",))

    served(play)


def test_who_has_gone_gets_no_further_answers(caplog: pytest.LogCaptureFixture) -> None:
    async def play(counter: Counter) -> None:
        client = await counter.client()
        await client.send(encode(Request.SUBSCRIBE_PWM, ("shelf1",)) * (TURN - 1))
        client.sock.close()
        while counter.desk.connections:
            await asyncio.sleep(0)

    served(play)
    assert not caplog.records, "asyncio complains of each answer to nobody"


def test_a_client_that_says_that_it_goes_is_let_go() -> None:
    async def play(counter: Counter) -> None:
        client = await counter.client()
        await client.send(PING + encode(Request.DISCONNECT, (None,)) + PING)
        assert await client.reply() == (Request.ACK, ())
        assert await client.reply() is None
        assert not counter.desk.connections

    served(play)


def test_a_client_that_ends_its_side_still_gets_its_answers() -> None:
    async def play(counter: Counter) -> None:
        client = await counter.client()
        await client.send(GET)
        client.sock.shutdown(socket.SHUT_WR)
        assert await client.reply() == DUTY
        assert await client.reply() is None

    served(play)


def test_who_is_refused_and_does_not_read_that_is_let_go_no_later() -> None:
    async def play(counter: Counter) -> None:
        client = await counter.client()
        connection = counter.only()
        assert await client.ask(Request.ACK) == (Request.DISCONNECT, ("the server takes no ACK",))
        connection.pause_writing()
        connection.resume_writing()
        await asyncio.sleep(FAREWELL + 0.1)
        assert not counter.desk.connections

    served(play)


def test_an_idle_client_stays() -> None:
    async def play(counter: Counter) -> None:
        client = await counter.client()
        assert await client.ask(Request.PING) == (Request.ACK, ())
        await asyncio.sleep(10 * STALL)
        assert await client.ask(Request.PING) == (Request.ACK, ())

    served(play)


def test_a_frame_that_is_not_completed_in_time_ends_the_connection() -> None:
    async def play(counter: Counter) -> None:
        client = await counter.client()
        await client.send(GET[:10])
        await asyncio.sleep(STALL - 1)
        await client.send(GET[10:12])
        await asyncio.sleep(0.5)
        assert len(counter.desk.connections) == 1
        await asyncio.sleep(0.6)
        assert await client.reply() == (Request.DISCONNECT, ("the rest of the frame did not come within 30 s",))
        assert await client.reply() is None

    served(play)


def test_a_slow_client_whose_frames_get_completed_is_kept() -> None:
    async def play(counter: Counter) -> None:
        client = await counter.client()
        await client.send(PING[:10])
        for _ in range(5):
            await asyncio.sleep(STALL - 1)
            await client.send(PING[10:] + PING[:10])
            assert await client.reply() == (Request.ACK, ())
        await client.send(PING[10:])
        assert await client.reply() == (Request.ACK, ())
        await asyncio.sleep(2 * STALL)
        assert len(counter.desk.connections) == 1

    served(play)


def big() -> Shelf:
    """A shelf whose status fills most of a frame."""
    return warm(Shelf("shelf1", shelf().law, [slot(f"{number:03}" + "x" * 190) for number in range(150)]))


def test_a_client_that_never_reads_is_dropped_and_holds_little_memory() -> None:
    async def play(counter: Counter) -> None:
        client = await counter.client()
        connection = counter.only()
        ask = encode(Request.GET_STATUS, ("shelf1",)) * 200
        await client.send(ask)
        await asyncio.sleep(1)
        size = connection._transport.get_write_buffer_size()
        assert 0 < size < 300_000
        await asyncio.sleep(STALL - 2)
        assert len(counter.desk.connections) == 1
        assert connection._transport.get_write_buffer_size() == size
        await asyncio.sleep(2)
        assert not counter.desk.connections

    served(play, big())


def test_a_client_that_reads_late_gets_every_answer() -> None:
    async def play(counter: Counter) -> None:
        client = await counter.client()
        await client.send(encode(Request.GET_STATUS, ("shelf1",)) * 60 + PING)
        await asyncio.sleep(STALL - 1)
        for _ in range(60):
            reply = await client.reply()
            assert reply is not None
            assert reply[0] is Request.SET_STATUS
        assert await client.reply() == (Request.ACK, ())
        await asyncio.sleep(2 * STALL)
        assert await client.ask(Request.PING) == (Request.ACK, ())

    served(play, big())


def test_a_subscriber_that_did_not_read_is_told_the_duty_of_then() -> None:
    async def play(counter: Counter) -> None:
        client = await counter.client()
        connection = counter.only()
        assert await client.ask(Request.SUBSCRIBE_PWM, "shelf1") == (Request.SET_PWM, ("shelf1", 25))
        connection.pause_writing()
        what = counter.hall.shelf("shelf1")
        for celsius in (35, 40):
            warm(what, celsius, counter.clock.mono())
            counter.desk.keeper.refresh(what)
            await asyncio.sleep(0.1)
        connection.resume_writing()
        assert await client.reply() == (Request.SET_PWM, ("shelf1", 75))

    served(play)


def test_subscribers_are_pushed_to_and_their_other_requests_answered_between() -> None:
    async def play(counter: Counter) -> None:
        fan, operator = await counter.client(), await counter.client()
        assert await fan.ask(Request.SUBSCRIBE_PWM, "shelf1") == (Request.SET_PWM, ("shelf1", 25))
        assert await operator.ask(Request.SET_PWM_OVERRIDE, "shelf1", 60) == (Request.ACK, ())
        assert await fan.reply() == (Request.SET_PWM, ("shelf1", 60))
        assert await fan.ask(Request.SET_FANS, "shelf1", []) == (Request.ACK, ())
        assert await operator.ask(Request.SET_PWM_OVERRIDE, "shelf1", None) == (Request.ACK, ())
        assert await fan.reply() == (Request.SET_PWM, ("shelf1", 25))

    served(play)


def test_an_answer_comes_before_the_push_that_it_causes() -> None:
    async def play(counter: Counter) -> None:
        client = await counter.client()
        subscribe, override = Request.SUBSCRIBE_PWM, Request.SET_PWM_OVERRIDE
        await client.send(encode(subscribe, ("shelf1",)) + encode(override, ("shelf1", 60)) + GET)
        told = [await client.reply() for _ in range(4)]
        pushed = (Request.SET_PWM, ("shelf1", 60))
        assert told == [DUTY, (Request.ACK, ()), pushed, pushed]

    served(play)


def test_a_subscriber_that_has_gone_is_forgotten() -> None:
    async def play(counter: Counter) -> None:
        client = await counter.client()
        await client.ask(Request.SUBSCRIBE_PWM, "shelf1")
        client.sock.close()
        await asyncio.sleep(7)
        assert not counter.hall.shelf("shelf1").subscribers
        assert not counter.desk.connections

    served(play)


def test_over_the_limit_the_newcomer_is_refused_and_the_others_stay(caplog: pytest.LogCaptureFixture) -> None:
    async def play(counter: Counter) -> None:
        old = [await counter.client() for _ in range(2)]
        for _ in range(2):
            new = await counter.client()
            assert await new.reply() == (Request.DISCONNECT, ("too many clients are connected",))
            assert await new.reply() is None
        assert await old[0].ask(Request.PING) == (Request.ACK, ())
        old[0].sock.close()
        await asyncio.sleep(1)
        new = await counter.client()
        assert await new.ask(Request.PING) == (Request.ACK, ())

    with caplog.at_level(logging.WARNING):
        served(play, most=2)
    told = [record.getMessage() for record in caplog.records]
    assert told[:2] == ["2 clients are connected, and there is no room for more", "clients are let in again"]


def test_an_answer_that_does_not_fit_is_refused() -> None:
    name = "x" * 65_475  # as a configuration never has it

    async def play(counter: Counter) -> None:
        client = await counter.client()
        assert await client.ask(Request.GET_RPM, name) == (
            Request.DISCONNECT,
            ("the answer is too long for a frame",),
        )

    served(play, shelf(name, ()))


def test_s9_a_bug_costs_one_connection_and_tells_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_self: Shelf, _now: Moment) -> Any:
        raise ZeroDivisionError("inside")

    async def play(counter: Counter) -> None:
        other, client = await counter.client(), await counter.client()
        monkeypatch.setattr(Shelf, "decision", broken)
        assert await client.ask(Request.GET_PWM, "shelf1") == (Request.DISCONNECT, ("internal error",))
        assert await other.ask(Request.PING) == (Request.ACK, ())

    served(play)
    assert "a request could not be answered" in caplog.text


def test_the_address_of_a_client_is_shown_as_people_write_it() -> None:
    async def main() -> None:
        counter = Counter()
        loop = asyncio.get_running_loop()
        for host, shown in (("127.0.0.1", "127.0.0.1:"), ("::1", "[::1]:")):
            server = await loop.create_server(lambda: Connection(counter.desk), host, 0)
            client = Client(socket.create_connection(server.sockets[0].getsockname()[:2]))
            client.sock.setblocking(False)
            assert await client.ask(Request.SET_RPM, "shelf1", 900) == (Request.ACK, ())
            who = counter.hall.shelf("shelf1").client
            assert who is not None
            assert who.address == f"{shown}{client.sock.getsockname()[1]}"
            client.sock.close()
            server.close()
            await counter.close()

    asyncio.run(main())


def test_who_has_gone_when_it_is_refused_disturbs_nobody(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        counter = Counter()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Connection(counter.desk), "127.0.0.1", 0)
        client = Client(socket.create_connection(server.sockets[0].getsockname()[:2]))
        client.sock.setblocking(False)
        assert await client.ask(Request.PING) == ACK
        client.sock.close()
        counter.only().data_received(b"this is no frame")  # what is answered now meets a reset
        while counter.desk.connections:
            await asyncio.sleep(0)
        server.close()

    asyncio.run(main())
    assert not caplog.records


def test_the_server_can_part_from_a_client_with_a_word() -> None:
    async def play(counter: Counter) -> None:
        client = await counter.client()
        connection = counter.only()
        connection.leave("the server stops")
        assert await client.reply() == (Request.DISCONNECT, ("the server stops",))
        assert not connection.push(GET)
        assert await client.reply() is None

    served(play)


OVERRIDE = encode(Request.SET_PWM_OVERRIDE, ("shelf1", 60))
ACK: Reply = (Request.ACK, ())


async def settle() -> None:
    """Let everything happen that can happen now."""
    await asyncio.sleep(0.001)


def test_an_answer_is_held_until_what_it_tells_is_done_and_the_duty_changes_before() -> None:
    async def play(counter: Counter) -> None:
        counter.hold()
        fan, operator = await counter.client(), await counter.client()
        await fan.ask(Request.SUBSCRIBE_PWM, "shelf1")
        await operator.send(PING + OVERRIDE + GET + PING)
        assert await operator.receive() == encode(Request.ACK, ())
        assert await fan.reply() == (Request.SET_PWM, ("shelf1", 60))
        assert await fan.ask(Request.GET_PWM, "shelf1") == (Request.SET_PWM, ("shelf1", 60))
        await operator.send(PING + OVERRIDE)
        await settle()
        assert len(counter.waits) == 1, "what comes after the answer waits for it"
        counter.waits[0].set_result(None)
        told = [await operator.reply() for _ in range(4)]
        assert told == [ACK, (Request.SET_PWM, ("shelf1", 60)), ACK, ACK]
        await settle()
        counter.waits[1].set_result(None)
        assert await operator.reply() == ACK
        assert await operator.ask(Request.PING) == ACK

    served(play)


def test_what_is_done_already_holds_up_nothing() -> None:
    async def play(counter: Counter) -> None:
        def done() -> asyncio.Future[None]:
            future = asyncio.get_running_loop().create_future()
            future.set_result(None)
            return future

        counter.desk.works = {After.SAVED: done}
        client = await counter.client()
        await client.send((OVERRIDE + PING) * TURN)
        assert [await client.reply() for _ in range(2 * TURN)] == [ACK] * (2 * TURN)

    served(play)


def test_who_holds_an_answer_back_can_refuse_it_in_words() -> None:
    async def play(counter: Counter) -> None:
        counter.hold()
        client = await counter.client()
        await client.send(OVERRIDE + PING)
        await settle()
        counter.waits[0].set_exception(RequestError("the new configuration falls short"))
        assert await client.reply() == (Request.DISCONNECT, ("the new configuration falls short",))
        assert await client.reply() is None

    served(play)


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (lambda wait: wait.set_exception(ZeroDivisionError("inside")), "internal error"),
        (lambda wait: wait.cancel(), "the server stops"),
    ],
)
def test_work_that_ends_otherwise_costs_its_client_the_connection(
    end: Callable[[asyncio.Future[None]], object], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def play(counter: Counter) -> None:
        counter.hold()
        other, client = await counter.client(), await counter.client()
        await client.send(OVERRIDE)
        await settle()
        end(counter.waits[0])
        assert await client.reply() == (Request.DISCONNECT, (reason,))
        assert await other.ask(Request.PING) == ACK

    served(play)
    assert ("ZeroDivisionError: inside" in caplog.text) is (reason == "internal error")


def test_work_that_cannot_begin_is_refused() -> None:
    def begin() -> asyncio.Future[None]:
        raise RequestError("a reload is under way")

    async def play(counter: Counter) -> None:
        counter.desk.works = {After.SAVED: begin}
        client = await counter.client()
        assert await client.ask(Request.SET_PWM_OVERRIDE, "shelf1", 60) == (
            Request.DISCONNECT,
            ("a reload is under way",),
        )

    served(play)


@pytest.mark.parametrize("failed", [False, True])
def test_who_goes_while_his_answer_is_held_disturbs_nobody(failed: bool, caplog: pytest.LogCaptureFixture) -> None:
    async def play(counter: Counter) -> None:
        counter.hold()
        client = await counter.client()
        await client.send(OVERRIDE + PING)
        await settle()
        connection = counter.only()
        connection.abort()
        await settle()
        assert not counter.desk.connections
        if failed:
            counter.waits[0].set_exception(RequestError("too late"))
        else:
            counter.waits[0].set_result(None)
        await settle()
        assert counter.hall.shelf("shelf1").override is not None

    served(play)
    assert not caplog.records


def test_who_ends_his_side_while_his_answer_is_held_gets_it() -> None:
    async def play(counter: Counter) -> None:
        counter.hold()
        client = await counter.client()
        await client.send(OVERRIDE + PING)
        client.sock.shutdown(socket.SHUT_WR)
        await settle()
        counter.waits[0].set_result(None)
        assert [await client.reply() for _ in range(3)] == [ACK, ACK, None]

    served(play)


def test_a_server_that_stops_acknowledges_nothing_that_is_not_done() -> None:
    async def play(counter: Counter) -> None:
        counter.hold()
        client = await counter.client()
        await client.send(OVERRIDE)
        await settle()
        connection = counter.only()
        connection.leave("the server stops")
        counter.waits[0].set_result(None)
        assert await client.reply() == (Request.DISCONNECT, ("the server stops",))
        assert await client.reply() is None

    served(play)


def test_pushes_go_on_while_an_answer_is_held_and_who_reads_none_of_them_is_dropped() -> None:
    async def play(counter: Counter) -> None:
        counter.hold()
        client = await counter.client()
        connection = counter.only()
        assert await client.ask(Request.SUBSCRIBE_PWM, "shelf1") == DUTY
        await client.send(OVERRIDE + PING)
        assert await client.reply() == (Request.SET_PWM, ("shelf1", 60))
        connection.pause_writing()
        connection.resume_writing()
        await settle()
        connection.pause_writing()
        counter.waits[0].set_result(None)
        assert await client.reply() == ACK, "but what came after it is not looked at"
        await asyncio.sleep(STALL + 1)
        assert not counter.desk.connections

    served(play)


def test_bytes_that_come_though_the_client_is_held_are_answered_after() -> None:
    async def play(counter: Counter) -> None:
        counter.hold()
        client = await counter.client()
        await client.send(OVERRIDE)
        await settle()
        connection = counter.only()
        connection.data_received(GET)  # as a transport may that had them already
        counter.waits[0].set_result(None)
        assert [await client.reply() for _ in range(2)] == [ACK, (Request.SET_PWM, ("shelf1", 60))]

    served(play)


def test_a_client_that_reads_nothing_is_dropped_though_its_answer_is_held() -> None:
    async def play(counter: Counter) -> None:
        counter.hold()
        client = await counter.client()
        await client.send(encode(Request.GET_STATUS, ("shelf1",)) * 8 + OVERRIDE)
        await asyncio.sleep(STALL + 1)
        assert not counter.desk.connections

    served(play, big())


def test_s11_who_waits_for_a_shelf_that_is_gone_is_told_and_others_go_on() -> None:
    async def play(counter: Counter) -> None:
        gone = counter.hall.shelf("gone")
        other, waits, refused = [await counter.client() for _ in range(3)]
        assert await other.ask(Request.SUBSCRIBE_PWM, "shelf1") == DUTY
        assert await other.ask(Request.GET_PWM, "gone") == (Request.SET_PWM, ("gone", 25))
        for client in (waits, refused):
            assert await client.ask(Request.SUBSCRIBE_PWM, "gone") == (Request.SET_PWM, ("gone", 25))
        await refused.ask(Request.GET_PWM, "nowhere")
        counter.desk.forget(counter.hall.become([counter.hall.shelf("shelf1")]))
        assert await waits.reply() == (Request.DISCONNECT, ("shelf 'gone' is no longer served",))
        assert await waits.reply() is None
        assert await refused.reply() is None, "it was told before why it has to go"
        assert await other.ask(Request.PING) == ACK
        assert counter.desk.known == {}
        assert gone.subscribers != {}
        assert (await other.ask(Request.GET_PWM, "gone") or ACK)[0] is Request.DISCONNECT

    served(play, warm(shelf("shelf1")), warm(shelf("gone")))


def test_s11_a_reload_that_nobody_does_is_not_acknowledged() -> None:
    async def play(counter: Counter) -> None:
        client = await counter.client()
        reply = await client.ask(Request.RELOAD)
        assert reply == (Request.DISCONNECT, ("this server cannot read its configuration again",))

    served(play)


def test_why_something_could_not_be_done_may_be_long() -> None:
    async def play(counter: Counter) -> None:
        counter.hold()
        client = await counter.client()
        await client.send(OVERRIDE)
        await settle()
        counter.waits[0].set_exception(RequestError("x" * 3000))
        reply = await client.reply()
        assert reply is not None
        assert len(reply[1][0]) == 2000

    served(play)


def test_a_decoded_frame_is_the_one_that_was_sent() -> None:
    assert decode(GET[HEADER_SIZE:]) == (Request.GET_PWM, ("shelf1",))


def test_a_client_that_is_told_why_it_is_refused_can_be_let_go_meanwhile() -> None:
    """As when the server stops, or somebody else needs the room: nothing can be written after the end."""

    async def play(counter: Counter) -> None:
        refused, honest = await counter.client(), await counter.client()
        await refused.send(encode(Request.GET_PWM, ("nowhere",)))
        said = await refused.reply()
        assert said is not None
        assert said[0] is Request.DISCONNECT
        for connection in tuple(counter.desk.connections.values()):
            connection.leave("the server stops")
        assert await refused.reply() is None
        assert await honest.reply() == (Request.DISCONNECT, ("the server stops",))

    served(play)
