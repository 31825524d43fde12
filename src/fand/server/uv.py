"""The event loop of uvloop."""

import time

import uvloop


class UvLoop(uvloop.Loop):
    """Its clock tells the time of now, as asyncio's does, and not when this turn of the loop began: who compares it
    with another clock in the middle of a long turn would take the rest of the turn for a sleep of the host.
    """

    def time(self) -> float:
        """Seconds of the clock that its timers go by (CLOCK_MONOTONIC)."""
        return time.monotonic()
