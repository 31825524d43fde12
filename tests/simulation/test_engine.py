"""The engine, its processes and their event loops."""

import asyncio

import pytest

from fand.notify import ALIVE, READY
from tests.simulation.engine import START, Engine, Life, Process
from tests.simulation.host import ABORT, STOP_POST, Host, Unit
from tests.simulation.loop import SimLoop


def test_events_come_in_the_order_of_time_and_those_of_one_instant_in_that_of_their_making() -> None:
    engine = Engine()
    seen: list[str] = []
    for when, name in ((2.0, "c"), (1.0, "a"), (1.0, "b")):
        engine.at(when, None, seen.append, name)
    engine.at(1.5, None, seen.append, "never").cancel()
    engine.run(1.5)
    assert (seen, engine.now) == (["a", "b"], 1.5)
    engine.run(3.0)
    assert (seen, engine.now) == (["a", "b", "c"], 3.0)


def test_what_comes_for_a_hung_process_waits_and_for_a_dead_one_is_lost() -> None:
    engine = Engine()
    process = Process(engine, "p")
    seen: list[tuple[float, float]] = []
    for when in (1.0, 2.0, 5.0, 7.0):
        process.after(when, lambda when=when: seen.append((when, engine.now)))
    process.hang()
    engine.run(4.0)
    assert seen == []
    process.resume()
    engine.run(6.0)
    assert seen == [(1.0, 4.0), (2.0, 4.0), (5.0, 5.0)]
    process.die()
    engine.run(8.0)
    assert len(seen) == 3


def test_an_error_in_a_process_is_told_or_raised() -> None:
    def fail() -> None:
        raise ValueError("wrong")

    engine = Engine()
    process = Process(engine, "p")
    process.soon(fail)
    with pytest.raises(ValueError, match="wrong"):
        engine.run(1.0)
    told = []
    engine.failed = lambda owner, error: told.append((owner, type(error)))
    process.soon(fail)
    engine.run(1.0)
    assert told == [(process, ValueError)]


def test_the_loop_carries_tasks_of_asyncio() -> None:
    engine = Engine()
    process = Process(engine, "p")
    seen: list[object] = []
    loop = SimLoop(process, seen.append)  # type: ignore[abstract]

    async def work(name: str, pause: float) -> None:
        assert asyncio.get_running_loop() is loop
        async with room:
            await asyncio.sleep(pause)
        seen.append((name, loop.time() - START))

    async def main() -> None:
        await asyncio.gather(work("a", 2.0), work("b", 1.0))
        done, pending = await asyncio.wait([asyncio.create_task(work("c", 9.0))], timeout=3.0)
        seen.append((len(done), len(pending)))

    room = asyncio.Semaphore(1)
    task = loop.create_task(main())
    engine.run(20.0)
    assert seen == [("a", 2.0), ("b", 3.0), (0, 1), ("c", 12.0)]
    assert task.done()


def test_the_timers_of_a_host_stand_still_while_it_is_suspended_and_its_clock_does_not() -> None:
    engine = Engine()
    host = Host(engine, "h")
    process = host.process("p")
    seen: list[float] = []
    process.after(10.0, lambda: seen.append(engine.now))
    engine.at(4.0, None, host.suspend)
    engine.at(104.0, None, host.resume)
    engine.run(200.0)
    assert seen == [110.0]
    assert host.mono() == 200.0 + START


class _Program:
    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        self._process = unit.host.process("p")
        self.processes = (self._process,)

    def begin(self) -> None:
        self._unit.tell(READY)
        self._feed()

    def _feed(self) -> None:
        self._unit.tell(ALIVE)
        self._process.after(1.0, self._feed)

    def terminate(self) -> None:
        self._unit.ended(well=True)

    def resumed(self) -> None: ...


def test_the_manager_kills_what_feeds_no_watchdog_runs_what_comes_after_and_starts_it_again() -> None:
    engine, ends = Engine(), []
    unit = Unit(
        Host(engine, "h"), "p", _Program, lambda well: ends.append((engine.now, well)), lambda _: None, 5.0, 1.0
    )
    unit.start()
    engine.run(20.5)
    assert (unit.runs, ends) == (1, [])
    unit.hang()
    engine.run(25.0 + ABORT + 0.1)
    assert unit.program is None
    engine.run(40.0)
    assert unit.runs == 2
    assert ends == [(25.0 + ABORT + STOP_POST, False)]
    unit.stop()
    engine.run(42.0)
    assert (unit.runs, ends[1]) == (3, (40.0 + STOP_POST, True))
    unit.kill()
    assert unit.host.processes[-1].life is Life.DEAD
