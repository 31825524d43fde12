import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fand.control import Health, Track, Watch, health, observe
from fand.control.device import Doubt
from fand.ports import Asleep, Failed, Reading, Temperature
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


def test_s1_a_device_waits_until_its_first_good_reading() -> None:
    assert health(Track(), WATCH, at(0)) is Health.WAITING
    assert health(see(failed(1)), WATCH, at(1)) is Health.WAITING
    assert health(see(*(failed(second) for second in range(9))), WATCH, at(9)) is Health.WAITING
    assert health(see(failed(1), good(30, 2)), WATCH, at(2)) is Health.GOOD


def test_s1_a_sleeping_device_has_answered() -> None:
    assert health(see(Asleep(at(1))), WATCH, at(2)) is Health.ASLEEP


def test_s1_an_optional_device_is_waited_for_until_it_was_asked_once() -> None:
    assert health(Track(), OPTIONAL, at(0)) is Health.WAITING
    assert health(see(failed(1)), OPTIONAL, at(1)) is Health.ABSENT


def test_s2_a_device_is_lost_with_its_third_failure_in_a_row() -> None:
    assert health(see(good(30, 0), failed(1), failed(2)), WATCH, at(2)) is Health.FAILING
    assert health(see(good(30, 0), failed(1), failed(2), failed(3)), WATCH, at(3)) is Health.LOST
    assert health(see(good(30, 0), failed(1), failed(2), good(31, 3), failed(4)), WATCH, at(4)) is Health.FAILING


@pytest.mark.parametrize(("interval", "budget"), [(1, 30), (10, 30), (10.5, 31.5), (60, 180)])
def test_s2_a_good_reading_counts_for_three_intervals_and_at_least_30_seconds(interval: float, budget: float) -> None:
    watch = Watch(Seconds(interval))
    for reading in (good(30, 100), Asleep(at(100))):
        assert health(see(reading), watch, at(100 + budget)) is not Health.LOST
        assert health(see(reading), watch, at(100 + budget + 0.001)) is Health.LOST


def test_s2_a_lost_device_is_good_again_with_one_good_reading() -> None:
    lost = see(good(30, 0), failed(1), failed(2), failed(3))
    assert health(observe(lost, good(33, 4)), WATCH, at(4)) is Health.GOOD


def test_s2_an_optional_device_may_be_absent_but_not_within_the_budget() -> None:
    assert health(see(good(30, 0), failed(1)), OPTIONAL, at(1)) is Health.FAILING
    assert health(see(good(30, 0), failed(1), failed(2), failed(3)), OPTIONAL, at(3)) is Health.ABSENT
    assert health(see(good(30, 0), failed(1)), OPTIONAL, at(61)) is Health.ABSENT


def test_s3_an_optional_device_that_nobody_has_asked_for_long_is_lost_like_any_other() -> None:
    assert health(see(good(30, 0)), OPTIONAL, at(61)) is Health.LOST


def test_s3_a_device_that_always_slept_is_lost_when_nobody_asks_any_more() -> None:
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
def test_s2_no_device_gets_better_by_waiting(track: Track, watch: Watch, one: Seconds, other: Seconds) -> None:
    usable = (Health.GOOD, Health.ASLEEP, Health.FAILING)
    if health(track, watch, max(one, other)) in usable:
        assert health(track, watch, min(one, other)) in usable


@given(tracks, watches, exact_celsius, times, st.none() | st.just("hdd"))
def test_a_good_reading_makes_any_device_good(
    track: Track, watch: Watch, degrees: Celsius, now: Seconds, family: str | None
) -> None:
    assert health(observe(track, Temperature(degrees, now), family), watch, now) is Health.GOOD


def hot(*readings: Reading, family: str = "hdd") -> Track:
    """A drive that was at 45 °C at second 0, and then gave these."""
    return see(good(45, 0), *readings, family=family)


def counts(track: Track) -> float | None:
    return track.last.celsius if isinstance(track.last, Temperature) else None


def test_s5_a_drop_that_no_drive_can_make_counts_with_the_third_reading() -> None:
    doubted = hot(good(20, 10), good(20, 20))
    assert doubted.last == good(45, 20)
    assert doubted.doubt == Doubt(good(45, 0), good(20, 20), 2)
    assert observe(doubted, good(21, 30)) == Track(last=good(21, 30), family="hdd")


def test_s5_a_device_in_doubt_is_neither_failing_nor_lost() -> None:
    track = see(good(45, 0), failed(10), good(20, 25), good(20, 55), family="hdd")
    assert health(track, WATCH, at(110)) is Health.GOOD


def test_s5_a_rise_acts_at_once() -> None:
    assert hot(good(70, 1)) == Track(last=good(70, 1), family="hdd")
    assert hot(good(20, 10), good(20, 20), good(46, 30)) == Track(last=good(46, 30), family="hdd")


def test_s5_back_at_the_temperature_before_there_is_no_doubt() -> None:
    assert hot(good(20, 10), good(44, 20)) == Track(last=good(44, 20), family="hdd")


def test_s5_readings_that_contradict_one_another_confirm_nothing() -> None:
    track = hot(good(10, 10), good(30, 20), good(10, 30), good(30, 40), good(10, 50))
    assert counts(track) == 45
    assert counts(observe(observe(track, good(11, 60)), good(10, 70))) == 10


def test_s5_only_readings_in_a_row_confirm() -> None:
    track = hot(good(20, 10), good(20, 20), failed(30), good(20, 40), good(20, 50))
    assert counts(track) == 45
    assert counts(observe(track, good(20, 60))) == 20


def test_s5_a_drop_across_a_sleep_is_natural() -> None:
    assert hot(Asleep(at(10)), good(20, 20)) == Track(last=good(20, 20), family="hdd")
    assert hot(good(20, 10), Asleep(at(20)), good(20, 30)).doubt is None


def test_s5_a_drop_across_a_long_gap_is_natural() -> None:
    assert counts(hot(good(20, 60))) == 45
    assert counts(hot(good(20, 300))) == 20
    assert counts(hot(failed(10), failed(20), failed(30), good(20, 300))) == 20


def test_s5_no_doubt_lasts_longer_than_cooling_would_take() -> None:
    track = hot()
    for turn in range(1, 90):
        track = observe(track, good(5 if turn % 2 else 25, 10.0 * turn))
    assert counts(track) in (5, 25)


@pytest.mark.parametrize("family", ["cpu", "gpu", "air", None])
def test_s5_what_may_cool_in_no_time_is_believed(family: str | None) -> None:
    track = see(good(90, 0), good(30, 0.1), family=family)
    assert counts(track) == 30


lows = st.lists(st.tuples(st.none() | exact_celsius, st.integers(1, 600)), max_size=12)


@given(exact_celsius, lows)
def test_s5_one_reading_more_never_hides_heat(before: Celsius, rest: list[tuple[Celsius | None, int]]) -> None:
    track, now = see(good(before, 0), family="hdd"), 0
    recent: list[float | None] = [before]
    for degrees, later in rest:
        now += later
        track = observe(track, failed(now) if degrees is None else good(degrees, now))
        recent.append(degrees)
        value = counts(track)
        assert value is not None
        if degrees is not None:
            assert value >= degrees, "what counts is never under the last reading"
            assert value == degrees or track.doubt is not None
        if None not in recent[-3:] and len(recent) > 3 and len(set(recent[-3:])) == 1:
            assert value == degrees, "three that are the same are believed"
