"""All shelves of a server."""

from bisect import bisect
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from fand.dispatch.access import Grant, Role
from fand.dispatch.certificates import Certificate
from fand.dispatch.mail import Mail
from fand.dispatch.peer import Peer
from fand.dispatch.shelf import Shelf
from fand.dispatch.shown import shorten
from fand.exceptions import RequestError, ShelfNotFoundError
from fand.ports import Reading
from fand.units import Moment, Timestamp


class Hall:
    """The shelves by name, in the order of the configuration.

    ``instant`` turns a date into the instant that it means here: a naive one is the server's local time. It may
    raise OverflowError, ValueError or OSError for a date that cannot be reckoned. ``certificates`` are those that
    the server knows of, by whose they are.
    """

    def __init__(self, shelves: Iterable[Shelf], instant: Callable[[datetime], Timestamp]) -> None:
        self._hold(shelves)
        self._subscribed: dict[Peer, set[Shelf]] = {}
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
        before = self.shelves
        self._hold(shelves)
        return [shelf for shelf in before.values() if self.shelves.get(shelf.name) is not shelf]

    def names(self, grant: Grant, after: str | None = None) -> Sequence[str]:
        """The shelves that somebody with ``grant`` may see, in their order, those that follow ``after``.

        :raises ShelfNotFoundError: ``after`` is none of them
        """
        places = self._places
        names = self._names
        if grant.shelves is not None:
            names = tuple(sorted(grant.shelves & places.keys(), key=places.__getitem__))
        if after is None:
            return names
        if after not in places or not grant.may(Role.READ, after):
            raise ShelfNotFoundError(f"no shelf is called {shorten(after, 60)!r}")
        return names[bisect(names, places[after], key=places.__getitem__) :]

    def subscribe(self, shelf: Shelf, peer: Peer, now: Moment) -> None:
        """``peer`` is told the duty of ``shelf`` now, and wants every change of it."""
        shelf.subscribe(peer, now)
        self._subscribed.setdefault(peer, set()).add(shelf)

    def subscriptions(self, peer: Peer) -> Collection[Shelf]:
        """The shelves to which ``peer`` has subscribed."""
        return self._subscribed.get(peer, ())

    def leave(self, peer: Peer) -> None:
        """``peer`` has gone: nothing is pushed to it any more, and nothing comes from it."""
        peer.gone = True
        for shelf in self._subscribed.pop(peer, ()):
            shelf.subscribers.pop(peer, None)

    def _hold(self, shelves: Iterable[Shelf]) -> None:
        self.shelves: Mapping[str, Shelf] = MappingProxyType({shelf.name: shelf for shelf in shelves})
        self._names = tuple(self.shelves)
        self._places = {name: place for place, name in enumerate(self._names)}

    def _observe(self, shelf: str, device: str, reading: Reading, family: str | None) -> Shelf:
        there = self.shelves[shelf]
        there.observe(device, reading, family)
        return there
