import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import pytest

from fand.exceptions import DriverError
from fand.fanclient import machine as machines
from fand.fanclient.crew import Hands, in_turn
from fand.fanclient.events import Answer, Board, Event, Missed, Stop, Woken
from fand.fanclient.lease import State, Terms
from fand.fanclient.loop import Loop
from fand.fanclient.output import Limits
from fand.units import Percent, Seconds
from tests.fanclient.parts import FanFile, MovedClock, Script, ScriptedInbox

TERMS = Terms(interval=Seconds(5), lease=Seconds(20))
T = 1000.0
T_ = TypeVar("T_")


class Rig:
    """A loop on files and a moved clock. ``told`` is what the service manager heard, with the time."""

    def __init__(
        self, files: Sequence[FanFile], script: Callable[[], Script], servers: int = 1, hands: Hands = in_turn
    ) -> None:
        self.clock = MovedClock(T)
        self.told: list[tuple[float, str]] = []
        self.board = Board()
        self.inbox = ScriptedInbox(self.clock, script)
        limits = [Limits() for _ in files]
        self.loop = Loop(
            machines.start(TERMS, servers, limits, TERMS.interval, Seconds(T)),
            [file.host_fan() for file in files],
            self.board,
            clock=self.clock,
            hands=hands,
            tell=lambda state: self.told.append((self.clock.now - T, state)),
        )

    def run(self) -> None:
        self.loop.run(self.inbox)

    def alive(self) -> list[float]:
        return [at for at, state in self.told if state == "WATCHDOG=1"]


def answer(duty: float, at: float) -> Answer:
    return Answer(0, Percent(duty), Seconds(T + at))


def test_it_follows_the_server_keeps_the_duty_and_ends_in_full_speed(tmp_path: Path) -> None:
    file = FanFile(tmp_path)

    def script() -> Script:
        yield T + 0.5, []
        assert file.duty == 100
        yield T + 1, [answer(40, 1)]
        assert file.duty == 40
        yield T + 2, [answer(55, 2)]
        assert file.duty == 55
        yield T + 3, [Missed(0)]
        yield T + 21.9, []
        assert file.duty == 55
        yield T + 22.1, []
        assert file.duty == 100
        for at in (23, 24):
            yield T + at, [answer(93, at)]
            assert file.duty == 100
        yield T + 29, [answer(93, 29)]
        assert file.duty == 95
        yield T + 30, [Stop()]

    rig = Rig([file], script)
    rig.run()
    assert rig.clock.now == T + 30
    assert file.duty == 100
    assert rig.loop.machine.state is State.EXIT


def test_without_any_server_it_runs_at_full_speed_for_ever(tmp_path: Path) -> None:
    file = FanFile(tmp_path)

    def script() -> Script:
        for i in range(100):
            yield T + 30 * i, [Missed(0)]
            assert file.duty == 100
        yield T + 3000, [Stop()]

    rig = Rig([file], script)
    rig.run()
    assert rig.clock.now == T + 3000


def test_c2_the_duty_is_asserted_again_every_interval_and_only_then_is_the_watchdog_fed(tmp_path: Path) -> None:
    file = FanFile(tmp_path)

    def script() -> Script:
        yield T + 1, [answer(40, 1)]
        file.set(10)
        yield T + 7, []
        assert file.duty == 40  # from 6 s on
        yield T + 9, [Stop()]

    rig = Rig([file], script)
    rig.run()
    assert rig.told[:2] == [(0, "WATCHDOG=1"), (0, "READY=1")]
    assert rig.told[-1:] == [(9, "STOPPING=1")]
    assert rig.alive() == [0, 1, 6]


def test_c2_a_broken_fan_starves_the_watchdog_and_stops_no_other(tmp_path: Path) -> None:
    front, rear = FanFile(tmp_path, "front"), FanFile(tmp_path, "rear")

    def script() -> Script:
        yield T + 1, [answer(40, 1)]
        front.break_it()
        yield T + 3, [answer(60, 3)]
        assert rear.duty == 60
        yield T + 9, []
        assert (rig.board.fans[0].state, rig.board.fans[0].duty) == ("fault", None)
        assert (rig.board.fans[1].state, rig.board.fans[1].duty) == ("ok", 60)
        front.mend()
        for at in range(10, 45):
            yield T + at, [answer(60, at)]
            assert (front.duty, rear.duty) == (100, 60)
        yield T + 45.1, [answer(60, 45.1)]  # it has done full speed for 30 s
        assert (rig.board.fans[0].state, front.duty) == ("ok", 95)
        yield T + 45.2, [Stop()]

    rig = Rig([front, rear], script)
    rig.run()
    fed = rig.alive()
    assert fed[:2] == [0, 1]
    assert fed[2] >= 40
    assert (front.duty, rear.duty) == (100, 100)


def test_one_fan_that_is_not_there_is_told_and_the_rest_is_driven(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    front, rear = FanFile(tmp_path, "front"), FanFile(tmp_path, "rear")
    front.path.mkdir()

    def script() -> Script:
        yield T + 1, [answer(40, 1)]
        yield T + 6.5, []
        assert rear.duty == 40
        yield T + 7, [Stop()]

    rig = Rig([front, rear], script)
    rig.run()
    assert "fan front: cannot write" in caplog.text
    assert rig.alive() == [0, 1, 6]  # what was never in our hands is no reason for a restart


def test_no_fan_at_all_is_an_error_of_one_sentence_each(tmp_path: Path) -> None:
    files = [FanFile(tmp_path, "front"), FanFile(tmp_path, "rear")]
    for file in files:
        file.path.mkdir()
    with pytest.raises(DriverError, match=r"fan front: cannot write .*; fan rear: cannot write") as caught:
        Rig(files, lambda: iter([(T, [])])).run()
    assert "\n" not in str(caught.value)


def test_an_error_in_the_loop_leaves_the_fans_safe(tmp_path: Path) -> None:
    file = FanFile(tmp_path)

    def script() -> Script:
        yield T + 1, [answer(40, 1)]
        assert file.duty == 40
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Rig([file], script).run()
    assert file.duty == 100


def test_between_two_deadlines_nothing_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def script() -> Script:
        yield T + 18.5, [Stop()]

    rig = Rig([FanFile(tmp_path)], script)
    steps: list[float] = []
    genuine = Loop.step

    def step(loop: Loop, events: Sequence[Event]) -> bool:
        steps.append(rig.clock.now - T)
        return genuine(loop, events)

    monkeypatch.setattr(Loop, "step", step)
    rig.run()
    assert steps == [5, 10, 15, 18.5]


def test_speeds_are_measured_each_interval_and_put_on_the_board(tmp_path: Path) -> None:
    file = FanFile(tmp_path)
    file.speed.write_text("2000")
    reports = []

    def script() -> Script:
        yield T + 1, [answer(40, 1)]
        file.speed.write_text("900")
        reports.append(rig.board.fans[0])
        yield T + 6, []
        reports.append(rig.board.fans[0])
        assert rig.board.at == T + 6
        yield T + 7, [Stop()]

    rig = Rig([file], script)
    rig.run()
    assert [(report.rpm, report.duty, report.state) for report in reports] == [(2000, 40, "ok"), (900, 40, "ok")]


def test_each_change_of_state_is_one_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "fand.fanclient.loop")

    def script() -> Script:
        yield T + 1, [answer(40, 1)]
        yield T + 2, [answer(50, 2)]
        yield T + 3, [Missed(0), Missed(0)]
        yield T + 30, [answer(50, 30)]
        yield T + 31, [answer(50, 31)]
        yield T + 32, [Stop()]

    file = FanFile(tmp_path)
    file.speed.write_text("2000")
    Rig([file], script).run()
    assert [(record.levelname, record.message.partition(":")[0]) for record in caplog.records] == [
        ("INFO", "RUN after INIT"),
        ("INFO", "RUN"),
        ("WARNING", "HOLD after RUN"),
        ("ERROR", "FAILSAFE after HOLD"),
        ("ERROR", "RUN after FAILSAFE"),  # who saw it begin sees it end
        ("INFO", "EXIT after RUN"),
    ]


def test_its_steps_can_be_taken_one_by_one(tmp_path: Path) -> None:
    file = FanFile(tmp_path)
    rig = Rig([file], lambda: iter([]))
    with rig.loop as loop:
        loop.begin()
        assert (file.duty, loop.deadline) == (100, T + 5)
        assert loop.step([answer(40, 0)])
        assert file.duty == 40
        assert not loop.step([Stop()])
        assert file.duty == 40
    assert file.duty == 100
    assert [state for _, state in rig.told] == ["WATCHDOG=1", "READY=1", "WATCHDOG=1", "STOPPING=1"]


def test_s6_a_fan_that_stands_still_gets_full_speed_at_once_and_the_other_does_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    front, rear = FanFile(tmp_path, "front"), FanFile(tmp_path, "rear")
    for file in (front, rear):
        file.speed.write_text("900")
    reports = []

    def script() -> Script:
        yield T + 1, [answer(40, 1)]
        front.speed.write_text("0")
        for at in range(2, 26):
            yield T + at, [answer(40, at)]
            reports.append((rig.board.fans[0].state, front.duty, rig.board.fans[1].state, rear.duty))
        front.speed.write_text("2000")
        for at in range(26, 66):
            yield T + at, [answer(40, at)]
            reports.append((rig.board.fans[0].state, front.duty, rig.board.fans[1].state, rear.duty))
        yield T + 66, [Stop()]

    rig = Rig([front, rear], script)
    rig.run()
    before, stalled, after = ("ok", 40.0, "ok", 40.0), ("stalled", 100.0, "ok", 40.0), ("ok", 100.0, "ok", 40.0)
    assert reports[0] == before
    first = reports.index(stalled)
    assert set(reports[:first]) == {before}
    assert 2 + first <= 26  # after the 10 s that a change excuses, and three measurements
    last = reports.index(after)
    assert set(reports[first:last]) == {stalled}
    assert 60 <= 2 + last <= 62
    assert reports[-1] == ("ok", 95.0, "ok", 40.0)
    told = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert told == ["fan front: is stalled: it turns at 0 a minute; full speed", "fan front: turns as it must again"]


def test_c1_a_single_taking_is_on_the_board_until_every_link_has_reported_it(tmp_path: Path) -> None:
    file = FanFile(tmp_path)
    states: dict[int, tuple[str, float]] = {}

    def script() -> Script:
        yield T + 1, [answer(40, 1)]
        file.set(75)
        for at in range(2, 30):
            yield T + at, [answer(40, at)]
            states[at] = (rig.board.fans[0].state, file.duty)
        yield T + 30, [Stop()]

    rig = Rig([file], script)
    rig.run()
    assert states[5] == ("ok", 75.0)  # not noticed before the next write
    taken = [at for at, state in states.items() if state == ("taken", 40.0)]
    assert taken == list(range(6, 26))  # for a lease: links report more often
    assert states[28] == ("ok", 40.0)


def test_a_fan_that_is_not_there_is_reported_as_a_fault_and_taken_when_it_comes(tmp_path: Path) -> None:
    front, rear = FanFile(tmp_path, "front"), FanFile(tmp_path, "rear")
    front.path.mkdir()

    def script() -> Script:
        yield T + 1, [answer(40, 1)]
        assert [fan.state for fan in rig.board.fans] == ["fault", "ok"]
        front.mend()
        for at in range(2, 36):
            yield T + at, [answer(40, at)]
            assert (front.duty, rear.duty) == (100, 40)
        yield T + 36.1, [answer(40, 36)]
        assert ([fan.state for fan in rig.board.fans], front.duty) == (["ok", "ok"], 100)
        yield T + 37, [Stop()]

    rig = Rig([front, rear], script)
    rig.run()
    fed = rig.alive()
    assert not [at for at in fed if 6 < at < 35]  # taken over, but not yet to be trusted
    assert [at for at in fed if at >= 35]


def test_after_a_sleep_every_fan_is_written_and_verified_at_once(tmp_path: Path) -> None:
    file = FanFile(tmp_path)
    naps: list[bool] = []

    def script() -> Script:
        yield T + 1, [answer(40, 1)]
        file.set(0)
        naps.append(True)
        yield T + 2, []
        assert file.duty == 40
        file.set(0)
        yield T + 2.5, [Woken()]  # as SIGCONT brings it
        assert file.duty == 40
        yield T + 3, [Stop()]

    rig = Rig([file], script)
    rig.loop.run(rig.inbox, slept=lambda: naps and naps.pop())


class Hanging:
    """Hands of which those at fan ``place`` do not come back."""

    def __init__(self, place: int | None = None) -> None:
        self.place = place

    def __call__(self, jobs: Mapping[int, Callable[[], T_]]) -> dict[int, T_]:
        return {place: job() for place, job in jobs.items() if place != self.place}


def test_c2_a_driver_that_hangs_is_a_fault_of_its_fan_and_holds_up_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    front, rear = FanFile(tmp_path, "front"), FanFile(tmp_path, "rear")
    hands = Hanging()

    def script() -> Script:
        yield T + 1, [answer(40, 1)]
        hands.place = 0
        yield T + 2, [answer(60, 2)]
        assert (front.duty, rear.duty) == (40, 60)
        yield T + 9, [answer(60, 9)]
        assert [fan.state for fan in rig.board.fans] == ["fault", "ok"]
        yield T + 10, [Stop()]

    rig = Rig([front, rear], script, hands=hands)
    rig.run()
    assert rig.alive() == [0, 1]
    assert (front.duty, rear.duty) == (40, 100)
    told = [record.message for record in caplog.records if "driver hangs" in record.message]
    assert told == ["fan front: its driver hangs", "fan front is left as it is: its driver hangs"]


def test_a_driver_that_hangs_from_the_beginning_is_told(tmp_path: Path) -> None:
    rig = Rig([FanFile(tmp_path)], lambda: iter([]), hands=Hanging(0))
    with pytest.raises(DriverError, match="fan front: its driver hangs"):
        rig.run()
