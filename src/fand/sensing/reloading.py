"""Reload: another configuration is taken over while a server, or an agent, goes on (rule S11).

The file is read, checked whole and every new sensor opened, aside, in a thread; only then is anything changed, in one
step. Whatever is wrong before that is told, and the configuration in force stays in force.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final, Generic, TypeVar

from fand.dispatch import shorten
from fand.exceptions import ConfigError, FandError, RequestError
from fand.notify import READY, notify, reloading
from fand.sensing.readers import Readers
from fand.sensing.sensors import Owner, Sensors, closing, open_sensors

_log = logging.getLogger(__name__)

PATIENCE: Final = 20.0
"""Seconds after which a reload is given up, such as one of a file on a network disk that does not answer."""

_LONGEST: Final = 1900
"""Characters of a fault that a client is told: of one line, with much room for the path of the file."""

C = TypeVar("C")


class Reloading(Generic[C]):
    """Does the reloads of one program, one after the other.

    ``load`` gives the configuration as it is on disk now, or raises; ``current`` are the sensors in force; ``take``
    makes what was loaded count. ``owners`` are those of the devices in a configuration, ``what`` is the word for one.
    """

    def __init__(
        self,
        load: Callable[[], C],
        current: Callable[[], Sensors],
        take: Callable[[C, Sensors], None],
        readers: Readers,
        tell: Callable[[str], object] = notify,
        *,
        owners: Callable[[C], Iterable[Owner]],
        what: str = "shelf",
    ) -> None:
        self._load = load
        self._owners = owners
        self._what = what
        self._current = current
        self._take = take
        self._readers = readers
        self._tell = tell
        self._turn = asyncio.Lock()
        self._next: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._hung: asyncio.Future[tuple[C, Sensors] | Exception] | None = None
        self._stopped = False

    def ask(self) -> asyncio.Task[None]:
        """Have a reload begin, now or after the one under way; all who ask before it begins share it.

        In the task that comes back is a RequestError if anything was wrong.

        :raises RequestError: the server stops
        """
        if self._stopped:
            raise RequestError("the server stops")
        if self._next is None:
            self._next = task = asyncio.create_task(self._reload(), name="reload")
            self._tasks.add(task)
            task.add_done_callback(self._over)
        return self._next

    def stop(self) -> None:
        """Reload no more. May be called twice."""
        self._stopped = True
        for task in self._tasks:
            task.cancel()

    async def _reload(self) -> None:
        async with self._turn:
            self._next = None
            self._tell(reloading())
            try:
                await self._once()
            except Exception as error:  # noqa: BLE001 - whatever it is, the configuration in force must stay
                self._tell(READY)
                raise RequestError(_refused(error)) from None
            self._tell(READY)

    async def _once(self) -> None:
        if self._hung is not None and not self._hung.done():
            raise ConfigError(["the reload before this one still hangs; restart if that does not end"])
        before = self._current()
        call = self._readers.start(partial(self._prepare, before))
        await asyncio.wait((call,), timeout=PATIENCE)
        if not call.done():
            self._hung = call
            call.add_done_callback(partial(self._discard, before))
            raise ConfigError([f"reading the configuration and opening its sensors takes longer than {PATIENCE:g} s"])
        loaded = call.result()
        if isinstance(loaded, Exception):
            raise loaded
        self._take(*loaded)

    def _prepare(self, before: Sensors) -> tuple[C, Sensors] | Exception:
        """Do what may take its time, in a thread."""
        try:
            config = self._load()
            return config, open_sensors(self._owners(config), before, what=self._what)
        except Exception as error:  # noqa: BLE001 - raised again in the loop
            return error

    def _discard(self, before: Sensors, call: asyncio.Future[tuple[C, Sensors] | Exception]) -> None:
        """What came too late is not wanted any more."""
        if call.cancelled() or isinstance(loaded := call.result(), Exception):
            return
        known = {id(sensor) for _, _, sensor in before}
        for _, device, sensor in loaded[1]:
            if id(sensor) not in known:
                self._readers.start(closing(device, sensor))

    def _over(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # it has been logged; who reloaded by a signal does not ask


def _refused(error: Exception) -> str:
    """Log what is wrong; returns what a client is told: the first fault in full, and how many more there are."""
    faults: Sequence[str]
    if isinstance(error, ConfigError):
        faults = error.faults
    elif isinstance(error, FandError):
        faults = [str(error)]
    else:
        _log.error("the configuration could not be reloaded", exc_info=error)
        faults = [f"{type(error).__name__}: {error}"]
    for fault in faults:
        _log.error("reload: %s", fault)
    _log.error("the configuration in force stays in force")
    more = f"; and {len(faults) - 1} more, see the server's log" if len(faults) > 1 else ""
    return f"{shorten(faults[0], _LONGEST)}{more}"
