import time
from datetime import UTC, datetime, timedelta, timezone

import pytest

from fand.clock import Naps, SystemClock, instant


def test_the_monotonic_clock_never_goes_back() -> None:
    clock = SystemClock()
    times = [clock.mono() for _ in range(100)]
    assert times == sorted(times)


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="this system has no clock that counts its sleep")
def test_time_asleep_counts() -> None:
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert before <= SystemClock().mono() <= time.clock_gettime(time.CLOCK_BOOTTIME)


def test_without_a_clock_that_counts_the_hosts_sleep_there_is_the_monotonic_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_clock: int) -> float:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(time, "CLOCK_BOOTTIME", 7, raising=False)
    monkeypatch.setattr(time, "clock_gettime", refuse)
    before = time.monotonic()
    assert before <= SystemClock().mono() <= time.monotonic()
    monkeypatch.delattr(time, "CLOCK_BOOTTIME")
    before = time.monotonic()
    assert before <= SystemClock().mono() <= time.monotonic()


def test_a_nap_is_told_once() -> None:
    mono, awake = [100.0], [50.0]
    naps = Naps(lambda: mono[0], lambda: awake[0])
    assert naps.slept() == 0
    mono[0], awake[0] = 160.0, 110.0
    assert naps.slept() == 0, "a minute awake"
    mono[0], awake[0] = 3770.0, 120.0
    assert naps.slept() == 3600
    assert naps.slept() == 0


def test_short_naps_add_up() -> None:
    mono = [0.0]
    naps = Naps(lambda: mono[0], lambda: 0.0)
    told = []
    for mono[0] in (0.2, 0.4, 0.6, 0.8):
        told.append(naps.slept())
    assert told == [0, 0, 0.6, 0]


def test_a_process_that_was_stopped_between_the_two_clocks_has_not_slept() -> None:
    awake = iter((50.0, 80.0, 50.0))
    naps = Naps(lambda: 100.0, lambda: next(awake))
    assert [naps.slept(), naps.slept()] == [0, 0]


def test_the_wall_clock_is_the_hosts() -> None:
    before = time.time()
    assert before <= SystemClock().wall() <= time.time()


def test_an_aware_date_is_its_instant() -> None:
    when = datetime(2026, 7, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    assert instant(when) == datetime(2026, 7, 1, 10, tzinfo=UTC).timestamp()


def test_a_naive_date_is_local_time() -> None:
    when = datetime(2026, 7, 1, 12)
    assert instant(when) == when.astimezone().timestamp()


@pytest.mark.parametrize("when", [datetime.min, datetime.max.replace(tzinfo=timezone(timedelta(hours=-14)))])
def test_the_ends_of_time_are_reckoned_or_refused_in_a_documented_way(when: datetime) -> None:
    try:
        assert isinstance(instant(when), float)
    except (OverflowError, ValueError):
        assert when == datetime.min
