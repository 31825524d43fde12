"""What a server promises whatever is sent to it, reckoned without its code where that can be."""

import logging
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from fand.control import MOST_FANS, Event
from fand.dispatch import Grant, Hall, Role, Shelf
from fand.exceptions import CorruptedDataError
from fand.journal import entry
from fand.ports import Asleep, Reading, Temperature
from fand.server.alarming import News, described
from fand.server.desk import MOST_KNOWN, Desk
from fand.server.state import State, recall, state_of
from fand.units import Moment
from fand.wire import Decoder, Request

ANSWERS: Final = frozenset(
    {Request.ACK, Request.SET_PWM, Request.SET_RPM, Request.SET_SHELVES, Request.SET_STATUS, Request.DISCONNECT}
)
LONGEST_LINE: Final = 1000
"""Characters of a line of the log."""
CURVE: Final = ((30.0, 25.0), (40.0, 75.0))
CRITICAL: Final = 50.0


def wanted(celsius: float) -> float:
    """What the curve of all devices asks for."""
    (cool, less), (warm, more) = CURVE
    if celsius >= CRITICAL:
        return 100.0
    return min(max(less, less + (more - less) * (celsius - cool) / (warm - cool)), more)


class Known:
    """What the devices of one shelf have told, and the least that may be served for that (S1, S2, S4)."""

    def __init__(self, names: tuple[str, ...], interval: float, on_lost: float) -> None:
        self.on_lost = on_lost
        self._budget = max(3 * interval, 30.0)
        self._good: dict[str, Reading | None] = dict.fromkeys(names)
        self._failures = dict.fromkeys(names, 0)

    def told(self, device: str, reading: Reading) -> None:
        """``device`` has answered."""
        if isinstance(reading, Asleep) or (isinstance(reading, Temperature) and -20 < reading.celsius < 125):
            self._good[device], self._failures[device] = reading, 0
        else:
            self._failures[device] += 1

    def forget(self, device: str) -> None:
        """``device`` is another one."""
        self._good[device], self._failures[device] = None, 0

    def least(self, now: float) -> tuple[float, float]:
        """Whatever an operator wants, and with his override aside."""
        forced = asked = 0.0
        for name, good in self._good.items():
            if good is None:
                forced = 100.0
            elif self._failures[name] >= 3 or now > good.at + self._budget:
                forced = max(forced, self.on_lost)
            if isinstance(good, Temperature):
                asked = max(asked, wanted(good.celsius))
                forced = 100.0 if good.celsius >= CRITICAL else forced
        return forced, max(forced, asked)


class Ear:
    """Hears all that one connection is sent, frame by frame, at the instant at which it is written."""

    def __init__(self, hall: Hall, known: Mapping[str, Known]) -> None:
        self._hall = hall
        self._known = known
        self._decoder = Decoder()
        self.over = False
        self.answers: list[tuple[Request, tuple[Any, ...]]] = []
        """What came, and nobody has taken out of here."""

    def hear(self, data: bytes, now: float) -> None:
        """The server has written ``data``."""
        self._decoder.feed(data)
        try:
            while (answer := self._decoder.next()) is not None:
                self._judge(*answer, now)
        except CorruptedDataError as error:
            raise AssertionError(f"the server has sent no frame: {error}") from error
        assert not self._decoder.mid_frame, "the server has sent part of a frame"

    def _judge(self, request: Request, args: tuple[Any, ...], now: float) -> None:
        assert not self.over, f"{request.name} after DISCONNECT"
        assert request in ANSWERS, f"the server has answered {request.name}"
        self.answers.append((request, args))
        if request is Request.DISCONNECT:
            self.over = True
            assert isinstance(args[0], str), "no reason"
            assert one_line(args[0], 2000), f"the reason is no line: {args[0]!r}"
        elif request is Request.SET_PWM:
            self._duty(args[0], args[1], now)
        elif request is Request.SET_STATUS:
            self._duty(args[0], args[1]["duty"], now)
            _consistent(args[1], self._known[args[0]].on_lost)

    def _duty(self, name: str, duty: float, now: float) -> None:
        shelf = self._hall.shelves[name]
        forced, asked = self._known[name].least(now)
        least = asked if shelf.override is None else forced
        assert least <= duty <= 100, f"{name} is served {duty} %, and needs {least} % at least"


def _consistent(status: dict[str, Any], on_lost: float) -> None:
    """A status does less for none of the faults that it tells of itself."""
    duty = status["duty"]
    needs = [fault["duty"] for fault in status["faults"]]
    needs += [100 for fan in status["fans"] if fan["state"] in ("stalled", "fault")]
    needs += [on_lost for device in status["devices"] if device["health"] in ("lost", "waiting")]
    assert duty >= max(needs, default=0), f"{duty} % in spite of faults: {status}"


def one_line(text: str, most: int = LONGEST_LINE) -> bool:
    """Whether ``text`` is one line of bounded length that steers no terminal."""
    return len(text) <= most and text.isprintable()


class Log(logging.Handler):
    """Reads what fand logs: each record is one line, and none tells of a bug of ours."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.faults: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """See the base."""
        text = record.getMessage()
        if record.exc_info is not None:
            self.faults.append(f"{text}: {record.exc_info[1]!r}")
            return
        fields = getattr(record, "fields", {})
        if not all(map(one_line, (text, *fields.values()))):
            self.faults.append(f"a line of the log is none: {text!r} {fields}")
        if _journaled(entry({"MESSAGE": text, **fields})) != {"MESSAGE": text, **fields}:
            self.faults.append(f"the journal reads something else: {text!r} {fields}")


def _journaled(data: bytes) -> dict[str, str]:
    """What the journal makes of an entry of lines, by its own rules."""
    return dict(field.split("=", 1) for field in data.decode().removesuffix("\n").split("\n"))


def told(shelf: Shelf, event: Event) -> None:
    """What a command is told of an alarm can stand in an environment."""
    for value in described(News(shelf.name, event)).values():
        assert one_line(value), f"a command is told {value!r}"


class Rights:
    """What a peer may not change, as it was before something came from it."""

    def __init__(self, hall: Hall) -> None:
        self._before = {name: _state(shelf) for name, shelf in hall.shelves.items()}

    def check(self, hall: Hall, grant: Grant) -> None:
        """Nothing is otherwise now that somebody with this ``grant`` may not change."""
        for name, (commands, reports) in self._before.items():
            shelf = hall.shelves.get(name)
            if shelf is None:
                continue
            commands_now, reports_now = _state(shelf)
            if not grant.may(Role.CONTROL, name):
                ended = (None, *commands[1:])
                assert commands_now in (commands, ended), f"{name}: overridden by {grant}"
            if not grant.may(Role.REPORT, name):
                assert reports_now == reports, f"{name}: reported by {grant}"


def _state(shelf: Shelf) -> tuple[tuple[object, ...], tuple[object, ...]]:
    return (shelf.override, shelf.pending, shelf.commanded), (shelf.client, shelf.fans.reported, shelf.fans.named)


def bounded(desk: Desk, most: int) -> None:
    """Nothing has grown beyond its bounds, and nothing is kept of those who have gone."""
    assert len(desk.connections) <= most, "too many connections"
    assert len(desk.known) <= MOST_KNOWN, "too many payloads are known"
    for shelf in desk.hall.shelves.values():
        assert shelf.subscribers.keys() <= desk.connections.keys(), "somebody who has gone is a subscriber"
        assert len(shelf.fans.named) <= MOST_FANS, "too many fans"
        assert all(len(fan.state.name) <= 200 for fan in shelf.fans.named), "a fan has a long name"


def outlives(hall: Hall, now: Moment) -> None:
    """What is kept of all this can be written, and a server that begins with it has no fault to find."""
    written = msgspec.json.encode(state_of(hall))
    found = recall(msgspec.json.decode(written, type=State), hall.shelves, now)
    assert not found.faults, f"the state file has faults: {found.faults}"
    for name, kept in found.shelves.items():
        override = hall.shelves[name].override
        assert kept.override == override or kept.override is None, f"{name}: {override} has become {kept.override}"
        assert kept.alarms == hall.shelves[name].alarms, f"{name}: the alarms are others"
