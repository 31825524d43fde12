"""Requests sent as they are: for trying a server out."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fand.communication import Request
from fand.exceptions import FanctlActionBadValue
from fand.fanctl import when


def request(text: str) -> Request:
    """The request of that value or name, in capitals or not: ``get_pwm``, ``GET_PWM``, ``get-pwm``,
    ``Request.GET_PWM``.

    :raises FanctlActionBadValue: there is none
    """
    try:
        return Request(text.lower().removeprefix("request.").replace("-", "_"))
    except ValueError:
        known = ", ".join(one.value for one in Request)
        raise FanctlActionBadValue(f"unknown request {text[:40]!r}; known are {known}") from None


def literal(text: str) -> Any:
    """What an argument stands for: a JSON value (a number, true, a list, a "text" in quotes), ``none``, ``true`` or
    ``false`` in capitals or not, a date with a time of day; anything else is a text.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    if text.lower() in ("none", "true", "false"):
        return {"none": None, "true": True, "false": False}[text.lower()]
    return _date(text) if ":" in text else text


def _date(text: str) -> datetime | str:
    try:
        return when.date(text)
    except FanctlActionBadValue:
        return text


def shown(answer: Mapping[str, Any]) -> str:
    """An answer as 0.1.1 prints it: ``Request.SET_PWM('shelf1', 50)``."""
    return f"{Request(answer['request'])}{tuple(answer['args'])}"
