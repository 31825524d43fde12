"""What the words of a raw request stand for."""

import math
from datetime import UTC, datetime
from typing import Any

import pytest

from fand.exceptions import FanctlActionBadValue
from fand.fanctl.raw import literal, request, shown
from fand.wire import Request


@pytest.mark.parametrize("text", ["get_pwm", "GET_PWM", "get-pwm", "Request.GET_PWM", "Get_Pwm"])
def test_a_request_by_value_or_name(text: str) -> None:
    assert request(text) is Request.GET_PWM


def test_an_unknown_request_is_told_with_all_that_are_known() -> None:
    with pytest.raises(FanctlActionBadValue, match="unknown request 'nosuch'; known are ack, ping, "):
        request("nosuch")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("50", 50),
        ("62.5", 62.5),
        ("-1", -1),
        ("none", None),
        ("None", None),
        ("null", None),
        ("true", True),
        ("False", False),
        ("shelf1", "shelf1"),
        ('"50"', "50"),
        ("", ""),
        ("a:b", "a:b"),
        ('[{"name": "front", "rpm": null}]', [{"name": "front", "rpm": None}]),
        ("2030-12-29T01:01:59Z", datetime(2030, 12, 29, 1, 1, 59, tzinfo=UTC)),
        ("2030-12-29 01:01", datetime(2030, 12, 29, 1, 1)),
        ("[" * 100_000, "[" * 100_000),
    ],
)
def test_what_an_argument_stands_for(text: str, value: Any) -> None:
    found = literal(text)
    assert found == value
    assert type(found) is type(value)


def test_what_is_no_number_can_be_sent_to_try_a_server() -> None:
    assert math.isnan(literal("NaN"))


def test_an_answer_is_shown_as_0_1_1_shows_it() -> None:
    assert shown({"request": "set_pwm", "args": ["shelf1", 50]}) == "Request.SET_PWM('shelf1', 50)"
    assert shown({"request": "ack", "args": ()}) == "Request.ACK()"
