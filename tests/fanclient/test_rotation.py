from fand.fanclient.rotation import Rotation, changed, measured, started
from fand.units import Percent, Rpm, Seconds

S = Seconds
DRIVEN = Percent(40)


def seen(rotation: Rotation, speed: float | None, now: float, least: float = 0, duty: Percent = DRIVEN) -> Rotation:
    return measured(rotation, None if speed is None else Rpm(speed), Rpm(least), duty, S(now))


def series(rotation: Rotation, *speeds: float | None, at: float = 100, least: float = 0) -> Rotation:
    """Measured every 5 s from ``at`` on."""
    for i, speed in enumerate(speeds):
        rotation = seen(rotation, speed, at + 5 * i, least)
    return rotation


def test_s6_three_low_measurements_in_a_row_are_a_stall() -> None:
    assert not series(Rotation(), 0, 0).stalled
    assert series(Rotation(), 0, 0, 0).stalled
    assert not series(Rotation(), 0, 0, 500, 0, 0).stalled


def test_s6_slower_than_it_ever_should_is_as_bad_as_standing_still() -> None:
    assert series(Rotation(), 399, 10, 399, least=400).stalled
    assert not series(Rotation(), 400, 400, 400, least=400).stalled


def test_s6_an_unknown_speed_neither_stalls_nor_recovers() -> None:
    assert not series(Rotation(), None, None, None, None).stalled
    assert series(Rotation(), 0, None, 0, None, 0).stalled
    stalled = series(Rotation(), 0, 0, 0)
    assert series(stalled, *[None] * 20, at=200).stalled
    assert series(stalled, 900, 900, None, 900, 900, 900, 900, 900, at=200).stalled  # 25 s in a row only


def test_s6_never_given_up_and_over_once_it_has_turned_for_30_seconds() -> None:
    stalled = series(Rotation(), 0, 0, 0)
    assert series(stalled, *[0] * 1000, at=200).stalled
    assert series(stalled, *[900] * 6, 0, *[900] * 6, at=200).stalled
    assert not series(stalled, *[900] * 7, at=200).stalled


def test_s6_a_fan_that_may_stand_still_is_not_stalled_and_one_that_does_not_start_is() -> None:
    rotation = Rotation()
    for now in (100, 105, 110, 115):
        rotation = seen(rotation, 0, now, duty=Percent(0))
    assert not rotation.stalled
    rotation = started(rotation, S(115))
    rotation = series(rotation, 0, 0, 0, 0, at=115)
    assert not rotation.stalled  # the last two count
    assert series(rotation, 0, at=135).stalled


def test_s6_a_change_excuses_a_turning_fan_for_10_seconds_and_no_fan_that_stands() -> None:
    rotation = changed(series(Rotation(), 900), S(101))
    rotation = series(rotation, 0, 0, at=105)  # the first is excused
    assert (rotation.low, rotation.slow) == (0, True)
    for now in (115, 120, 125):
        rotation = seen(changed(rotation, S(now - 1)), 0, now)
    assert rotation.stalled
