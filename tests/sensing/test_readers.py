import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from fand.sensing import readers as module
from fand.sensing.readers import Readers


def test_a_call_gives_its_result() -> None:
    async def main() -> tuple[int, str]:
        future = await Readers().call(lambda: (7, threading.current_thread().name), 20)
        return future.result()

    assert asyncio.run(main()) == (7, "reader")


def test_s9_a_call_that_hangs_is_given_up_and_tells_when_it_ends_after_all() -> None:
    async def main() -> None:
        release = threading.Event()
        future = await Readers().call(release.wait, 0.01)
        assert not future.done()
        release.set()
        assert await future

    asyncio.run(main())


def test_s9_calls_that_hang_leave_room_for_others() -> None:
    async def main() -> None:
        readers, release = Readers(most=2), threading.Event()
        hung = await asyncio.gather(*(readers.call(release.wait, 0.01) for _ in range(5)))
        assert not any(future.done() for future in hung)
        assert (await readers.call(lambda: 7, 20)).result() == 7
        release.set()
        await asyncio.gather(*hung)

    asyncio.run(main())


def test_s9_hundreds_that_hang_hold_up_nobody_until_they_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONG", 0.001)

    async def main() -> None:
        readers, release = Readers(most=64), threading.Event()
        hung = [asyncio.create_task(readers.call(release.wait, 60)) for _ in range(300)]
        await asyncio.sleep(0)
        assert (await readers.call(lambda: 7, 60)).result() == 7
        release.set()
        assert all([(await task).done() for task in hung])

    asyncio.run(main())


def test_what_must_begin_at_once_does_however_many_run() -> None:
    async def main() -> None:
        readers, release = Readers(most=1), threading.Event()
        hung = asyncio.create_task(readers.call(release.wait, 20))
        await asyncio.sleep(0)
        assert await readers.start(lambda: 7) == 7
        release.set()
        await hung

    asyncio.run(main())


def test_no_more_run_at_once_than_there_is_room_for() -> None:
    lock, running, most = threading.Lock(), [0], [0]
    both = threading.Barrier(2)

    def call() -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        both.wait(20)  # two must run at the same time for either to go on
        with lock:
            running[0] -= 1

    async def main() -> None:
        readers = Readers(most=2)
        await asyncio.gather(*(readers.call(call, 20) for _ in range(6)))

    asyncio.run(main())
    assert most == [2]


def test_s9_a_thread_that_ends_after_the_loop_disturbs_nobody() -> None:
    release, threads = threading.Event(), []

    def call() -> None:
        threads.append(threading.current_thread())
        release.wait(20)

    async def main() -> None:
        await Readers().call(call, 0.01)

    asyncio.run(main())
    release.set()
    threads[0].join(20)
    assert not threads[0].is_alive()


def test_a_future_that_nobody_wants_any_more_is_left_alone() -> None:
    async def main() -> None:
        readers, release = Readers(), threading.Event()
        future = readers.start(release.wait)
        future.cancel()
        release.set()
        assert await readers.start(lambda: 7) == 7
        assert future.cancelled()

    asyncio.run(main())


def test_a_thread_that_is_done_takes_the_next_call() -> None:
    async def main() -> set[threading.Thread]:
        readers = Readers()
        return {await readers.start(threading.current_thread) for _ in range(10)}

    assert len(asyncio.run(main())) == 1


def test_s9_a_thread_that_hangs_takes_no_other_call() -> None:
    async def main() -> None:
        readers, release = Readers(), threading.Event()
        hung = [readers.start(release.wait) for _ in range(100)]
        threads = {await readers.start(threading.current_thread) for _ in range(10)}
        assert len(threads) == 1
        assert not any(future.done() for future in hung)
        release.set()
        await asyncio.gather(*hung)

    asyncio.run(main())


def test_threads_without_a_call_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LINGER", 0.001)

    async def main() -> None:
        readers, both = Readers(), threading.Barrier(2)

        def call() -> threading.Thread:
            both.wait(20)
            return threading.current_thread()

        for thread in await asyncio.gather(readers.start(call), readers.start(call)):
            thread.join(20)
            assert not thread.is_alive()
        assert await readers.start(lambda: 7) == 7

    asyncio.run(main())


def test_a_thread_that_was_about_to_end_does_what_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LINGER", 0.001)
    given = threading.Event()

    def job(done: Callable[[], object]) -> None:
        given.set()
        done()

    class Raced(list[Any]):
        """Those that are idle; the first to go has been taken just before."""

        def remove(self, worker: Any) -> None:
            if not given.is_set():
                self.clear()
                worker.take(job)
            super().remove(worker)

    async def main() -> None:
        readers = Readers()
        readers._idle = Raced()
        thread = await readers.start(threading.current_thread)
        thread.join(20)
        assert given.is_set()
        assert not thread.is_alive()

    asyncio.run(main())


def test_a_system_without_threads_is_told_to_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def main() -> None:
        with pytest.raises(RuntimeError, match="can't start new thread"):
            await Readers().call(lambda: 7, 20)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    asyncio.run(main())
