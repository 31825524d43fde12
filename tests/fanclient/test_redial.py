import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fand.exceptions import ConnectionFailedError, FandConnectionResetError
from fand.fanclient.redial import Redial, answered, ended, pause
from fand.units import Seconds

INTERVAL = Seconds(5)


def refusal(reason: str = "") -> FandConnectionResetError:
    error = FandConnectionResetError(f"the server ended the connection: {reason}")
    error.announced, error.reason = True, reason
    return error


def after(redial: Redial, error: Exception, *, heard: bool = False, chance: float = 1.0) -> Redial:
    return ended(redial, error, INTERVAL, Seconds(100), chance, heard=heard)


@given(st.integers(1, 10**6), st.floats(0, 1))
def test_pauses_grow_from_one_second_to_ten(failures: int, chance: float) -> None:
    assert 1 <= pause(failures, Seconds(5), chance) <= 10
    assert pause(failures, Seconds(5), 1) == min(2.0**failures if failures < 10 else 10, 10)
    assert pause(failures, Seconds(0.2), chance) <= 10
    assert pause(failures, Seconds(0.2), 0) == 0.2


def test_the_first_connection_is_made_at_once_and_subscribes() -> None:
    assert Redial().due == -math.inf
    assert Redial().subscribe


def test_failures_are_counted_until_the_server_answers() -> None:
    redial = Redial()
    dues = []
    for _ in range(5):
        redial = after(redial, ConnectionFailedError("nobody listens"))
        dues.append(redial.due - 100)
    assert dues == [2, 4, 8, 10, 10]
    assert redial.trouble == "nobody listens"
    assert answered(redial) == Redial(redial.due)
    assert after(answered(redial), ConnectionFailedError("")).failures == 1


def test_a_server_that_answers_on_and_on_changes_nothing() -> None:
    redial = Redial(Seconds(7))
    assert answered(redial) is redial


def test_a_server_that_gives_a_reason_is_asked_for_all_again() -> None:
    redial = after(Redial(), refusal("too many clients are connected"))
    assert redial.subscribe
    assert (redial.due, redial.failures) == (102, 1)


def test_who_does_not_know_subscriptions_is_asked_without_at_once() -> None:
    redial = after(Redial(failures=2, trouble="nobody listens"), refusal())
    assert redial == Redial(Seconds(100), subscribe=False, failures=2, trouble="nobody listens")
    redial = after(redial, refusal())
    assert redial.subscribe
    assert (redial.due, redial.failures) == (108, 3)


@pytest.mark.parametrize(
    ("error", "heard"),
    [(FandConnectionResetError("closed without a notice"), False), (refusal("the server stops"), True)],
    ids=["unannounced", "after a duty"],
)
def test_any_other_end_is_no_reason_to_give_up_subscribing(error: Exception, heard: bool) -> None:
    redial = after(Redial(), error, heard=heard)
    assert redial.subscribe
    assert redial.failures == 1


def test_a_fault_of_our_own_tells_its_kind() -> None:
    assert after(Redial(), ZeroDivisionError("division by zero")).trouble == "ZeroDivisionError: division by zero"
