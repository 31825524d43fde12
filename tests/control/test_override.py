import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fand.control import Override, Pending, end_at, living, override_by
from fand.exceptions import ShelfPwmExpireBadValue
from fand.units import Moment, Percent, Timestamp
from tests.control.shelves import WALL, moment, moments, overrides, percents, walls

NOW = moment(0)
DAY = 24 * 3600


def wall(offset: float) -> Timestamp:
    return Timestamp(WALL + offset)


def test_s8_an_override_lives_until_its_end() -> None:
    override = Override(Percent(50), wall(10))
    assert living(override, moment(9.9)) is override
    assert living(override, moment(10)) is None
    assert living(override, moment(11)) is None


def test_s8_a_clock_set_back_makes_no_override_last_longer_than_a_day_unless_somebody_said_so() -> None:
    """As on a host whose clock was years ahead when the override was set."""
    unsaid, said = (Override(Percent(20), wall(DAY), given) for given in (False, True))
    back = moment(60, WALL - 70 * 365 * DAY)
    assert living(unsaid, back) == Override(Percent(20), Timestamp(back.wall + DAY))
    assert living(said, back) is said
    assert living(unsaid, NOW) is unsaid


def test_s8_an_override_without_an_end_lives_until_removed() -> None:
    override = Override(Percent(50), None)
    assert living(override, moment(10 * DAY)) is override
    assert living(None, NOW) is None


def test_s8_a_new_override_lives_for_a_day() -> None:
    assert override_by(Percent(50), None, None, NOW) == Override(Percent(50), wall(DAY))


def test_s8_a_new_override_takes_the_end_set_for_it() -> None:
    assert override_by(Percent(50), None, Pending(wall(60)), NOW) == Override(Percent(50), wall(60), given=True)
    assert override_by(Percent(50), None, Pending(None), NOW) == Override(Percent(50), None, given=True)


def test_s8_a_new_override_never_inherits_a_past_end() -> None:
    fresh = Override(Percent(50), wall(DAY))
    assert override_by(Percent(50), None, Pending(wall(-1)), NOW) == fresh
    assert override_by(Percent(50), None, Pending(wall(0)), NOW) == fresh
    assert override_by(Percent(50), Override(Percent(40), wall(-1), given=True), None, NOW) == fresh


def test_s8_a_new_duty_keeps_the_end_that_a_person_set() -> None:
    before = Override(Percent(40), wall(60), given=True)
    assert override_by(Percent(50), before, None, NOW) == Override(Percent(50), wall(60), given=True)


def test_s8_a_new_duty_renews_the_end_that_nobody_set() -> None:
    before = Override(Percent(40), wall(60))
    assert override_by(Percent(50), before, None, NOW) == Override(Percent(50), wall(DAY))


def test_s8_an_end_is_for_the_override_in_force() -> None:
    override = Override(Percent(40), wall(DAY))
    assert end_at(wall(60), override, NOW) == (Override(Percent(40), wall(60), given=True), None)
    assert end_at(None, override, NOW) == (Override(Percent(40), None, given=True), None)


def test_s8_else_for_the_next() -> None:
    assert end_at(wall(60), None, NOW) == (None, Pending(wall(60)))
    assert end_at(None, Override(Percent(40), wall(-1)), NOW) == (None, Pending(None))


@pytest.mark.parametrize("offset", [0, -1, -1e9, math.nan])
def test_s8_an_end_that_has_passed_is_refused(offset: float) -> None:
    with pytest.raises(ShelfPwmExpireBadValue, match="past"):
        end_at(wall(offset), Override(Percent(40), None), NOW)


@given(percents, overrides, st.none() | st.builds(Pending, st.none() | walls), moments)
def test_s8_a_new_override_is_in_force(
    percent: Percent, before: Override | None, pending: Pending | None, now: Moment
) -> None:
    override = override_by(percent, before, pending, now)
    assert override.percent == percent
    assert living(override, now) is override
