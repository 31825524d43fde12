"""The state of a shelf as a page for people: a title, facts, tables. How it is drawn is another matter."""

import time
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

GOOD: Final = "green"
QUIET: Final = "dim"
WARN: Final = "yellow"
ALARM: Final = "red"
PLAIN: Final = ""

_STYLES: Final = {
    "good": GOOD,
    "ok": GOOD,
    "live": GOOD,
    "asleep": QUIET,
    "absent": QUIET,
    "waiting": WARN,
    "failing": WARN,
    "silent": WARN,
    "lost": ALARM,
    "stalled": ALARM,
    "fault": ALARM,
    "taken": WARN,
}


class Fact(NamedTuple):
    """One line: what it is about, what is so, and in which style."""

    label: str
    text: str
    style: str = PLAIN


class Row(NamedTuple):
    """One line of a table."""

    cells: tuple[str, ...]
    style: str = PLAIN


class Table(NamedTuple):
    """Rows under their heads; the columns named in ``numbers`` are aligned to the right."""

    heads: tuple[str, ...]
    rows: tuple[Row, ...]
    numbers: frozenset[str] = frozenset()


class Page(NamedTuple):
    """A shelf: its name, what is to be said of it as a whole, its fans and its devices."""

    title: str
    facts: tuple[Fact, ...]
    tables: tuple[Table, ...]


def page(shelf: str, status: Mapping[str, Any], now: float) -> Page:
    """The page of a shelf whose status is as in SET_STATUS, at POSIX time ``now``.

    What a peer or a device has named is shown without its control characters.
    """
    return Page(printable(shelf), tuple(_facts(status, now)), tuple(_tables(status)))


def printable(text: str) -> str:
    """``text`` on one line and without what a terminal would obey."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


def number(value: float | None, unit: str = "") -> str:
    """A number as fanctl prints it: ``50``, ``62.5``; ``-`` for what is not known."""
    return "-" if value is None else f"{value:.10g}{unit and ' '}{unit}"


def span(seconds: float | None) -> str:
    """A span of time, short: ``3 s``, ``12 min``, ``5 h 3 min``, ``2 d 4 h``."""
    if seconds is None:
        return "-"
    whole = max(0, round(seconds))
    if whole < 120:
        return f"{whole} s"
    minutes = whole // 60
    if minutes < 120:
        return f"{minutes} min"
    if minutes < 2880:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes // 1440} d {minutes % 1440 // 60} h"


def _facts(status: Mapping[str, Any], now: float) -> list[Fact]:
    alarms, told = status["alarms"], {alarm["reason"] for alarm in status["alarms"]}
    faults = [fault for fault in status["faults"] if fault["reason"] not in told]
    facts = [
        Fact("duty", number(status["duty"], "%"), ALARM if status["faults"] else PLAIN),
        Fact("reason", printable(status["reason"])),
        Fact("demand", number(status["demand"], "%")),
        _override(status["override"], now),
    ]
    facts += [Fact("alarm", _alarm(alarm, now), ALARM) for alarm in alarms]
    facts += [Fact("fault", f"{number(fault['duty'], '%')}: {printable(fault['reason'])}", ALARM) for fault in faults]
    facts += [_certificate(one, now) for one in status["certificates"]]
    facts.append(_client(status["client"]))
    fans_age = "" if status["fans_age"] is None else f", reported {span(status['fans_age'])} ago"
    facts.append(
        Fact("fans", f"{number(status['rpm'])} rpm{fans_age}" if status["rpm"] is not None else "rpm unknown")
    )
    facts += [
        Fact("note", f"{printable(device['name'])}: {printable(device['failure'])}", _style(device["health"]))
        for device in status["devices"]
        if device["failure"] and device["health"] != "good"
    ]
    return facts


def _alarm(alarm: Mapping[str, Any], now: float) -> str:
    since = alarm["since"]
    return f"{printable(alarm['reason'])}, since {_local(since)}, for {span(now - since)}"


def _certificate(certificate: Mapping[str, Any], now: float) -> Fact:
    whose, until = printable(certificate["whose"]), certificate["until"]
    if until <= now:
        return Fact("certificate", f"that of {whose} has ended at {_local(until)}", ALARM)
    return Fact("certificate", f"that of {whose} ends at {_local(until)}, in {span(until - now)}", WARN)


def _override(override: Mapping[str, Any] | None, now: float) -> Fact:
    if override is None:
        return Fact("override", "none")
    duty, until = number(override["percent"], "%"), override["until"]
    if until is None:
        return Fact("override", f"{duty} until removed", WARN)
    return Fact("override", f"{duty} until {_local(until)}, for another {span(until - now)}", WARN)


def _local(instant: float) -> str:
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(instant))
    except (ValueError, OverflowError, OSError):  # beyond the calendar of this host
        return f"POSIX time {instant:.0f}"


def _client(client: Mapping[str, Any] | None) -> Fact:
    if client is None:
        return Fact("client", "none", WARN)
    state = printable(client["state"])
    return Fact("client", f"{printable(client['address'])}, {state}, heard {span(client['age'])} ago", _style(state))


def _tables(status: Mapping[str, Any]) -> list[Table]:
    tables = []
    if status["fans"]:
        rows = (
            Row(
                (printable(fan["name"]), number(fan["rpm"]), number(fan["duty"], "%"), printable(fan["state"])),
                _style(fan["state"]),
            )
            for fan in status["fans"]
        )
        tables.append(Table(("FAN", "RPM", "DUTY", "STATE"), tuple(rows), frozenset({"RPM", "DUTY"})))
    if status["devices"]:
        heads = ("POSITION", "DEVICE", "FAMILY", "READING", "AGE", "STATE")
        rows = (_device(device) for device in status["devices"])
        tables.append(Table(heads, tuple(rows), frozenset({"READING", "AGE"})))
    return tables


def _device(device: Mapping[str, Any]) -> Row:
    celsius = device["celsius"]
    reading = "-" if celsius is None else f"{celsius:.1f} °C"
    health = printable(device["health"])
    cells = (
        printable(device["position"]) or "-",
        printable(device["name"]),
        printable(device["family"] or "-"),
        reading,
        span(device["age"]),
        health + (", optional" if device["optional"] else ""),
    )
    return Row(cells, _style(health))


def _style(state: str) -> str:
    return _STYLES.get(state, PLAIN)
