"""fand.server.slices, in made time."""

import asyncio
from collections.abc import Iterator

import pytest

from fand.server.slices import SLICE, Slices

from .travel import TravelClock, travel


class Work:
    """Jobs whose every step takes half a slice; ``done`` is what was done, and in which turn of the loop."""

    def __init__(self) -> None:
        self.clock = TravelClock()
        self.slices = Slices(self.clock)
        self.done: list[tuple[int, str]] = []
        self.turn = 0

    def job(self, name: str, steps: int) -> Iterator[None]:
        for _ in range(steps):
            self.done.append((self.turn, name))
            self.clock.pass_by(SLICE / 2)
            yield

    async def turns(self, count: int) -> None:
        for _ in range(count):
            self.turn += 1
            await asyncio.sleep(0)


def test_what_takes_long_goes_on_after_others_had_their_turn() -> None:
    async def main() -> list[tuple[int, str]]:
        work = Work()
        work.slices.begin(work.job("a", 5))
        await work.turns(6)
        return work.done

    assert travel(main) == [(0, "a"), (0, "a"), (1, "a"), (1, "a"), (2, "a")]


def test_several_share_the_time_of_a_turn_and_take_turns() -> None:
    async def main() -> list[tuple[int, str]]:
        work = Work()
        for name in "abc":
            work.slices.begin(work.job(name, 4))
        await work.turns(1)
        assert [name for _, name in work.done] == list("aabbccaa")
        await work.turns(8)
        return work.done

    assert [name for _, name in travel(main)] == list("aabbccaabbcc")


def test_one_that_fails_is_told_and_stops_no_other() -> None:
    async def main() -> None:
        work, told = Work(), []

        def fail(steps: int) -> Iterator[None]:
            yield from work.job("bad", steps)
            raise ZeroDivisionError

        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["exception"]))
        work.slices.begin(fail(3))
        work.slices.begin(work.job("a", 4))
        await work.turns(4)
        assert [type(error) for error in told] == [ZeroDivisionError]
        assert [name for _, name in work.done] == ["bad", "bad", "a", "a", "bad", "a", "a"]
        with pytest.raises(ZeroDivisionError):
            work.slices.begin(fail(0))

    travel(main)


def test_stopped_nothing_goes_on() -> None:
    async def main() -> list[tuple[int, str]]:
        work = Work()
        work.slices.stop()
        work.slices.begin(work.job("a", 5))
        work.slices.stop()
        await work.turns(5)
        return work.done

    assert travel(main) == [(0, "a"), (0, "a")]
