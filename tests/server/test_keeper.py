import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest

from fand.control import Event, ShelfLaw
from fand.dispatch import Hall, Peer, Shelf
from fand.ports import Failed, Temperature
from fand.server.keeper import AT_ONCE, REST, Keeper
from fand.server.slices import SLICE
from fand.units import Celsius, Moment, Percent, Seconds
from fand.wire import HEADER_SIZE, decode
from tests.dispatch.halls import LAW, hall, peer, shelf, slot, warm

from .travel import TravelClock, travel


class Pushed:
    """Where pushes go: (time, duty) of each; ``reads`` False plays a subscriber that does not read."""

    def __init__(self) -> None:
        self.told: list[tuple[float, Any]] = []
        self.heard: list[tuple[Peer, Any]] = []
        self.reads = True
        self.busy: Callable[[], object] = int

    def __call__(self, who: Peer, frame: bytes) -> bool:
        self.busy()
        if self.reads:
            self.heard.append((who, decode(frame[HEADER_SIZE:])[1][1]))
            self.told.append((asyncio.get_running_loop().time(), decode(frame[HEADER_SIZE:])[1][1]))
        return self.reads


class Room:
    """A hall with a keeper, in made time."""

    def __init__(self, *shelves: Shelf) -> None:
        self.pushed, self.clock = Pushed(), TravelClock()
        self.hall: Hall = hall(*shelves)
        self.keeper = Keeper(self.hall, self.clock, self.pushed)
        self.shelf = next(iter(self.hall.shelves.values()))

    def start(self, every: float = 5.0) -> list[tuple[float, str]]:
        """Start the rounds; gives what is told of them, and when."""
        told: list[tuple[float, str]] = []

        def tell(what: str) -> None:
            told.append((asyncio.get_running_loop().time(), what))

        self.keeper.start(Seconds(every), lambda: tell("alive"), lambda: tell("woke"))
        return told

    def read(self, celsius: float) -> None:
        """Every device answers now."""
        warm(self.shelf, celsius, self.clock.mono())
        self.keeper.refresh(self.shelf)

    def subscribe(self) -> Peer:
        who = peer(self.clock.mono())
        self.hall.subscribe(self.shelf, who, self.clock.now())
        self.keeper.refresh(self.shelf)
        return who


def test_every_change_is_pushed_at_once() -> None:
    async def main() -> list[tuple[float, Any]]:
        room = Room()
        room.subscribe()
        await asyncio.sleep(0.25)
        room.read(40)
        await asyncio.sleep(0.25)
        room.keeper.stop()
        return room.pushed.told

    assert travel(main) == [(0.25, 75)], "nothing at first: the subscriber has had its answer"


def test_a_duty_that_stays_is_pushed_as_a_heartbeat() -> None:
    async def main() -> list[tuple[float, Any]]:
        room = Room()
        room.subscribe()
        for _ in range(32):
            await asyncio.sleep(1)
            room.read(30)
        room.keeper.stop()
        return room.pushed.told

    told = travel(main)
    assert [duty for _, duty in told] == [25, 25, 25]
    assert [when for when, _ in told] == pytest.approx([10, 20, 30])


def test_s3_a_duty_that_rests_on_old_readings_is_pushed_away_though_no_reading_comes() -> None:
    async def main() -> list[tuple[float, Any]]:
        room = Room()
        room.subscribe()
        await asyncio.sleep(31)
        room.keeper.stop()
        return [(when, duty) for when, duty in room.pushed.told if duty != 25]

    told = travel(main)
    assert told[0] == (pytest.approx(30, abs=0.1), 100)


def test_a_falling_demand_is_pushed_step_by_step() -> None:
    async def main() -> list[tuple[float, Any]]:
        room = Room()
        room.read(40)
        room.subscribe()
        await asyncio.sleep(0.5)
        room.read(38.5)
        await asyncio.sleep(0.5)
        room.read(37)
        await asyncio.sleep(4)
        room.keeper.stop()
        return room.pushed.told

    duties = [duty for _, duty in travel(main)]
    assert duties == sorted(duties, reverse=True)
    assert len(duties) >= 4
    assert 70 <= duties[-1] <= 72


def test_the_end_of_an_override_is_pushed_when_it_comes() -> None:
    async def main() -> list[tuple[float, Any]]:
        room = Room(warm(shelf(law=ShelfLaw(LAW.families, fall=Percent(1000.0)))))
        room.subscribe()
        now = room.clock.now()
        room.shelf.set_override(Percent(60), now)
        room.shelf.set_override_end(type(now.wall)(now.wall + 2.5), now)
        room.keeper.refresh(room.shelf)
        await asyncio.sleep(4)
        room.keeper.stop()
        return room.pushed.told

    assert travel(main) == [(0, 60), (pytest.approx(2.5), 25)]


def test_who_did_not_read_is_told_later() -> None:
    async def main() -> list[tuple[float, Any]]:
        room = Room()
        who = room.subscribe()
        room.pushed.reads = False
        room.read(40)
        await asyncio.sleep(0.5)
        room.pushed.reads = True
        room.keeper.catch_up(who)
        room.keeper.catch_up(who)
        room.keeper.stop()
        return room.pushed.told

    assert travel(main) == [(0.5, 75)]


def test_a_newcomer_costs_nothing_for_those_who_are_there() -> None:
    """Thousands may come at once, such as after a restart: each must not be a round through all."""

    class Counted(dict[Peer, bytes]):
        rounds = 0

        def items(self) -> Any:
            self.rounds += 1
            return super().items()

    async def main() -> None:
        room = Room()
        room.shelf.subscribers = counted = Counted()
        room.subscribe()
        rounds = counted.rounds
        for _ in range(10):
            room.subscribe()
        assert counted.rounds == rounds
        room.read(40)
        assert counted.rounds == rounds + 1
        assert [duty for _, duty in room.pushed.told] == [75] * 11
        room.keeper.stop()

    travel(main)


def test_without_subscribers_nothing_is_pushed_and_no_timer_runs() -> None:
    async def main() -> None:
        room = Room()
        who = room.subscribe()
        room.read(40)
        room.hall.leave(who)
        await asyncio.sleep(6)
        before = room.shelf.valid_until
        await asyncio.sleep(20)
        assert room.shelf.valid_until == before, "no decision was taken"
        assert room.pushed.told == [(0, 75)]

    travel(main)


def test_s9_a_subscriber_of_one_shelf_hears_nothing_of_another() -> None:
    async def main() -> None:
        room = Room(warm(shelf("one")), warm(shelf("two")))
        room.subscribe()
        other = room.hall.shelf("two")
        other.observe("a", Temperature(Celsius(45), room.clock.mono()))
        room.keeper.refresh(other)
        assert room.pushed.told == []
        room.keeper.stop()

    travel(main)


def test_faults_are_logged_when_they_start_and_end(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        room = Room(shelf())
        for name in ("a", "b", "a", "a"):
            room.shelf.observe(name, Failed("no answer", room.clock.mono()))
            room.keeper.refresh(room.shelf)
        room.read(30)
        await asyncio.sleep(1)
        room.read(50.5)
        await asyncio.sleep(1)
        room.read(51)
        room.read(49.5)

    with caplog.at_level(logging.WARNING):
        travel(main)
    told = sorted((record.levelname, record.getMessage()) for record in caplog.records)
    assert told == [
        ("ERROR", "shelf1: device a has not answered since the start: no answer"),
        ("ERROR", "shelf1: device b has not answered since the start: no answer"),
        ("ERROR", "shelf1: hdd a at 50.5 °C, critical from 50 °C"),
        ("ERROR", "shelf1: hdd b at 50.5 °C, critical from 50 °C"),
        ("ERROR", "shelf1: over: device a has not answered since the start: no answer"),
        ("ERROR", "shelf1: over: device b has not answered since the start: no answer"),
        ("ERROR", "shelf1: over: hdd a at 51.0 °C, critical from 50 °C"),
        ("ERROR", "shelf1: over: hdd b at 51.0 °C, critical from 50 °C"),
    ]


def test_who_wants_to_hear_of_alarms_is_told_each_event_once() -> None:
    heard: list[tuple[str, str, str]] = []

    async def main() -> None:
        clock, where = TravelClock(), hall(shelf())

        def hear(about: Shelf, event: Event) -> None:
            heard.append((about.name, event.change.value, event.alarm.subject))

        keeper = Keeper(where, clock, Pushed(), hear)
        what = where.shelf("shelf1")
        for celsius in (30, 55, 55, 56, 30, 30, 30, 30):
            warm(what, celsius, clock.mono())
            keeper.refresh(what)

    travel(main)
    assert heard == [
        ("shelf1", "raised", "a"),
        ("shelf1", "raised", "b"),
        ("shelf1", "cleared", "a"),
        ("shelf1", "cleared", "b"),
    ]


def test_devices_that_differ_by_a_number_have_each_its_own_fault(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        room = Room(shelf(devices=("disk1", "disk2")))
        room.read(55)
        room.read(56)

    with caplog.at_level(logging.WARNING):
        travel(main)
    assert sorted(record.getMessage() for record in caplog.records) == [
        "shelf1: hdd disk1 at 55.0 °C, critical from 50 °C",
        "shelf1: hdd disk2 at 55.0 °C, critical from 50 °C",
    ]


def test_each_change_of_the_duty_is_logged_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        room = Room()
        room.read(30)
        room.read(30)
        room.read(40)
        assert room.clock.mono() == Seconds(0)

    with caplog.at_level(logging.INFO):
        travel(main)
    assert [record.getMessage() for record in caplog.records] == [
        "shelf1: 25 % (hdd a at 30.0 °C on curve drives -> 25 %)",
        "shelf1: 75 % (hdd a at 40.0 °C on curve drives -> 75 %)",
    ]


class Broken(Shelf):
    """A shelf with a bug in it."""

    bug: str | None = None

    def review(self, now: Moment) -> tuple[Event, ...]:
        if self.bug is not None:
            raise RuntimeError(self.bug)
        return super().review(now)


def broken(name: str = "broken") -> Broken:
    what = Broken(name, LAW, [slot("a")])
    warm(what)
    return what


def test_s7_all_shelves_are_looked_after_though_nobody_asks(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        room = Room(warm(shelf("one")), warm(shelf("two")))
        room.start()
        await asyncio.sleep(36)
        room.keeper.stop()
        await asyncio.sleep(30)

    with caplog.at_level(logging.ERROR):
        travel(main)
    assert sorted({record.getMessage()[:21] for record in caplog.records}) == [
        "one: hdd a lost for 3",
        "one: hdd b lost for 3",
        "two: hdd a lost for 3",
        "two: hdd b lost for 3",
    ]


@pytest.mark.parametrize(("every", "expected"), [(60.0, [5, 10, 15]), (4.0, [4, 8, 12, 16]), (0.5, None)])
def test_the_watchdog_is_told_of_every_complete_round(every: float, expected: list[float] | None) -> None:
    async def main() -> list[tuple[float, str]]:
        room = Room()
        told = room.start(every)
        await asyncio.sleep(17.2)
        room.keeper.stop()
        await asyncio.sleep(17)
        return told

    told = travel(main)
    assert {what for _, what in told} == {"alive"}
    times = [when for when, _ in told]
    assert times == pytest.approx(expected or [number / 2 for number in range(1, 35)])


def test_s9_a_shelf_that_cannot_be_looked_after_stops_no_other_but_the_watchdog(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        bad, fine = broken(), warm(shelf("fine"))
        room = Room(bad, fine)
        told = room.start()
        bad.bug = "first"
        await asyncio.sleep(16)
        assert told == []
        assert len(caplog.records) == 1, "said once"
        bad.bug = "second"
        await asyncio.sleep(20)
        assert told == []
        assert len(fine.alarms) == 2, "the other was looked after"
        bad.bug = None
        await asyncio.sleep(5)
        assert [what for _, what in told] == ["alive"]
        room.keeper.stop()

    with caplog.at_level(logging.ERROR):
        travel(main)
    assert [record.getMessage() for record in caplog.records].count("broken: cannot be looked after") == 2


def test_s3_after_the_host_has_slept_everything_is_old_at_once() -> None:
    async def main() -> None:
        room = Room()
        room.subscribe()
        told = room.start()
        await asyncio.sleep(1.25)
        room.clock.slept = 3600
        assert decode(room.shelf.frame(room.clock.now())[HEADER_SIZE:])[1] == ("shelf1", 100), "who asks is told so"
        await asyncio.sleep(0.8)
        assert room.pushed.told[-1][1] == 100
        assert sorted(told) == [(2, "alive"), (2, "woke")], "within a second"
        await asyncio.sleep(5.5)
        assert [when for when, _ in told] == [2, 2, 7]
        room.keeper.stop()

    travel(main)


def test_what_is_merely_old_when_the_host_wakes_is_no_alarm(caplog: pytest.LogCaptureFixture) -> None:
    """Else a host that sleeps at night would report all its drives lost every morning."""

    async def main() -> None:
        room = Room(warm(shelf("one")), warm(shelf("two")))
        room.start()
        await asyncio.sleep(1.5)
        room.clock.slept = 3600
        one, two = room.hall.shelves.values()
        room.keeper.refresh(one)  # something comes before the keeper would have looked
        assert one.decision(room.clock.now()).duty == 100.0
        await asyncio.sleep(10)
        warm(one, 30, room.clock.mono())
        await asyncio.sleep(9)
        warm(one, 30, room.clock.mono())
        assert len(caplog.records) == 1
        await asyncio.sleep(20)
        assert two.decision(room.clock.now()).duty == 100.0
        room.keeper.stop()

    with caplog.at_level(logging.WARNING):
        travel(main)
    first, *rest = (record.getMessage() for record in caplog.records)
    assert first == "this host has slept for 3600 s: every device is asked again"
    assert sorted(text[:17] for text in rest) == ["two: hdd a lost f", "two: hdd b lost f"], "what is lost is told"


@pytest.mark.parametrize("years", [-30, -1, 1, 30])
def test_s8_the_wall_clock_may_jump_and_moves_nothing_but_the_end_of_overrides(years: int) -> None:
    async def main() -> None:
        room = Room(warm(shelf("one")), warm(shelf("two")))
        told = room.start()
        who = room.subscribe()
        for _ in range(4):
            room.clock.jumped += years * 365 * 86_400
            await asyncio.sleep(5)
            for each in room.hall.shelves.values():
                warm(each, 30, room.clock.mono())
                assert each.decision(room.clock.now()).duty == 25.0
                assert each.alarms == ()
            assert who in room.shelf.subscribers
        assert [what for _, what in told] == ["alive"] * 4
        assert {duty for _, duty in room.pushed.told} == {25}, "and the heart beat on"
        room.shelf.set_override(Percent(60), room.clock.now())
        room.clock.jumped += years * 365 * 86_400
        await asyncio.sleep(1)
        in_force = room.shelf.decision(room.clock.now()).override
        assert (in_force is None) == (years > 0)
        room.keeper.stop()

    travel(main)


def test_a_shelf_that_is_no_more_is_forgotten_with_its_alarms(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        room = Room()
        room.subscribe()
        room.read(55)
        room.keeper.forget(room.shelf)
        room.keeper.forget(shelf("unknown"))
        room.hall.become([])
        before = room.shelf.valid_until
        await asyncio.sleep(10)
        assert room.shelf.valid_until == before, "its timer is gone"

    with caplog.at_level(logging.ERROR):
        travel(main)
    assert sorted(record.getMessage() for record in caplog.records)[2:] == [
        "shelf1: over: hdd a at 55.0 °C, critical from 50 °C",
        "shelf1: over: hdd b at 55.0 °C, critical from 50 °C",
    ]


def test_a_shelf_that_came_later_is_kept_too() -> None:
    async def main() -> None:
        room = Room()
        new = shelf("new")
        room.hall.become([room.shelf, new])
        room.keeper.refresh(new)
        room.read(30)
        room.keeper.stop()

    travel(main)


def test_a_round_of_many_shelves_gives_others_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        room = Room(*(warm(shelf(f"shelf{number}")) for number in range(7)))
        looked: list[tuple[int, str]] = []
        turn = 0

        def slowly(what: Shelf) -> None:
            looked.append((turn, what.name))
            room.clock.pass_by(SLICE / 2)

        monkeypatch.setattr(room.keeper, "refresh", slowly)
        told = room.start()
        await asyncio.sleep(5)
        while len(looked) < 4:
            turn += 1
            await asyncio.sleep(0)
        assert not told, "the round is not over"
        gone = room.hall.shelves["shelf5"]
        room.hall.become(one for one in room.hall.shelves.values() if one is not gone)
        while not told:
            turn += 1
            await asyncio.sleep(0)
        assert [name for _, name in looked] == [f"shelf{number}" for number in (0, 1, 2, 3, 4, 6)]
        assert [sum(when == one for when, _ in looked) for one in dict(looked)] == [2, 2, 2]
        room.keeper.stop()

    travel(main)


def test_a_round_is_over_before_the_next_begins_and_may_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        room = Room(*(warm(shelf(f"shelf{number}")) for number in range(3)))
        looked: list[str] = []
        again = asyncio.Event()

        def slowly(what: Shelf) -> None:
            looked.append(what.name)
            room.clock.pass_by(6)
            if len(looked) == 4:
                again.set()

        monkeypatch.setattr(room.keeper, "refresh", slowly)
        told = room.start()
        while not told:
            await asyncio.sleep(0.1)
        assert looked == ["shelf0", "shelf1", "shelf2"]
        await again.wait()
        room.keeper.stop()
        await asyncio.sleep(60)
        assert looked[3:] == ["shelf0"]
        assert len(told) == 1

    travel(main)


class Looked:
    """Which shelves a keeper looks after, each of which takes half a slice; and in which turn of the loop."""

    def __init__(self, room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
        self.turn = 0
        self.names: list[tuple[int, str]] = []
        refresh = room.keeper.refresh

        def slowly(what: Shelf) -> None:
            self.names.append((self.turn, what.name))
            room.clock.pass_by(SLICE / 2)
            refresh(what)

        monkeypatch.setattr(room.keeper, "refresh", slowly)

    async def turns(self, count: int) -> None:
        for _ in range(count):
            self.turn += 1
            await asyncio.sleep(0)


def test_many_readings_at_once_are_one_decision_of_each_shelf(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        room = Room(*(warm(shelf(f"shelf{number}")) for number in range(5)))
        looked = Looked(room, monkeypatch)
        for _ in range(24):
            for one in room.hall.shelves.values():
                room.keeper.note((one,))
        room.keeper.note(())
        assert looked.names == [], "none before all are in"
        await looked.turns(6)
        assert looked.names == [(2, "shelf0"), (2, "shelf1"), (3, "shelf2"), (3, "shelf3"), (4, "shelf4")]
        room.keeper.stop()

    travel(main)


@pytest.mark.parametrize(("long", "rest"), [(0.04, 0.04), (50.0, REST)])
def test_looking_after_what_is_noted_leaves_time_for_the_threads_that_read(
    long: float, rest: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> list[float]:
        room = Room()
        looked: list[float] = []

        def slowly(_what: Shelf) -> None:
            looked.append(room.clock.mono())
            room.clock.pass_by(long)
            if len(looked) < 3:
                room.keeper.note((room.shelf,))  # another reading has come meanwhile

        monkeypatch.setattr(room.keeper, "refresh", slowly)
        room.keeper.note((room.shelf,))
        await asyncio.sleep(200)
        room.keeper.stop()
        return looked

    assert travel(main) == pytest.approx([0, long + rest, 2 * (long + rest)])


def test_stopped_it_looks_after_nothing_that_was_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        room = Room()
        looked = Looked(room, monkeypatch)
        room.keeper.note((room.shelf,))
        room.keeper.stop()
        await asyncio.sleep(1)
        assert looked.names == []

    travel(main)


def test_a_shelf_that_has_gone_by_then_is_not_looked_after(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        room = Room(warm(shelf("one")), warm(shelf("two")))
        looked = Looked(room, monkeypatch)
        room.keeper.note(room.hall.shelves.values())
        room.hall.become([shelf("one"), room.hall.shelf("two")])
        await looked.turns(3)
        assert [name for _, name in looked.names] == ["two"]

    travel(main)


def test_timers_of_many_shelves_at_once_give_others_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        room = Room(*(warm(shelf(f"shelf{number}")) for number in range(6)))
        for one in room.hall.shelves.values():
            room.hall.subscribe(one, peer(), room.clock.now())
            room.keeper.refresh(one)
        looked = Looked(room, monkeypatch)
        await asyncio.sleep(10)
        assert len(looked.names) < 6
        await looked.turns(6)
        assert len(looked.names) == 6
        room.keeper.stop()

    travel(main)


def crowded(count: int) -> tuple[Room, list[Peer]]:
    """A room with so many subscribers; to push to as many as are pushed to in one step takes a slice."""
    room = Room()
    room.keeper.refresh(room.shelf)
    who = [room.subscribe() for _ in range(count)]
    room.pushed.busy = lambda: room.clock.pass_by(SLICE / AT_ONCE)
    return room, who


def test_many_subscribers_are_told_in_slices() -> None:
    async def main() -> None:
        room, _ = crowded(3 * AT_ONCE + 1)
        room.read(40)
        told = [len(room.pushed.told)]
        for _ in range(4):
            await asyncio.sleep(0)
            told.append(len(room.pushed.told))
        assert told == [AT_ONCE, 2 * AT_ONCE, 3 * AT_ONCE, 3 * AT_ONCE + 1, 3 * AT_ONCE + 1]
        assert {duty for _, duty in room.pushed.told} == {75}
        room.keeper.stop()

    travel(main)


def test_a_change_meanwhile_is_what_the_rest_are_told_and_those_before_them_again() -> None:
    async def main() -> None:
        room, who = crowded(2 * AT_ONCE)
        heard = room.pushed.heard
        room.read(39)
        room.read(40)
        for _ in range(5):
            await asyncio.sleep(0)
        assert heard[:AT_ONCE] == [(one, 70) for one in who[:AT_ONCE]]
        assert heard[AT_ONCE : 2 * AT_ONCE] == [(one, 75) for one in who[AT_ONCE:]], "nobody loses his place"
        assert heard[2 * AT_ONCE :] == [(one, 75) for one in who[:AT_ONCE]]
        room.keeper.stop()

    travel(main)


def test_s3_what_is_old_by_the_time_of_a_slice_is_not_pushed() -> None:
    async def main() -> None:
        room, _ = crowded(2 * AT_ONCE)
        room.read(40)
        room.clock.pass_by(60)
        await asyncio.sleep(0)
        assert [duty for _, duty in room.pushed.told[AT_ONCE:]] == [100] * AT_ONCE
        room.keeper.stop()

    travel(main)


def test_who_leaves_before_his_turn_is_told_nothing() -> None:
    async def main() -> None:
        room, who = crowded(2 * AT_ONCE)
        room.read(40)
        for one in who[AT_ONCE:]:
            room.hall.leave(one)
        for _ in range(3):
            await asyncio.sleep(0)
        assert len(room.pushed.told) == AT_ONCE
        room.keeper.stop()

    travel(main)
