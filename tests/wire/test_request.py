"""fand.wire.request: names and values are what peers know."""

from fand.communication import Request as Public
from fand.wire import Request, reason

SEED = ["ACK", "DISCONNECT", "GET_PWM", "GET_RPM", "PING", "SET_PWM", "SET_PWM_EXPIRE", "SET_PWM_OVERRIDE", "SET_RPM"]


def test_the_requests_of_fand_0_1_1_are_among_them() -> None:
    assert {name: Request[name].value for name in SEED} == {name: name.lower() for name in SEED}


def test_every_value_is_its_name_in_lower_case() -> None:
    assert all(request.value == request.name.lower() for request in Request)


def test_the_public_name() -> None:
    assert Public is Request
    assert f"{Request.__module__}.{Request.__qualname__}" == "fand.communication.Request"


def test_a_reason_is_fit_for_a_terminal() -> None:
    assert reason(("no shelf\n\x1b[2Jis called so ",)) == "no shelf  [2Jis called so"
    assert len(reason(("x" * 3000,))) == 2000
    assert reason(()) == reason((None,)) == ""
