"""What the threads of the fan client tell one another: links the loop by an inbox, the loop the links by a board."""

from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from typing import Final, Protocol

from fand.fanclient.output import Condition
from fand.units import Percent, Rpm, Seconds

CROWDED: Final = 100
"""With so many events waiting, a link reads no more of what its server sends."""


@dataclass(frozen=True, slots=True)
class Answer:
    """``server`` said ``duty``; that was true at ``asked`` or later."""

    server: int
    duty: Percent
    asked: Seconds


@dataclass(frozen=True, slots=True)
class Missed:
    """``server`` could not be asked, or did not answer as it must."""

    server: int


@dataclass(frozen=True, slots=True)
class Stop:
    """The fan client must end."""


@dataclass(frozen=True, slots=True)
class Woken:
    """The host, or this process, has slept: nothing is known of what the hardware does now."""


Event = Answer | Missed | Woken | Stop


class Inbox(Protocol):
    """Where the loop waits for events."""

    def get(self, timeout: Seconds) -> list[Event]:
        """The events that are there; waits up to ``timeout`` seconds for one, else the list is empty."""
        ...


class Post:
    """The inbox between threads.

    :meth:`put` may be called by a signal handler: the queue beneath is re-entrant.
    """

    def __init__(self) -> None:
        self._queue: SimpleQueue[Event] = SimpleQueue()

    def put(self, event: Event) -> None:
        """Hand over one event; never blocks."""
        self._queue.put(event)

    @property
    def crowded(self) -> bool:
        """Whether the loop is so far behind that events should be held back."""
        return self._queue.qsize() >= CROWDED

    def get(self, timeout: Seconds) -> list[Event]:
        """See :class:`Inbox`."""
        events: list[Event] = []
        try:
            events.append(self._queue.get(timeout=max(0.0, timeout)))
            while len(events) < CROWDED:
                events.append(self._queue.get_nowait())
        except Empty:
            return events
        return events


@dataclass(frozen=True, slots=True)
class FanReport:
    """One fan as it is reported: what it was last verified to do, None while that is not known."""

    name: str
    rpm: Rpm | None
    duty: Percent | None
    state: str


@dataclass(slots=True)
class Board:
    """The last report of all fans, and when the loop wrote it. Links read it, only the loop writes it."""

    fans: tuple[FanReport, ...] = ()
    at: Seconds = Seconds(0.0)

    def report(self, lease: Seconds, now: Seconds) -> tuple[FanReport, ...]:
        """The fans as the loop left them; if that is a ``lease`` ago, the loop hangs and nothing is known of them."""
        if now - self.at <= lease:
            return self.fans
        return tuple(replace(fan, rpm=None, duty=None, state=Condition.FAULT.value) for fan in self.fans)
