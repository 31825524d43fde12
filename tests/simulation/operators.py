"""Operators, who set overrides over the network, and the book of what they may have set."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from math import inf
from typing import Any, Final

from fand.wire import Decoder, Request, encode
from tests.simulation.disk import Disk
from tests.simulation.engine import Process
from tests.simulation.host import Host
from tests.simulation.network import End, Network
from tests.simulation.plan import Fault

PATIENCE: Final = 10.0
LATE: Final = 200.0
"""Seconds after which a request that was not answered is never carried out: the network has given it up."""
NEAR: Final = 15.0
"""Seconds by which the end of an override is not known: the server reckons it when it gets to it."""
DAY: Final = 86400.0


@dataclass(frozen=True)
class Order:
    """What may be in force: ``percent`` (None: nothing) until the instant ``until`` of the server's wall clock, or
    the end that waits for the next override. ``given``: an operator has set the end.
    """

    percent: float | None = None
    until: float = inf
    given: bool = False
    waiting: float | None = None

    def living(self, wall: float) -> bool:
        """Whether it is in force."""
        return self.percent is not None and wall < self.until


def ordered(order: Order, request: Request, value: float | None, wall: float) -> Order:
    """What ``order`` becomes (S8)."""
    if request is Request.SET_PWM_OVERRIDE:
        if value is None:
            return replace(order, percent=None)
        if order.waiting is not None and order.waiting > wall:
            return Order(value, order.waiting, given=True)
        if order.living(wall) and order.given:
            return replace(order, percent=value, waiting=None)
        return Order(value, wall + DAY)
    assert value is not None
    if order.living(wall):
        return replace(order, until=value, given=True)
    return Order(waiting=value)


class Book:
    """What may be in force on one shelf of one server, and what may be on its disk: one order each, unless an answer
    was lost or the disk is not well. ``up`` tells since when the server runs, infinity while it does not.
    """

    def __init__(self, host: Host, disk: Disk, up: Callable[[], float]) -> None:
        self.orders: set[Order] = {Order()}
        self.kept: set[Order] = {Order()}
        self._late: list[tuple[float, Request, float | None]] = []
        self._host = host
        self._disk = disk
        self._up = up

    @property
    def certain(self) -> bool:
        """Whether nothing is under way."""
        return not self._late

    def sent(self, request: Request, value: float | None) -> None:
        """It may be carried out from now on."""
        self._late.append((self._host.engine.now, request, value))
        self._spread()

    def acknowledged(self, request: Request, value: float | None, sent: float) -> None:
        """What was sent at that instant has been carried out, and kept if the disk was well."""
        wall = self._host.wall()
        self._late.remove((sent, request, value))
        self.orders = {ordered(order, request, value, wall) for order in self.orders}
        self.kept = set(self.orders) if self._disk.well(sent) else self.kept | self.orders
        self._spread()

    def restarted(self, *, lost: bool) -> None:
        """The server starts again; its file is ``lost``, or not to be had for now."""
        self.orders = set(self.kept)
        if lost:
            self.orders.add(Order())
            self.kept.add(Order())

    def least(self) -> float:
        """The least duty that may be served by override; infinity where a demand holds for sure."""
        return self._extreme(min)

    def most(self) -> float:
        """The greatest; minus infinity where there is none for sure."""
        return -self._extreme(lambda values: -max(values))

    def may_be(self, percent: float | None) -> bool:
        """Whether the server may say that this is overridden."""
        wall, unseen = self._host.wall(), self._unseen
        return any(
            (percent is None and not (order.percent is not None and wall < order.until - NEAR))
            or (percent is not None and order.percent == percent and (unseen or wall < order.until + NEAR))
            for order in self.orders
        )

    @property
    def _unseen(self) -> bool:
        """Whether the server need not have noticed yet that its clock was set."""
        return self._host.engine.now < self._host.set_at + NEAR

    def _extreme(self, choose: Callable[[list[float]], float]) -> float:
        if self._late:
            self._spread()
        if self.orders == NOTHING:
            return inf
        self._end()
        wall, unseen = self._host.wall(), self._unseen
        living = [
            order.percent
            for order in self.orders
            if order.percent is not None and (unseen or wall < order.until + NEAR)
        ]
        return choose(living) if living else inf

    def _spread(self) -> None:
        """What was sent and not acknowledged may have been carried out."""
        wall = self._host.wall()
        for _, request, value in self._late:
            self.orders |= {ordered(order, request, value, wall) for order in self.orders}
            self.kept |= self.orders
        since = self._host.engine.now - LATE
        if not self._host.asleep and self._host.woke < since:  # what comes to a host that sleeps waits for it
            self._late = [one for one in self._late if one[0] > since]

    def _end(self) -> None:
        """What has come to its end does not come back, if anybody was there to see that."""
        if self._host.asleep:
            return
        now, wall = self._host.engine.now, self._host.wall()
        seen = now > max(self._up(), self._host.set_at) + NEAR
        for order in tuple(self.orders):
            if order.waiting is not None and wall > order.waiting:
                # nothing waits for an end that has passed, but it has not if it was the clock that was wrong
                late = replace(order, waiting=None)
                self.orders.add(late)
                self.kept.add(late)
            if order.percent is not None and not order.given and order.until > wall + DAY + NEAR:
                # nobody said that it should outlive a day, so that a clock set back does not lengthen it
                self.orders.add(nearer := replace(order, until=wall + DAY))
                self.kept.add(nearer)
                if seen:
                    self.orders.discard(order)
            if order.percent is not None and wall > order.until:
                ended = replace(order, percent=None)
                self.orders.add(ended)
                self.kept.add(ended)
                if seen and wall > order.until + NEAR:
                    self.orders.discard(order)


NOTHING: Final = {Order()}


class Operator:
    """Sets what the plan says. ``hosts`` are the servers', ``books`` one for each server and shelf."""

    def __init__(
        self, process: Process, network: Network, hosts: list[Host], books: dict[tuple[int, int], Book]
    ) -> None:
        self.process = process
        self._network = network
        self._hosts = hosts
        self._books = books

    def act(self, fault: Fault) -> None:
        """Carry out an order of the plan."""
        value: float | None = fault.amount
        request = Request.SET_PWM_EXPIRE if fault.kind == "expiry" else Request.SET_PWM_OVERRIDE
        wire: Any = value
        if fault.kind == "override removed":
            value = wire = None
        elif fault.kind == "expiry":
            value = round(self._hosts[fault.index].wall() + fault.amount)
            wire = datetime.fromtimestamp(value, UTC)
        _Errand(self.process, self._network, self._hosts[fault.index].name, self._books[fault.index, fault.shelf]).go(
            request, f"shelf{fault.shelf + 1}", value, wire
        )


class _Errand:
    """One connection of fanctl: one request, one answer."""

    def __init__(self, process: Process, network: Network, there: str, book: Book) -> None:
        self._process = process
        self._network = network
        self._there = there
        self._book = book
        self._end: End | None = None
        self._sent = 0.0
        self._decoder = Decoder()
        self._answered: Callable[[Request], None] = lambda _request: None

    def go(self, request: Request, shelf: str, value: float | None, wire: Any) -> None:
        def opened(end: End) -> None:
            self._end = end
            end.receiver = self
            self._book.sent(request, value)
            self._sent = self._process.engine.now
            end.send(encode(request, (shelf, wire)))

        def answered(reply: Request) -> None:
            if reply is Request.ACK:
                self._book.acknowledged(request, value, self._sent)
            self._close()

        self._answered = answered
        self._network.connect(self._process, "desk", self._there, opened, lambda _text: None)
        self._process.after(PATIENCE, self._close)

    def received(self, data: bytes) -> None:
        self._decoder.feed(data)
        frame = self._decoder.next()
        if frame is not None:
            self._answered(frame[0])

    def ended(self) -> None:
        self._close()

    def broken(self, error: Exception | None) -> None:
        self._end = None

    def paused(self, now: bool) -> None:
        pass

    def _close(self) -> None:
        if self._end is not None:
            self._end.close()
            self._end = None
