"""fand.server.answering: one frame in, one frame out, without a socket."""

import asyncio
import logging
from collections.abc import Callable

import pytest

from fand.config import ServerConfig
from fand.dispatch import ALL, After, Grant, Peer, Role
from fand.exceptions import AccessDeniedError, CorruptedDataError, RequestError
from fand.server.answering import answer_to
from fand.server.desk import Desk
from fand.server.identity import access_of, own_user
from fand.server.limits import Rank, Seat
from fand.wire import Request, encode
from tests.dispatch.halls import hall, shelf, warm

from .travel import TravelClock, travel

GET = encode(Request.GET_PWM, ("shelf1",))
DUTY = encode(Request.SET_PWM, ("shelf1", 25))
ACK = encode(Request.ACK, ())
OVERRIDE = encode(Request.SET_PWM_OVERRIDE, ("shelf1", 60))


class Room:
    def __init__(self, grant: Grant = ALL) -> None:
        self.clock = TravelClock()
        self.shelf = warm(shelf())
        access = access_of(ServerConfig(()), own_user())
        self.desk = Desk(hall(self.shelf), self.clock, 10, access=access)
        self.seat = Seat(Peer("192.0.2.1:9", self.clock.mono(), grant=grant), "192.0.2.1")


def play(main: Callable[[Room], None], grant: Grant = ALL) -> None:
    async def inside() -> None:
        main(Room(grant))

    travel(inside)


def test_a_question_is_answered_and_known_afterwards() -> None:
    def main(room: Room) -> None:
        assert answer_to(room.desk, room.seat, GET) == (DUTY, (), None)
        assert room.desk.known == {GET: room.shelf}
        assert answer_to(room.desk, room.seat, GET) == (DUTY, (), None)

    play(main)


def test_what_is_known_is_still_not_told_to_whom_it_is_not_granted() -> None:
    def main(room: Room) -> None:
        room.desk.learn(GET, room.shelf)
        with pytest.raises(AccessDeniedError, match="GET_PWM needs the role read for shelf 'shelf1'"):
            answer_to(room.desk, room.seat, GET)

    play(main, Grant(frozenset({Role.READ}), frozenset({"other"})))


def test_who_reports_ranks_first_from_then_on() -> None:
    def main(room: Room) -> None:
        assert answer_to(room.desk, room.seat, encode(Request.PING, ())) == (ACK, (), None)
        assert room.seat.rank < Rank.WORKER
        assert answer_to(room.desk, room.seat, encode(Request.SET_RPM, ("shelf1", 900))) == (ACK, (), None)
        assert room.seat.rank is Rank.WORKER
        told = encode(Request.SET_RPM, ("shelf1", 900))
        assert answer_to(room.desk, room.seat, encode(Request.GET_RPM, ("shelf1",))) == (told, (), None)

    play(main)


def test_a_command_is_logged_and_says_what_it_waits_for(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    def main(room: Room) -> None:
        done = asyncio.get_running_loop().create_future()
        assert answer_to(room.desk, room.seat, OVERRIDE) == (ACK, (room.shelf,), None)
        room.desk.works = {After.SAVED: lambda: done}
        frame, changed, work = answer_to(room.desk, room.seat, OVERRIDE)
        assert (frame, changed) == (ACK, (room.shelf,))
        assert work is not None
        assert work() is done

    play(main)
    assert [record.name for record in caplog.records] == ["fand.audit"] * 2


def test_who_goes_is_answered_nothing() -> None:
    def main(room: Room) -> None:
        assert answer_to(room.desk, room.seat, encode(Request.DISCONNECT, ())) == (None, (), None)

    play(main)


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (encode(Request.GET_PWM, ("shelf2",)), "no shelf is called 'shelf2'"),
        (encode(Request.ACK, ()), "the server takes no ACK"),
        (encode(Request.RELOAD, ()), "this server cannot read its configuration again"),
    ],
)
def test_what_cannot_be_granted_is_logged(frame: bytes, reason: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    def main(room: Room) -> None:
        with pytest.raises(RequestError, match=reason):
            answer_to(room.desk, room.seat, frame)

    play(main)
    assert [record.name for record in caplog.records] == ["fand.audit"]


def test_what_is_no_request_is_corrupted() -> None:
    def main(room: Room) -> None:
        with pytest.raises(CorruptedDataError):
            answer_to(room.desk, room.seat, b"99F90001.")

    play(main)
