import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fand.control import Health, Track, Watch, health, observe
from fand.ports import Asleep, Failed, Temperature
from fand.units import Celsius, Seconds
from tests.control.shelves import exact_celsius, failed, good, times, tracks, watches

WATCH = Watch(Seconds(20.0))
OPTIONAL = Watch(Seconds(20.0), optional=True)


def see(*readings: Temperature | Asleep | Failed, family: str | None = None) -> Track:
    track = Track()
    for reading in readings:
        track = observe(track, reading, family)
    return track


def at(seconds: float) -> Seconds:
    return Seconds(seconds)


def test_S1_a_device_waits_until_its_first_good_reading() -> None:
    assert health(Track(), WATCH, at(0)) is Health.WAITING
    assert health(see(failed(1)), WATCH, at(1)) is Health.WAITING
    assert health(see(*(failed(second) for second in range(9))), WATCH, at(9)) is Health.WAITING
    assert health(see(failed(1), good(30, 2)), WATCH, at(2)) is Health.GOOD


def test_S1_a_sleeping_device_has_answered() -> None:
    assert health(see(Asleep(at(1))), WATCH, at(2)) is Health.ASLEEP


def test_S1_an_optional_device_is_waited_for_until_it_was_asked_once() -> None:
    assert health(Track(), OPTIONAL, at(0)) is Health.WAITING
    assert health(see(failed(1)), OPTIONAL, at(1)) is Health.ABSENT


def test_S2_a_device_is_lost_with_its_third_failure_in_a_row() -> None:
    assert health(see(good(30, 0), failed(1), failed(2)), WATCH, at(2)) is Health.FAILING
    assert health(see(good(30, 0), failed(1), failed(2), failed(3)), WATCH, at(3)) is Health.LOST
    assert health(see(good(30, 0), failed(1), failed(2), good(31, 3), failed(4)), WATCH, at(4)) is Health.FAILING


@pytest.mark.parametrize(("interval", "budget"), [(1, 30), (10, 30), (10.5, 31.5), (60, 180)])
def test_S2_a_good_reading_counts_for_three_intervals_and_at_least_30_seconds(interval: float, budget: float) -> None:
    watch = Watch(Seconds(interval))
    for reading in (good(30, 100), Asleep(at(100))):
        assert health(see(reading), watch, at(100 + budget)) is not Health.LOST
        assert health(see(reading), watch, at(100 + budget + 0.001)) is Health.LOST


def test_S2_a_lost_device_is_good_again_with_one_good_reading() -> None:
    lost = see(good(30, 0), failed(1), failed(2), failed(3))
    assert health(observe(lost, good(33, 4)), WATCH, at(4)) is Health.GOOD


def test_S2_an_optional_device_may_be_absent_but_not_within_the_budget() -> None:
    assert health(see(good(30, 0), failed(1)), OPTIONAL, at(1)) is Health.FAILING
    assert health(see(good(30, 0), failed(1), failed(2), failed(3)), OPTIONAL, at(3)) is Health.ABSENT
    assert health(see(good(30, 0)), OPTIONAL, at(61)) is Health.ABSENT


def test_S3_a_device_that_always_slept_is_lost_when_nobody_asks_any_more() -> None:
    track = see(*(Asleep(at(20 * turn)) for turn in range(1000)))
    assert health(track, WATCH, at(20 * 999)) is Health.ASLEEP
    assert health(track, WATCH, at(20 * 999 + 61)) is Health.LOST


def test_a_failure_keeps_the_value_before_it_and_its_own_reason() -> None:
    track = see(good(30, 1), failed(2, "first"), failed(3, "second"))
    assert track.last == good(30, 1)
    assert track.failures == 2
    assert track.failure == failed(3, "second")


def test_a_good_reading_forgets_the_failures() -> None:
    assert see(failed(1), good(30, 2)) == Track(last=good(30, 2))
    assert see(failed(1), Asleep(at(2))) == Track(last=Asleep(at(2)))


def test_the_family_once_known_stays() -> None:
    track = observe(observe(Track(), good(30, 1), "hdd"), failed(2), None)
    assert track.family == "hdd"
    assert observe(track, good(30, 3), "ssd").family == "ssd"


@pytest.mark.parametrize("degrees", [math.nan, math.inf, -math.inf, -20, 125, 1000])
def test_a_driver_that_gives_what_cannot_be_has_failed(degrees: float) -> None:
    track = observe(see(good(30, 1), family="hdd"), Temperature(Celsius(degrees), at(2)), "hdd")
    assert track.last == good(30, 1)
    assert track.failures == 1
    assert track.failure is not None
    assert "gave" in track.failure.reason


@given(tracks, watches, times, times)
def test_S2_no_device_gets_better_by_waiting(track: Track, watch: Watch, one: Seconds, other: Seconds) -> None:
    usable = (Health.GOOD, Health.ASLEEP, Health.FAILING)
    if health(track, watch, max(one, other)) in usable:
        assert health(track, watch, min(one, other)) in usable


@given(tracks, watches, exact_celsius, times, st.none() | st.just("hdd"))
def test_a_good_reading_makes_any_device_good(
    track: Track, watch: Watch, degrees: Celsius, now: Seconds, family: str | None
) -> None:
    assert health(observe(track, Temperature(degrees, now), family), watch, now) is Health.GOOD
