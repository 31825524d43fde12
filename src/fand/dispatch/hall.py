"""All shelves of a server."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from types import MappingProxyType

from fand.dispatch.certificates import Certificate
from fand.dispatch.mail import Mail
from fand.dispatch.peer import Peer
from fand.dispatch.shelf import Shelf
from fand.dispatch.shown import shorten
from fand.exceptions import RequestError, ShelfNotFoundError
from fand.ports import Reading
from fand.units import Timestamp


class Hall:
    """The shelves by name, in the order of the configuration.

    ``instant`` turns a date into the instant that it means here: a naive one is the server's local time. It may
    raise OverflowError, ValueError or OSError for a date that cannot be reckoned. ``certificates`` are those that
    the server knows of, by whose they are.
    """

    def __init__(self, shelves: Iterable[Shelf], instant: Callable[[datetime], Timestamp]) -> None:
        self.shelves: Mapping[str, Shelf] = _by_name(shelves)
        self.instant = instant
        self.certificates: dict[str, Certificate] = {}
        self.mail = Mail(self._observe)

    def shelf(self, name: object) -> Shelf:
        """The shelf called ``name``.

        :raises ShelfNotFoundError: there is none
        :raises RequestError: that is no name
        """
        if not isinstance(name, str):
            raise RequestError("the name of a shelf is a text")
        found = self.shelves.get(name)
        if found is None:
            raise ShelfNotFoundError(f"no shelf is called {shorten(name, 60)!r}")
        return found

    def become(self, shelves: Iterable[Shelf]) -> list[Shelf]:
        """Hold these shelves from now on; returns those that are gone."""
        before, self.shelves = self.shelves, _by_name(shelves)
        return [shelf for shelf in before.values() if self.shelves.get(shelf.name) is not shelf]

    def leave(self, peer: Peer) -> None:
        """``peer`` has gone: nothing is pushed to it any more, and nothing comes from it."""
        peer.gone = True
        for shelf in self.shelves.values():
            shelf.subscribers.pop(peer, None)

    def _observe(self, shelf: str, device: str, reading: Reading, family: str | None) -> Shelf:
        there = self.shelves[shelf]
        there.observe(device, reading, family)
        return there


def _by_name(shelves: Iterable[Shelf]) -> Mapping[str, Shelf]:
    return MappingProxyType({shelf.name: shelf for shelf in shelves})
