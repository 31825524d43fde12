"""fand.server.limits: places, rates and memory, in made time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fand.config import LimitsConfig
from fand.dispatch import Grant, Peer, Role, role_for
from fand.exceptions import RequestError
from fand.server.limits import FREE, GLANCE, MOST_HELD, PATIENCE, WINDOW, Rank, Seat, Seats, origin
from fand.units import Seconds
from fand.wire import Request


def limits(connections: int = 3, per_peer: int = 3, rate: float = 10.0, idle: float = 600.0) -> LimitsConfig:
    return LimitsConfig(connections, per_peer, rate, Seconds(idle))


def seat(host: str = "192.0.2.1", at: float = 0.0, rank: Rank = Rank.STRANGER) -> Seat:
    return Seat(Peer(f"{host}:4000", Seconds(at)), host, rank)


def admit(seats: Seats, who: Seat, now: float = 0.0) -> Seat | None:
    return seats.admit(who, Seconds(now))


def full(*ranks: Rank, at: float = 0.0) -> tuple[Seats, list[Seat]]:
    """Seats that are all taken, by these."""
    there = [seat(rank=rank, at=at) for rank in ranks]
    seats = Seats(limits(len(there), 1000), 1000)
    for who in there:
        assert admit(seats, who, at) is None
    return seats, there


def test_there_is_room_for_as_many_as_the_limit_says_and_no_more() -> None:
    seats, _ = full(*[Rank.GUEST] * 3)
    with pytest.raises(RequestError, match=r"^too many clients are connected$"):
        admit(seats, seat())
    assert len(seats) == 3


def test_what_the_system_gives_is_a_limit_too() -> None:
    seats = Seats(limits(10), 1)
    admit(seats, seat())
    with pytest.raises(RequestError):
        admit(seats, seat())


def test_who_leaves_makes_room_once() -> None:
    seats, there = full(*[Rank.WORKER] * 3)
    seats.leave(there[0])
    seats.leave(there[0])
    assert len(seats) == 2
    assert admit(seats, seat()) is None


def test_one_host_cannot_take_all_the_room() -> None:
    seats = Seats(limits(10, per_peer=2), 1000)
    for _ in range(2):
        admit(seats, seat("192.0.2.1"))
    with pytest.raises(RequestError, match=r"^too many clients are connected from 192\.0\.2\.1$"):
        admit(seats, seat("192.0.2.1"))
    assert admit(seats, seat("192.0.2.2")) is None
    assert (seats.of("192.0.2.1"), seats.of("192.0.2.2"), seats.of("192.0.2.3")) == (2, 1, 0)


def test_a_stranger_goes_for_a_newcomer_of_the_same_host_only_if_that_host_is_at_its_limit() -> None:
    seats = Seats(limits(10, per_peer=1), 1000)
    one, other = seat("192.0.2.1"), seat("192.0.2.2", at=-5)
    admit(seats, other)
    admit(seats, one)
    assert admit(seats, seat("192.0.2.1", at=2), 2) is one


def test_who_has_asked_nothing_goes_before_a_guest_and_a_worker_never() -> None:
    seats, (worker, guest, stranger) = full(Rank.WORKER, Rank.GUEST, Rank.STRANGER)
    late = 10 * PATIENCE[Rank.GUEST]
    new = [seat(at=late, rank=Rank.WORKER) for _ in range(3)]
    assert admit(seats, new[0], late) is stranger
    assert admit(seats, new[1], late) is guest
    with pytest.raises(RequestError):
        admit(seats, new[2], late)
    assert worker.leaves_at() > 1e300


def test_of_equal_rank_the_one_not_heard_of_for_longest_goes() -> None:
    seats, there = full(*[Rank.STRANGER] * 3)
    for place, when in enumerate((0.2, 0.1, 0.3)):
        there[place].peer.at = Seconds(when)
    assert [admit(seats, seat(at=5), 5) for _ in range(3)] == [there[1], there[0], there[2]]


def test_nobody_goes_who_was_heard_of_a_moment_ago() -> None:
    seats, there = full(*[Rank.STRANGER] * 3)
    with pytest.raises(RequestError):
        admit(seats, seat(at=0.9), 0.9)
    assert admit(seats, seat(at=1.2), 1.2) is there[0]


def test_who_was_heard_of_since_the_last_look_stays() -> None:
    seats, there = full(*[Rank.STRANGER] * 3)
    assert admit(seats, seat(at=2, rank=Rank.WORKER), 2) is there[0]
    there[1].peer.at = Seconds(2)
    there[2].granted(Request.SET_RPM, role_for(Request.SET_RPM))
    with pytest.raises(RequestError):
        admit(seats, seat(at=2), 2)


def test_a_crowd_at_the_door_has_all_places_looked_at_four_times_a_second_at_most(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seats, _ = full(*[Rank.GUEST] * 3)
    looks = 0
    real = Seat.leaves_at

    def counted(self: Seat) -> float:
        nonlocal looks
        looks += 1
        return real(self)

    monkeypatch.setattr(Seat, "leaves_at", counted)
    for step in range(1000):
        with pytest.raises(RequestError):
            admit(seats, seat(), 140 + step / 1000)
    assert looks <= 4 * 3 * (1 / GLANCE)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["come", "go", "ask", "work"]),
            st.integers(0, 30),
            st.floats(0, 200),
            st.sampled_from(["a", "b"]),
        )
    )
)
def test_whatever_happens_the_counts_are_right_and_workers_stay(
    events: list[tuple[str, int, float, str]],
) -> None:
    seats, now = Seats(limits(6, 4), 1000), 0.0
    there: list[Seat] = []
    for what, which, passes, host in events:
        now += passes
        if what == "come":
            new = seat(host, now)
            try:
                gone = admit(seats, new, now)
            except RequestError:
                assert len(there) == 6 or sum(one.host == host for one in there) == 4
                continue
            there.append(new)
            if gone is not None:
                there.remove(gone)
                assert gone.rank < Rank.WORKER
        elif there:
            who = there[which % len(there)]
            if what == "go":
                seats.leave(who)
                there.remove(who)
            elif what == "ask":
                seats.pace(who, Seconds(now))
            else:
                who.granted(Request.SUBSCRIBE_PWM, role_for(Request.SUBSCRIBE_PWM))
        assert len(seats) == len(there) <= 6
        for name in ("a", "b"):
            assert seats.of(name) == sum(one.host == name for one in there) <= 4


@pytest.mark.parametrize(
    ("request_", "rank"),
    [
        (Request.PING, Rank.STRANGER),
        (Request.GET_STATUS, Rank.STRANGER),
        (Request.SET_PWM_OVERRIDE, Rank.STRANGER),
        (Request.SUBSCRIBE_PWM, Rank.WORKER),
        (Request.SET_RPM, Rank.WORKER),
        (Request.SET_FANS, Rank.WORKER),
    ],
)
def test_who_reports_or_subscribes_works(request_: Request, rank: Rank) -> None:
    who = seat()
    who.granted(request_, role_for(request_))
    assert who.rank is rank


def test_who_only_reads_and_subscribes_keeps_its_place_and_waits_its_turn() -> None:
    who = seat()
    who.peer.grant = Grant(frozenset({Role.READ}))
    who.granted(Request.SUBSCRIBE_PWM, role_for(Request.SUBSCRIBE_PWM))
    assert who.rank is Rank.WATCHER
    assert who.leaves_at() > 1e300
    worker = seat(rank=Rank.WORKER)
    worker.peer.grant = who.peer.grant
    worker.granted(Request.SUBSCRIBE_PWM, role_for(Request.SUBSCRIBE_PWM))
    assert worker.rank is Rank.WORKER


def test_who_has_been_answered_is_a_stranger_no_more() -> None:
    seats, (who, worker) = full(Rank.STRANGER, Rank.WORKER)
    seats.pace(who, Seconds(0))
    seats.pace(worker, Seconds(0))
    assert (who.rank, worker.rank) == (Rank.GUEST, Rank.WORKER)


def test_the_rate_counts_in_the_long_run() -> None:
    seats, who = Seats(limits(rate=10), 10), seat()
    at_once = 0
    while who.due <= 0:
        seats.pace(who, Seconds(0))
        at_once += 1
    assert at_once == pytest.approx(10 * WINDOW, abs=2)
    answered, now = 0, 0.0
    while now < 60:
        now = max(now, who.due)
        seats.pace(who, Seconds(now))
        answered += 1
    assert answered == pytest.approx(10 * 60, abs=2)
    assert who.due <= 61


def test_what_was_not_used_long_ago_does_not_count() -> None:
    seats, who = Seats(limits(rate=10), 10), seat()
    seats.pace(who, Seconds(1e9))
    assert who.due == pytest.approx(1e9 - WINDOW + 0.1)


def test_only_so_much_is_held_for_all() -> None:
    seats, (one, other, worker) = full(Rank.STRANGER, Rank.GUEST, Rank.WORKER)
    assert seats.hold(one, MOST_HELD)
    assert seats.hold(other, FREE), "so little does not count"
    assert not seats.hold(other, 2 * FREE + 1)
    assert seats.hold(worker, FREE + MOST_HELD // 2), "of a worker, as much again"
    assert not seats.hold(worker, 2 * MOST_HELD)
    assert seats.hold(worker, 0)
    seats.leave(one)
    assert seats.hold(other, MOST_HELD)
    assert seats.hold(other, 0)
    assert seats.hold(other, FREE + MOST_HELD)


def test_who_asks_nothing_for_long_is_idle_but_for_those_that_are_pushed_to() -> None:
    seats, (stranger, guest, _, _) = full(*[Rank.STRANGER, Rank.GUEST, Rank.WORKER, Rank.GUEST])
    assert list(seats.idle(Seconds(599))) == []
    there = list(seats.idle(Seconds(601)))
    assert there[:2] == [stranger, guest]
    assert len(there) == 3


def test_new_limits_count_from_then_on() -> None:
    seats, _ = full(*[Rank.GUEST] * 3)
    seats.become(limits(5, 9, rate=2))
    assert seats.gap == 0.5
    admit(seats, seat())
    seats.become(limits(2))
    assert len(seats) == 4
    with pytest.raises(RequestError):
        admit(seats, seat())


@pytest.mark.parametrize(
    ("address", "host"),
    [
        (("192.0.2.1", 4000), "192.0.2.1"),
        (("::1", 4000, 0, 0), "::1"),
        (("2001:db8:1:2:3:4:5:6", 4000, 0, 0), "2001:db8:1:2::/64"),
        (("2001:db8:1:2::7", 4001, 0, 0), "2001:db8:1:2::/64"),
        (("fe80::1%eth0", 4000, 0, 2), "fe80::/64"),
        (("::ffff:192.0.2.1", 4000, 0, 0), "192.0.2.1"),
        ("", "this host"),
        (None, "this host"),
    ],
)
def test_what_connections_of_one_host_share(address: object, host: str) -> None:
    assert origin(address) == host
