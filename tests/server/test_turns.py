"""fand.server.turns, in made time."""

import asyncio

from fand.server.turns import CROWD, SHORTEST, SLICE, TURN, Turns
from fand.units import Seconds

from .travel import TravelClock, travel


def test_who_is_heard_while_there_is_time_is_answered_at_once() -> None:
    async def main() -> None:
        clock = TravelClock()
        turns = Turns(clock)
        assert turns.free(clock.mono())
        clock.pass_by(SLICE / 2)
        assert turns.free(clock.mono())
        clock.pass_by(SLICE)
        assert not turns.free(clock.mono())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert turns.free(clock.mono()), "another turn"

    travel(main)


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
        assert not turns.free(clock.mono()), "others are before"
        assert heard == []
        await asyncio.sleep(0)
        assert heard == [0, 1]
        assert not turns.free(clock.mono())
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
