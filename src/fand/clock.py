"""The clocks of this host, and the sleep of the host itself."""

import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Final, cast

from fand.units import Seconds, Timestamp

GLANCE: Final = Seconds(1.0)
"""Who waits for an instant of :meth:`SystemClock.mono` waits for so long at most, and then looks again.

The timers of the system (those of asyncio, of queues, locks and sockets) stand still while the host sleeps: what is
left of a wait then is waited for after it wakes, though the instant has passed long ago.
"""

_SHORT: Final = Seconds(0.5)


class SystemClock:
    """The operating system's two clocks."""

    def __init__(self) -> None:
        self.mono = cast("Callable[[], Seconds]", _uptime())
        """Seconds that only grow, also while the host sleeps where the system tells so (Linux).

        After a suspend every lease has run out and every reading is old.
        """
        self.wall = cast("Callable[[], Timestamp]", time.time)
        """POSIX seconds; they jump when somebody sets the clock."""


class Naps:
    """Notices that the host was asleep, by two clocks of which ``awake`` stood still meanwhile.

    Ask :meth:`slept` every :data:`GLANCE` seconds, and if it was, do at once what was to be done later::

        naps = Naps(clock.mono)
        while True:
            events = inbox.get(min(deadline - clock.mono(), GLANCE))
            if naps.slept():
                ...  # begin anew: measure, connect again
    """

    def __init__(self, mono: Callable[[], float], awake: Callable[[], float] = time.monotonic) -> None:
        self._mono = mono
        self._awake = awake
        self._before = self._apart()

    def slept(self) -> Seconds:
        """How long the host has slept since this was told last; 0 if it has not, or for less than half a second."""
        apart = self._apart()
        slept = Seconds(apart - self._before)
        if slept < _SHORT:
            return Seconds(0.0)
        self._before = apart
        return slept

    def _apart(self) -> float:
        # In this order: a process that is stopped between the two has not slept.
        mono = self._mono()
        return mono - self._awake()


def instant(when: datetime) -> Timestamp:
    """The instant that ``when`` means; a naive one is this host's local time.

    :raises OverflowError, ValueError: the operating system cannot reckon a date that far off
    """
    return Timestamp(when.timestamp())


def _uptime() -> Callable[[], float]:
    """CLOCK_BOOTTIME, which clock_gettime(2) describes, where Python and the kernel know it."""
    boottime: int | None = getattr(time, "CLOCK_BOOTTIME", None)
    if boottime is None:
        return time.monotonic
    try:
        time.clock_gettime(boottime)
    except OSError:
        return time.monotonic
    return partial(time.clock_gettime, boottime)
