"""fand.server.desk, over socket pairs in made time."""

from fand.server.desk import LONGEST_KNOWN, MOST_KNOWN
from fand.wire import Request, encode
from tests.dispatch.halls import shelf

from .test_connection import ACK, DUTY, Counter, served


def test_what_is_remembered_does_not_grow_with_what_is_asked() -> None:
    async def play(counter: Counter) -> None:
        counter.desk.learn(b"other", other)
        for number in range(MOST_KNOWN + 1):
            counter.desk.learn(b"%d" % number, what)
        counter.desk.learn(b"x" * (LONGEST_KNOWN + 1), what)
        assert list(counter.desk.known) == [b"other", *(b"%d" % number for number in range(1, MOST_KNOWN + 1))]
        assert counter.desk.known[b"other"] is other

    what, other = shelf(), shelf("other")
    served(play, what, other)


def test_thousands_of_shelves_are_known_at_once() -> None:
    async def play(counter: Counter) -> None:
        for one in shelves:
            counter.desk.learn(encode(Request.GET_PWM, (one.name,)), one)
        assert list(counter.desk.known.values()) == shelves

    shelves = [shelf(f"shelf{number}", ()) for number in range(2000)]
    served(play, *shelves)


def test_who_waits_for_the_duty_of_a_shelf_that_is_gone_is_told_and_others_stay() -> None:
    async def play(counter: Counter) -> None:
        fan, other = await counter.client(), await counter.client()
        await fan.ask(Request.SUBSCRIBE_PWM, "shelf1")
        assert await other.ask(Request.GET_PWM, "shelf1") == DUTY
        counter.desk.forget(counter.hall.become([]))
        assert await fan.reply() == (Request.DISCONNECT, ("shelf 'shelf1' is no longer served",))
        assert await other.ask(Request.PING) == ACK
        assert await other.ask(Request.GET_PWM, "shelf1") == (
            Request.DISCONNECT,
            ("no shelf is called 'shelf1'",),
        )

    served(play)


def test_who_has_left_takes_no_place_and_may_leave_twice() -> None:
    async def play(counter: Counter) -> None:
        await counter.client()
        peer = counter.only().peer
        for _ in range(2):
            counter.desk.leave(peer)
            assert len(counter.desk.seats) == len(counter.desk.connections) == 0

    served(play)
