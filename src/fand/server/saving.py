"""Keeps what must outlive the server on disk (rule S8), and never waits for the disk.

One thread at a time writes, and always what is so when it begins. A disk that hangs costs that thread, and whoever
sets something a wait of :data:`PATIENCE`; nothing else.
"""

import asyncio
import fcntl
import logging
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final, Protocol, TypeVar

from fand.dispatch import Hall, Kept, Shelf
from fand.ports import Clock
from fand.sensing.readers import Readers
from fand.server.state import Recalled, State, file_name, overrides_of, recall, state_of
from fand.stored import Stored, make_folder
from fand.units import Moment, Seconds

_log = logging.getLogger(__name__)

T = TypeVar("T")

PATIENCE: Final = Seconds(2.0)
"""So long an answer waits for the disk, and the start for what a server before this one has kept."""

GAP: Final = Seconds(1.0)
"""Between two writes that nobody waits for: an alarm that comes and goes must not wear out a memory card."""


class Store(Protocol):
    """Where the state is kept; a :class:`StateFile`, or a simulated one. Its calls may take any time."""

    def load(self) -> State | None:
        """What was saved last; None if there is nothing that can be used."""
        ...

    def save(self, value: State) -> bool:
        """Keep ``value``; returns whether it will outlive a power failure."""
        ...

    def copy_aside(self) -> None:
        """Keep a copy of what was saved last."""
        ...


class StateFile(Stored[State]):
    """The state file, in ``folder``, of the server whose configuration is ``config``.

    It is locked as long as the process lives. A second server of the same configuration neither reads nor writes it.

    Where a change of the overrides cannot be kept, the file is removed: an override that was ended or replaced must
    not be back after a restart.
    """

    def __init__(self, folder: Path, config: Path) -> None:
        path = folder / file_name(config)
        super().__init__(
            path,
            State,
            what="overrides and alarms",
            loss="a restart of the server will lose them; give it a state folder that it can write",
        )
        self._lock_path = path.with_suffix(".lock")
        self._lock: int | None = None
        self._taken = False
        self._overrides: object = None

    def load(self) -> State | None:
        """What the server before this one has kept; None if another one has the file now."""
        if self._lock is None:
            self._claim()
        if self._taken:
            return None
        found = super().load()
        self._overrides = None if found is None else overrides_of(found)
        return found

    def save(self, value: State) -> bool:
        """Keep ``value``; returns whether it will outlive a power failure."""
        if self._taken:
            return False
        kept, now = super().save(value), overrides_of(value)
        if not kept and now != self._overrides:
            self.forget()
        self._overrides = now
        return kept

    def close(self) -> None:
        """Let another server have the file."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _claim(self) -> None:
        try:
            make_folder(self._lock_path.parent)
            lock = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
        except OSError as error:
            self._fail(error)
            return
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            self._taken = True
            _log.warning(
                "Another server of this configuration runs and keeps its overrides and alarms in %s; those of this "
                "one are not kept, unless it is given a state folder of its own",
                self._lock_path.parent,
            )
        except OSError as error:  # a file system without locks
            os.close(lock)
            _log.debug("cannot lock %s: %s", self._lock_path, error)
        else:
            self._lock = lock


class Saving:
    """Keeps the state of ``hall`` in ``store``. Belongs to one event loop."""

    def __init__(self, store: Store, hall: Hall, clock: Clock, readers: Readers) -> None:
        self._store = store
        self._hall = hall
        self._clock = clock
        self._readers = readers
        self._busy = False
        self._began = Seconds(-GAP)
        self._again = False
        self._waiting: list[asyncio.Future[None]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._late = False
        self._stuck = False

    async def recall(self) -> None:
        """Give the shelves what a server before this one has kept for them.

        A disk that takes long is not waited for: what it has is taken when it comes, where nothing newer was set.
        """
        now = Moment(self._clock.mono(), self._clock.wall())
        asked: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._begin(partial(_load, self._store, frozenset(self._hall.shelves), now), self._recalled, [asked])
        await self._patience(asked)

    def saved(self) -> asyncio.Future[None]:
        """A future that is done when all is on disk as it is now; or cannot be, or :data:`PATIENCE` has passed.

        The last two are logged: a disk that is full or hangs keeps nobody from setting anything.
        """
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._late:  # it hangs, and nobody knows how long
            future.set_result(None)
        else:
            self._waiting.append(future)
            self._patience(future)
        self._want()
        return future

    def note(self) -> None:
        """Something has changed for whose keeping nobody waits."""
        if self._timer is None:
            delay = max(0.0, self._began + GAP - self._clock.mono())
            self._timer = asyncio.get_running_loop().call_later(delay, self._due)

    async def close(self, patience: float) -> None:
        """Write what is not written yet, but wait for that only ``patience`` seconds."""
        if self._timer is not None or self._busy:
            await asyncio.wait((self.saved(),), timeout=patience)
        self._cancel()

    def _want(self) -> None:
        self._cancel()
        if self._busy:
            self._again = True
            return
        self._again = False
        waiting, self._waiting = self._waiting, []
        self._begin(partial(self._store.save, state_of(self._hall)), None, waiting)

    def _begin(
        self, function: Callable[[], T], then: Callable[[T], None] | None, waiting: list[asyncio.Future[None]]
    ) -> None:
        """Call ``function`` in a thread, give ``then`` what comes back, and let ``waiting`` know."""
        self._began = self._clock.mono()
        try:
            job = self._readers.start(partial(_guarded, function))
        except RuntimeError as error:
            if not self._stuck:
                _log.warning("Overrides and alarms cannot be kept for now: %s", error)
            self._stuck = True
            _wake(waiting)
            self.note()
            return
        self._stuck, self._busy = False, True
        job.add_done_callback(partial(self._end, then, waiting))

    def _end(
        self, then: Callable[[T], None] | None, waiting: list[asyncio.Future[None]], job: asyncio.Future[T | None]
    ) -> None:
        self._busy = False
        if self._late:
            _log.warning("The disk that keeps overrides and alarms answers again")
        self._late = False
        result = job.result()
        if then is not None and result is not None:
            then(result)
        _wake(waiting)
        if self._again:
            self._want()

    def _recalled(self, found: Recalled) -> None:
        for fault in found.faults:
            _log.warning("not taken back: %s", fault)
        for over in found.over:
            _log.warning("%s", over)
        if found.faults or found.over:
            self.note()
        for name, kept in found.shelves.items():
            shelf = self._hall.shelves.get(name)
            if shelf is not None:
                shelf.restore(_newest(shelf, kept))

    def _due(self) -> None:
        self._timer = None
        self._want()

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _patience(self, future: asyncio.Future[None]) -> asyncio.Future[None]:
        """``future``, which is done after :data:`PATIENCE` in any case."""

        def give_up() -> None:
            if future.done():  # in this very turn of the loop
                return
            if not self._late:
                _log.warning("The disk that keeps overrides and alarms has not answered for %g s", PATIENCE)
            self._late = True
            future.set_result(None)

        timer = asyncio.get_running_loop().call_later(PATIENCE, give_up)
        future.add_done_callback(lambda _: timer.cancel())
        return future


def _load(store: Store, shelves: frozenset[str], now: Moment) -> Recalled:
    state = store.load()
    found = Recalled() if state is None else recall(state, shelves, now)
    if found.faults:
        store.copy_aside()
    return found


def _guarded(function: Callable[[], T]) -> T | None:
    """What ``function`` gives; None if it fails by a bug, which must not stop the saving for good."""
    try:
        return function()
    except Exception:  # noqa: BLE001
        _log.exception("overrides and alarms were not kept")
        return None


def _newest(shelf: Shelf, before: Kept) -> Kept:
    """What counts of ``shelf``, which may have been set, or told to forget, while the disk was waited for."""
    now = shelf.kept
    override, pending = (now.override, now.pending) if shelf.commanded else (before.override, before.pending)
    return Kept(override, pending, now.alarms or before.alarms)


def _wake(waiting: list[asyncio.Future[None]]) -> None:
    for future in waiting:
        if not future.done():
            future.set_result(None)
