"""What fanctl can do: one entry of :data:`ACTIONS` an action.

An action first makes its arguments into a call, complaining about what it cannot use; only then is the server
asked, by that call. Modules that only some actions need are imported by these: fanctl is run by scripts, many
times a minute, and most of its time goes into starting Python.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, ParamSpec, TypeVar

from fand.client import Client
from fand.exceptions import FanctlActionBadValue, FandConnectionResetError, ShelfPwmBadValue
from fand.units import Percent, percent

_P = ParamSpec("_P")
_T = TypeVar("_T")

Call = Callable[[Client], Any]
"""Asks the server; gives what is to be printed."""


class Action(NamedTuple):
    """One action: its arguments, in capitals (in brackets: may be left out; with dots: any number), and what it is
    good for.

    ``prepare`` takes the arguments and raises FanctlActionBadValue if it cannot use them. ``show`` prints an answer
    for people.
    """

    words: tuple[str, ...]
    about: str
    prepare: Callable[..., Call]
    show: Callable[[Any], None] = print


def call(name: str, words: Sequence[str]) -> tuple[Action, Call]:
    """The action of that name, and the call that its arguments make.

    :raises FanctlActionBadValue: there is no such action, or it cannot use the arguments
    """
    action = ACTIONS.get(name)
    if action is None:
        raise FanctlActionBadValue(
            f"unknown action {name[:40]!r}{_did_you_mean(name)}; 'fanctl --help' lists them all"
        )
    for word in words:
        if not word.isprintable() and any("\ud800" <= letter <= "\udfff" for letter in word):
            raise FanctlActionBadValue(f"argument {word[:40]!r} is not text in the encoding of this terminal")
    least = sum(not word.startswith("[") for word in action.words)
    most = None if action.words and action.words[-1].endswith("...]") else len(action.words)
    if len(words) < least or (most is not None and len(words) > most):
        syntax = " ".join(("fanctl", name, *action.words))
        given = f"{len(words)} argument{'' if len(words) == 1 else 's'}"
        raise FanctlActionBadValue(f"{name} cannot use {given}; it is used as: {syntax}")
    return action, action.prepare(*words)


def _did_you_mean(name: str) -> str:
    import difflib  # noqa: PLC0415

    close = difflib.get_close_matches(name.lower().replace("_", "-"), ACTIONS, 2, 0.7)
    return f"; did you mean {' or '.join(map(repr, close))}?" if close else ""


def _number(value: float) -> int | float:
    """``value`` as 0.1.1 prints it: without a fraction where it has none."""
    return int(value) if value == int(value) else value


def _duty(text: str) -> Percent | None:
    if text.lower() == "none":
        return None
    try:
        value = percent(float(text.removesuffix("%")))
    except (ValueError, ShelfPwmBadValue):
        raise FanctlActionBadValue(
            f"PWM {text[:40]!r} is not a number from 0 to 100, nor 'none' to end the override"
        ) from None
    return Percent(_number(value))


def _ping() -> Call:
    def ask(client: Client) -> str:
        client.ping()
        return "ok"

    return ask


def _get_pwm(shelf: str) -> Call:
    return lambda client: _number(client.pwm(shelf))


def _get_rpm(shelf: str) -> Call:
    return lambda client: _number(client.rpm(shelf))


def _set_override(shelf: str, text: str) -> Call:
    duty = _duty(text)

    def ask(client: Client) -> str:
        client.override(shelf, duty)
        return "ok"

    return ask


def _expire(shelf: str, text: str, *, duration: bool) -> Call:
    def ask(client: Client) -> str:
        client.expire(shelf, until)
        return "ok"

    if text.strip().lower() in ("none", "never"):
        until = None
        return ask
    from datetime import UTC, datetime  # noqa: PLC0415

    from fand.fanctl import when  # noqa: PLC0415

    until = when.after(when.duration(text), datetime.now(UTC)) if duration else when.date(text)
    return ask


def _newer(ask: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """Ask what a server of fand 0.1.1 does not know: it hangs up without a word."""
    try:
        return ask(*args, **kwargs)
    except FandConnectionResetError as error:
        if ": " in str(error):  # a reason
            raise
        raise FandConnectionResetError(f"{error}; servers of fand 0.1.1 know no list, status or reload") from error


def _reload() -> Call:
    def ask(client: Client) -> str:
        _newer(client.reload)
        return "ok"

    return ask


def _list() -> Call:
    return lambda client: _newer(client.shelves)


def _show_list(shelves: list[str]) -> None:
    from fand.fanctl.page import printable  # noqa: PLC0415

    for shelf in shelves:
        print(printable(shelf))


def _status(shelf: str | None = None) -> Call:
    def one(client: Client, name: str) -> dict[str, Any]:
        return {"shelf": name, **_newer(client.status, name)}

    if shelf is None:
        return lambda client: [one(client, name) for name in _newer(client.shelves)]
    return lambda client: one(client, shelf)


def _show_status(answer: dict[str, Any] | list[dict[str, Any]]) -> None:
    import sys  # noqa: PLC0415
    import time  # noqa: PLC0415

    from fand.fanctl.draw import draw  # noqa: PLC0415
    from fand.fanctl.page import page  # noqa: PLC0415

    statuses = answer if isinstance(answer, list) else [answer]
    draw([page(status["shelf"], status, time.time()) for status in statuses], sys.stdout)


def _raw(name: str, *texts: str) -> Call:
    from fand.fanctl import raw  # noqa: PLC0415

    request, args = raw.request(name), [raw.literal(text) for text in texts]

    def ask(client: Client) -> dict[str, Any]:
        answer, values = client.exchange(request, *args)
        return {"request": answer.value, "args": values}

    return ask


def _show_raw(answer: Mapping[str, Any]) -> None:
    from fand.fanctl import raw  # noqa: PLC0415

    print(raw.shown(answer))


ACTIONS: Final[Mapping[str, Action]] = {
    "list": Action((), "print the names of all shelves, one a line", _list, _show_list),
    "status": Action(("[SHELF]",), "show a shelf, or all: duty, why, fans, devices", _status, _show_status),
    "ping": Action((), "ask the server for a sign of life; it prints ok", _ping),
    "get-pwm": Action(("SHELF",), "print the duty of a shelf in percent", _get_pwm),
    "get-rpm": Action(("SHELF",), "print the fan speed of a shelf; 0 if it is not known", _get_rpm),
    "set-pwm-override": Action(
        ("SHELF", "PERCENT|none"),
        "set the duty of a shelf, for a day if no end is set; none ends that",
        _set_override,
    ),
    "set-pwm-expire-in": Action(
        ("SHELF", "DURATION|never"),
        "end its override after '21d4h1m5s', '1.5h', '7:22:59:00' (days, hours,\n"
        "      minutes, seconds), '4:22.5' (minutes, seconds), '10' (seconds)",
        lambda shelf, text: _expire(shelf, text, duration=True),
    ),
    "set-pwm-expire-on": Action(
        ("SHELF", "DATE|never"),
        "end its override on '2030-12-29T01:01:59+01:00', '2030-12-29 01:01',\n"
        "      '12/29/2030 21:30:00' or 'Sun Dec 29 21:30:00 2030'; without an\n"
        "      offset, in local time of the server",
        lambda shelf, text: _expire(shelf, text, duration=False),
    ),
    "reload": Action(
        (),
        "have the server read its configuration again; what is wrong with it\n      is told, and nothing changes",
        _reload,
    ),
    "raw": Action(("REQUEST", "[ARG...]"), "send a request as it is and print the answer", _raw, _show_raw),
}
"""The actions by their names."""
