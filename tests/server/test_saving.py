"""Saving on disks that are slow, hang, or fail, in made time; and the real file."""

import asyncio
import errno
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from fand.control import Alarm, Override, Pending, Sort
from fand.dispatch import Hall, Kept
from fand.sensing.readers import Readers
from fand.server.saving import GAP, PATIENCE, Saving, StateFile
from fand.server.state import State, file_name, state_of
from fand.units import Percent, Timestamp
from tests.dispatch.halls import at, hall, shelf, warm

from .travel import TravelClock, travel

T = TypeVar("T")

CONFIG = Path("/etc/fand.toml")
ALARM = Alarm(Sort.LOST, "a", "hdd a lost", Timestamp(1.0))


class Slow(Readers):
    """Calls that take ``seconds``; None is for ever."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: float | None = 0.0
        self.running = 0
        self.most = 0
        self.full = False
        self._hung: list[Callable[[], None]] = []

    def start(self, function: Callable[[], T]) -> asyncio.Future[T]:
        if self.full:
            raise RuntimeError("can't start new thread")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self.running += 1
        self.most = max(self.most, self.running)

        def finish() -> None:
            self.running -= 1
            future.set_result(function())

        if self.seconds is None:
            self._hung.append(finish)
        else:
            loop.call_later(self.seconds, finish)
        return future

    def go_on(self) -> None:
        self.seconds = 0.0
        hung, self._hung = self._hung, []
        for finish in hung:
            finish()


class Disk:
    """What is on it, and every state that it was given."""

    def __init__(self, state: State | None = None) -> None:
        self.state = state
        self.saves: list[State] = []
        self.copies = 0
        self.broken: Exception | None = None

    def load(self) -> State | None:
        if self.broken is not None:
            raise self.broken
        return self.state

    def save(self, value: State) -> bool:
        if self.broken is not None:
            raise self.broken
        self.state = value
        self.saves.append(value)
        return True

    def copy_aside(self) -> None:
        self.copies += 1


class Room:
    def __init__(self, state: State | None = None) -> None:
        self.clock, self.readers, self.disk = TravelClock(), Slow(), Disk(state)
        self.hall: Hall = hall(warm(shelf("one")), warm(shelf("two")))
        self.saving = Saving(self.disk, self.hall, self.clock, self.readers)
        self.one = self.hall.shelf("one")

    def override(self, percent: float) -> None:
        self.one.set_override(Percent(percent), self.clock.now())

    @property
    def kept(self) -> list[float]:
        """The override in each state that was saved."""
        return [state.shelves["one"].override.percent for state in self.disk.saves]


def saved(kept: Kept, name: str = "one") -> State:
    """The state of a server whose shelf of that name has this to keep."""
    where = hall(shelf(name))
    where.shelf(name).restore(kept)
    return state_of(where)


def test_s8_an_answer_waits_until_the_disk_has_what_it_tells() -> None:
    async def main() -> None:
        room = Room()
        room.readers.seconds = 0.5
        room.override(60)
        wait = room.saving.saved()
        await asyncio.sleep(0.4)
        assert not wait.done()
        await wait
        assert room.clock.mono() == pytest.approx(0.5)
        assert room.kept == [60]

    travel(main)


def test_one_write_at_a_time_and_the_latest_state_wins() -> None:
    async def main() -> None:
        room = Room()
        room.readers.seconds = 0.5
        waits = []
        for percent in (10, 20, 30, 40):
            room.override(percent)
            waits.append(room.saving.saved())
            await asyncio.sleep(0.1)
        await waits[0]
        assert not any(wait.done() for wait in waits[1:]), "the first write does not have what they set"
        await asyncio.wait(waits)
        assert room.kept == [10, 40]
        assert room.readers.most == 1

    travel(main)


def test_s8_a_disk_that_hangs_holds_up_answers_for_two_seconds_and_later_ones_not_at_all(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        room = Room()
        room.readers.seconds = None
        room.override(10)
        await asyncio.wait((room.saving.saved(), room.saving.saved()))
        assert room.clock.mono() == PATIENCE
        for percent in range(20, 30):
            room.override(percent)
            await room.saving.saved()
        assert room.clock.mono() == PATIENCE
        assert room.readers.most == 1
        room.readers.go_on()
        await asyncio.sleep(0.1)
        assert room.kept == [10, 29]
        room.override(70)
        await room.saving.saved()
        assert room.kept[-1] == 70

    travel(main)
    assert caplog.messages == [
        "The disk that keeps overrides and alarms has not answered for 2 s",
        "The disk that keeps overrides and alarms answers again",
    ]


def test_s8_a_disk_that_answers_at_the_last_moment_has_answered(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        room = Room()
        room.readers.seconds = None
        room.override(10)
        answer = room.saving.saved()

        def at_once() -> None:
            room.readers.go_on()
            room.clock.pass_by(PATIENCE)  # before the loop sees what has come

        asyncio.get_running_loop().call_soon(at_once)
        await answer
        room.override(20)
        await room.saving.saved()
        assert room.kept == [10, 20], "and is waited for again"

    travel(main)
    assert caplog.messages == []


def test_what_is_noted_is_written_at_once_but_not_again_and_again() -> None:
    async def main() -> None:
        room = Room()
        room.override(10)
        room.saving.note()
        room.saving.note()
        await asyncio.sleep(0.01)
        assert room.kept == [10]
        for percent in range(20, 60):
            room.override(percent)
            room.saving.note()
            await asyncio.sleep(0.1)
        assert len(room.kept) == 1 + 4 / GAP
        await asyncio.sleep(GAP)
        assert room.kept[-1] == 59

    travel(main)


def test_what_is_set_takes_what_was_noted_with_it() -> None:
    async def main() -> None:
        room = Room()
        await room.saving.saved()
        room.override(10)
        room.saving.note()
        await room.saving.saved()
        await asyncio.sleep(2 * GAP)
        assert len(room.disk.saves) == 2

    travel(main)


def test_threads_that_cannot_be_had_keep_nobody_from_setting_anything(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        room = Room()
        room.readers.full = True
        room.override(10)
        await room.saving.recall()
        await room.saving.saved()
        await room.saving.saved()
        assert room.clock.mono() == 0
        room.readers.full = False
        await asyncio.sleep(2 * GAP)
        assert room.kept == [10], "it is tried again"

    travel(main)
    assert caplog.messages == ["Overrides and alarms cannot be kept for now: can't start new thread"]


def test_s9_a_bug_in_saving_is_told_and_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        room = Room()
        room.disk.broken = ZeroDivisionError("inside")
        await room.saving.recall()
        await room.saving.saved()
        room.disk.broken = None
        room.override(10)
        await room.saving.saved()
        assert room.kept == [10]

    travel(main)
    assert caplog.text.count("ZeroDivisionError: inside") == 2


def test_s8_a_server_goes_on_where_the_one_before_it_ended() -> None:
    kept = Kept(Override(Percent(60), Timestamp(at(5000).wall), given=True), None, (ALARM,))

    async def main() -> None:
        room = Room(saved(kept))
        await room.saving.recall()
        assert room.one.kept == kept
        assert room.hall.shelf("two").kept == Kept()
        assert room.one.decision(room.clock.now()).duty == 60
        await asyncio.sleep(2 * GAP)
        assert room.disk.saves == [], "nothing has changed"

    travel(main)


def test_the_first_start_of_all_finds_nothing() -> None:
    async def main() -> None:
        room = Room()
        await room.saving.recall()
        assert room.one.kept == Kept()
        assert room.disk.copies == 0

    travel(main)


def test_what_cannot_be_taken_back_is_told_a_copy_kept_and_the_rest_written(caplog: pytest.LogCaptureFixture) -> None:
    bad = {"override": {"percent": 500, "until": None, "given": True}, "pending": {"until": None}}

    async def main() -> None:
        room = Room(State(1, {"one": bad}))
        await room.saving.recall()
        assert room.one.kept == Kept(None, Pending(None))
        assert room.disk.copies == 1
        await asyncio.sleep(2 * GAP)
        assert [state.shelves for state in room.disk.saves] == [state_of(room.hall).shelves]

    travel(main)
    assert caplog.messages == ["not taken back: one: override: Expected `float` <= 100.0 - at `$.percent`"]


def test_what_is_over_is_told_and_not_kept_any_more(caplog: pytest.LogCaptureFixture) -> None:
    gone = saved(Kept(Override(Percent(60), None)), "gone").shelves
    dead = saved(Kept(Override(Percent(30), Timestamp(1000.0)))).shelves

    async def main() -> None:
        room = Room(State(1, gone | dead))
        await room.saving.recall()
        assert room.one.override is None
        await asyncio.sleep(2 * GAP)
        assert room.disk.copies == 0
        assert [state.shelves for state in room.disk.saves] == [{}]

    travel(main)
    assert caplog.messages == [
        "gone is not configured any more: what was kept of it is dropped",
        "one: the override of 30 % ended at 1970-01-01 00:16:40+00:00",
    ]


@pytest.mark.parametrize(("late", "percent"), [(None, 60), (75, 75)])
def test_a_disk_that_takes_long_does_not_hold_up_the_start_and_nothing_newer_is_undone(
    late: float | None, percent: float, caplog: pytest.LogCaptureFixture
) -> None:
    """As one that has to spin up."""

    async def main() -> None:
        room = Room(saved(Kept(Override(Percent(60), None), None, (ALARM,))))
        room.readers.seconds = None
        await room.saving.recall()
        assert room.clock.mono() == PATIENCE
        assert room.one.kept == Kept()
        if late is not None:
            room.override(late)
            room.saving.saved()
        assert room.disk.saves == [], "what is on it is not written over before it is read"
        room.readers.go_on()
        await asyncio.sleep(0.1)
        assert room.one.override is not None
        assert room.one.override.percent == percent
        assert room.one.alarms == (ALARM,)
        assert room.kept == ([] if late is None else [75])

    travel(main)
    assert caplog.messages[0] == "The disk that keeps overrides and alarms has not answered for 2 s"


def test_s8_an_override_that_was_removed_before_the_disk_answered_does_not_come_back() -> None:
    async def main() -> None:
        room = Room(saved(Kept(Override(Percent(20), None), Pending(None), (ALARM,))))
        room.readers.seconds = None
        await room.saving.recall()
        room.one.set_override(None, room.clock.now())
        room.saving.saved()
        room.readers.go_on()
        await asyncio.sleep(0.1)
        assert room.one.kept == Kept(None, None, (ALARM,))

    travel(main)


def test_a_shelf_that_is_gone_when_the_disk_answers_is_left_alone() -> None:
    async def main() -> None:
        room = Room(saved(Kept(Override(Percent(60), None))))
        room.readers.seconds = None
        await room.saving.recall()
        room.hall.become([room.hall.shelf("two")])
        room.readers.go_on()
        await asyncio.sleep(0.1)
        assert room.one.override is None

    travel(main)


def test_the_end_writes_what_is_not_written_yet() -> None:
    async def main() -> None:
        room = Room()
        await room.saving.saved()
        room.override(10)
        room.saving.note()
        await room.saving.close(0.3)
        assert room.disk.saves[-1] == saved(room.one.kept)
        await room.saving.close(0.3)
        assert len(room.disk.saves) == 2
        await asyncio.sleep(2 * GAP)
        assert len(room.disk.saves) == 2

    travel(main)


def test_the_end_does_not_wait_for_a_disk_that_hangs() -> None:
    async def main() -> None:
        room = Room()
        room.readers.seconds = None
        room.override(10)
        room.saving.saved()
        await room.saving.close(0.3)
        assert room.clock.mono() == pytest.approx(0.3)

    travel(main)


def state_file(folder: Path) -> StateFile:
    return StateFile(folder, CONFIG)


EMPTY = State(1, {})


def test_s8_the_file_is_there_for_the_next_server(tmp_path: Path) -> None:
    kept = Kept(Override(Percent(60), None))
    first = state_file(tmp_path / "state")
    assert first.load() is None
    assert first.save(saved(kept))
    first.close()
    first.close()
    again = state_file(tmp_path / "state")
    found = again.load()
    assert found == State(1, {"one": {"override": {"percent": 60.0, "until": None, "given": False}}})
    assert again.load() == found
    again.close()


def test_a_second_server_of_the_same_configuration_keeps_its_hands_off(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, second, other = state_file(tmp_path), state_file(tmp_path), StateFile(tmp_path, Path("/etc/other.toml"))
    assert first.load() is None
    assert first.save(saved(Kept(Override(Percent(60), None))))
    assert second.load() is None
    assert not second.save(EMPTY)
    assert other.load() is None
    assert other.save(EMPTY)
    assert "one" in (first.load() or EMPTY).shelves
    (message,) = caplog.messages
    assert message.startswith("Another server of this configuration runs")
    for file in (first, second, other):
        file.close()


def test_that_nothing_can_be_kept_is_told_at_the_start(caplog: pytest.LogCaptureFixture) -> None:
    file = state_file(Path("/proc/fand"))
    assert file.load() is None
    (message,) = caplog.messages
    assert message.startswith("Cannot keep overrides and alarms in /proc/fand/")
    assert message.endswith("give it a state folder that it can write")
    assert not file.save(EMPTY)
    assert len(caplog.messages) == 1


def test_a_file_that_cannot_be_locked_is_used_all_the_same(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / file_name(CONFIG)).with_suffix(".lock").mkdir()
    file = state_file(tmp_path)
    assert file.load() is None
    assert file.save(EMPTY)
    assert caplog.messages[0].startswith("Cannot keep overrides and alarms in ")
    assert caplog.messages[-1].endswith("is kept again: overrides and alarms")


def test_a_file_system_without_locks_is_used_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_handle: int, _how: int) -> None:
        raise OSError(95, os.strerror(95))

    monkeypatch.setattr("fcntl.flock", refuse)
    file = state_file(tmp_path)
    with caplog.at_level(logging.DEBUG, "fand.server.saving"):
        assert file.load() is None
    assert file.save(EMPTY)
    assert "cannot lock" in caplog.text


def test_a_damaged_file_is_set_aside_and_the_start_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    name = file_name(CONFIG)
    (tmp_path / name).write_text('{"version": 2, "shelves": {}}')
    file = state_file(tmp_path)
    assert file.load() is None
    assert (tmp_path / f"{name}.bad1").exists()
    assert "which keeps overrides and alarms: Invalid enum value 2" in caplog.text
    file.close()


def test_s8_what_a_full_disk_keeps_from_being_replaced_is_not_back_after_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = Kept(Override(Percent(20), None), None, (ALARM,))
    file = state_file(tmp_path)
    assert file.load() is None
    assert file.save(saved(before))
    file.close()
    file = state_file(tmp_path)
    found = file.load()
    assert found is not None

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fsync", full)
    assert not file.save(saved(Kept(before.override)))
    assert file.load() == found, "an alarm that is over does no harm, and the override counts"
    for _ in range(2):
        assert not file.save(EMPTY)
        assert file.load() is None
    file.close()
