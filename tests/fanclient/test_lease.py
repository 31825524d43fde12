from dataclasses import replace
from math import nextafter

from hypothesis import given
from hypothesis import strategies as st

from fand.fanclient.lease import Lease, State, Terms, answer, missed, tick
from fand.units import FULL, Percent, Seconds

TERMS = Terms(interval=Seconds(5), lease=Seconds(20), failsafe=FULL)
T0 = Seconds(1000)


def at(seconds: float) -> Seconds:
    return Seconds(T0 + seconds)


def running(duty: float = 40, terms: Terms = TERMS) -> Lease:
    return answer(Lease(terms), Percent(duty), T0, T0)


def recovered(duty: float = 40) -> Lease:
    """Back in RUN at 101 s, after a failsafe from 20 s on."""
    lease = tick(running(duty), at(30))
    lease = answer(lease, Percent(duty), at(96), at(96))
    return answer(lease, Percent(duty), at(101), at(101))


def test_until_the_first_answer_it_asks_for_full_speed_for_ever() -> None:
    lease = missed(tick(Lease(TERMS), at(1e6)), at(1e6))
    assert (lease.state, lease.demand, lease.deadline) == (State.INIT, FULL, None)


def test_the_first_answer_is_driven_at_once() -> None:
    lease = running(35)
    assert (lease.state, lease.demand) == (State.RUN, 35)


def test_a_first_answer_that_was_under_way_for_a_lease_counts_for_nothing() -> None:
    lease = answer(Lease(TERMS), Percent(30), T0, at(20))
    assert (lease.state, lease.demand) == (State.INIT, FULL)


def test_while_answers_come_the_duty_follows_up_and_down() -> None:
    lease = running(40)
    for i, duty in enumerate((90, 30, 31, 0), start=1):
        lease = answer(lease, Percent(duty), at(5 * i), at(5 * i + 1))
        assert (lease.state, lease.demand) == (State.RUN, duty)


def test_a_missed_answer_holds_the_duty() -> None:
    assert tick(running(40), at(9.9)).state is State.RUN
    for lease in (tick(running(40), at(10)), missed(running(40), at(1))):
        assert (lease.state, lease.demand) == (State.HOLD, 40)


def test_holding_a_push_may_raise_but_not_lower() -> None:
    lease = missed(running(40), at(1))
    assert answer(lease, Percent(30), T0, at(2)).demand == 40
    lease = answer(lease, Percent(70), T0, at(2))
    assert (lease.state, lease.demand) == (State.HOLD, 70)
    assert answer(lease, Percent(50), T0, at(3)).demand == 70


def test_an_answer_ends_the_hold() -> None:
    lease = answer(missed(running(40), at(1)), Percent(30), at(2), at(3))
    assert (lease.state, lease.demand) == (State.RUN, 30)


def test_a_push_is_followed_but_starts_no_lease() -> None:
    lease = answer(running(40), Percent(30), T0, at(9))
    assert (lease.state, lease.demand) == (State.RUN, 30)
    assert tick(lease, at(20)).state is State.FAILSAFE


def test_the_lease_counts_from_the_question_not_from_the_answer() -> None:
    lease = answer(running(40), Percent(40), at(5), at(14))
    assert tick(lease, at(24.9)).state is State.HOLD
    lease = tick(lease, at(25))
    assert (lease.state, lease.demand) == (State.FAILSAFE, FULL)


def test_an_older_answer_does_not_shorten_the_lease() -> None:
    lease = answer(answer(running(40), Percent(40), at(5), at(5)), Percent(40), at(3), at(6))
    assert lease.asked == at(5)


def test_a_failsafe_below_the_last_demand_does_not_lower_it() -> None:
    terms = replace(TERMS, failsafe=Percent(60))
    assert tick(running(90, terms), at(20)).demand == 90
    assert tick(running(40, terms), at(20)).demand == 60


def test_in_failsafe_a_greater_duty_counts_at_once() -> None:
    lease = tick(running(40, replace(TERMS, failsafe=Percent(60))), at(20))
    lease = answer(lease, Percent(80), at(21), at(21))
    assert (lease.state, lease.demand) == (State.FAILSAFE, 80)


def test_one_answer_does_not_end_a_failsafe_and_two_do() -> None:
    lease = answer(tick(running(40), at(20)), Percent(40), at(21), at(22))
    assert (lease.state, lease.demand) == (State.FAILSAFE, FULL)
    assert answer(lease, Percent(40), at(21), at(23)).state is State.FAILSAFE  # a push is no second answer
    assert answer(missed(lease, at(23)), Percent(40), at(24), at(25)).state is State.FAILSAFE  # not in a row
    assert answer(lease, Percent(40), at(41), at(41)).state is State.FAILSAFE  # a lease apart
    assert answer(lease, Percent(40), at(26), at(27)).state is State.RUN


def test_a_burst_of_answers_kept_by_the_network_ends_no_failsafe() -> None:
    lease = tick(running(40), at(60))
    for asked in (5, 10, 15, 20, 25, 30, 40):
        lease = answer(lease, Percent(20), at(asked), at(60))
        assert (lease.state, lease.demand) == (State.FAILSAFE, FULL)


def test_after_a_failsafe_it_falls_by_steps_of_5_until_it_has_come_down() -> None:
    lease, demands = recovered(83), []
    for i in range(6):
        now = at(106 + 5 * i)
        lease = tick(answer(lease, Percent(83), now, now), now)
        demands.append(lease.demand)
        assert tick(lease, Seconds(now + 4.9)).demand == lease.demand
    assert demands == [95, 90, 85, 83, 83, 83]
    assert lease.stepped is None
    assert answer(lease, Percent(20), at(140), at(140)).demand == 20


def test_time_asleep_is_one_step_not_many() -> None:
    assert tick(recovered(20), at(110.9)).demand == 95


def test_falling_it_still_rises_at_once() -> None:
    lease = tick(recovered(40), at(106))
    assert (lease.demand, lease.deadline) == (95, at(111))
    lease = answer(lease, Percent(98), at(107), at(107))
    assert (lease.demand, lease.stepped) == (98, None)
    lease = answer(recovered(40), Percent(99), at(102), at(102))
    assert (lease.demand, lease.stepped) == (FULL, at(101))


def test_a_push_while_falling_only_moves_the_aim() -> None:
    lease = answer(recovered(40), Percent(20), at(101), at(103))
    assert (lease.demand, lease.duty) == (FULL, 20)
    assert tick(lease, at(106)).demand == 95


def test_holding_the_fall_stops() -> None:
    lease = missed(recovered(40), at(105))
    assert tick(lease, at(115)).demand == FULL
    assert lease.deadline == at(121)


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 30), st.floats(0, 25)), max_size=20))
def test_nothing_happens_before_the_deadline(answers: list[tuple[float, float, float]]) -> None:
    lease, now = Lease(TERMS), T0
    for duty, pause, delay in answers:
        now = Seconds(now + pause)
        lease = tick(answer(lease, Percent(duty), Seconds(now - delay), now), now)
        until = Seconds(now + 1e6) if lease.deadline is None else lease.deadline
        assert until > now
        assert tick(lease, Seconds(nextafter(until, now))) == lease
        if lease.deadline is not None:
            assert tick(lease, until) != lease
