"""What fan clients report of their fans."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fand.dispatch.peer import Peer
from fand.dispatch.shown import shorten
from fand.exceptions import RequestError
from fand.units import Percent, Rpm, Seconds, percent, rpm

MOST_FANS: Final = 64
STATES: Final = ("ok", "stalled", "fault")


@dataclass(frozen=True, slots=True)
class FanState:
    """One fan as its client measured it; None is unknown."""

    name: str
    rpm: Rpm | None
    duty: Percent | None
    state: str


@dataclass(frozen=True, slots=True)
class FanReport:
    """The fans of a shelf: each by itself, or none of them named and one speed for all (fand 0.1.1)."""

    speed: Rpm | None
    fans: tuple[FanState, ...]
    peer: Peer
    at: Seconds

    def stale(self, now: Seconds) -> bool:
        """Tell whether the speeds are too old to be told as the present ones."""
        return now - self.at > self.peer.patience


def slowest(fans: Sequence[FanState]) -> Rpm | None:
    """One speed for several fans: the lowest, for that is the one that matters. None when none is known."""
    return min((fan.rpm for fan in fans if fan.rpm is not None), default=None)


def fan_states(value: object) -> tuple[FanState, ...]:
    """Take what a peer sent as the fans of a shelf.

    :raises RequestError: not a list of at most 64 fans, each a dict with name, rpm, duty and state
    """
    if not isinstance(value, list) or len(value) > MOST_FANS:
        raise RequestError(f"the fans are not a list of at most {MOST_FANS}")
    return tuple(_fan_state(fan) for fan in value)


def _fan_state(value: object) -> FanState:
    if not isinstance(value, dict) or not {"name", "rpm", "duty", "state"} <= value.keys():
        raise RequestError("a fan is a dict of name, rpm, duty and state")
    name, state = value["name"], value["state"]
    if not isinstance(name, str) or not name:
        raise RequestError("the name of a fan is not a text")
    if not isinstance(state, str) or state not in STATES:
        raise RequestError(f"the state of a fan is none of {', '.join(STATES)}")
    speed = None if value["rpm"] is None else rpm(value["rpm"])
    duty = None if value["duty"] is None else percent(value["duty"])
    return FanState(shorten(name, 60), speed, duty, state)
