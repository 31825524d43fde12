"""Where the reports of agents go: one report may be of many devices, and one device may stand in several shelves."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import inf, nextafter
from typing import TYPE_CHECKING, Final

from fand.control import Watch
from fand.dispatch.access import Role
from fand.dispatch.agenda import Agenda
from fand.dispatch.mailbox import Mailbox
from fand.dispatch.peer import Peer
from fand.dispatch.reports import Report
from fand.ports import Reading
from fand.units import Seconds

if TYPE_CHECKING:
    from fand.dispatch.shelf import Shelf

Observe = Callable[[str, str, Reading, str | None], "Shelf"]
"""Takes in a reading: shelf, device, what it says, the family if it is known. Gives the shelf."""


AT_ONCE: Final = 500
"""So many devices are looked at in one go."""


@dataclass(frozen=True, slots=True, eq=False)
class Addressee:
    """The device of a shelf that a mailbox is for; ``family`` is what the configuration says it is."""

    shelf: str
    device: str
    watch: Watch
    family: str | None
    box: Mailbox


def unheard(_shelf: str, _device: str, _reading: Reading) -> None:
    """Nobody hears of what is reported."""


def unnoticed(_shelf: str, _device: str, _agent: str) -> None:
    """Nobody is told who goes by one name."""


class Mail:
    """All mailboxes. ``observe`` takes in what is news; ``hear`` is told of it besides, for a log, and ``doubt`` of
    the first time that a device is reported by two agents of one name.
    """

    def __init__(self, observe: Observe) -> None:
        self._observe = observe
        self._all: tuple[Addressee, ...] = ()
        self._boxes: dict[tuple[str, str], list[Addressee]] = {}
        self._agenda: Agenda[Addressee] = Agenda()
        self._sources: set[Peer] = set()
        self.hear: Callable[[str, str, Reading], None] = unheard
        self.doubt: Callable[[str, str, str], None] = unnoticed

    def become(self, addressees: Iterable[Addressee]) -> None:
        """Deliver to these from now on, and to no others. A mailbox that is among them again is as it was."""
        self._all = tuple(addressees)
        self._boxes = {}
        self._agenda = Agenda()
        for addressee in self._all:
            box = addressee.box
            self._boxes.setdefault((box.agent, box.device), []).append(addressee)
            self._agenda.put(addressee, Seconds(-inf))
        self._sources = {peer for addressee in self._all if (peer := addressee.box.source) is not None}

    def deliver(self, agent: str, reports: Sequence[Report], peer: Peer) -> tuple[tuple["Shelf", ...], list[str]]:
        """Take in what ``agent`` reports; returns the shelves for which that was news, and the devices that are in
        none for which ``peer`` may report.
        """
        changed: dict[str, Shelf] = {}
        strange: list[str] = []
        for report in reports:
            all_ = self._boxes.get((agent, report.device), ())
            addressees = [each for each in all_ if peer.grant.may(Role.REPORT, each.shelf)]
            if not addressees:
                strange.append(report.device)
            for addressee in addressees:
                before = addressee.box.shared
                reading = addressee.box.take(report, peer)
                self._sources.add(peer)
                self._agenda.put(addressee, addressee.box.due(addressee.watch))
                if addressee.box.shared and not before:
                    self.doubt(addressee.shelf, addressee.device, agent)
                if reading is not None:
                    changed[addressee.shelf] = self._tell(addressee, reading)
        return tuple(changed.values()), strange

    def look(self, now: Seconds) -> tuple["Shelf", ...]:
        """Find devices of which nothing has been heard for too long; returns the shelves that they are in.

        Only those are looked at of which that can be, :data:`AT_ONCE` of them at most: see :meth:`is_due`.
        """
        changed: dict[str, Shelf] = {}
        self._notice_gone()
        for addressee in self._agenda.take(now, AT_ONCE):
            failure = addressee.box.failure(addressee.watch, now)
            self._agenda.put(addressee, Seconds(max(addressee.box.due(addressee.watch), nextafter(now, inf))))
            if failure is not None:
                changed[addressee.shelf] = self._tell(addressee, failure)
        return tuple(changed.values())

    def is_due(self, now: Seconds) -> bool:
        """Tell whether :meth:`look` may find more at ``now``."""
        return self._agenda.is_due(now)

    def _notice_gone(self) -> None:
        """What was reported by those who have gone is out of date sooner."""
        gone = {peer for peer in self._sources if peer.gone}
        if not gone:
            return
        self._sources -= gone
        for addressee in self._all:
            if addressee.box.source in gone:
                self._agenda.put(addressee, addressee.box.due(addressee.watch))

    def _tell(self, addressee: Addressee, reading: Reading) -> "Shelf":
        last = addressee.box.last
        family = addressee.family or (None if last is None else last.family)
        self.hear(addressee.shelf, addressee.device, reading)
        return self._observe(addressee.shelf, addressee.device, reading, family)
