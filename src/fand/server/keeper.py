"""Keeps the decisions of shelves fresh: logs what changes, pushes duties, looks after those that nobody asks about.

A decision is due after a reading, after an override, and, while a shelf has subscribers, whenever its last one
runs out. Besides, a round through all shelves every few seconds finds what only time brings about, such as a client
that has fallen silent (S7); only what cannot wait for it has a timer. A round that went well is what the service
manager's watchdog waits for.

Rounds, shelves that were noted, and pushes to many are done in slices. A shelf with several readings in one turn of
the event loop is looked after once.
"""

import asyncio
import logging
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import inf
from typing import Final

from fand.clock import GLANCE, Naps
from fand.control import Change, Event
from fand.dispatch import Hall, Peer, Shelf
from fand.ports import Clock
from fand.server.slices import Slices
from fand.units import Moment, Seconds

_log = logging.getLogger(__name__)

HEARTBEAT: Final = Seconds(10.0)
"""A subscriber is told its duty at least so often, as a sign of life."""

ROUND: Final = Seconds(5.0)
"""Every shelf is looked after at least so often."""

GRACE: Final = Seconds(30.0)
"""After the host has slept no alarm is raised for so long: all is old then, and is about to be read and reported."""

AT_ONCE: Final = 64
"""So many subscribers of a shelf are told its duty in one step."""

REST: Final = 0.1
"""After noted shelves have been looked after, that rests for as long as it took, but no longer than this (seconds):
shelves of thousands of devices would else keep the processor from the threads that read these."""

_INSTANT: Final = 0.01
"""No decision is taken anew sooner: a reading may turn too old only just after the instant it was good until."""


@dataclass(slots=True)
class _Kept:
    frame: bytes = b""
    beat: Seconds | None = None
    """When the subscribers are told their duty again; None while there are none."""
    timer: asyncio.TimerHandle | None = None
    failure: str | None = None


def nobody(_shelf: Shelf, _event: Event) -> None:
    """Nobody hears of alarms."""


class Keeper:
    """``push`` sends a frame to one subscriber; False if that one is not reading now. ``hear`` is told of alarms."""

    def __init__(
        self,
        hall: Hall,
        clock: Clock,
        push: Callable[[Peer, bytes], bool],
        hear: Callable[[Shelf, Event], None] = nobody,
    ) -> None:
        self._hall = hall
        self._clock = clock
        self._push = push
        self._hear = hear
        self._kept: defaultdict[str, _Kept] = defaultdict(_Kept)
        self._slices = Slices(clock)
        self._noted: OrderedDict[Shelf, None] = OrderedDict()
        self._soon: asyncio.TimerHandle | None = None
        self._rested = Seconds(-inf)
        self._untold: dict[Shelf, OrderedDict[Peer, None]] = {}
        self._ticks: asyncio.TimerHandle | None = None
        self._round_over = True
        self._naps: Naps | None = None
        self._woke: Callable[[], object] = lambda: None
        self._due = Seconds(inf)
        self._quiet_until = Seconds(-inf)

    def start(self, every: Seconds, done: Callable[[], object], woke: Callable[[], object]) -> None:
        """Look after all shelves every so many seconds, :data:`ROUND` at most; ``done`` is called after each round
        in which no shelf failed.

        When the host has slept, ``woke`` is called, and a round follows at once: all that was known is old.
        """
        loop = asyncio.get_running_loop()
        every = min(every, ROUND)
        pause = min(every, GLANCE)
        self._naps, self._woke = Naps(self._clock.mono, loop.time), woke
        self._due = Seconds(self._clock.mono() + every)

        def tick() -> None:
            self._ticks = loop.call_later(pause, tick)
            self._notice_sleep()
            if self._clock.mono() < self._due - pause / 2:
                return
            self._due = Seconds(self._clock.mono() + every)
            if self._round_over:
                self._slices.begin(self._go_round(done))

        tick()

    def _go_round(self, done: Callable[[], object]) -> Iterator[None]:
        """Look after every shelf, one at each step; those that a reload brings meanwhile are noted by it."""
        self._round_over, well = False, True
        for shelf in tuple(self._hall.shelves.values()):
            if self._is_there(shelf):
                well = self.look_after((shelf,)) and well
            yield
        self._round_over = True
        if well:
            done()

    def note(self, shelves: Iterable[Shelf]) -> None:
        """Look after each of ``shelves`` soon: in the next turn of the event loop, or when there is time after it."""
        self._noted.update(dict.fromkeys(shelves))
        if self._noted and self._soon is None:
            rest = max(0.0, self._rested - self._clock.mono())
            self._soon = asyncio.get_running_loop().call_later(rest, self._look_after_noted)

    def _look_after_noted(self) -> None:
        self._slices.begin(self._go_through_noted())

    def _go_through_noted(self) -> Iterator[None]:
        begun = self._clock.mono()
        for _ in range(len(self._noted)):
            shelf, _ = self._noted.popitem(last=False)
            if self._is_there(shelf):
                self.look_after((shelf,))
            yield
        self._soon = None
        now = self._clock.mono()
        self._rested = Seconds(now + min(now - begun, REST))
        self.note(())

    def look_after(self, shelves: Iterable[Shelf]) -> bool:
        """Look after ``shelves`` now. False if one failed, logged when it begins; the others had their turn (S9)."""
        well = True
        for shelf in shelves:
            failure = None
            try:
                self.refresh(shelf)
            except Exception as error:  # noqa: BLE001 - a bug of ours; who asks about the shelf is told of it too
                failure, well = repr(error), False
                if failure != self._kept[shelf.name].failure:
                    _log.exception("%s: cannot be looked after", shelf.name)
            self._kept[shelf.name].failure = failure
        return well

    def forget(self, shelf: Shelf) -> None:
        """``shelf`` is no more, nor are its alarms."""
        kept = self._kept.pop(shelf.name, None)
        if kept is not None and kept.timer is not None:
            kept.timer.cancel()
        for alarm in shelf.alarms:
            self._announce(shelf, Event(Change.CLEARED, alarm, self._clock.wall()))

    def refresh(self, shelf: Shelf) -> None:
        """Something that the duty of ``shelf`` depends on may have changed."""
        self._notice_sleep()
        kept = self._kept[shelf.name]
        now = Moment(self._clock.mono(), self._clock.wall())
        frame = shelf.frame(now)
        self._tell(shelf, now)
        changed = frame != kept.frame
        if changed:
            kept.frame = frame
            decision = shelf.decision(now)
            _log.info("%s: %.3g %% (%s)", shelf.name, decision.duty, decision.reason)
        if kept.timer is not None:
            kept.timer.cancel()
            kept.timer = None
        if not shelf.subscribers:
            kept.beat = None
            return
        beat = kept.beat is not None and now.mono >= kept.beat
        if beat or kept.beat is None:
            kept.beat = Seconds(now.mono + HEARTBEAT)
        if changed or beat:  # not for every newcomer: thousands may come at once
            self._spread(shelf, [peer for peer, told in shelf.subscribers.items() if beat or told != frame])
        due = min(shelf.valid_until, kept.beat)
        if due < self._due:
            kept.timer = asyncio.get_running_loop().call_later(max(due - now.mono, _INSTANT), self.note, (shelf,))

    def catch_up(self, peer: Peer) -> None:
        """``peer`` reads again: tell it what it missed."""
        now = Moment(self._clock.mono(), self._clock.wall())
        for shelf in self._hall.subscriptions(peer):
            frame = shelf.frame(now)
            if shelf.subscribers[peer] != frame and self._push(peer, frame):
                shelf.subscribers[peer] = frame

    def stop(self) -> None:
        """Push nothing any more, and look after nothing."""
        self._slices.stop()
        for handle in (self._ticks, self._soon):
            if handle is not None:
                handle.cancel()
        for kept in self._kept.values():
            if kept.timer is not None:
                kept.timer.cancel()
                kept.timer = None

    def _is_there(self, shelf: Shelf) -> bool:
        return self._hall.shelves.get(shelf.name) is shelf

    def _spread(self, shelf: Shelf, peers: Iterable[Peer]) -> None:
        """Tell ``peers`` the duty of ``shelf``. Who waits for the one before keeps his place, and is told this."""
        untold = self._untold.get(shelf)
        if untold is not None:
            untold.update(dict.fromkeys(peers))
            return
        self._untold[shelf] = OrderedDict.fromkeys(peers)
        self._slices.begin(self._spreading(shelf, self._untold[shelf]))

    def _spreading(self, shelf: Shelf, untold: OrderedDict[Peer, None]) -> Iterator[None]:
        try:
            while untold:
                frame = shelf.frame(Moment(self._clock.mono(), self._clock.wall()))
                for _ in range(min(AT_ONCE, len(untold))):
                    peer, _ = untold.popitem(last=False)
                    if peer in shelf.subscribers and self._push(peer, frame):
                        shelf.subscribers[peer] = frame
                yield
        finally:
            del self._untold[shelf]

    def _notice_sleep(self) -> None:
        if self._naps is None or not (slept := self._naps.slept()):
            return
        _log.warning("this host has slept for %.0f s: every device is asked again", slept)
        self._due = self._clock.mono()
        self._quiet_until = Seconds(self._due + GRACE)
        self._woke()

    def _tell(self, shelf: Shelf, now: Moment) -> None:
        if now.mono < self._quiet_until:
            return
        for event in shelf.review(now):
            self._announce(shelf, event)

    def _announce(self, shelf: Shelf, event: Event) -> None:
        over = "over: " if event.change is Change.CLEARED else ""
        _log.error("%s: %s%s", shelf.name, over, event.alarm.reason)
        self._hear(shelf, event)
