"""The audit log, as it is written and as fields."""

import logging
from datetime import datetime

import pytest

from fand.dispatch import Peer, Shelf
from fand.exceptions import AccessDeniedError, RequestError
from fand.server.audit import AGAIN, LOGGER, MOST, Audit, by_signal
from fand.units import Percent, Seconds, Timestamp
from fand.wire import Request
from tests.dispatch.halls import WALL, at, shelf, warm

DENIED = AccessDeniedError("GET_PWM needs the role read")


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, logger=LOGGER)
    return caplog


def someone(port: int = 4000, host: str = "192.0.2.7", who: str = "pi1") -> Peer:
    return Peer(f"{host}:{port}", Seconds(0), who=who)


def fields(log: pytest.LogCaptureFixture) -> dict[str, str]:
    found: dict[str, str] = vars(log.records[-1])["fields"]
    return found


def local(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().isoformat(" ", "seconds")


def overridden(end: float | None = None) -> Shelf:
    what = warm(shelf())
    what.set_override(Percent(60), at(0))
    if end is not None:
        what.set_override_end(Timestamp(end), at(0))
    return what


def test_an_override_is_logged_with_who_what_and_until_when(log: pytest.LogCaptureFixture) -> None:
    Audit().done(someone(), Request.SET_PWM_OVERRIDE, [overridden()])
    until = local(WALL + 86_400)
    assert log.messages == [f"192.0.2.7:4000 (pi1): SET_PWM_OVERRIDE shelf1: 60 % until {until}"]
    assert log.records[0].levelno == logging.INFO
    assert fields(log) == {
        "FAND_PEER": "192.0.2.7:4000",
        "FAND_WHO": "pi1",
        "FAND_REQUEST": "SET_PWM_OVERRIDE",
        "FAND_SHELF": "shelf1",
        "FAND_PERCENT": "60",
        "FAND_UNTIL": until,
    }


def test_what_has_become_of_an_override_is_logged(log: pytest.LogCaptureFixture) -> None:
    audit, peer = Audit(), someone(who="")
    audit.done(peer, Request.SET_PWM_EXPIRE, [overridden(WALL + 60)])
    for_good = overridden()
    for_good.set_override_end(None, at(0))
    audit.done(peer, Request.SET_PWM_EXPIRE, [for_good])
    audit.done(peer, Request.SET_PWM_OVERRIDE, [warm(shelf())])
    pending = warm(shelf())
    pending.set_override_end(Timestamp(WALL + 60), at(0))
    audit.done(peer, Request.SET_PWM_EXPIRE, [pending])
    assert log.messages == [
        f"192.0.2.7:4000: SET_PWM_EXPIRE shelf1: 60 % until {local(WALL + 60)}",
        "192.0.2.7:4000: SET_PWM_EXPIRE shelf1: 60 % until removed",
        "192.0.2.7:4000: SET_PWM_OVERRIDE shelf1: no override",
        f"192.0.2.7:4000: SET_PWM_EXPIRE shelf1: the next override until {local(WALL + 60)}",
    ]


def test_a_reload_is_logged_with_who_asked_for_it(log: pytest.LogCaptureFixture) -> None:
    Audit().done(someone(who="user anna"), Request.RELOAD, ())
    assert fields(log) == {"FAND_PEER": "192.0.2.7:4000", "FAND_WHO": "user anna", "FAND_REQUEST": "RELOAD"}
    by_signal()
    assert log.messages == [
        "192.0.2.7:4000 (user anna): RELOAD the configuration is read again",
        "SIGHUP: RELOAD the configuration is read again",
    ]
    assert fields(log) == {"FAND_REQUEST": "RELOAD"}


def test_a_refusal_is_logged_with_peer_request_and_reason(log: pytest.LogCaptureFixture) -> None:
    Audit().refused(someone(), Request.GET_PWM, ("shelf2",), DENIED, Seconds(0))
    assert log.messages == ["192.0.2.7:4000 (pi1): GET_PWM refused: GET_PWM needs the role read"]
    assert log.records[0].levelno == logging.WARNING
    assert fields(log) == {
        "FAND_PEER": "192.0.2.7:4000",
        "FAND_WHO": "pi1",
        "FAND_REQUEST": "GET_PWM",
        "FAND_REASON": "GET_PWM needs the role read",
        "FAND_SHELF": "shelf2",
    }


def test_who_is_not_let_in_is_logged_without_a_request(log: pytest.LogCaptureFixture) -> None:
    Audit().refused(someone(), None, (), AccessDeniedError("pi1 is not allowed to connect"), Seconds(0))
    assert log.messages == ["192.0.2.7:4000 (pi1): refused: pi1 is not allowed to connect"]
    assert fields(log) == {
        "FAND_PEER": "192.0.2.7:4000",
        "FAND_WHO": "pi1",
        "FAND_REASON": "pi1 is not allowed to connect",
    }


def test_a_request_that_only_cannot_be_granted_is_no_warning(log: pytest.LogCaptureFixture) -> None:
    Audit().refused(someone(), Request.SET_RPM, (7, 8), RequestError("no\nshelf"), Seconds(0))
    assert [(record.levelno, record.getMessage()) for record in log.records] == [
        (logging.INFO, "192.0.2.7:4000 (pi1): SET_RPM refused: no shelf")
    ]
    assert "FAND_SHELF" not in fields(log)


def test_who_comes_again_and_again_is_logged_now_and_then_with_how_often(log: pytest.LogCaptureFixture) -> None:
    audit = Audit()
    for second in range(int(AGAIN) + 1):
        audit.refused(someone(4000 + second), Request.GET_PWM, (), DENIED, Seconds(second))
    assert log.messages == [
        "192.0.2.7:4000 (pi1): GET_PWM refused: GET_PWM needs the role read",
        "192.0.2.7:4060 (pi1): GET_PWM refused: GET_PWM needs the role read (and 59 times more since it was logged "
        "last)",
    ]
    audit.refused(someone(), Request.PING, (), DENIED, Seconds(AGAIN))
    audit.refused(someone(who="pi2"), Request.GET_PWM, (), DENIED, Seconds(AGAIN))
    audit.refused(someone(host="192.0.2.8"), Request.GET_PWM, (), DENIED, Seconds(AGAIN))
    assert len(log.messages) == 5


def test_what_may_not_be_is_not_hidden_by_what_cannot_be(log: pytest.LogCaptureFixture) -> None:
    audit = Audit()
    for error in (RequestError("PWM 101 is not a number from 0 to 100"), DENIED, RequestError("no"), DENIED):
        audit.refused(someone(), Request.SET_PWM_OVERRIDE, (), error, Seconds(0))
    assert [record.levelno for record in log.records] == [logging.INFO, logging.WARNING]


@pytest.mark.parametrize(
    ("hosts", "lines"),
    [
        (("[2001:db8:1:2::3]", "[2001:db8:1:2:ffff::4]"), 1),
        (("[2001:db8:1:2::3]", "[2001:db8:1:3::3]"), 2),
        (("[fe80::1%eth0]", "[fe80::2%eth0]"), 1),
        (("192.0.2.7", "192.0.2.8"), 2),
        (("/run/a:b/fand.sock", "local"), 2),
    ],
)
def test_one_network_writes_no_more_lines_than_one_host(
    hosts: tuple[str, str], lines: int, log: pytest.LogCaptureFixture
) -> None:
    audit = Audit()
    for host in hosts:
        audit.refused(someone(host=host, who=""), None, (), RequestError("it does not speak TLS"), Seconds(0))
    assert len(log.messages) == lines


@pytest.mark.parametrize("age", [0, AGAIN])
def test_what_is_remembered_of_the_refused_is_bounded(age: float, log: pytest.LogCaptureFixture) -> None:
    audit = Audit()
    for number in range(MOST):
        audit.refused(someone(who=f"pi{number}"), None, (), DENIED, Seconds(0))
    for _ in range(2):
        audit.refused(someone(who="one more"), None, (), DENIED, Seconds(age))
    assert len(log.messages) == MOST + 1
