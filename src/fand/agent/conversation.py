"""What an agent says over one connection, from the first word to the end. Pure: no socket, no clock.

It says one thing at a time and waits for the answer, so that how long ago the last answer came says how long a report
can have been under way (see :mod:`fand.dispatch.reports`). First of all it asks for a sign of life: that is the first
answer. Then it tells of every device, and of each again when that has said something new. A sign of life in between
is a report of nothing.

A server answers with the devices that it takes no report of. They are told again with the next sign of life: its
configuration may have changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from fand.dispatch.reports import LONGEST_NAME, OLDEST
from fand.dispatch.shown import line
from fand.exceptions import CorruptedDataError, FandTimeoutError
from fand.ports import Asleep, Failed, Reading, Temperature
from fand.units import Seconds
from fand.wire import Request

PATIENCE: Final = Seconds(10.0)
"""An answer is waited for so long."""

MOST: Final = 32
"""So many readings go into one report: however long their names and reasons are, they fit a frame."""

Message = tuple[Request, tuple[object, ...]]
"""A request with its arguments, to be sent."""


@dataclass(frozen=True, slots=True, eq=False)
class News:
    """One reading, told apart from every other, even of the same value."""

    reading: Reading
    family: str | None = None


class Conversation:
    """A connection, just made. ``name`` is what the agent calls itself; a sign of life is due every ``interval``.

    ``due`` is when there is something to do though nothing has happened. ``strange`` are the devices that the server
    does not take, ``known_as`` is what it calls the agent then. ``told`` tells whether a report was acknowledged.
    """

    def __init__(self, name: str, interval: Seconds) -> None:
        self._name = name
        self._interval = interval
        self._told: dict[str, News] = {}
        self._asked: dict[str, News] | None = None
        self._reported = False
        self._again: set[str] = set()
        self._answered = Seconds(0.0)
        self.due = Seconds(float("inf"))
        self.strange: frozenset[str] = frozenset()
        self.known_as = ""
        self.told = False

    def begin(self, now: Seconds) -> Message:
        """The first word."""
        return self._say(Request.PING, (), {}, now)

    def received(self, request: Request, args: tuple[Any, ...], now: Seconds) -> None:
        """The server sent ``request`` with ``args``.

        :raises CorruptedDataError: that is no answer, or nothing was asked
        """
        if self._asked is None:
            raise CorruptedDataError(f"the server sent {request.name} without being asked")
        if request is not Request.ACK:
            raise CorruptedDataError(f"the server answered by {request.name}, not ACK")
        strange = _strange(args) & self._asked.keys()
        if strange:
            self.known_as = line(str(args[1]), LONGEST_NAME) if len(args) > 1 else self._name
        self._again |= strange
        self.strange = (self.strange - self._asked.keys()) | strange
        self.told = self.told or self._reported
        self._told |= self._asked
        self._asked = None
        self._answered = now
        self.due = Seconds(now + self._interval)

    def turn(self, news: Mapping[str, News], now: Seconds) -> Message | None:
        """What is to be said now, given what the sensors said last; None if nothing is.

        :raises FandTimeoutError: an answer is overdue
        """
        if self._asked is not None:
            if now >= self.due:
                raise FandTimeoutError(f"no answer for {PATIENCE:g} s")
            return None
        if now >= self.due:
            for device in self._again:
                self._told.pop(device, None)
            self._again.clear()
        fresh = [(device, said) for device, said in news.items() if self._told.get(device) is not said]
        if not fresh and now < self.due:
            return None
        chosen = dict(fresh[:MOST])
        since = max(0.0, now - self._answered)
        entries = [_entry(device, said, now) for device, said in chosen.items()]
        return self._say(Request.SET_TEMPERATURES, (entries, self._name, since), chosen, now)

    @property
    def waiting(self) -> bool:
        """Whether an answer is waited for."""
        return self._asked is not None

    def _say(self, request: Request, args: tuple[object, ...], news: dict[str, News], now: Seconds) -> Message:
        self._asked = news
        self._reported = request is Request.SET_TEMPERATURES
        self.due = Seconds(now + PATIENCE)
        return request, args


def _strange(args: tuple[Any, ...]) -> frozenset[str]:
    if not args:
        return frozenset()
    if not isinstance(args[0], list) or not all(isinstance(name, str) for name in args[0]):
        raise CorruptedDataError("the server's answer to a report is not as it should be")
    return frozenset(args[0])


def _entry(device: str, news: News, now: Seconds) -> dict[str, object]:
    reading = news.reading
    age = min(max(0.0, now - reading.at), OLDEST)
    entry: dict[str, object] = {"device": device, "age": age}
    if news.family is not None and (family := line(news.family, LONGEST_NAME)):
        entry["family"] = family
    match reading:
        case Temperature():
            return {**entry, "state": "ok", "celsius": float(reading.celsius)}
        case Asleep():
            return {**entry, "state": "asleep"}
        case Failed():
            return {**entry, "state": "failed", "reason": line(reading.reason) or "for no reason given"}
