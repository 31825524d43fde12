"""The clocks of this host."""

import time
from datetime import datetime

from fand.units import Seconds, Timestamp


class SystemClock:
    """The operating system's two clocks."""

    def mono(self) -> Seconds:
        """Seconds that only grow, while the host is awake."""
        return Seconds(time.monotonic())

    def wall(self) -> Timestamp:
        """POSIX seconds; they jump when somebody sets the clock."""
        return Timestamp(time.time())


def instant(when: datetime) -> Timestamp:
    """The instant that ``when`` means; a naive one is this host's local time.

    :raises OverflowError, ValueError: the operating system cannot reckon a date that far off
    """
    return Timestamp(when.timestamp())
