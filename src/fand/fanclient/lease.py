"""One server as the fan client sees it: what the shelf needs, and how long the last answer can be relied on.

::

              first answer               answer missed
      INIT ------------------> RUN ----------------------> HOLD
                              ^  ^ <----------------------  |
             2 good answers   |          an answer          | lease over
      (falling 5 % a step)    |                             v
                              +-------------------------- FAILSAFE

The lease runs from the moment at which the question was put, not from that at which the answer came: an answer is
true at some moment between the two, and a slow network must not make it look younger than it can be. An answer to
no question (a push) starts no lease, for it may have been under way for any time; it can be relied on as long as
the last answer can.

In every state a duty that rises counts at once.
"""

import enum
from dataclasses import dataclass, replace
from typing import Final

from fand.units import FULL, Percent, Seconds

STEP: Final = Percent(5.0)
"""After a failsafe the demand falls by at most so much in one interval."""
ANSWERS: Final = 2
"""So many good answers in a row end a failsafe."""
MISSED: Final = 2
"""An answer is missed when the last one is older than so many intervals."""


class State(enum.Enum):
    """Where a lease, or the whole fan client, stands."""

    INIT = "init"
    """No server has answered yet: full speed."""
    RUN = "run"
    """The lease lives: the duty served is driven."""
    HOLD = "hold"
    """An answer was missed: the duty is kept, and never lowered."""
    FAILSAFE = "failsafe"
    """The lease is over: the failsafe duty, or the last demand where that is higher."""
    EXIT = "exit"
    """The fans are being given back."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Asked every ``interval`` seconds, a duty is good for ``lease`` seconds, then ``failsafe`` is driven."""

    interval: Seconds = Seconds(5.0)
    lease: Seconds = Seconds(20.0)
    failsafe: Percent = FULL


@dataclass(frozen=True, slots=True)
class Lease:
    """What one server's shelf needs.

    ``demand`` is what must be driven for it now. ``duty`` is what the server said last, true at ``asked`` or later.
    ``good`` counts the answers since the failsafe; ``stepped`` is when the demand last fell by a step, as long as it
    has not come down to the duty again.
    """

    terms: Terms
    state: State = State.INIT
    demand: Percent = FULL
    duty: Percent = FULL
    asked: Seconds | None = None
    good: int = 0
    stepped: Seconds | None = None

    @property
    def over(self) -> Seconds:
        """When the last answer can no longer be relied on; far in the past before there was one."""
        return Seconds(float("-inf") if self.asked is None else self.asked + self.terms.lease)

    @property
    def late(self) -> Seconds:
        """When the next answer is missed; far in the past before there was one."""
        return Seconds(float("-inf") if self.asked is None else self.asked + MISSED * self.terms.interval)

    @property
    def deadline(self) -> Seconds | None:
        """When :func:`tick` has something to do next; None while only an answer can change anything."""
        if self.state is State.HOLD:
            return self.over
        if self.state is not State.RUN:
            return None
        end = min(self.over, self.late)
        return end if self.stepped is None else min(end, Seconds(self.stepped + self.terms.interval))


def answer(lease: Lease, duty: Percent, asked: Seconds, now: Seconds) -> Lease:
    """The server said ``duty``; that was true at ``asked`` or later.

    A word that came by itself has the ``asked`` of the last question whose answer came before it.
    """
    lease = _aged(lease, now)
    renewed = lease.asked is None or asked > lease.asked
    if now >= asked + lease.terms.lease or not renewed:
        falls = lease.state is State.RUN and lease.stepped is None
        if duty == lease.duty == lease.demand:  # said again, as a server does all the while
            return _caught_up(lease)
        return _caught_up(replace(lease, duty=duty, demand=duty if falls else max(lease.demand, duty)))
    good = (lease.good if now < lease.over else 0) + 1
    lease = replace(lease, duty=duty, asked=asked)
    if lease.state is State.FAILSAFE:
        lease = replace(lease, demand=max(lease.demand, duty), good=good)
        return lease if good < ANSWERS else _caught_up(replace(lease, state=State.RUN, stepped=now))
    demand = duty if lease.stepped is None else max(lease.demand, duty)
    return _caught_up(replace(lease, state=State.RUN, demand=demand))


def missed(lease: Lease, now: Seconds) -> Lease:
    """The server could not be asked, or did not answer as it must."""
    lease = _aged(lease, now)
    return replace(lease, good=0, state=State.HOLD if lease.state is State.RUN else lease.state)


def tick(lease: Lease, now: Seconds) -> Lease:
    """What the passing of time does to ``lease``."""
    lease = _aged(lease, now)
    if lease.state is State.RUN and lease.stepped is not None and now >= lease.stepped + lease.terms.interval:
        return _caught_up(replace(lease, demand=Percent(max(lease.duty, lease.demand - STEP)), stepped=now))
    return lease


def _aged(lease: Lease, now: Seconds) -> Lease:
    if lease.state not in (State.RUN, State.HOLD):
        return lease
    if now >= lease.over:
        demand = max(lease.demand, lease.terms.failsafe)
        return replace(lease, state=State.FAILSAFE, demand=demand, good=0, stepped=None)
    return replace(lease, state=State.HOLD) if now >= lease.late else lease


def _caught_up(lease: Lease) -> Lease:
    return replace(lease, stepped=None) if lease.stepped is not None and lease.demand <= lease.duty else lease
