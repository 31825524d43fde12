import asyncio
import threading

import pytest

from fand.sensing.readers import Readers, start


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
        release, threads = threading.Event(), []

        def call() -> None:
            threads.append(threading.current_thread())
            release.wait(20)

        future = start(call)
        future.cancel()
        release.set()
        while not threads or threads[0].is_alive():
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert future.cancelled()

    asyncio.run(main())


def test_a_system_without_threads_is_told_to_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def main() -> None:
        with pytest.raises(RuntimeError, match="can't start new thread"):
            await Readers().call(lambda: 7, 20)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    asyncio.run(main())
