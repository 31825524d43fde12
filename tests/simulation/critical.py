"""The shadow: what the best controller could have done for a shelf that has become critical.

It begins where the real shelf is when a drive reaches its critical temperature, has the same fans, as broken as they
are, the same loads and the same air, and runs at full speed as soon as that is found by the stated times. No real
drive may stay critical where the shadow's has cooled.
"""

from typing import Final

from fand.sim import State, step
from fand.units import Percent, Seconds
from tests.simulation.hardware import Rack

MARGIN: Final = 0.3
"""°C by which both must be clear of the critical temperature."""


class Shadow:
    """See the module. ``reacts`` is when it goes to ``duty``."""

    def __init__(self, rack: Rack, reacts: float, duty: float) -> None:
        self._rack = rack
        self._reacts = reacts
        self._duty = Percent(duty)
        self._critical = [rack.spec.curves[drive.family].critical for drive in rack.spec.drives]
        self.state: State = rack.state

    def advance(self, span: float, at: float) -> None:
        """Go with the real shelf, ``span`` seconds from the instant ``at`` on."""
        rack = self._rack
        duties = [fan.duty for fan in rack.fans]
        if at >= self._reacts:
            duties = [fan.duty if fan.refuses or fan.frozen else max(self._duty, Percent(0.0)) for fan in rack.fans]
        self.state = step(rack.plant, self.state, rack.inputs(duties), Seconds(span))

    def again(self, reacts: float) -> None:
        """Begin anew where the real shelf is, to react then."""
        self.state, self._reacts = self._rack.state, reacts

    @property
    def over(self) -> bool:
        """Whether no drive is at its critical temperature any more."""
        return all(
            celsius < critical for celsius, critical in zip(self._rack.state.celsius, self._critical, strict=True)
        )

    def worse(self) -> int | None:
        """A drive that is critical while the shadow's is not."""
        pairs = zip(self._rack.state.celsius, self.state.celsius, self._critical, strict=True)
        for number, (real, best, critical) in enumerate(pairs):
            if real > critical + MARGIN and best < critical - MARGIN:
                return number
        return None
