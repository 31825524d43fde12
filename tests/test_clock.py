import time
from datetime import UTC, datetime, timedelta, timezone

import pytest

from fand.clock import SystemClock, instant


def test_the_monotonic_clock_never_goes_back() -> None:
    clock = SystemClock()
    times = [clock.mono() for _ in range(100)]
    assert times == sorted(times)


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
