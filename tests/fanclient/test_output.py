from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fand.fanclient.output import (
    KICK,
    Condition,
    Limits,
    Output,
    Pace,
    aim,
    failed,
    found,
    measured,
    missing,
    woken,
    wrote,
)
from fand.units import FULL, Percent, Rpm, Seconds

P, S = Percent, Seconds
EXACT = P(0.5)
STEP = S(5)
PACE = Pace(interval=STEP, telling=S(20))
PLAIN = Limits()


def driven(duty: float, limits: Limits = PLAIN, now: float = 0) -> Output:
    """A fan that was given ``duty`` long ago, verified."""
    output = aim(Output(limits), P(duty), S(now - 100), STEP)
    output = aim(output, P(duty), S(now - 50), STEP)
    return wrote(output, output.duty, EXACT, S(now), PACE)


@pytest.mark.parametrize(
    ("demand", "allow_stop", "duty"),
    [(50, False, 50), (20, False, 20), (19.9, False, 20), (0, False, 20), (0, True, 0), (0.1, True, 20)],
)
def test_a_fan_keeps_its_floor_and_stops_only_where_it_may(demand: float, allow_stop: bool, duty: float) -> None:
    assert driven(demand, Limits(P(20), allow_stop)).duty == duty


def test_a_change_is_due_at_once_and_the_same_again_an_interval_later() -> None:
    output = driven(40, now=100)
    assert output.due == 105
    assert aim(output, P(40), S(101), STEP).due == 105
    assert aim(output, P(41), S(101), STEP).due == 101


def test_from_standstill_a_fan_is_kicked_for_two_seconds() -> None:
    output = aim(driven(0, Limits(P(20), allow_stop=True), now=100), P(20), S(101), STEP)
    assert (output.duty, output.due, output.deadline(STEP)) == (KICK, 101, 101)
    output = wrote(output, KICK, EXACT, S(101), PACE)
    assert output.deadline(STEP) == 103
    assert aim(output, P(20), S(102.9), STEP).duty == KICK
    output = aim(output, P(20), S(103), STEP)
    assert (output.duty, output.due, output.kicked) == (20, 103, None)


def test_a_kick_never_lowers_and_never_hinders() -> None:
    stopped = driven(0, Limits(P(20), allow_stop=True), now=100)
    assert aim(stopped, P(80), S(101), STEP).duty == 80
    kicked = aim(stopped, P(20), S(101), STEP)
    assert aim(kicked, P(90), S(102), STEP).duty == 90
    assert aim(kicked, P(0), S(102), STEP).duty == 0


def test_a_kick_that_failed_is_given_later() -> None:
    output = aim(driven(0, Limits(P(20), allow_stop=True), now=100), P(20), S(101), STEP)
    output = failed(output, S(101), PACE)
    assert aim(output, P(20), S(103.9), STEP).duty == KICK
    assert aim(output, P(20), S(104), STEP).duty == 20


def test_rounding_is_no_fault() -> None:
    output = aim(Output(), P(50), S(1), STEP)
    output = wrote(output, P(50.3), EXACT, S(1), PACE)
    assert output.verified
    assert found(output, P(49.6), EXACT, S(2), PACE).taken is None
    output = aim(Output(), P(100 / 3), S(1), STEP)
    assert wrote(output, P(float(f"{100 / 3:.15g}")), P(0), S(1), PACE).verified


def test_c1_what_does_not_hold_is_a_failure_and_tried_again_soon() -> None:
    output = driven(40, now=100)
    for failures, due in ((1, 102), (2, 103), (3, 108)):
        assert output.condition is Condition.OK
        output = wrote(output, P(60), EXACT, S(100 + failures), PACE)
        assert (output.failures, output.due, output.verified) == (failures, due, False)
    assert output.condition is Condition.FAULT


def test_with_a_short_interval_the_next_try_comes_no_later() -> None:
    assert failed(driven(40), S(100), Pace(S(0.2), S(1))).due == pytest.approx(100.2)


def test_c1_a_duty_taken_over_is_seen_and_its_end_too() -> None:
    output = found(driven(40), P(75), EXACT, S(5), PACE)
    assert (output.taken, output.duty) == (75, 40)
    output = wrote(output, P(40), EXACT, S(5), PACE)
    assert output.verified
    assert found(output, P(40), EXACT, S(10), PACE).taken is None


def test_a_fan_that_somebody_stopped_is_kicked() -> None:
    output = found(driven(25), P(0), EXACT, S(5), PACE)
    assert (output.taken, output.duty, output.kicked) == (0, KICK, 7)
    assert found(driven(80), P(0), EXACT, S(5), PACE).duty == 80


def test_after_a_failure_nobody_knows_who_set_what() -> None:
    assert found(failed(driven(40), S(5), PACE), P(75), EXACT, S(6), PACE).taken is None


def test_an_unwritten_output_is_unverified() -> None:
    assert not Output().verified
    assert not aim(driven(40), P(41), S(1), STEP).verified


EVENTS = ["none", "good", "bad", "stopped", "0", "900"]


@given(
    st.floats(0, 100),
    st.booleans(),
    st.lists(st.tuples(st.floats(0, 10), st.floats(0, 100), st.sampled_from(EVENTS))),
)
def test_whatever_happens_a_fan_gets_what_is_demanded(
    floor: float, allow_stop: bool, steps: list[tuple[float, float, str]]
) -> None:
    limits, now = Limits(P(floor), allow_stop), S(0)
    output = Output(limits)
    for pause, demand, event in steps:
        now = S(now + pause)
        output = aim(output, P(demand), now, STEP)
        assert output.duty >= limits.bound(P(demand)) >= demand
        if output.forced:
            assert output.duty == FULL
        elif output.stepped is None:
            assert output.duty <= max(limits.bound(P(demand)), KICK)
        assert output.duty >= floor or (allow_stop and demand == 0)
        if event.isdecimal():
            output = measured(output, Rpm(float(event)), now)
        elif event == "good":
            output = wrote(output, output.duty, EXACT, now, PACE)
        elif event == "bad":
            output = failed(output, now, PACE)
        elif event == "stopped":
            output = found(output, P(0), EXACT, now, PACE)
        assert output.duty <= FULL
        assert now <= output.deadline(STEP) or output.due <= now


def faulty(now: float = 100) -> Output:
    output = driven(40, now=now)
    for i in range(3):
        output = failed(output, S(now + i), PACE)
    return output


def test_c1_a_fault_asks_for_full_speed_only_until_that_has_held() -> None:
    output = faulty(100)
    assert (output.condition, output.duty, output.due) == (Condition.FAULT, FULL, 107)
    for at in (107, 112, 117, 122, 127, 132):
        output = wrote(aim(output, P(40), S(at), STEP), FULL, EXACT, S(at), PACE)
        assert (output.condition, output.duty, output.verified) == (Condition.FAULT, FULL, True)
    output = wrote(output, FULL, EXACT, S(137), PACE)
    assert (output.condition, output.duty) == (Condition.OK, FULL)


@pytest.mark.parametrize("what", ["refused", "does not hold", "taken", "stolen"])
def test_c1_full_speed_that_does_not_hold_begins_anew(what: str) -> None:
    output = wrote(faulty(100), FULL, EXACT, S(107), PACE)
    output = wrote(output, FULL, EXACT, S(130), PACE)
    output = {
        "refused": lambda: failed(output, S(135), PACE),
        "does not hold": lambda: wrote(output, P(40), EXACT, S(135), PACE),
        "taken": lambda: found(output, P(40), EXACT, S(135), PACE),
        "stolen": lambda: found(output, FULL, EXACT, S(135), PACE, stolen=True),
    }[what]()
    output = wrote(output, FULL, EXACT, S(140), PACE)
    assert wrote(output, FULL, EXACT, S(169), PACE).condition is Condition.FAULT
    assert wrote(output, FULL, EXACT, S(170), PACE).condition is not Condition.FAULT


def test_what_cannot_be_taken_over_is_at_fault_from_the_beginning() -> None:
    output = missing(Output(due=S(100)), S(100), PACE)
    assert (output.condition, output.due) == (Condition.FAULT, 105)


def after_fault() -> Output:
    """At full speed from the 137th second on, and in order."""
    return wrote(wrote(faulty(100), FULL, EXACT, S(107), PACE), FULL, EXACT, S(137), PACE)


def test_after_a_fault_the_duty_comes_down_in_steps() -> None:
    output, duties = after_fault(), []
    for at in (137, 141.9, 142, 146, 147, 200):
        output = aim(output, P(88), S(at), STEP)
        duties.append(output.duty)
        assert output.stepped is None or output.deadline(STEP) <= output.stepped + 5
    assert duties == [100, 100, 95, 95, 90, 88]
    assert output.stepped is None


def test_on_its_way_down_it_rises_at_once_and_never_rests_under_its_floor() -> None:
    output = aim(after_fault(), P(40), S(142), STEP)
    assert output.duty == 95
    assert aim(output, P(97), S(143), STEP).duty == 97
    output = replace(output, limits=Limits(P(93), allow_stop=True))
    assert aim(output, P(0), S(147), STEP).duty == 0


def test_a_fan_that_stood_still_on_purpose_is_excused_when_its_fault_starts_it() -> None:
    output = driven(0, Limits(P(20), allow_stop=True), now=100)
    for at in (101, 102, 103):
        output = failed(output, S(at), PACE)
    assert (output.duty, output.rotation.excused) == (FULL, 113)


def spinning(output: Output, *speeds: float | None, at: float) -> Output:
    """``output`` measured every 5 s from ``at`` on."""
    for i, speed in enumerate(speeds):
        output = measured(output, None if speed is None else Rpm(speed), S(at + 5 * i))
    return output


def test_s6_a_fan_that_stands_still_gets_full_speed_until_it_has_turned_for_a_while() -> None:
    output = spinning(driven(40, now=100), 0, 0, at=100)
    assert (output.condition, output.duty) == (Condition.OK, 40)
    output = spinning(output, 0, at=110)
    assert (output.condition, output.duty, output.due) == (Condition.STALLED, FULL, 110)
    assert aim(output, P(40), S(111), STEP).duty == FULL
    output = spinning(output, 900, 900, 900, 900, 900, 900, at=115)
    assert (output.condition, output.duty) == (Condition.STALLED, FULL)
    output = spinning(output, 900, at=145)
    assert (output.condition, output.duty) == (Condition.OK, FULL)
    assert aim(output, P(40), S(149), STEP).duty == FULL
    assert aim(output, P(40), S(150), STEP).duty == 95


def test_a_fault_outweighs_a_stall_and_a_stall_a_taking() -> None:
    output = found(spinning(driven(40, now=100), 0, 0, 0, at=100), P(70), EXACT, S(110), PACE)
    assert output.condition is Condition.STALLED
    for at in (111, 112, 113):
        output = failed(output, S(at), PACE)
    assert output.condition is Condition.FAULT
    output = wrote(wrote(output, FULL, EXACT, S(118), PACE), FULL, EXACT, S(148), PACE)
    assert (output.condition, output.duty) == (Condition.STALLED, FULL)
    assert aim(output, P(40), S(200), STEP).duty == FULL


def test_c1_a_taking_is_told_so_long_that_every_server_hears_of_it() -> None:
    output = found(driven(40, now=100), P(75), EXACT, S(105), PACE)
    output = wrote(output, P(40), EXACT, S(105), PACE)
    output = aim(found(output, P(40), EXACT, S(110), PACE), P(40), S(124.9), STEP)
    assert (output.taken, output.condition) == (None, Condition.TAKEN)
    output = wrote(output, P(40), EXACT, S(124.9), PACE)
    assert output.deadline(STEP) == 125
    assert aim(output, P(40), S(125), STEP).condition is Condition.OK


def test_c1_control_that_was_stolen_is_a_taking_though_the_duty_is_the_same() -> None:
    assert found(driven(40), P(40), EXACT, S(5), PACE, stolen=True).condition is Condition.TAKEN


def test_after_a_sleep_it_is_written_at_once_and_excused_for_standing_still() -> None:
    output = woken(driven(40, now=100), S(103))
    assert (output.due, output.rotation.excused) == (103, 113)
