"""Those who talk to the servers all the while: a poller of statuses, a setter of overrides, and one who knocks."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Final

from fand.client import Client
from fand.exceptions import CommunicationError, RequestError
from fand.units import Percent
from tests.faults.proxy import Proxy
from tests.soak.judge import Judge, Site
from tests.soak.unit import Unit

KNOCK: Final = 5.0
"""A server that is up must answer within so many seconds."""
LAG: Final = 3.0
"""So long after its end an override may still be told, or not be told before: the two look at the clock apart."""
DAY: Final = 86_400.0
"""The end of an override that was given none."""
UNDER_WAY: Final = 20.0
"""So long a request may take to be carried out."""
PAUSE: Final = 0.3


@dataclass(frozen=True, slots=True)
class Set:
    """An override in force: its duty, and its end on the wall clock, give or take ``about`` seconds."""

    percent: float
    until: float
    about: float = 1.0


@dataclass(slots=True)
class Known:
    """What the override of one shelf on one server must be. ``version`` changes with each change of it; while
    ``sure`` is False any of ``may`` may hold.
    """

    version: int = 0
    sure: bool = True
    now: Set | None = None
    may: tuple[Set | None, ...] = ()

    def lowest(self) -> float | None:
        """The lowest duty that may be in force as an override."""
        sets = [self.now, *self.may]
        return min((each.percent for each in sets if each is not None), default=None)


class Talker(threading.Thread):
    """Does ``work`` again and again until :meth:`stop`."""

    def __init__(self, name: str, judge: Judge) -> None:
        super().__init__(name=name, daemon=True)
        self.judge = judge
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(PAUSE):
            try:
                self.work()
            except Exception as error:
                self.judge.violation(time.monotonic(), f"{self.name} failed: {type(error).__name__}: {error}")

    def work(self) -> None:
        """One turn."""
        raise NotImplementedError

    def stop(self) -> None:
        self._ended.set()
        self.join(30)


class Lines:
    """Connections that are kept until they break."""

    def __init__(self) -> None:
        self._clients: dict[tuple[str, int], Client] = {}

    def to(self, address: tuple[str, int]) -> Client:
        """:raises CommunicationError: there is no getting through"""
        if address not in self._clients:
            self._clients[address] = Client(*address)
        return self._clients[address]

    def drop(self, address: tuple[str, int]) -> None:
        client = self._clients.pop(address, None)
        if client is not None:
            client.close()


class Poller(Talker):
    """Asks for the status of a shelf, and has it judged. ``ways`` leads to each server."""

    def __init__(
        self,
        judge: Judge,
        ways: Sequence[tuple[Unit, Proxy]],
        sites: Sequence[Site],
        overrides: Mapping[tuple[str, str], Known],
        chance: Random,
    ) -> None:
        super().__init__("poller", judge)
        self._ways = ways
        self._sites = sites
        self._overrides = overrides
        self._chance = chance
        self._lines = Lines()
        self.polls = 0

    def work(self) -> None:
        server, proxy = self._chance.choice(self._ways)
        site = self._chance.choice(self._sites)
        known = self._overrides[server.name, site.zone.name]
        version, asked = known.version, time.monotonic()
        settled = server.answers(asked, 10.0)
        life = server.lives
        try:
            status = self._lines.to(proxy.address).status(site.zone.name)
        except (CommunicationError, RequestError):  # of its shape among them; the network may have made it so
            self._lines.drop(proxy.address)
            return
        now = time.monotonic()
        self.polls += 1
        if settled and server.answers(now, 10.0) and server.lives == life:
            self.judge.status(site, server, status, known.lowest(), asked, now)
        if known.sure and known.version == version:
            self._compare(server, site, known, status["override"], now)

    def _compare(
        self, server: Unit, site: Site, known: Known, told: Mapping[str, float | None] | None, now: float
    ) -> None:
        wanted, wall = known.now, time.time()
        if wanted is not None and wall > wanted.until - LAG:
            if told is not None and wall > wanted.until + LAG:
                self.judge.violation(now, f"{server.name}: the override {told} of {site.zone.name} has not ended")
            return
        if told is None or wanted is None:
            same = told is wanted
        else:
            until = told["until"]
            same = until is not None and abs(until - wanted.until) < wanted.about
            same = same and told["percent"] == wanted.percent
        if not same:
            self.judge.violation(now, f"{server.name} tells {told} for {site.zone.name}, set was {wanted}")


class Setter(Talker):
    """Sets overrides and their ends, and knows what must be in force."""

    def __init__(
        self,
        judge: Judge,
        ways: Sequence[tuple[Unit, Proxy]],
        overrides: Mapping[tuple[str, str], Known],
        targets: Sequence[tuple[str, str]],
        chance: Random,
    ) -> None:
        super().__init__("setter", judge)
        self._ways = {unit.name: proxy for unit, proxy in ways}
        self._overrides = overrides
        self._targets = targets
        self._chance = chance
        self._lines = Lines()
        self.sets = 0

    def work(self) -> None:
        if self._chance.random() > 0.2:
            return
        server, shelf = target = self._chance.choice(self._targets)
        known, wall = self._overrides[target], time.time()
        if not known.sure or (known.now is not None and self._chance.random() < 0.3):
            # it may have been done or not: have it removed, until that is acknowledged
            self._change(known, None, server, lambda client: client.override(shelf, None))
        elif known.now is None:
            percent = Percent(float(self._chance.randrange(30, 100)))
            long = Set(percent, wall + DAY, UNDER_WAY)
            self._change(known, long, server, lambda client: client.override(shelf, percent))
        elif known.now.until > wall + UNDER_WAY:  # else it may be over when the request comes
            until = float(round(wall + self._chance.uniform(UNDER_WAY, 90)))
            short = Set(known.now.percent, until)
            self._change(
                known, short, server, lambda client: client.expire(shelf, datetime.fromtimestamp(until, UTC))
            )
        elif known.now.until + LAG < wall:
            known.now = None
            known.version += 1

    def _change(self, known: Known, after: Set | None, server: str, do: Callable[[Client], None]) -> None:
        known.version += 1
        known.sure, known.may = False, (known.now, after)
        address = self._ways[server].address
        try:
            do(self._lines.to(address))
        except CommunicationError:
            self._lines.drop(address)
            return
        known.now, known.may, known.sure = after, (), True
        known.version += 1
        self.sets += 1


class Knocker(Talker):
    """Asks each server that is up for a sign of life, on a way without faults."""

    def __init__(self, judge: Judge, servers: Sequence[tuple[Unit, tuple[str, int]]]) -> None:
        super().__init__("knocker", judge)
        self._servers = servers
        self._lines = Lines()
        self.knocks = 0

    def work(self) -> None:
        for server, address in self._servers:
            asked, life = time.monotonic(), server.lives
            if not server.answers(asked, 3.0):
                self._lines.drop(address)
                continue
            why = ""
            try:
                self._lines.to(address).ping()
                self.knocks += 1
            except CommunicationError as error:
                self._lines.drop(address)
                why = str(error)
            now = time.monotonic()
            if not (server.answers(now, 3.0 + now - asked) and server.lives == life):
                continue  # it was killed or stopped meanwhile
            if now - asked > KNOCK + self.judge.stalled(now):
                self.judge.violation(now, f"{server.name} answered after {now - asked:.1f} s")
            elif why:
                self.judge.violation(now, f"{server.name} is up and did not answer: {why}")
