"""What an agent has said of one device, until something newer is heard."""

from dataclasses import replace
from math import inf
from typing import Final

from fand.control import Watch
from fand.dispatch.peer import Peer
from fand.dispatch.reports import Report
from fand.ports import Failed, Reading
from fand.units import Seconds

SIGN: Final = Seconds(5.0)
"""An agent gives a sign of life at least so often."""

SILENCE: Final = Seconds(3 * SIGN)
"""An agent that nothing has come from for longer is silent."""


class Mailbox:
    """One for a device that the agent called ``agent`` reads, and calls ``device``.

    ``last`` is the report that counts, None before the first. ``shared`` tells that two connections have reported it
    in turn: two agents go by one name, and each hides that the other falls silent.
    """

    def __init__(self, agent: str, device: str) -> None:
        self.agent = agent
        self.device = device
        self.last: Report | None = None
        self.shared = False
        self._peer: Peer | None = None
        self._begun: Seconds | None = None
        self._failed: Seconds | None = None
        self._due = Seconds(-inf)

    def take(self, report: Report, peer: Peer) -> Reading | None:
        """What ``report`` says; None if that may be the reading known already, or one from before it, or from before
        the last failure.

        A reading counts once however often it is told, or a drop that was told three times would be taken for
        confirmed (S5). One that was under way during a silence does not make it undone: the next one will.
        """
        last, source = self.last, self._peer
        if last is None or source is None:
            self.last, self._peer = report, peer
            return report.reading
        at = report.reading.at
        if peer is source:
            at = Seconds(max(at, last.reading.at))  # what comes later on a connection was taken later
        elif peer.since < source.since and at <= last.latest:
            return None  # it may have been held up on a connection that the agent has given up since
        self.shared = self.shared or peer.since < source.since
        self._peer = peer
        reading = replace(report.reading, at=at)
        if report.reading.at <= last.latest and reading == replace(last.reading, at=at):
            return None
        self.last = replace(report, reading=reading)
        return reading if self._failed is None or at > self._failed else None

    def failure(self, watch: Watch, now: Seconds) -> Failed | None:
        """How the device has failed for want of news, if it has; each failure is told once, the next one a few
        seconds later. ``watch`` says how often there should be news of it.
        """
        pace = min(SIGN, watch.interval)
        why = self._silence(watch, pace, now)
        if why is None:
            self._due = now
            return None
        if now < self._due:
            return None
        self._failed, self._due = now, Seconds(now + pace)
        return Failed(why, now)

    @property
    def source(self) -> Peer | None:
        """Whose report counts; None before the first."""
        return self._peer

    def due(self, watch: Watch) -> Seconds:
        """Before this, :meth:`failure` has nothing to tell, unless :attr:`source` goes or another report comes."""
        patience = _patience(watch)
        if self.last is None or self._peer is None:
            end = -inf if self._begun is None else self._begun + patience
        else:
            heard = self._peer.at + (min(SIGN, watch.interval) if self._peer.gone else patience)
            end = min(heard, self.last.reading.at + watch.budget)
        return Seconds(max(end, self._due))

    def _silence(self, watch: Watch, pace: Seconds, now: Seconds) -> str | None:
        patience = _patience(watch)
        if self._begun is None:
            self._begun = now
        if self.last is None or self._peer is None:
            never = f"agent {self.agent} has not reported {self.device}"
            return never if now - self._begun > patience else None
        unheard = now - self._peer.at
        if self._peer.gone and unheard > pace:
            return f"agent {self.agent} has gone"
        if unheard > patience:
            return f"agent {self.agent} has been silent for {unheard:.0f} s"
        age = now - self.last.reading.at
        return f"agent {self.agent} reported it {age:.0f} s ago for the last time" if age > watch.budget else None


def _patience(watch: Watch) -> Seconds:
    """How long nothing may be heard of an agent that reports a device so watched."""
    return Seconds(min(SILENCE, 3 * watch.interval))
