"""When a fan client connects to its server again, and how it begins. Pure: time and chance are arguments.

fand 0.1.1 knows neither subscriptions nor reports of several fans, and ends the connection when it is asked, without
a reason. The next connection is then made at once, and without them. When that one ends, what is newer is tried first
again: the server may have been replaced. A server that gives a reason, such as that it has no room, is a newer one.
"""

from dataclasses import dataclass, replace
from typing import Final

from fand.exceptions import CommunicationError, FandConnectionResetError
from fand.units import Seconds

FIRST_PAUSE: Final = Seconds(1.0)
LONGEST_PAUSE: Final = Seconds(10.0)
"""The pause before the next try to connect grows from the one to the other."""


@dataclass(frozen=True, slots=True)
class Redial:
    """Where the tries to converse with one server stand.

    The next connection is made at ``due``, and begins with ``subscribe`` or without. ``failures`` counts those in a
    row that ended before the server had answered as it must. ``trouble`` is what is wrong, None while the server
    answers: when it changes, that is news.
    """

    due: Seconds = Seconds(float("-inf"))
    subscribe: bool = True
    failures: int = 0
    trouble: str | None = None


def pause(failures: int, interval: Seconds, chance: float) -> Seconds:
    """How long to wait after so many ``failures`` in a row; ``chance``, from 0 to 1, keeps many clients apart."""
    first = min(FIRST_PAUSE, interval)
    longest = min(LONGEST_PAUSE, first * 2 ** min(failures, 10))
    return Seconds(first + chance * (longest - first))


def answered(redial: Redial) -> Redial:
    """The server has answered as it must."""
    return replace(redial, failures=0, trouble=None) if redial.failures or redial.trouble is not None else redial


def ended(redial: Redial, error: Exception, interval: Seconds, now: Seconds, chance: float, *, heard: bool) -> Redial:
    """The connection has ended by ``error``, or none could be made; ``heard`` tells whether it brought a duty.

    ``interval`` and ``chance`` are those of :func:`pause`.
    """
    refused = isinstance(error, FandConnectionResetError) and error.announced and not error.reason
    if refused and redial.subscribe and not heard:
        return replace(redial, due=now, subscribe=False)
    trouble = str(error) if isinstance(error, CommunicationError) else f"{type(error).__name__}: {error}"
    failures = redial.failures + 1
    return Redial(Seconds(now + pause(failures, interval, chance)), True, failures, trouble)
