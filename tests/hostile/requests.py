"""Attacks by requests of the vocabulary that ask for what is not to be had."""

import contextlib
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from fand.wire import Request, encode
from tests.hostile.attack import Attack, Play, asked
from tests.hostile.live import Live

_ESCAPES: Final = "\x1b[2J\x1b]0;fand\x07\x9b31m\u202e"
_FORGED: Final = "x\n2030-01-01 00:00:00,000 INFO fand.server.keeper: all is well\r"
_LONG: Final = "x" * 60_000

_NUMBERS: Final[dict[str, tuple[Any, str]]] = {
    "NaN": (float("nan"), "nan"),
    "infinity": (float("inf"), "inf"),
    "minus infinity": (float("-inf"), "-inf"),
    "true": (True, "True"),
    "false": (False, "False"),
    "a text": ("50", "'50'"),
    "bytes": (b"50", "bytes"),
    "a list": ([50], "list"),
    "a dict": ({"percent": 50}, "dict"),
    "a tuple": ((50,), "tuple"),
    "a date": (datetime(2030, 1, 1), "datetime"),
    "a request": (Request.PING, "Request"),
    "less than nothing": (-0.001, "-0.001"),
    "a hair too much": (200_000.001, "200000.001"),
    "the greatest float": (1.7e308, "1.7e+308"),
    "the greatest integer": (2**63 - 1, "beyond 1000000000"),
    "the least integer": (-(2**63), "beyond 1000000000"),
}
"""What is no duty and no speed, and how it is named."""


def _overrides() -> Iterator[Attack]:
    for name, (value, shown) in _NUMBERS.items():
        line, reason = f"An override by {name} in place of a duty.", f"PWM {shown} is not a number from 0 to 100"
        yield asked(f"override: {name}", line, reason, Request.SET_PWM_OVERRIDE, "shelf1", value)


def _speeds() -> Iterator[Attack]:
    for name, (value, shown) in _NUMBERS.items():
        line, reason = f"A report of {name} in place of a speed.", f"RPM {shown} is not a number from 0 to 200000"
        yield asked(f"speed: {name}", line, reason, Request.SET_RPM, "shelf1", value)


def _names() -> Iterator[Attack]:
    ask, text = Request.GET_PWM, "the name of a shelf is a text"
    for name, value in {
        "bytes": b"shelf1",
        "a number": 1,
        "None": None,
        "a list": ["shelf1"],
        "a dict": {"shelf1": None},
        "a request": Request.PING,
        "NaN": float("nan"),
    }.items():
        yield asked(f"shelf: {name}", f"The name of a shelf is {name}.", text, ask, value)
    for name, line, value in [
        ("empty", "The name of a shelf is empty.", ""),
        ("of another case", "The name of a shelf in capitals.", "SHELF1"),
        ("a path", "The name of a shelf is a path.", "../../etc/passwd"),
        ("of a format", "The name of a shelf is a format.", "%s%n{0.__class__}"),
        ("with NUL", "The name of a shelf has a NUL in it.", "shelf1\0"),
        ("that forges the log", "The name of a shelf has a line in it like the log's.", _FORGED),
        ("that steers a terminal", "The name of a shelf has escapes in it.", _ESCAPES),
        ("of 60,000 letters", "The name of a shelf is as long as a frame.", _LONG),
    ]:
        shown = value if len(value) <= 60 else value[:59] + "…"
        yield asked(f"shelf: {name}", line, f"no shelf is called {shown!r}", ask, value)
    for request in (Request.SUBSCRIBE_PWM, Request.GET_RPM, Request.GET_STATUS, Request.GET_SHELVES):
        line = f"{request.name} of a shelf that is not there."
        yield asked(f"shelf: {request.name} of none", line, "no shelf is called 'nowhere'", request, "nowhere")
    for request, value in ((Request.SET_PWM_OVERRIDE, 0), (Request.SET_PWM_EXPIRE, None), (Request.SET_RPM, 0)):
        line = f"{request.name} of a shelf that is not there."
        yield asked(f"shelf: {request.name} of none", line, "no shelf is called 'nowhere'", request, "nowhere", value)


def _counts() -> Iterator[Attack]:
    takes = {
        Request.PING: "no arguments",
        Request.GET_PWM: "a shelf",
        Request.SUBSCRIBE_PWM: "a shelf",
        Request.GET_RPM: "a shelf",
        Request.SET_RPM: "a shelf and a speed",
        Request.SET_FANS: "a shelf and a list of fans",
        Request.SET_PWM_OVERRIDE: "a shelf and a duty or None",
        Request.SET_PWM_EXPIRE: "a shelf and a date or None",
        Request.RELOAD: "no arguments",
    }
    for request, what in takes.items():
        reason = f"{request.name} takes {what}; 9 arguments came"
        line = f"{request.name} with nine arguments."
        yield asked(f"arguments: nine for {request.name}", line, reason, request, *([None] * 9))
        if what != "no arguments":
            reason = f"{request.name} takes {what}; 0 arguments came"
            line = f"{request.name} without an argument."
            yield asked(f"arguments: none for {request.name}", line, reason, request)
    reason = "PING takes no arguments; 60000 arguments came"
    yield asked("arguments: 60,000", "PING with 60,000 arguments.", reason, Request.PING, *([None] * 60_000))
    for request in (Request.ACK, Request.SET_PWM, Request.SET_SHELVES, Request.SET_STATUS):
        line = f"{request.name}, which only servers send."
        reason = f"the server takes no {request.name}"
        yield asked(f"arguments: {request.name}", line, reason, request, "shelf1", 0)


def _fan(**changed: object) -> dict[str, object]:
    return {"name": "front", "rpm": 900, "duty": 35, "state": "ok", **changed}


def _fans() -> Iterator[Attack]:
    many, dict_of = "the fans are not a list of at most 64", "a fan is a dict of name, rpm, duty and state"
    states = "the state of a fan is none of ok, stalled, fault, taken"
    name = "the name of a fan is not a text"
    for what, line, fans, reason in [
        ("no list", "A text in place of the fans.", "fans", many),
        ("a tuple", "A tuple in place of the fans.", (_fan(),), many),
        ("65", "One fan more than a shelf may have.", [_fan(name=str(number)) for number in range(65)], many),
        ("4,000 lists", "A list of 4,000 lists.", [[] for _ in range(4000)], many),
        ("60,000 times nothing", "A list of 60,000 times None.", [None] * 60_000, many),
        ("the same name", "Two fans of one name.", [_fan(), _fan()], "two fans have the same name"),
        (
            "the same name, hidden",
            "Two names that are one without what cannot be seen.",
            [_fan(), _fan(name="front\x07")],
            "two fans have the same name",
        ),
        ("no dict", "A fan that is a list.", [["front", 900, 35, "ok"]], dict_of),
        ("no state", "A fan of which something is left out.", [{"name": "front", "rpm": 900, "duty": 35}], dict_of),
        ("empty name", "A fan without a name.", [_fan(name="")], name),
        ("invisible name", "A fan whose name cannot be seen.", [_fan(name="\x1b\x07\u200b\n")], name),
        ("a number for a name", "A fan whose name is a number.", [_fan(name=1)], name),
        ("unknown state", "A fan in a state that there is not.", [_fan(state="on fire")], states),
        ("a list for a state", "A fan whose state has no hash.", [_fan(state=[])], states),
        (
            "NaN rpm",
            "A fan whose speed is no number.",
            [_fan(rpm=float("nan"))],
            "RPM nan is not a number from 0 to 200000",
        ),
        (
            "true for rpm",
            "A fan whose speed is a truth.",
            [_fan(rpm=True)],
            "RPM True is not a number from 0 to 200000",
        ),
        (
            "a duty beyond",
            "A fan whose duty is more than all.",
            [_fan(duty=100.1)],
            "PWM 100.1 is not a number from 0 to 100",
        ),
        (
            "an infinite duty",
            "A fan whose duty has no end.",
            [_fan(duty=float("inf"))],
            "PWM inf is not a number from 0 to 100",
        ),
    ]:
        yield asked(f"fans: {what}", line, reason, Request.SET_FANS, "shelf1", fans)


def _dates() -> Iterator[Attack]:
    no_date = "the end of an override is a date and time, or None"
    past = "PWM override expiration date is in the past"
    west, east = (timezone(sign * timedelta(hours=23, minutes=59)) for sign in (-1, 1))
    for what, line, when, reason in [
        ("a number", "An override that ends at a number.", 1.7e9, no_date),
        ("a text", "An override that ends at a text.", "tomorrow", no_date),
        ("true", "An override that ends at a truth.", True, no_date),
        ("NaN", "An override that ends at no number.", float("nan"), no_date),
        ("the epoch", "An override that ended in 1970.", datetime(1970, 1, 2), past),
        ("long ago", "An override that ended in the year 1.", datetime(1, 1, 2, tzinfo=west), past),
        ("before time", "An override that ended before the year 1.", datetime.min.replace(tzinfo=east), past),
    ]:
        yield asked(f"expiry: {what}", line, reason, Request.SET_PWM_EXPIRE, "shelf1", when)
    for what, line, when in [
        ("after time", "An override that ends after the year 9999, in UTC.", datetime.max.replace(tzinfo=west)),
        ("the last moment", "An override that ends at the last moment that can be told.", datetime.max),
    ]:
        yield Attack(f"expiry: {what}", line, "taken for the first day of the year 9999", _until(when))


def _until(when: datetime) -> Play:
    def play(live: Live) -> Iterator[None]:
        with live.stranger() as talk:
            assert talk.ask(Request.SET_PWM_OVERRIDE, "play", 60) == (Request.ACK, ())
            assert talk.ask(Request.SET_PWM_EXPIRE, "play", when) == (Request.ACK, ())
            yield
            override = talk.ask(Request.GET_STATUS, "play")[1][1]["override"]
            assert override == {"percent": 60, "until": 253_370_764_800.0}
            assert talk.ask(Request.SET_PWM_OVERRIDE, "play", None) == (Request.ACK, ())

    return play


def _statuses() -> Iterator[Attack]:
    reason = "the first device is not a number from 0 to 2"
    for what, value in {
        "-1": -1,
        "3": 3,
        "the greatest integer": 2**63 - 1,
        "true": True,
        "1.0": 1.0,
        "a text": "0",
        "None": None,
    }.items():
        line = f"The status from device number {what} on."
        yield asked(f"status: from {what}", line, reason, Request.GET_STATUS, "shelf1", value)


def _said(reason: object) -> Play:
    def play(live: Live) -> Iterator[None]:
        with live.stranger() as talk:
            talk.send(Request.DISCONNECT, reason)
            talk.send(Request.SET_PWM_OVERRIDE, "shelf1", 0)
            yield
            with contextlib.suppress(ConnectionResetError):  # what was not read makes the end a reset
                assert talk.closed()

    return play


def _farewells() -> Iterator[Attack]:
    for what, line, reason in [
        ("with escapes", "A farewell whose reason steers terminals, with a request behind it.", _ESCAPES),
        ("that forges the log", "A farewell whose reason has a line in it like the log's.", _FORGED),
        ("of 60,000 letters", "A farewell whose reason is as long as a frame.", _LONG),
        ("of a list", "A farewell whose reason is a list of dicts.", [{"reason": None}] * 100),
    ]:
        yield Attack(f"farewell: {what}", line, "closed, and not logged; the rest is not read", _said(reason))


def _forged_fans(live: Live) -> Iterator[None]:
    with live.stranger() as talk:
        fans = [_fan(name=_FORGED, state="stalled", rpm=0), _fan(name=_ESCAPES + "y", state="fault")]
        assert talk.ask(Request.SET_FANS, "play", fans) == (Request.ACK, ())
        yield
        shown = talk.ask(Request.GET_STATUS, "play")[1][1]
        told = [fan["name"] for fan in shown["fans"]] + [alarm["reason"] for alarm in shown["alarms"]]
        assert all(name.isprintable() for name in told), told
        assert talk.ask(Request.SET_FANS, "play", []) == (Request.ACK, ())


def _subscriptions(live: Live) -> Iterator[None]:
    with live.stranger() as talk:
        talk.sock.sendall(encode(Request.SUBSCRIBE_PWM, ("play",)) * 2000)
        yield
        assert all(talk.reply()[0] is Request.SET_PWM for _ in range(2000))


def _hung_up_subscribers(live: Live) -> Iterator[None]:
    for _ in range(200):
        with live.stranger() as talk:
            talk.send(Request.SUBSCRIBE_PWM, "play")
    yield


ATTACKS: Final = (
    *_overrides(),
    *_speeds(),
    *_names(),
    *_counts(),
    *_fans(),
    *_dates(),
    *_statuses(),
    *_farewells(),
    Attack(
        "fans: names that forge the log",
        "Fans in trouble whose names have escapes and a line like the log's in them.",
        "taken, without what cannot be printed",
        _forged_fans,
    ),
    Attack(
        "subscribe: 2,000 times",
        "One connection subscribes to the same shelf 2,000 times.",
        "answered each time; one subscription",
        _subscriptions,
    ),
    Attack(
        "subscribe and hang up",
        "Two hundred connections subscribe and are gone before the answer.",
        "forgotten",
        _hung_up_subscribers,
    ),
)
