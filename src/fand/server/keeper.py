"""Keeps the decisions of shelves fresh where somebody depends on it: logs what changes, pushes duties.

A decision is due after a reading, after an override, and, while a shelf has subscribers, whenever its last one
runs out. Without subscribers nothing runs: who asks gets a decision of that moment.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from fand.control import Change
from fand.dispatch import Hall, Peer, Shelf
from fand.ports import Clock
from fand.units import Moment, Seconds

_log = logging.getLogger(__name__)

HEARTBEAT: Final = Seconds(5.0)
"""A subscriber is told its duty at least so often, so that its lease lives."""

_INSTANT: Final = 0.01
"""No decision is taken anew sooner: a reading may turn too old only just after the instant it was good until."""


@dataclass(slots=True)
class _Kept:
    frame: bytes = b""
    beat: Seconds = Seconds(0.0)
    timer: asyncio.TimerHandle | None = None


class Keeper:
    """``push`` sends a frame to one subscriber; False if that one is not reading now."""

    def __init__(self, hall: Hall, clock: Clock, push: Callable[[Peer, bytes], bool]) -> None:
        self._hall = hall
        self._clock = clock
        self._push = push
        self._kept = {name: _Kept() for name in hall.shelves}

    def refresh(self, shelf: Shelf) -> None:
        """Something that the duty of ``shelf`` depends on may have changed."""
        kept = self._kept[shelf.name]
        now = Moment(self._clock.mono(), self._clock.wall())
        frame = shelf.frame(now)
        self._tell(shelf, now)
        changed = frame != kept.frame
        if changed:
            kept.frame = frame
            decision = shelf.decision(now)
            _log.info("%s: %.3g %% (%s)", shelf.name, decision.duty, decision.reason)
        if kept.timer is None:
            kept.beat = Seconds(now.mono + HEARTBEAT)
        else:
            kept.timer.cancel()
            kept.timer = None
        if not shelf.subscribers:
            return
        beat = now.mono >= kept.beat
        if beat:
            kept.beat = Seconds(now.mono + HEARTBEAT)
        if changed or beat:  # not for every newcomer: thousands may come at once
            for peer, told in tuple(shelf.subscribers.items()):
                if (beat or told != frame) and self._push(peer, frame):
                    shelf.subscribers[peer] = frame
        delay = max(min(shelf.valid_until, kept.beat) - now.mono, _INSTANT)
        kept.timer = asyncio.get_running_loop().call_later(delay, self.refresh, shelf)

    def catch_up(self, peer: Peer) -> None:
        """``peer`` reads again: tell it what it missed."""
        now = Moment(self._clock.mono(), self._clock.wall())
        for shelf in self._hall.shelves.values():
            told = shelf.subscribers.get(peer)
            if told is not None and told != (frame := shelf.frame(now)) and self._push(peer, frame):
                shelf.subscribers[peer] = frame

    def stop(self) -> None:
        """Push nothing any more."""
        for kept in self._kept.values():
            if kept.timer is not None:
                kept.timer.cancel()
                kept.timer = None

    def _tell(self, shelf: Shelf, now: Moment) -> None:
        for event in shelf.review(now):
            over = "over: " if event.change is Change.CLEARED else ""
            _log.error("%s: %s%s", shelf.name, over, event.alarm.reason)
