"""From the pulses of a tachometer to a speed: pure arithmetic, shared by the drivers that see edges."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fand.units import MAX_RPM, Rpm, Seconds

STANDSTILL: Final = Seconds(2.0)
"""So long without an edge, a fan stands still: at one pulse a revolution it would turn less than 30 times a minute,
as no fan does."""

_WRAP: Final = 2**32


@dataclass(frozen=True, slots=True)
class Edge:
    """One edge of the signal: when, and the how manieth (modulo 2**32, counting those that were lost)."""

    at: Seconds
    number: int


class Pulses:
    """The speed of a fan with ``pulses`` edges a revolution (2 for the fans of PCs)."""

    def __init__(self, pulses: int) -> None:
        self._pulses = pulses
        self._last: Edge | None = None
        self._since: Seconds | None = None
        self._rpm: Rpm | None = None

    def speed(self, edges: Sequence[Edge], now: Seconds) -> Rpm | None:
        """The mean speed over ``edges``, which are those since the last call; the first and the last suffice.

        ``now`` and the edges are of one clock. None until two edges were seen, or none for :data:`STANDSTILL`.
        Without new edges the speed is at most what would just not have shown one yet.
        """
        if edges:
            self._measure(self._last or edges[0], edges[-1])
            self._last = edges[-1]
            self._since = self._last.at
        elif self._since is None:
            self._since = now
        quiet = now - self._since
        if quiet >= STANDSTILL:
            self._last, self._rpm = None, Rpm(0.0)
        elif not edges and self._rpm is not None and quiet > 0:
            self._rpm = min(self._rpm, Rpm(60 / quiet / self._pulses))
        return self._rpm

    def _measure(self, first: Edge, last: Edge) -> None:
        turns = (last.number - first.number) % _WRAP / self._pulses
        seconds = last.at - first.at
        if turns > 0 and seconds > 0:
            rpm = 60 * turns / seconds
            self._rpm = Rpm(rpm) if rpm <= MAX_RPM else None
