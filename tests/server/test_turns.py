"""fand.server.turns, in made time."""

import asyncio

from fand.server.turns import CROWD, SHORTEST, SLICE, TURN, Turns
from fand.units import Seconds

from .travel import TravelClock, travel


def test_who_is_heard_while_there_is_time_is_answered_at_once() -> None:
    async def main() -> None:
        turns = Turns(TravelClock())
        assert turns.free()
        turns.spend(SLICE / 2)
        assert turns.free()
        turns.spend(SLICE / 2)
        assert not turns.free()
        await asyncio.sleep(0)
        assert not turns.free(), "nobody has asked whether this is another turn"
        turns.line_up(lambda: None)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert turns.free(), "another turn"

    travel(main)


def test_however_little_each_asks_a_turn_has_no_more_than_a_slice() -> None:
    """Many who come one after the other within one turn of the loop, each with work for a hundredth of a slice."""

    async def main() -> None:
        clock = TravelClock()
        turns = Turns(clock)
        spent = 0.0
        in_line = []

        def work() -> None:
            nonlocal spent
            clock.pass_by(SLICE / 100)
            spent += SLICE / 100

        for _ in range(5):  # those in line come first in each
            for number in range(300):
                if turns.free():
                    begun = clock.mono()
                    work()
                    turns.spend(clock.mono() - begun)
                else:
                    turns.line_up(work)
                    in_line.append(number)
            assert spent < SLICE * 1.02
            spent = 0.0
            await asyncio.sleep(0)
        assert len(in_line) > 1000

    travel(main)


def test_what_those_in_line_need_counts() -> None:
    async def main() -> None:
        clock = TravelClock()
        turns = Turns(clock)
        turns.line_up(lambda: clock.pass_by(SLICE))
        await asyncio.sleep(0)
        assert not turns.free()

    travel(main)


def test_the_line_goes_on_after_a_bug() -> None:
    heard: list[str] = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: heard.append("bug"))
        turns = Turns(TravelClock())

        def bug() -> None:
            raise ZeroDivisionError

        turns.line_up(bug)
        turns.line_up(lambda: heard.append("next"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        turns.line_up(lambda: heard.append("last"))
        await asyncio.sleep(0)
        assert turns.free()

    travel(main)
    assert heard == ["bug", "next", "last"]


def test_those_in_line_come_in_their_order_as_far_as_the_time_goes() -> None:
    heard: list[int] = []

    async def main() -> None:
        clock = TravelClock()
        turns = Turns(clock)

        def ask(number: int) -> None:
            heard.append(number)
            clock.pass_by(SLICE / 2)

        for number in range(4):
            turns.line_up(lambda number=number: ask(number))  # type: ignore[misc]
        assert not turns.free(), "others are before"
        assert heard == []
        await asyncio.sleep(0)
        assert heard == [0, 1]
        assert not turns.free()
        await asyncio.sleep(0)
        assert heard == [0, 1, 2, 3]

    travel(main)


def test_who_wants_more_than_a_turn_comes_again_behind_the_others() -> None:
    heard: list[str] = []

    async def main() -> None:
        turns = Turns(TravelClock())

        def greedy() -> None:
            heard.append("greedy")
            if len(heard) < 5:
                turns.line_up(greedy)

        turns.line_up(greedy)
        turns.line_up(lambda: heard.append("modest"))
        for _ in range(10):
            await asyncio.sleep(0)

    travel(main)
    assert heard == ["greedy", "modest", "greedy", "greedy", "greedy"]


def test_a_turn_is_shorter_the_more_there_are_in_line_but_no_less_than_it_takes() -> None:
    async def main() -> None:
        turns = Turns(TravelClock())
        lengths = []
        for _ in range(100):
            lengths.append(turns.ends(Seconds(0)))
            turns.line_up(lambda: None)
        assert (lengths[0], lengths[1], lengths[-1]) == (SLICE, SLICE / 2, SHORTEST)
        assert lengths == sorted(lengths, reverse=True)

    travel(main)


def test_the_more_there_are_in_line_the_less_has_each() -> None:
    async def main() -> None:
        turns = Turns(TravelClock())
        shares = []
        for _ in range(2 * CROWD):
            shares.append(turns.share)
            turns.line_up(lambda: None)
        assert (shares[0], shares[-1]) == (TURN, 1)
        assert shares == sorted(shares, reverse=True)

    travel(main)
