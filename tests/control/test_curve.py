import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fand.control import CURVES, Linear, Step, point_faults
from fand.units import Celsius, Percent
from tests.control.shelves import celsius, curves, points

HDD = points((0, 25), (37, 30), (38, 40), (41, 100))


@pytest.mark.parametrize(
    ("temperature", "duty"),
    [(-19, 25), (0, 25), (36.999, 25), (37, 30), (37.5, 30), (38, 40), (40.9, 40), (41, 100), (124, 100)],
)
def test_a_step_curve_holds_each_duty_up_to_the_next_point(temperature: float, duty: float) -> None:
    assert Step(HDD).duty(Celsius(temperature)) == Percent(duty)


@pytest.mark.parametrize(
    ("temperature", "duty"),
    [(-19, 25), (0, 25), (18.5, 27.5), (37, 30), (37.5, 35), (38, 40), (39.5, 70), (41, 100), (124, 100)],
)
def test_a_linear_curve_draws_lines_between_the_points(temperature: float, duty: float) -> None:
    assert Linear(HDD).duty(Celsius(temperature)) == Percent(duty)


@pytest.mark.parametrize("kind", [Step, Linear])
def test_one_point_is_the_same_duty_everywhere(kind: type[Step] | type[Linear]) -> None:
    curve = kind(points((0, 40)))
    assert {curve.duty(Celsius(t)) for t in (-19, 0, 60, 124)} == {Percent(40)}


@given(curves, celsius, celsius)
def test_s11_a_curve_never_falls(curve: Step | Linear, one: Celsius, other: Celsius) -> None:
    assert curve.duty(min(one, other)) <= curve.duty(max(one, other))


@given(curves, celsius)
def test_a_curve_stays_between_its_first_and_its_last_duty(curve: Step | Linear, temperature: Celsius) -> None:
    assert curve.points[0][1] <= curve.duty(temperature) <= curve.points[-1][1]


@given(curves)
def test_a_curve_goes_through_its_points(curve: Step | Linear) -> None:
    assert [curve.duty(temperature) for temperature, _ in curve.points] == [duty for _, duty in curve.points]


def test_rounding_does_not_carry_a_line_past_its_end() -> None:
    start, end = 0.1, 0.7
    line = Linear(points((start, 1 / 3), (end, 100)))
    just_below = Celsius(math.nextafter(end, start))
    assert line.duty(just_below) <= Percent(100)


@given(curves)
def test_s11_a_proper_curve_has_no_faults(curve: Step | Linear) -> None:
    kind = next(name for name, cls in CURVES.items() if isinstance(curve, cls))
    assert point_faults(kind, curve.points) == []


@pytest.mark.parametrize(
    ("kind", "pairs", "fault"),
    [
        ("linear", [], "has no points; give at least one, like [30, 25]"),
        ("linear", [[30]], "point 1 [30] is not a pair of numbers, like [30, 25]"),
        ("linear", [[30, 20], []], "point 2 [] is not a pair of numbers, like [30, 25]"),
        ("linear", [[30, math.nan]], "point 1 [30, nan] is not a pair of numbers, like [30, 25]"),
        ("linear", [[math.inf, 30]], "point 1 [inf, 30] is not a pair of numbers, like [30, 25]"),
        ("linear", [[30, True]], "point 1 [30, True] is not a pair of numbers, like [30, 25]"),
        ("linear", [[125, 30]], "point 1: 125 °C is no temperature between -20 and 125"),
        ("linear", [[-20, 30]], "point 1: -20 °C is no temperature between -20 and 125"),
        ("linear", [[30, 100.5]], "point 1: duty 100.5 is not from 0 to 100"),
        ("linear", [[30, -1]], "point 1: duty -1 is not from 0 to 100"),
        ("linear", [[30, 20], [30, 40]], "point 2: 30 °C does not come after 30; sort by temperature"),
        ("linear", [[30, 20], [20, 40]], "point 2: 20 °C does not come after 30; sort by temperature"),
        ("step", [[0, 30], [40, 20]], "point 2: the duty falls from 30 to 20; a curve must not fall"),
        ("step", [[30, 20]], "has no point at the bottom; begin at 0 °C or below, not at 30"),
    ],
)
def test_s11_what_is_no_curve_is_told(kind: str, pairs: list[list[float]], fault: str) -> None:
    assert point_faults(kind, pairs) == [fault]


def test_s11_every_fault_of_the_points_is_told() -> None:
    assert len(point_faults("step", [[1], [200, 20], [30, 200]])) == 3
    assert len(point_faults("step", [[30, 50], [20, 60], [40, 10]])) == 3


def test_s11_only_a_linear_curve_may_begin_above_0_degrees() -> None:
    assert point_faults("linear", [[30, 20]]) == []
    assert point_faults("step", [[-5, 20], [30, 50]]) == []


@given(st.lists(st.lists(st.floats() | st.integers() | st.booleans(), max_size=3), max_size=5))
def test_s11_points_without_a_fault_make_a_curve_that_does_not_fall(pairs: list[list[float]]) -> None:
    for kind, make in CURVES.items():
        if point_faults(kind, pairs):
            continue
        curve = make(points(*((float(pair[0]), float(pair[1])) for pair in pairs)))
        duties = [curve.duty(Celsius(step / 2)) for step in range(-40, 250)]
        assert duties == sorted(duties)
        assert 0 <= duties[0] <= duties[-1] <= 100
