"""Fans by their reports: stalled by three of them, or by their client's word; well when normal for half a minute."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fand.control import Condition, FanState, FanTrack, Sort, follow
from fand.units import Percent, Rpm, Seconds


def report(rpm: float | None = 0.0, state: Condition = Condition.OK) -> FanState:
    return FanState("front", None if rpm is None else Rpm(rpm), None, state)


def watch(*reports: tuple[float, float | None], duty: float = 50.0, track: FanTrack | None = None) -> FanTrack:
    """A fan that was reported at these times with these speeds, driven at ``duty``."""
    track = track or FanTrack()
    for at, rpm in reports:
        track = follow(track, report(rpm), Percent(duty), Seconds(at))
    return track


STALLED = watch((0, 0), (5, 0), (10, 0))


def test_s6_a_fan_is_stalled_with_the_third_report_of_no_speed() -> None:
    assert watch((0, 0), (6, 0)).trouble is None
    assert watch((0, 0), (6, 0), (12, 0)).trouble is Sort.STALLED
    assert watch((0, 0), (6, 0), (12, 900), (18, 0), (24, 0)).trouble is None, "not in a row"


def test_s6_but_not_within_ten_seconds_of_its_start() -> None:
    assert watch((0, 0), (1, 0), (2, 0), (9.9, 0)).trouble is None
    assert STALLED.trouble is Sort.STALLED
    stopped = watch(*((second, 0) for second in range(60)), duty=0)
    assert stopped.trouble is None, "it is to stand still"
    started = watch((60, 0), (65, 0), (69, 0), track=stopped)
    assert started.trouble is None
    assert watch((70, 0), track=started).trouble is Sort.STALLED


def test_s6_an_unknown_speed_is_no_stall() -> None:
    assert watch(*((second, None) for second in range(60))).trouble is None
    assert watch((0, 0), (5, 0), (10, None)).trouble is None
    assert watch((0, 0), (5, 0), (10, None), (15, 0)).trouble is Sort.STALLED, "nor the end of one"


@pytest.mark.parametrize(("word", "sort"), [(Condition.STALLED, Sort.STALLED), (Condition.FAULT, Sort.FAULT)])
def test_s6_the_word_of_the_client_counts_at_once(word: Condition, sort: Sort) -> None:
    assert follow(FanTrack(), report(900, word), Percent(50), Seconds(0)).trouble is sort


def test_taken_is_no_trouble_of_the_fan() -> None:
    assert follow(FanTrack(), report(900, Condition.TAKEN), Percent(50), Seconds(0)).trouble is None


def test_s6_a_stall_is_over_when_the_fan_was_normal_for_30_seconds() -> None:
    turning = watch((20, 900), (49.9, 900), track=STALLED)
    assert turning.trouble is Sort.STALLED
    assert watch((50, 900), track=turning).trouble is None
    again = watch((40, 0), (50, 900), (79, 900), track=turning)
    assert again.trouble is Sort.STALLED, "it stood between"
    assert watch((80, 900), track=again).trouble is None


def test_s6_an_unknown_speed_ends_no_stall() -> None:
    assert watch((20, None), (60, None), (600, None), track=STALLED).trouble is Sort.STALLED
    assert watch((20, 900), (60, None), track=STALLED).trouble is Sort.STALLED
    assert watch((20, 900), (40, None), (60, 900), track=STALLED).trouble is Sort.STALLED


def test_s6_a_fan_whose_speed_nobody_knows_is_well_by_its_clients_word() -> None:
    track = follow(FanTrack(), report(None, Condition.STALLED), Percent(50), Seconds(0))
    assert watch((5, None), (34.9, None), track=track).trouble is Sort.STALLED
    assert watch((5, None), (35, None), track=track).trouble is None


def test_s6_what_nobody_saw_is_not_normal() -> None:
    turning = watch((20, 900), track=STALLED)
    assert follow(turning, report(900), Percent(50), Seconds(500), gap=True).trouble is Sort.STALLED


def test_a_fan_that_could_not_be_driven_is_well_30_seconds_after_its_client_says_so() -> None:
    track = follow(FanTrack(), report(900, Condition.FAULT), Percent(50), Seconds(0))
    assert watch((5, None), (34, None), track=track).trouble is Sort.FAULT
    assert watch((5, None), (35, None), track=track).trouble is None
    assert watch((5, 0), (10, 0), (15, 0), track=track).trouble is Sort.STALLED


reports = st.lists(
    st.tuples(
        st.none() | st.sampled_from([0.0, 900.0]),
        st.sampled_from([Condition.OK, Condition.TAKEN, Condition.STALLED]),
        st.sampled_from([0.0, 50.0]),
        st.floats(min_value=0.1, max_value=20),
    ),
    max_size=40,
)


@given(reports)
def test_s6_a_fan_that_has_not_turned_for_30_seconds_is_never_given_up(history: list[Any]) -> None:
    track, now = STALLED, Seconds(10)
    turned_since: Seconds | None = None
    for rpm, word, duty, later in history:
        now = Seconds(now + later)
        track = follow(track, report(rpm, word), Percent(duty), now)
        turns = rpm is not None and rpm > 0 and word in (Condition.OK, Condition.TAKEN)
        turned_since = None if not turns else now if turned_since is None else turned_since
        if turned_since is not None and now - turned_since >= 30:
            assert track.trouble is None
            return
        assert track.trouble is Sort.STALLED
