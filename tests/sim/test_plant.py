"""The plant: heat is conserved, equilibria are the analytic ones, more air is never warmer, any step is stable."""

from dataclasses import replace
from itertools import pairwise
from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fand.sim import HDD, Drive, Fan, FanFault, Inputs, Shelf, State, airflow, equilibrium, exhaust, step
from fand.sim.plant import AIR
from fand.units import Celsius, Percent, Rpm, Seconds

AMBIENT = Celsius(22.0)
SSD = Drive(capacity=60.0, idle=1.0, busy=6.0, asleep=0.1, still=0.05, forced=0.2)

duties = st.floats(0, 100).map(Percent)
loads = st.one_of(st.none(), st.floats(0, 1))
spans = st.floats(0.01, 60).map(Seconds)
temperatures = st.floats(-10, 90).map(Celsius)


@st.composite
def scenes(draw: st.DrawFn) -> tuple[Shelf, State, Inputs]:
    drives = tuple(draw(st.lists(st.sampled_from([HDD, SSD]), min_size=1, max_size=8)))
    fans = (Fan(),) * draw(st.integers(1, 3))
    shelf = Shelf(drives, fans, lanes=draw(st.integers(1, 4)))
    state = State(
        tuple(draw(temperatures) for _ in drives),
        tuple(Rpm(draw(st.floats(0, fan.full))) for fan in fans),
    )
    return shelf, state, Inputs([draw(loads) for _ in drives], [draw(duties) for _ in fans], draw(temperatures))


def settled(shelf: Shelf, inputs: Inputs, state: State, dt: float, seconds: float) -> State:
    for _ in range(round(seconds / dt)):
        state = step(shelf, state, inputs, Seconds(dt))
    return state


def one(duty: float, load: float | None = 1.0, drives: int = 1) -> tuple[Shelf, Inputs]:
    return Shelf((HDD,) * drives, (Fan(),)), Inputs([load] * drives, [Percent(duty)], AMBIENT)


def test_one_drive_settles_at_the_analytic_equilibrium() -> None:
    shelf, inputs = one(100)
    carried = AIR * shelf.flow
    conductance = carried * (1 - exp(-(HDD.still + HDD.forced) / carried))
    expected = AMBIENT + HDD.busy / conductance
    assert equilibrium(shelf, inputs).celsius[0] == pytest.approx(expected)
    assert settled(shelf, inputs, shelf.at(AMBIENT), 10, 4 * 3600).celsius[0] == pytest.approx(expected)


def test_a_drive_warms_with_its_time_constant() -> None:
    shelf, inputs = one(100)
    end = equilibrium(shelf, inputs)
    carried = AIR * shelf.flow
    tau = HDD.capacity / (carried * (1 - exp(-(HDD.still + HDD.forced) / carried)))
    state = settled(shelf, inputs, State((AMBIENT,), end.rpm), tau / 100, tau)
    assert (end.celsius[0] - state.celsius[0]) / (end.celsius[0] - AMBIENT) == pytest.approx(exp(-1))


def test_values_are_those_of_real_drives() -> None:
    busy = equilibrium(*one(100)).celsius[0]
    slow = equilibrium(*one(25)).celsius[0]
    still = equilibrium(Shelf((HDD,), (Fan(),)), replace(one(0)[1], faults=[(0, FanFault.DEAD)])).celsius[0]
    assert 30 < busy < 36
    assert 38 < slow < 50
    assert 70 < still < 125


def test_the_next_drive_of_a_lane_breathes_warmed_air() -> None:
    shelf, inputs = one(60, drives=4)
    assert all(later > sooner for sooner, later in pairwise(equilibrium(shelf, inputs).celsius))
    abreast = replace(shelf, lanes=4)
    assert len(set(equilibrium(abreast, inputs).celsius)) == 1


def test_air_warms_by_the_power_it_takes_up() -> None:
    shelf, inputs = one(100, drives=3)
    end = equilibrium(shelf, inputs)
    first, second = end.celsius[:2]
    assert second - first == pytest.approx(HDD.busy / (AIR * shelf.flow))
    assert exhaust(shelf, end, inputs, Seconds(1)) == pytest.approx(3 * HDD.busy)


def test_a_sleeping_drive_heats_less_than_an_idle_one() -> None:
    asleep, idle, busy = (equilibrium(*one(50, load)).celsius[0] for load in (None, 0.0, 1.0))
    assert AMBIENT < asleep < idle < busy


@given(scene=scenes(), dt=spans)
def test_heat_is_conserved_in_every_step(scene: tuple[Shelf, State, Inputs], dt: Seconds) -> None:
    shelf, state, inputs = scene
    # at these speeds the lag has nothing to do, so that flow is the same before, during and after
    even = State(state.celsius, step(shelf, state, inputs, Seconds(1e6)).rpm)
    after = step(shelf, even, inputs, dt)
    stored = sum(
        drive.capacity * (new - old)
        for drive, old, new in zip(shelf.drives, even.celsius, after.celsius, strict=True)
    )
    put_in = sum(drive.power(load) for drive, load in zip(shelf.drives, inputs.loads, strict=True)) * dt
    assert stored + exhaust(shelf, even, inputs, dt) * dt == pytest.approx(put_in, abs=1e-6 * max(1, dt) * 1000)


@given(scene=scenes(), dt=spans)
def test_any_step_stays_within_what_is_physical(scene: tuple[Shelf, State, Inputs], dt: Seconds) -> None:
    shelf, state, inputs = scene
    powers = (drive.power(load) for drive, load in zip(shelf.drives, inputs.loads, strict=True))
    # each drive at most by P / K above the air it gets, K of an SSD without fans being 0.045 W/K
    top = max(*state.celsius, inputs.ambient) + sum(powers) / 0.045
    for _ in range(20):
        state = step(shelf, state, inputs, dt)
        assert all(min(inputs.ambient, -10) - 1e-6 <= celsius <= top for celsius in state.celsius)
        assert all(0 <= speed <= fan.full for fan, speed in zip(shelf.fans, state.rpm, strict=True))


@given(scene=scenes(), dt=spans)
def test_the_equilibrium_is_a_fixed_point_of_any_step(scene: tuple[Shelf, State, Inputs], dt: Seconds) -> None:
    shelf, _, inputs = scene
    end = equilibrium(shelf, inputs)
    again = step(shelf, end, inputs, dt)
    assert again.celsius == pytest.approx(end.celsius)
    assert again.rpm == pytest.approx(end.rpm)


@given(scene=scenes(), dt=spans, more=st.floats(0, 100))
def test_a_higher_duty_never_warms_at_the_end(scene: tuple[Shelf, State, Inputs], dt: Seconds, more: float) -> None:
    shelf, state, inputs = scene
    higher = replace(inputs, duties=[Percent(min(100.0, duty + more)) for duty in inputs.duties])
    slow, fast = step(shelf, state, inputs, dt), step(shelf, state, higher, dt)
    assert all(a <= b + 1e-9 for a, b in zip(slow.rpm, fast.rpm, strict=True))
    low, high = equilibrium(shelf, inputs), equilibrium(shelf, higher)
    assert all(b <= a + 1e-9 for a, b in zip(low.celsius, high.celsius, strict=True))


@given(dt=st.floats(0.01, 60))
def test_coarse_and_fine_steps_agree(dt: float) -> None:
    shelf, inputs = one(70, drives=3)
    start = State((AMBIENT,) * 3, equilibrium(shelf, inputs).rpm)
    seconds = 1200.0
    coarse = settled(shelf, inputs, start, seconds / max(1, round(seconds / dt)) if dt > 5 else 5.0, seconds)
    fine = settled(shelf, inputs, start, 2.0, seconds)
    assert coarse.celsius == pytest.approx(fine.celsius, abs=0.3)


def test_a_fan_follows_its_duty_with_a_lag() -> None:
    shelf, inputs = one(80)
    fan = shelf.fans[0]
    state = step(shelf, State((AMBIENT,), (Rpm(1000.0),)), inputs, fan.lag)
    assert state.rpm[0] == pytest.approx(1600 - 600 * exp(-1))
    assert settled(shelf, inputs, state, 1, 30).rpm[0] == pytest.approx(1600)


def test_a_fan_keeps_its_least_speed_and_stops_below_its_stopping_duty() -> None:
    turning = State((AMBIENT,), (Rpm(2000.0),))
    for duty, rpm in ((19, 400), (5, 400), (4.9, 0), (0, 0)):
        shelf, inputs = one(duty)
        assert settled(shelf, inputs, turning, 0.5, 30).rpm[0] == pytest.approx(rpm)


def test_a_fan_at_rest_needs_its_starting_duty() -> None:
    for duty, turns in ((29, False), (30, True)):
        shelf, inputs = one(duty)
        assert (settled(shelf, inputs, shelf.at(AMBIENT), 1, 10).rpm[0] > 0) is turns


def test_a_stalled_fan_stands_at_once_and_a_dead_one_coasts() -> None:
    shelf, inputs = one(100)
    turning = State((AMBIENT,), (Rpm(2000.0),))
    stalled = step(shelf, turning, replace(inputs, faults=[(0, FanFault.STALLED)]), Seconds(0.1))
    dead = step(shelf, turning, replace(inputs, faults=[(0, FanFault.DEAD)]), Seconds(0.1))
    assert stalled.rpm == (0.0,)
    assert dead.rpm[0] == pytest.approx(2000 * exp(-0.1))
    coasted = settled(shelf, replace(inputs, faults=[(0, FanFault.DEAD)]), dead, 1, 10)
    assert coasted.rpm == (0.0,)
    assert settled(shelf, inputs, coasted, 1, 10).rpm[0] == pytest.approx(2000, rel=1e-3)


def test_one_fan_of_two_gives_half_the_flow_and_warmer_drives() -> None:
    shelf = Shelf((HDD,) * 4, (Fan(), Fan()), lanes=2)
    inputs = Inputs([1.0] * 4, [Percent(100.0)] * 2, AMBIENT)
    whole = equilibrium(shelf, inputs)
    half = equilibrium(shelf, replace(inputs, faults=[(1, FanFault.DEAD)]))
    assert airflow(shelf, whole.rpm) == 1
    assert airflow(shelf, half.rpm) == 0.5
    assert all(b > a for a, b in zip(whole.celsius, half.celsius, strict=True))


def test_without_fans_only_the_draught_is_left() -> None:
    shelf = Shelf((HDD,), ())
    carried = AIR * shelf.flow * shelf.leak
    end = equilibrium(shelf, Inputs([0.0], [], AMBIENT))
    assert end.celsius[0] == pytest.approx(AMBIENT + HDD.idle / (carried * (1 - exp(-HDD.still / carried))))
    assert airflow(shelf, []) == 0
