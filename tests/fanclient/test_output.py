import pytest
from hypothesis import given
from hypothesis import strategies as st

from fand.fanclient.output import KICK, Condition, Limits, Output, aim, failed, found, wrote
from fand.units import FULL, Percent, Seconds

P, S = Percent, Seconds
EXACT = P(0.5)
PLAIN = Limits()


def driven(duty: float, limits: Limits = PLAIN, now: float = 0) -> Output:
    """A fan that was given ``duty`` long ago, verified."""
    output = aim(Output(limits), P(duty), S(now - 100))
    output = aim(output, P(duty), S(now - 50))
    return wrote(output, output.duty, EXACT, S(now), S(5))


@pytest.mark.parametrize(
    ("demand", "allow_stop", "duty"),
    [(50, False, 50), (20, False, 20), (19.9, False, 20), (0, False, 20), (0, True, 0), (0.1, True, 20)],
)
def test_a_fan_keeps_its_floor_and_stops_only_where_it_may(demand: float, allow_stop: bool, duty: float) -> None:
    assert driven(demand, Limits(P(20), allow_stop)).duty == duty


def test_a_change_is_due_at_once_and_the_same_again_an_interval_later() -> None:
    output = driven(40, now=100)
    assert output.due == 105
    assert aim(output, P(40), S(101)).due == 105
    assert aim(output, P(41), S(101)).due == 101


def test_from_standstill_a_fan_is_kicked_for_two_seconds() -> None:
    output = aim(driven(0, Limits(P(20), allow_stop=True), now=100), P(20), S(101))
    assert (output.duty, output.due, output.deadline) == (KICK, 101, 101)
    output = wrote(output, KICK, EXACT, S(101), S(5))
    assert output.deadline == 103
    assert aim(output, P(20), S(102.9)).duty == KICK
    output = aim(output, P(20), S(103))
    assert (output.duty, output.due, output.kicked) == (20, 103, None)


def test_a_kick_never_lowers_and_never_hinders() -> None:
    stopped = driven(0, Limits(P(20), allow_stop=True), now=100)
    assert aim(stopped, P(80), S(101)).duty == 80
    kicked = aim(stopped, P(20), S(101))
    assert aim(kicked, P(90), S(102)).duty == 90
    assert aim(kicked, P(0), S(102)).duty == 0


def test_a_kick_that_failed_is_given_later() -> None:
    output = aim(driven(0, Limits(P(20), allow_stop=True), now=100), P(20), S(101))
    output = failed(output, S(101), S(5))
    assert aim(output, P(20), S(103.9)).duty == KICK
    assert aim(output, P(20), S(104)).duty == 20


def test_rounding_is_no_fault() -> None:
    output = aim(Output(), P(50), S(1))
    output = wrote(output, P(50.3), EXACT, S(1), S(5))
    assert output.verified
    assert found(output, P(49.6), EXACT, S(2)).taken is None
    output = aim(Output(), P(100 / 3), S(1))
    assert wrote(output, P(float(f"{100 / 3:.15g}")), P(0), S(1), S(5)).verified


def test_c1_what_does_not_hold_is_a_failure_and_tried_again_soon() -> None:
    output = driven(40, now=100)
    for failures, due in ((1, 102), (2, 103), (3, 108)):
        assert output.condition is Condition.OK
        output = wrote(output, P(60), EXACT, S(100 + failures), S(5))
        assert (output.failures, output.due, output.verified) == (failures, due, False)
    assert output.condition is Condition.FAULT
    output = wrote(output, P(40), EXACT, S(110), S(5))
    assert (output.condition, output.verified, output.due) == (Condition.OK, True, 115)


def test_with_a_short_interval_the_next_try_comes_no_later() -> None:
    assert failed(driven(40), S(100), S(0.2)).due == pytest.approx(100.2)


def test_c1_a_duty_taken_over_is_seen_and_its_end_too() -> None:
    output = found(driven(40), P(75), EXACT, S(5))
    assert (output.taken, output.duty) == (75, 40)
    output = wrote(output, P(40), EXACT, S(5), S(5))
    assert output.verified
    assert found(output, P(40), EXACT, S(10)).taken is None


def test_a_fan_that_somebody_stopped_is_kicked() -> None:
    output = found(driven(25), P(0), EXACT, S(5))
    assert (output.taken, output.duty, output.kicked) == (0, KICK, 7)
    assert found(driven(80), P(0), EXACT, S(5)).duty == 80


def test_after_a_failure_nobody_knows_who_set_what() -> None:
    assert found(failed(driven(40), S(5), S(5)), P(75), EXACT, S(6)).taken is None


def test_an_unwritten_output_is_unverified() -> None:
    assert not Output().verified
    assert not aim(driven(40), P(41), S(1)).verified


@given(
    st.floats(0, 100),
    st.booleans(),
    st.lists(st.tuples(st.floats(0, 10), st.floats(0, 100), st.sampled_from(["none", "good", "bad", "stopped"]))),
)
def test_whatever_happens_a_fan_gets_what_is_demanded(
    floor: float, allow_stop: bool, steps: list[tuple[float, float, str]]
) -> None:
    limits, now = Limits(P(floor), allow_stop), S(0)
    output = Output(limits)
    for pause, demand, event in steps:
        now = S(now + pause)
        output = aim(output, P(demand), now)
        assert output.duty >= limits.bound(P(demand)) >= demand
        assert output.duty <= max(limits.bound(P(demand)), KICK)
        assert output.duty >= floor or (allow_stop and demand == 0)
        if event == "good":
            output = wrote(output, output.duty, EXACT, now, S(5))
        elif event == "bad":
            output = failed(output, now, S(5))
        elif event == "stopped":
            output = found(output, P(0), EXACT, now)
        assert output.duty <= FULL
        assert now <= output.deadline or output.due <= now
