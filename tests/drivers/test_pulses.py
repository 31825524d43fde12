import pytest
from hypothesis import given
from hypothesis import strategies as st

from fand.drivers.pulses import STANDSTILL, Edge, Pulses
from fand.units import Seconds


def edges(start: float, period: float, count: int, number: int = 1) -> list[Edge]:
    return [Edge(Seconds(start + period * each), number + each) for each in range(count)]


@given(st.floats(min_value=35, max_value=30_000), st.integers(min_value=1, max_value=4))
def test_a_steady_fan_has_its_speed_in_every_call(rpm: float, pulses: int) -> None:
    tachometer, period = Pulses(pulses), 60 / rpm / pulses
    start = 1000.0
    for _ in range(3):
        batch = edges(start, period, 5, round((start - 1000) / period) + 1)
        start += 5 * period
        assert tachometer.speed(batch, Seconds(start)) == pytest.approx(rpm)


def test_no_speed_is_known_before_two_edges() -> None:
    tachometer = Pulses(2)
    assert tachometer.speed([], Seconds(10)) is None
    assert tachometer.speed([Edge(Seconds(10.5), 1)], Seconds(11)) is None
    assert tachometer.speed([Edge(Seconds(11.5), 2)], Seconds(11.5)) == pytest.approx(30)


def test_the_first_call_knows_the_speed_if_it_has_edges() -> None:
    assert Pulses(2).speed(edges(9, 0.02, 51), Seconds(10)) == pytest.approx(1500)


def test_lost_edges_do_not_slow_the_fan() -> None:
    batch = edges(10, 0.02, 51)
    assert Pulses(2).speed([batch[0], *batch[20:25], batch[50]], Seconds(11)) == pytest.approx(1500)


def test_the_count_may_wrap() -> None:
    batch = [Edge(Seconds(10), 2**32 - 1), Edge(Seconds(10.04), 1)]
    assert Pulses(2).speed(batch, Seconds(10.04)) == pytest.approx(1500)


def test_silence_means_slower_and_then_standing_still() -> None:
    tachometer = Pulses(2)
    assert tachometer.speed(edges(10, 0.02, 51), Seconds(11)) == pytest.approx(1500)
    assert tachometer.speed([], Seconds(11.01)) == pytest.approx(1500)
    assert tachometer.speed([], Seconds(12)) == pytest.approx(30)
    assert tachometer.speed([], Seconds(12.5)) == pytest.approx(20)
    for now in (13, 60, 3600):
        assert tachometer.speed([], Seconds(now)) == 0.0


def test_uneven_pulses_and_a_late_call_change_nothing() -> None:
    batch = edges(10, 0.02, 51)
    assert Pulses(2).speed(batch, Seconds(11.3)) == pytest.approx(1500)


def test_a_fan_that_never_turned_stands_still_after_a_while() -> None:
    tachometer = Pulses(2)
    assert tachometer.speed([], Seconds(5)) is None
    assert tachometer.speed([], Seconds(5 + STANDSTILL - 0.1)) is None
    assert tachometer.speed([], Seconds(5 + STANDSTILL)) == 0.0


def test_a_fan_that_stopped_within_the_interval_stands_still() -> None:
    assert Pulses(2).speed(edges(10, 0.02, 51), Seconds(15)) == 0.0


def test_the_pause_does_not_count_when_it_turns_again() -> None:
    tachometer = Pulses(2)
    tachometer.speed(edges(10, 0.02, 51), Seconds(11))
    assert tachometer.speed([], Seconds(20)) == 0.0
    assert tachometer.speed([Edge(Seconds(24.99), 52)], Seconds(25)) == 0.0
    assert tachometer.speed(edges(25.01, 0.02, 40, 53), Seconds(25.8)) == pytest.approx(1500)


def test_noise_is_no_speed() -> None:
    tachometer = Pulses(2)
    assert tachometer.speed(edges(10, 1e-6, 500), Seconds(10.1)) is None
    same = [Edge(Seconds(11), 501), Edge(Seconds(11), 502)]
    assert Pulses(2).speed(same, Seconds(11)) is None
