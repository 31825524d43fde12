"""Hands for the hardware: what every fan needs is done at the same time, and one that hangs holds up nobody.

A driver's call may never return: a bus that is stuck, a program that waits for a device. So each fan has a thread of
its own, which alone calls its drivers. Who gives out the work waits for all of it, but not for ever; what is not
done by then is left to its thread, which gets nothing new until it is done.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from queue import Empty, SimpleQueue
from typing import Protocol, TypeVar, cast

from fand.units import Seconds

_log = logging.getLogger(__name__)

T = TypeVar("T")


class Hands(Protocol):
    """Whoever does the work at the hardware."""

    def __call__(self, jobs: Mapping[int, Callable[[], T]]) -> dict[int, T]:
        """Do ``jobs``, each for the fan of its number; returns what they return, without those that hang or die."""
        ...


def in_turn(jobs: Mapping[int, Callable[[], T]]) -> dict[int, T]:
    """Hands that do one job after the other, here and now: for hardware that never hangs, such as a simulation's."""
    return {place: job() for place, job in jobs.items()}


class Crew:
    """Hands that wait up to ``patience`` seconds for all the jobs together; see the module."""

    def __init__(self, patience: Seconds) -> None:
        self._patience = patience
        self._workers: dict[int, _Worker] = {}

    def __call__(self, jobs: Mapping[int, Callable[[], T]]) -> dict[int, T]:
        """See :class:`Hands`."""
        end = time.monotonic() + self._patience
        begun = [place for place, job in jobs.items() if self._worker(place).begin(job)]
        done: dict[int, T] = {}
        for place in begun:
            told = self._workers[place].done(end - time.monotonic())
            if told:
                done[place] = cast(T, told[0])
        return done

    def _worker(self, place: int) -> "_Worker":
        if place not in self._workers:
            self._workers[place] = _Worker()
        return self._workers[place]


class _Worker:
    """One thread. It is a daemon: a program whose hardware hangs can end all the same."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[tuple[Callable[[], object], SimpleQueue[tuple[object, ...]]]] = SimpleQueue()
        self._pending: SimpleQueue[tuple[object, ...]] | None = None
        threading.Thread(target=self._run, name="fan", daemon=True).start()

    def begin(self, job: Callable[[], object]) -> bool:
        """Take ``job`` on; False while an earlier one hangs."""
        if self._pending is not None and self.done(0) is None:
            return False
        self._pending = SimpleQueue()
        self._jobs.put((job, self._pending))
        return True

    def done(self, patience: float) -> tuple[object, ...] | None:
        """What the job returned, in a tuple which is empty if it died; None if it is not done."""
        assert self._pending is not None
        try:
            told = self._pending.get(timeout=max(0.0, patience))
        except Empty:
            return None
        self._pending = None
        return told

    def _run(self) -> None:
        while True:
            job, answer = self._jobs.get()
            try:
                answer.put((job(),))
            except BaseException:  # noqa: BLE001 - whatever it is, whoever waits is told and the thread lives on
                _log.exception("work at a fan's hardware failed in a way of its own")
                answer.put(())
