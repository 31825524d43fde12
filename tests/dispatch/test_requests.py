from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fand.dispatch import ALL, After, Certificate, Grant, Role, answer, role_for
from fand.dispatch.certificates import DAY
from fand.dispatch.requests import LATEST
from fand.exceptions import (
    AccessDeniedError,
    RequestError,
    ShelfNotFoundError,
    ShelfPwmBadValue,
    ShelfPwmExpireBadValue,
    ShelfRpmBadValue,
)
from fand.units import Timestamp
from fand.wire import Request, encode

from .halls import WALL, ask, at, hall, peer, shelf, warm


def test_ping() -> None:
    assert ask(hall(), Request.PING).request is Request.ACK


def test_get_pwm() -> None:
    given = ask(hall(), Request.GET_PWM, "shelf1")
    assert (given.request, given.args) == (Request.SET_PWM, ("shelf1", 25))


def test_s11_reload_is_answered_when_it_has_been_done() -> None:
    given = ask(hall(), Request.RELOAD)
    assert (given.request, given.args, given.after) == (Request.ACK, (), After.RELOADED)


def test_get_rpm_is_0_while_unknown() -> None:
    where = hall()
    assert ask(where, Request.GET_RPM, "shelf1").args == ("shelf1", 0)
    assert ask(where, Request.SET_RPM, "shelf1", 1500).request is Request.ACK
    assert ask(where, Request.GET_RPM, "shelf1").args == ("shelf1", 1500)
    assert ask(where, Request.GET_RPM, "shelf1", now=200).args == ("shelf1", 0)


def test_set_rpm_takes_the_float_of_a_measurement() -> None:
    where = hall()
    ask(where, Request.SET_RPM, "shelf1", 1499.96)
    assert ask(where, Request.GET_RPM, "shelf1").args == ("shelf1", 1500)


def test_set_fans() -> None:
    where, who = hall(), peer()
    fans = [{"name": "front", "rpm": 800, "duty": 30, "state": "ok"}]
    assert ask(where, Request.SET_FANS, "shelf1", fans, who=who).request is Request.ACK
    assert ask(where, Request.GET_RPM, "shelf1").args == ("shelf1", 800)
    assert where.shelf("shelf1").client is who


def test_subscribe_pwm_answers_at_once_and_enters_the_peer() -> None:
    where, who = hall(), peer()
    given = ask(where, Request.SUBSCRIBE_PWM, "shelf1", who=who)
    assert (given.request, given.args) == (Request.SET_PWM, ("shelf1", 25))
    assert given.changed == (where.shelf("shelf1"),)
    assert who in where.shelf("shelf1").subscribers


def test_s8_an_override_is_set_and_ended() -> None:
    where = hall()
    given = ask(where, Request.SET_PWM_OVERRIDE, "shelf1", 60)
    assert given.request is Request.ACK
    assert given.changed == (where.shelf("shelf1"),)
    assert ask(where, Request.GET_PWM, "shelf1").args == ("shelf1", 60)
    ask(where, Request.SET_PWM_OVERRIDE, "shelf1", None)
    assert ask(where, Request.GET_PWM, "shelf1").args == ("shelf1", 25)


@pytest.mark.parametrize(
    ("when", "end"),
    [
        (datetime.fromtimestamp(WALL + 60, UTC), WALL + 60),
        (datetime.fromtimestamp(WALL + 60, timezone(timedelta(hours=-5))), WALL + 60),
        (datetime.fromtimestamp(WALL + 60, UTC).replace(tzinfo=None) + timedelta(hours=1), WALL + 60),
        (None, None),
        (datetime.max, LATEST),
        (datetime.max.replace(tzinfo=timezone(timedelta(hours=-14))), LATEST),
    ],
    ids=["utc", "offset", "naive", "never", "last", "after the last"],
)
def test_s8_an_end_is_an_instant_whatever_its_zone(when: datetime | None, end: float | None) -> None:
    where = hall()
    ask(where, Request.SET_PWM_OVERRIDE, "shelf1", 60)
    assert ask(where, Request.SET_PWM_EXPIRE, "shelf1", when).request is Request.ACK
    override = where.shelf("shelf1").override
    assert override is not None
    assert override.until == end


@pytest.mark.parametrize(
    "when",
    [
        datetime.fromtimestamp(WALL, UTC),
        datetime.min,
        datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
        datetime.min.replace(tzinfo=UTC),
        3,
        1e300,
        "tomorrow",
        True,
        [],
        timedelta(1),
    ],
)
def test_s8_an_end_that_has_passed_or_is_no_date_is_refused(when: object) -> None:
    with pytest.raises(ShelfPwmExpireBadValue):
        ask(hall(), Request.SET_PWM_EXPIRE, "shelf1", when)


def test_s8_a_date_that_the_host_cannot_reckon_is_refused() -> None:
    where = hall()

    def overflow(_when: datetime) -> Any:
        raise OverflowError("timestamp out of range for platform time_t")

    where.instant = overflow
    with pytest.raises(ShelfPwmExpireBadValue, match="2100-01-01T00:00:00 is out of range"):
        ask(where, Request.SET_PWM_EXPIRE, "shelf1", datetime(2100, 1, 1))


def test_disconnect_is_answered_by_nothing() -> None:
    assert answer(hall(), Request.DISCONNECT, (None,), peer(), at(0)) is None
    assert answer(hall(), Request.DISCONNECT, (), peer(), at(0)) is None


@pytest.mark.parametrize("request_", [Request.ACK, Request.SET_PWM, Request.SET_SHELVES, Request.SET_STATUS])
def test_what_only_a_server_says_is_refused(request_: Request) -> None:
    with pytest.raises(RequestError, match=f"the server takes no {request_.name}"):
        answer(hall(), request_, ("shelf1", 50), peer(), at(0))


@pytest.mark.parametrize(
    ("request_", "args", "text"),
    [
        (Request.PING, (1,), "PING takes no arguments; 1 arguments came"),
        (Request.GET_PWM, (), "GET_PWM takes a shelf; 0 arguments came"),
        (Request.GET_PWM, ("shelf1", 2), "GET_PWM takes a shelf; 2 arguments came"),
        (Request.SET_RPM, ("shelf1",), "SET_RPM takes a shelf and a speed; 1 arguments came"),
        (Request.GET_STATUS, ("shelf1", 0, 0), "GET_STATUS takes a shelf and optionally the number of"),
    ],
)
def test_a_wrong_number_of_arguments_is_refused(request_: Request, args: tuple[object, ...], text: str) -> None:
    with pytest.raises(RequestError, match=text):
        answer(hall(), request_, args, peer(), at(0))


@pytest.mark.parametrize("duty", [-1, 101, float("nan"), float("inf"), True, "50", b"", [], {}, (), 10**400])
def test_an_override_that_is_no_duty_is_refused(duty: object) -> None:
    with pytest.raises(ShelfPwmBadValue):
        ask(hall(), Request.SET_PWM_OVERRIDE, "shelf1", duty)


@pytest.mark.parametrize("speed", [-1, 200_001, float("nan"), None, False, "fast"])
def test_a_speed_that_is_none_is_refused(speed: object) -> None:
    with pytest.raises(ShelfRpmBadValue):
        ask(hall(), Request.SET_RPM, "shelf1", speed)


@pytest.mark.parametrize("first", [-1, 3, 1.0, True, "1", None, 10**100])
def test_a_first_device_that_is_none_is_refused(first: object) -> None:
    with pytest.raises(RequestError, match="the first device is not a number from 0 to 2"):
        ask(hall(), Request.GET_STATUS, "shelf1", first)


def test_get_shelves_goes_on_after_a_name() -> None:
    where = hall(shelf("z"), shelf("a"), shelf("m"))
    assert ask(where, Request.GET_SHELVES).args == (["z", "a", "m"], False)
    assert ask(where, Request.GET_SHELVES, "z").args == (["a", "m"], False)
    assert ask(where, Request.GET_SHELVES, "m").args == ([], False)
    with pytest.raises(ShelfNotFoundError):
        ask(where, Request.GET_SHELVES, "nowhere")


def test_get_status_names_its_shelf() -> None:
    given = ask(hall(), Request.GET_STATUS, "shelf1")
    assert given.request is Request.SET_STATUS
    assert given.args[0] == "shelf1"
    assert given.args[1]["duty"] == 25


def test_get_status_tells_of_certificates_that_end_soon_and_concern_the_shelf() -> None:
    where = hall()
    for whose, days, shelves in (
        ("pi1", 3, frozenset({"shelf1"})),
        ("pi2", 3, frozenset({"shelf2"})),
        ("pi3", 300, None),
        ("the server", -3, None),
    ):
        where.certificates[whose] = Certificate(whose, Timestamp(WALL + days * DAY), shelves)
    assert ask(where, Request.GET_STATUS, "shelf1").args[1]["certificates"] == [
        {"whose": "the server", "until": WALL - 3 * DAY},
        {"whose": "pi1", "until": WALL + 3 * DAY},
    ]


ASKED: dict[Request, tuple[object, ...]] = {
    Request.PING: (),
    Request.GET_PWM: ("shelf1",),
    Request.SUBSCRIBE_PWM: ("shelf1",),
    Request.GET_RPM: ("shelf1",),
    Request.SET_RPM: ("shelf1", 900),
    Request.SET_FANS: ("shelf1", []),
    Request.SET_TEMPERATURES: ([], "nas2"),
    Request.SET_PWM_OVERRIDE: ("shelf1", 60),
    Request.SET_PWM_EXPIRE: ("shelf1", None),
    Request.RELOAD: (),
    Request.GET_SHELVES: (),
    Request.GET_STATUS: ("shelf1",),
}
"""Every request that a server takes, as one might ask it."""

NEEDED = {
    Request.SET_RPM: Role.REPORT,
    Request.SET_FANS: Role.REPORT,
    Request.SET_TEMPERATURES: Role.REPORT,
    Request.SET_PWM_OVERRIDE: Role.CONTROL,
    Request.SET_PWM_EXPIRE: Role.CONTROL,
    Request.RELOAD: Role.CONTROL,
}
"""What needs more than reading."""


def test_every_request_that_is_taken_has_its_role() -> None:
    assert {request: role_for(request) for request in Request} == {
        request: NEEDED.get(request, Role.READ) if request in ASKED else None for request in Request
    }


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("request_", ASKED)
def test_a_request_is_answered_by_its_role_and_refused_without(request_: Request, role: Role) -> None:
    who = peer(grant=Grant(frozenset({role})))
    if NEEDED.get(request_, role) is role:
        ask(hall(), request_, *ASKED[request_], who=who)
        return
    where = hall()
    before = where.shelf("shelf1").kept
    needed = NEEDED[request_].value
    with pytest.raises(AccessDeniedError, match=f"^{request_.name} needs the role {needed}$"):
        ask(where, request_, *ASKED[request_], who=who)
    assert where.shelf("shelf1").kept == before
    assert where.shelf("shelf1").client is None


@pytest.mark.parametrize("request_", [request for request, args in ASKED.items() if args[:1] == ("shelf1",)])
def test_a_shelf_that_is_not_granted_is_refused_whether_there_is_one_or_not(request_: Request) -> None:
    where, who = hall(warm(shelf()), warm(shelf("mine"))), peer(grant=Grant(ALL.roles, frozenset({"mine"})))
    rest = ASKED[request_][1:]
    ask(where, request_, "mine", *rest, who=who)
    needed = NEEDED.get(request_, Role.READ).value
    for name in ("shelf1", "nowhere"):
        with pytest.raises(AccessDeniedError, match=f"^{request_.name} needs the role {needed} for shelf '{name}'$"):
            ask(where, request_, name, *rest, who=who)
    with pytest.raises(AccessDeniedError, match=r"for shelf 'x{59}…'$"):
        ask(where, request_, "x" * 1000, *rest, who=who)


@pytest.mark.parametrize("request_", [Request.GET_PWM, Request.SET_PWM_OVERRIDE])
def test_what_is_no_name_of_a_shelf_is_refused_as_that(request_: Request) -> None:
    who = peer(grant=Grant(ALL.roles, frozenset({"mine"})))
    with pytest.raises(RequestError, match="the name of a shelf is a text"):
        ask(hall(), request_, [], *ASKED[request_][1:], who=who)


def test_a_reload_needs_control_of_all_shelves() -> None:
    who = peer(grant=Grant(ALL.roles, frozenset({"shelf1"})))
    with pytest.raises(AccessDeniedError, match=r"^RELOAD needs the role control for all shelves$"):
        ask(hall(), Request.RELOAD, who=who)


def test_get_shelves_tells_of_those_that_are_granted() -> None:
    where = hall(shelf("z"), shelf("a"), shelf("m"))
    who = peer(grant=Grant(frozenset({Role.READ}), frozenset({"z", "m", "of the future"})))
    assert ask(where, Request.GET_SHELVES, who=who).args == (["z", "m"], False)
    assert ask(where, Request.GET_SHELVES, "z", who=who).args == (["m"], False)
    for name in ("a", "nowhere"):
        with pytest.raises(ShelfNotFoundError, match=f"^no shelf is called '{name}'$"):
            ask(where, Request.GET_SHELVES, name, who=who)


def test_s7_who_only_reads_is_not_taken_for_the_fan_client() -> None:
    where, who = hall(), peer(grant=Grant(frozenset({Role.READ, Role.CONTROL})))
    assert ask(where, Request.SUBSCRIBE_PWM, "shelf1", who=who).args == ("shelf1", 25)
    assert who in where.shelf("shelf1").subscribers
    assert where.shelf("shelf1").client is None


OFFSETS = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
VOCABULARY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats()
    | st.text(max_size=20)
    | st.just("shelf1")
    | st.just("x" * 50_000)
    | st.binary(max_size=20)
    | st.datetimes(timezones=st.none() | OFFSETS)
    | st.timedeltas()
    | st.sampled_from(Request),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "rpm", "duty", "state", "x"]), inner, max_size=4)
        | st.lists(inner, max_size=3).map(tuple)
    ),
    max_leaves=6,
)
ARGUMENTS = st.lists(VOCABULARY, max_size=3) | st.lists(VOCABULARY, max_size=2).map(lambda rest: ["shelf1", *rest])


@given(st.sampled_from(Request), ARGUMENTS, st.sampled_from([ALL, Grant(ALL.roles, frozenset({"x"}))]))
def test_whatever_comes_is_answered_or_refused_in_words(request_: Request, args: list[Any], grant: Grant) -> None:
    where = hall(warm(shelf()))
    refusal, frame = "granted", b""
    try:
        given = answer(where, request_, tuple(args), peer(grant=grant), at(1))
        frame = b"" if given is None else encode(given.request, given.args)
    except RequestError as error:
        refusal = str(error)
    assert 0 < len(refusal) < 300
    assert len(frame) < 65536
    assert 0 <= where.shelf("shelf1").decision(at(2)).duty <= 100


@pytest.mark.parametrize("request_", ASKED)
def test_what_is_encoded_already_says_the_same(request_: Request) -> None:
    given = ask(hall(), request_, *ASKED[request_])
    assert given.encoded in {None, encode(given.request, given.args)}
