"""Tells a command of the user's what becomes of alarms (``on_alarm``); whatever it does, control goes on (S12).

One run at a time, in a thread of its own, without a shell. What waits is bounded. The command's words are never
changed: what there is to tell stands in its environment, where a name that a peer chose is no option.
"""

import asyncio
import logging
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Final

from fand.control import Alarm, Change, Event
from fand.dispatch import line
from fand.drivers.process import Program
from fand.exceptions import DriverError
from fand.sensing.readers import Readers
from fand.units import Seconds, Timestamp

_log = logging.getLogger(__name__)

LIMIT: Final = Seconds(30.0)
"""A run that takes longer is killed, with all that it started."""

MOST: Final = 100
"""So many events wait to be told; of more, the oldest are not told."""

_NUMBERS: Final = re.compile(r"[0-9]+")
_MANAGERS: Final = frozenset({"NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"})
"""How the server speaks with its service manager, which the command has no part in."""


@dataclass(frozen=True, slots=True)
class News:
    """What became of an alarm of the shelf."""

    shelf: str
    event: Event

    @property
    def about(self) -> tuple[str, object, str]:
        """What it is about; an alarm is known by this."""
        return self.shelf, self.event.alarm.sort, self.event.alarm.subject


class Waiting:
    """The news that wait to be told, oldest first. Of one alarm there are two at most, however it flutters."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._news: list[News] = []

    def put(self, news: News) -> News | None:
        """Let ``news`` wait; returns what is not told for want of room."""
        mine = [other for other in self._news if other.about == news.about]
        change = news.event.change
        if change is Change.CHANGED and mine and mine[-1].event.change is not Change.CLEARED:
            # who has not been told yet is told the reason of now
            newer = News(news.shelf, replace(news.event, change=mine[-1].event.change))
            self._news[self._news.index(mine[-1])] = newer
            return None
        for other in mine:
            # it has been raised, or has ended, again meanwhile; or it has changed and is over
            if any(one.event.change is change for one in mine) or other.event.change is Change.CHANGED:
                self._news.remove(other)
        self._news.append(news)
        return self._news.pop(0) if len(self._news) > self._most else None

    def get(self) -> News | None:
        """The oldest, which waits no more."""
        return self._news.pop(0) if self._news else None


class Alarming:
    """Runs ``command`` for every event of :meth:`hear`. Belongs to one event loop."""

    def __init__(
        self,
        command: Sequence[str],
        readers: Readers,
        environ: Mapping[str, str] = os.environ,
        limit: Seconds = LIMIT,
    ) -> None:
        self._command = tuple(command)
        self._readers = readers
        self._environ = {name: value for name, value in environ.items() if name not in _MANAGERS}
        self._limit = limit
        self._program = Program()
        self._waiting = Waiting()
        self._running = False
        self._closed = False
        self._failure: str | None = None
        self._lost = 0
        if shutil.which(self._command[0]) is None:
            _log.warning(
                "on_alarm: there is no program %s that can be run; until there is, alarms stand in the log and the "
                "status only",
                self._command[0],
            )

    def hear(self, shelf: str, event: Event) -> None:
        """Have the command told, in its turn."""
        if self._waiting.put(News(shelf, event)) is not None:
            if not self._lost:
                _log.warning("on_alarm: it cannot keep up: the oldest of what it should be told are left out")
            self._lost += 1
        self._go_on()

    async def close(self, patience: float) -> None:
        """Tell nothing any more; kill what runs, but wait for its death only ``patience`` seconds."""
        self._closed = True
        if self._running:
            try:
                await asyncio.wait((self._readers.start(self._program.close),), timeout=patience)
            except RuntimeError as error:
                _log.debug("on_alarm: cannot be ended: %s", error)

    def _go_on(self) -> None:
        if self._running or self._closed:
            return
        news = self._waiting.get()
        if news is None:
            return
        try:
            run = self._readers.start(partial(self._tell, news))
        except RuntimeError as error:
            self._note(news, f"cannot be run: {error}")
            return
        self._running = True
        run.add_done_callback(partial(self._told, news))

    def _tell(self, news: News) -> str | None:
        """Run the command, in a thread; returns what went wrong."""
        try:
            output = self._program.run(self._command, self._limit, self._environ | described(news))
        except DriverError as error:
            return line(str(error))
        except Exception as error:  # noqa: BLE001 - or nothing would be told any more
            return line(f"{type(error).__name__}: {error}")
        said = line((output.err or output.out)[:2000].decode(errors="replace"))
        if output.status == 0:
            _log.info("on_alarm: told of %s%s", _title(news), f": {said}" if said else "")
            return None
        how = f"signal {-output.status}" if output.status < 0 else f"status {output.status}"
        return f"{self._command[0]} ended with {how}" + (f": {said}" if said else "")

    def _told(self, news: News, run: asyncio.Future[str | None]) -> None:
        self._running = False
        self._note(news, run.result())
        self._go_on()
        if self._lost and not self._running:
            _log.warning("on_alarm: %d events were not told", self._lost)
            self._lost = 0

    def _note(self, news: News, failure: str | None) -> None:
        """Log what begins, changes and ends."""
        before = self._failure
        self._failure = failure
        if failure is None:
            if before is not None:
                _log.warning("on_alarm: it works again")
        elif before is None or _NUMBERS.sub("", failure) != _NUMBERS.sub("", before):
            _log.warning("on_alarm: not told of %s: %s", _title(news), failure)


def described(news: News) -> dict[str, str]:
    """The variables of the environment that tell ``news``; without control characters, and none of them long."""
    event, alarm = news.event, news.event.alarm
    values = {
        "FAND_SHELF": news.shelf,
        "FAND_CHANGE": event.change.value,
        "FAND_ALARM": alarm.sort.value,
        "FAND_SUBJECT": alarm.subject,
        "FAND_REASON": alarm.reason,
        "FAND_SINCE": _date(alarm.since),
        "FAND_AT": _date(event.at),
    }
    return {name: line(value) for name, value in values.items()}


def _date(instant: Timestamp) -> str:
    return datetime.fromtimestamp(instant, UTC).isoformat(timespec="seconds")


def _title(news: News) -> str:
    alarm: Alarm = news.event.alarm
    return line(f"{news.shelf}: {alarm.sort.value} {alarm.subject} {news.event.change.value}")
