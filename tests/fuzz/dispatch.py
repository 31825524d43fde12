"""The target ``dispatch``: what a server promises of any bytes on its connections, whatever happens meanwhile.

An input is a list of events: requests, bytes, readings, time, peers that come, go or do not read. The connections and
all behind them are real; made by hand are the loop, the clock and the transports.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, Final

from fand.config import LimitsConfig
from fand.control import FamilyLaw, Linear, ShelfLaw, Watch
from fand.dispatch import ALL, NOTHING, Addressee, After, Grant, Hall, Mailbox, Role, Shelf, Slot
from fand.exceptions import RequestError, UnpicklableError
from fand.ports import Asleep, Failed, Reading, Temperature
from fand.server.connection import Connection
from fand.server.desk import Desk
from fand.server.identity import Access
from fand.units import Celsius, Percent, Seconds, Timestamp
from fand.wire import MAX_PAYLOAD, Request, encode
from tests.fuzz import promises
from tests.fuzz.stage import AUTHORITY, Certificate, Loop, Wire
from tests.fuzz.values import DEVICES, SHELVES, Reader, request

MOST: Final = 6
"""So many connections are let in: four of the input, and some that somebody has left open."""
LIMITS: Final = LimitsConfig(connections=MOST, per_peer=3, frames_per_second=1.0, idle=Seconds(300.0))
NAMES: Final = ("chief", "pi1", "eyes", "hand")
"""Whose certificates the four connections of an input have; and what these names are granted."""
GRANTS: Final = MappingProxyType(
    {
        "chief": ALL,
        "pi1": Grant(frozenset({Role.REPORT}), frozenset({SHELVES[0]})),
        "eyes": Grant(frozenset({Role.READ})),
        "hand": Grant(frozenset({Role.CONTROL}), frozenset({SHELVES[1]})),
    }
)
REMOTE: Final = DEVICES[-1]
"""In each shelf this device is read by the agent pi1, which may report for the first shelf only."""
INTERVAL: Final = 10.0
SPANS: Final = (0.25, 1.0, 5.0, 10.0, 21.0, 31.0, 41.0, 151.0)
"""Seconds that pass at once."""
STOPS: Final = (0.5, 31.0, 3_600.0, 90_000.0)
"""Seconds for which the process stands still."""
FAMILIES: Final = ("hdd", "ssd", "nvme", None)
_CURVE: Final = Linear(tuple((Celsius(warm), Percent(duty)) for warm, duty in promises.CURVE))
_LAW: Final = FamilyLaw("drives", _CURVE, critical=Celsius(promises.CRITICAL))


def check(data: bytes) -> None:
    """Check all promises for one input.

    :raises AssertionError: one is broken; any other exception has escaped the server
    """
    loop = Loop()  # type: ignore[abstract]  # asyncio's base is abstract to type checkers only
    with quietly(loop):
        play = Play(loop)
        reader = Reader(data)
        while reader:
            play.step(reader)
        play.end()


@contextmanager
def quietly(loop: Loop) -> Iterator[None]:
    """Run on ``loop``; neither that nor the log has anything to complain of."""
    before = asyncio._get_running_loop()
    asyncio._set_running_loop(loop)
    try:
        with _log() as log:
            yield
        assert not log.faults, log.faults
        assert not loop.complaints, loop.complaints
    finally:
        asyncio._set_running_loop(before)


@contextmanager
def _log() -> Iterator[promises.Log]:
    logger, log = logging.getLogger("fand"), promises.Log()
    kept = logger.level, logger.propagate, logger.handlers
    logger.level, logger.propagate, logger.handlers = logging.INFO, False, [log]
    logger.manager._clear_cache()  # type: ignore[attr-defined]
    try:
        yield log
    finally:
        logger.level, logger.propagate, logger.handlers = kept
        logger.manager._clear_cache()  # type: ignore[attr-defined]


class Talk:
    """One connection, and what it is sent. ``number`` tells the host that it comes from."""

    def __init__(self, play: "Play", number: int, name: str) -> None:
        self._play = play
        self.name = name
        self.connection = Connection(play.desk)
        self.ear = promises.Ear(play.hall, play.known)
        extra = {"peername": (f"192.0.2.{number}", 4000), "ssl_object": Certificate(name)}
        self.wire = Wire(play.loop, self.connection, extra, self._hear, self._guard, halves=number % 2 == 0)
        self.connection.connection_made(self.wire)
        self.held = b""

    def send(self, data: bytes, *, later: bool = False) -> None:
        """Send ``data``, now or before what is sent next."""
        self.held += data
        if not later:
            data, self.held = self.held, b""
            self.wire.come(data)

    def _hear(self, data: bytes) -> None:
        self.ear.hear(data, self._play.loop.mono())

    def _guard(self, act: Callable[[], None]) -> None:
        """Do what the bytes of this peer make the server do."""
        play = self._play
        rights = promises.Rights(play.hall)
        play.acting = play.grants.get(self.name, NOTHING)
        act()
        rights.check(play.hall, play.acting)
        play.acting = None


class Play:
    """A server, its peers, and its devices."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        shelves = [Shelf(name, _law(0), _slots()) for name in SHELVES]
        self.hall = Hall(shelves, lambda when: Timestamp(when.timestamp()))
        self.known = {name: promises.Known(DEVICES, INTERVAL, 100.0) for name in SHELVES}
        self.waits: list[asyncio.Future[None]] = []
        works = {After.SAVED: self._wait, After.RELOADED: self._wait}
        self.grants: dict[str, Grant] = dict(GRANTS)
        self.acting: Grant | None = None
        """What is granted to whom bytes came from that are being taken in."""
        access = Access(names=self.grants, plain=NOTHING, authority=AUTHORITY)
        self.desk = Desk(self.hall, loop, MOST, works, promises.told, access=access, limits=LIMITS)
        self.hall.mail.hear = self._reported
        self.address_mail()
        self.talks = [Talk(self, number, name) for number, name in enumerate(NAMES)]
        self.left: list[Talk] = []
        """Connections that their peers have left open and come again."""
        self._travelled = 0.0
        for shelf in shelves:
            for device in DEVICES:
                reading = Temperature(Celsius(35.0), loop.mono())
                self.known[shelf.name].told(device, reading)
                shelf.observe(device, reading, "hdd")

    def step(self, reader: Reader) -> None:
        """One event."""
        what = reader.byte()
        _EVENTS[what & 0x0F](self, self.talks[what >> 4 & 3], reader)
        self.settle()

    def settle(self) -> None:
        """Let the server do what it has to do at once."""
        self.loop.run_ready()
        promises.bounded(self.desk, MOST)

    def observe(self, shelf: str, device: str, reading: Reading, family: str | None) -> None:
        """A sensor has answered."""
        there = self.hall.shelves.get(shelf)
        if there is not None:
            self.known[shelf].told(device, reading)
            there.observe(device, reading, family)
            self.desk.keeper.refresh(there)

    def address_mail(self) -> None:
        """Let agents report for the shelves that there are."""
        self.hall.mail.become(
            Addressee(name, REMOTE, Watch(Seconds(INTERVAL)), None, Mailbox(NAMES[1], device))
            for name, device in zip(SHELVES, DEVICES, strict=False)
            if name in self.hall.shelves
        )

    def _reported(self, shelf: str, device: str, reading: Reading) -> None:
        if self.acting is not None:
            assert self.acting.may(Role.REPORT, shelf), f"{shelf}: a temperature reported by {self.acting}"
        self.known[shelf].told(device, reading)

    def pass_by(self, seconds: float) -> None:
        """Time passes; in one input not for ever, which would only be slow."""
        if self._travelled < 400:
            self._travelled += seconds
            self.loop.travel(seconds)

    def look(self) -> None:
        """What a server does every now and then."""
        self.desk.keeper.look_after(self.hall.mail.look(self.loop.mono()))
        assert self.desk.keeper.look_after(tuple(self.hall.shelves.values())), "a shelf cannot be looked after"

    def end(self) -> None:
        """Whatever has been: the server answers, all that it tells can be told, and all that it keeps can be kept."""
        for wait in self.waits:
            if not wait.done():
                wait.set_result(None)
        for talk in (*self.talks, *self.left):
            talk.wire.abort()
        self.settle()
        assert not self.desk.connections, "somebody who has gone is still there"
        self.look()
        self.visitor = Talk(self, 9, NAMES[0])
        names, more = self._ask(Request.GET_SHELVES, (), Request.SET_SHELVES)
        assert (names, more) == (list(self.hall.shelves), False)
        for name in names:
            self._ask(Request.GET_PWM, (name,), Request.SET_PWM)
            self._ask(Request.GET_RPM, (name,), Request.SET_RPM)
            first: int | None = 0
            while first is not None:
                first = self._ask(Request.GET_STATUS, (name, first), Request.SET_STATUS)[1]["next"]
        promises.outlives(self.hall, self.loop.moment())

    def _ask(self, request: Request, args: tuple[Any, ...], answer: Request) -> tuple[Any, ...]:
        self.visitor.ear.answers.clear()
        self.visitor.send(encode(request, args))
        self.settle()
        (got,) = self.visitor.ear.answers
        assert got[0] is answer, f"{request.name} is answered by {got}"
        return got[1]

    def _wait(self) -> asyncio.Future[None]:
        self.waits.append(self.loop.create_future())
        return self.waits[-1]


def _law(form: int) -> ShelfLaw:
    on_lost = Percent(60.0) if form & 1 else Percent(100.0)
    return ShelfLaw({"hdd": _LAW, "ssd": _LAW}, floor=Percent(30.0 if form & 2 else 20.0), on_lost=on_lost)


def _slots() -> list[Slot]:
    return [Slot(name, "fake", Watch(Seconds(INTERVAL))) for name in DEVICES]


def _payload(_play: Play, talk: Talk, reader: Reader) -> None:
    payload = reader.take(reader.byte())
    if payload:
        talk.send(b"99F9%04x" % len(payload) + payload)


def _bytes(_play: Play, talk: Talk, reader: Reader) -> None:
    talk.send(reader.take(reader.byte()))


def _request(_play: Play, talk: Talk, reader: Reader, *, later: bool = False) -> None:
    asked = request(reader)
    if asked is not None:
        try:
            talk.send(encode(*asked), later=later)
        except UnpicklableError:
            return


def _request_later(play: Play, talk: Talk, reader: Reader) -> None:
    _request(play, talk, reader, later=True)


def _torn(play: Play, talk: Talk, reader: Reader) -> None:
    """A request in pieces, and time between them."""
    asked, size, span = request(reader), reader.byte() + 1, reader.byte()
    if asked is None:
        return
    try:
        frame = encode(*asked)
    except UnpicklableError:
        return
    for at in range(0, len(frame), max(size, len(frame) // 16)):
        talk.send(frame[at : at + max(size, len(frame) // 16)])
        play.settle()
        play.pass_by(SPANS[span % len(SPANS)] / 16)


def _flood(_play: Play, talk: Talk, reader: Reader) -> None:
    """The same request many times at once."""
    asked, count = request(reader), reader.byte() % 80
    if asked is not None:
        try:
            talk.send((encode(*asked) * count)[: 2 * MAX_PAYLOAD])
        except UnpicklableError:
            return


def _time(play: Play, _talk: Talk, reader: Reader) -> None:
    play.pass_by(reader.of(SPANS))
    play.look()


def _stop(play: Play, _talk: Talk, reader: Reader) -> None:
    play.loop.stop_for(reader.of(STOPS))
    play.look()


def _reading(play: Play, _talk: Talk, reader: Reader) -> None:
    which, amount, now = reader.byte(), reader.byte(), play.loop.mono()
    reading: Reading = Temperature(Celsius(amount / 2), now)
    if which & 0x10:
        reading = Asleep(now) if amount & 1 else Failed("gave nothing", now)
    family = FAMILIES[which >> 6]
    play.observe(SHELVES[which & 1], DEVICES[(which >> 1) % len(DEVICES)], reading, family)


def _readings(play: Play, _talk: Talk, reader: Reader) -> None:
    """Every device tells a temperature."""
    amount = reader.byte()
    for name in SHELVES:
        for device in DEVICES:
            play.observe(name, device, Temperature(Celsius(amount / 2), play.loop.mono()), "hdd")


def _reads(_play: Play, talk: Talk, _reader: Reader) -> None:
    talk.wire.read_on(not talk.wire.reading)


def _half_close(_play: Play, talk: Talk, _reader: Reader) -> None:
    talk.wire.end()


def _anew(play: Play, talk: Talk, reader: Reader) -> None:
    """The peer comes again; its old connection breaks, or is left open. Or somebody comes whom nobody knows."""
    how, number = reader.byte(), play.talks.index(talk)
    if how & 2:
        play.left.append(Talk(play, number, "mallory"))
        return
    if how & 1 and len(play.left) < 3 * MOST:
        play.left.append(talk)
    else:
        talk.wire.abort()
        play.settle()
    play.talks[number] = Talk(play, number, talk.name)


def _done(play: Play, _talk: Talk, reader: Reader) -> None:
    """What an answer waits for is done, or cannot be."""
    waiting = [wait for wait in play.waits if not wait.done()]
    play.waits = waiting
    if waiting:
        match reader.byte() % 4:
            case 0:
                waiting[0].set_exception(RequestError("it could not be done"))
            case 1:
                waiting[0].cancel()
            case _:
                waiting[0].set_result(None)


def _reload(play: Play, _talk: Talk, reader: Reader) -> None:
    """Another configuration: other laws, devices that are others, shelves that are no more or are new."""
    form = reader.byte()
    there = play.hall.shelves
    names = SHELVES[: 1 if form & 4 else 2]
    shelves, same = [], DEVICES[form >> 3 & 3 :]
    for name in names:
        if name in there:
            shelf = there[name]
            shelf.become(_law(form), _slots(), same)
            for device in set(DEVICES) - set(same):
                play.known[name].forget(device)
            play.known[name].on_lost = _law(form).on_lost
        else:
            shelf = Shelf(name, _law(form), _slots())
            play.known[name] = promises.Known(DEVICES, INTERVAL, _law(form).on_lost)
        shelves.append(shelf)
    gone = play.hall.become(shelves)
    play.address_mail()
    play.desk.forget(gone)
    play.grants = {name: grant for name, grant in GRANTS.items() if not (form & 0x20 and name == "hand")}
    if form & 0x40:
        play.grants["eyes"] = GRANTS["pi1"]
    play.desk.become(Access(names=play.grants, plain=NOTHING, authority=AUTHORITY))
    play.desk.keeper.look_after(tuple(play.hall.shelves.values()))


_EVENTS: Final[tuple[Callable[[Play, Talk, Reader], None], ...]] = (
    *(_payload, _bytes, _request, _request, _request_later, _torn, _flood, _time),
    *(_stop, _reading, _readings, _reads, _half_close, _anew, _done, _reload),
)
