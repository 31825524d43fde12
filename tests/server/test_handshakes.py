"""Handshakes that are under way or wait to begin; real ones are given up in test_encrypted_handshake.py."""

import asyncio
import logging
from collections.abc import Callable

import pytest

from fand.server import handshakes
from fand.server.handshakes import GRACE, Handshakes
from fand.server.turns import Turns

from .travel import TravelClock, travel


class One:
    """Begins when it may."""

    def __init__(self, there: Handshakes) -> None:
        self.there = there
        self.began = False
        self.left: list[str] = []

    def go(self) -> None:
        self.began = True
        self.there.begin(self)

    def leave(self, reason: str) -> None:
        self.left.append(reason)


def played(play: Callable[[Handshakes, Turns, TravelClock], object]) -> None:
    async def main() -> None:
        clock = TravelClock()
        result = play(Handshakes(clock), Turns(clock), clock)
        if asyncio.iscoroutine(result):
            await result

    travel(main)


def began(ones: list[One]) -> int:
    return sum(one.began for one in ones)


class TestUnderWay:
    def test_who_began_first_goes_for_the_next(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        monkeypatch.setattr(handshakes, "UNDER_WAY", 4)

        def play(there: Handshakes, _turns: Turns, clock: TravelClock) -> None:
            ones = [One(there) for _ in range(7)]
            for one in ones[:4]:
                there.begin(one)
            assert not there.free()
            there.end(ones[0])
            there.end(ones[0])
            assert there.free()
            there.begin(ones[4])
            assert not caplog.records
            clock.pass_by(GRACE)
            assert there.free()
            for one in ones[5:]:
                there.begin(one)
            assert [len(one.left) for one in ones] == [0, 1, 1, 0, 0, 0, 0]
            assert caplog.messages == ["4 handshakes are under way, and the first go for more"]
            for one in ones[3:]:
                there.end(one)
            assert caplog.messages[1:] == ["no handshake has to go for others any more"]

        played(play)

    def test_until_then_he_has_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(handshakes, "UNDER_WAY", 4)

        async def play(there: Handshakes, turns: Turns, _clock: TravelClock) -> None:
            ones = [One(there) for _ in range(7)]
            for one in ones:
                there.line_up(one, turns, one.go)
            await asyncio.sleep(GRACE - 0.1)
            assert began(ones) == 4
            there.end(ones[3])
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert began(ones) == 5, "for there is room"
            assert not any(one.left for one in ones)
            await asyncio.sleep(0.2)
            assert began(ones) == 7
            assert [len(one.left) for one in ones] == [1, 1, 0, 0, 0, 0, 0]

        played(play)


class TestLine:
    def test_they_begin_as_they_have_come_but_for_those_who_have_gone(self) -> None:
        async def play(there: Handshakes, turns: Turns, _clock: TravelClock) -> None:
            ones, order = [One(there) for _ in range(5)], list[One]()
            for one in ones:
                there.line_up(one, turns, lambda one=one: order.append(one))  # type: ignore[misc]
            assert not there.free()
            there.end(ones[1])
            await asyncio.sleep(1)
            assert order == [ones[0], *ones[2:]]
            assert there.free()

        played(play)

    def test_a_crowd_of_them_leaves_room_in_line(self) -> None:
        async def play(there: Handshakes, turns: Turns, _clock: TravelClock) -> None:
            ones = [One(there) for _ in range(1000)]
            for one in ones:
                there.line_up(one, turns, one.go)
            assert turns.waiting == handshakes.IN_LINE
            through = list[int]()
            turns.line_up(lambda: through.append(began(ones)))
            await asyncio.sleep(1)
            assert through == [handshakes.IN_LINE]
            assert began(ones) == 1000

        played(play)

    def test_in_a_long_line_a_third_is_theirs(self) -> None:
        async def play(there: Handshakes, turns: Turns, _clock: TravelClock) -> None:
            for _ in range(600):
                turns.line_up(lambda: None)
            ones = [One(there) for _ in range(1000)]
            for one in ones:
                there.line_up(one, turns, one.go)
            assert 200 < turns.waiting - 600 <= 300
            await asyncio.sleep(1)
            assert began(ones) == 1000

        played(play)
