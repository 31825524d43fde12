from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fand.control import (
    Decision,
    Device,
    FamilyLaw,
    Fault,
    Health,
    Linear,
    Memory,
    Override,
    ShelfLaw,
    Sort,
    Track,
    Watch,
    decide,
    health,
)
from fand.control.decision import BRIEF, STANDING, VALID
from fand.ports import Asleep, Temperature
from fand.units import FULL, Celsius, Moment, Percent, Seconds, Timestamp, served
from tests.control.shelves import (
    HDD,
    LAW,
    WALL,
    devices,
    drive,
    laws,
    memories,
    moment,
    moments,
    overrides,
    percents,
    points,
    times,
)

AIR = FamilyLaw("room", Linear(points((20, 30), (40, 70))), average=True)


def once(*shelf: Device, law: ShelfLaw = LAW, at: float = 0.0, override: Override | None = None) -> Decision:
    return decide(law, shelf, Memory(), override, moment(at))[0]


class Shelf:
    """A shelf that is decided again and again."""

    def __init__(self, law: ShelfLaw = LAW) -> None:
        self.law = law
        self.memory = Memory()

    def __call__(self, at: float, *shelf: Device) -> Decision:
        decision, self.memory = decide(self.law, shelf, self.memory, None, moment(at))
        return decision


def asleep(at: float, family: str | None = "hdd") -> Device:
    return Device("S9", Watch(Seconds(10)), Track(Asleep(Seconds(at)), family=family))


# demand


def test_the_hottest_device_of_a_family_counts() -> None:
    decision = once(drive(31, name="S1"), drive(39, name="S2"), drive(35, name="S3"))
    assert decision.duty == decision.demand == Percent(56)
    assert decision.reason == "hdd S2 at 39.0 °C on curve drives -> 56 %"
    assert decision.faults == ()


def test_the_family_that_asks_for_most_counts() -> None:
    law = replace(LAW, families={"hdd": HDD, "air": AIR})
    decision = once(drive(31), drive(35, name="room", family="air"), law=law)
    assert decision.duty == Percent(60)
    assert decision.reason == "mean of 1 air at 35.0 °C on curve room -> 60 %"


def test_the_demand_is_never_under_the_floor() -> None:
    decision = once(drive(10), law=replace(LAW, floor=Percent(33)))
    assert decision.duty == Percent(33)
    assert decision.reason == "floor 33 %"


def test_a_mean_is_of_the_devices_that_are_awake() -> None:
    law = replace(LAW, families={"air": AIR})
    air = [drive(t, name=f"A{t}", family="air") for t in (25, 35)]
    assert once(*air, asleep(0, "air"), law=law).duty == Percent(50)


def test_a_lost_device_never_lowers_a_mean() -> None:
    law = replace(LAW, families={"air": AIR}, on_lost=Percent(0))
    warm = [drive(t, name=f"A{t}", family="air") for t in (30, 40)]
    mean = once(*warm, law=law).duty
    assert once(*warm, drive(21, family="air", failures=3), law=law).duty == mean
    assert once(*warm, drive(41, family="air", failures=3), law=law).duty > mean
    assert once(drive(40, family="air", failures=3), law=law).duty == Percent(70)
    assert once(*(drive(t, family="air", failures=3) for t in (21, 40)), law=law).duty == Percent(70)


def test_a_sleeping_device_asks_for_nothing() -> None:
    assert once(asleep(0)).duty == Percent(20)
    assert once(asleep(0), drive(40)).duty == Percent(60)


def test_an_nvme_drive_follows_the_ssd_curve() -> None:
    law = replace(LAW, families={"ssd": HDD})
    assert once(drive(40, family="nvme"), law=law).duty == Percent(60)


# filters


def test_rising_is_never_delayed() -> None:
    shelf = Shelf()
    assert shelf(0, drive(30)).duty == Percent(20)
    assert shelf(0, drive(50)).duty == FULL


def test_falling_waits_for_the_hysteresis() -> None:
    shelf = Shelf(replace(LAW, fall=Percent(100)))
    assert shelf(0, drive(40)).duty == Percent(60)
    held = shelf(10, drive(38.1, 10))
    assert held.duty == Percent(60)
    assert held.reason == "hdd S1 at 38.1 °C, held at 40.0 °C until 38.0 °C on curve drives -> 60 %"
    assert shelf(20, drive(38, 20)).duty == Percent(52)
    assert shelf(30, drive(39, 30)).duty == Percent(56)


def test_the_hysteresis_is_counted_from_the_last_switch() -> None:
    shelf = Shelf(replace(LAW, fall=Percent(100)))
    duties = [shelf(10.0 * turn, drive(40 - turn, 10.0 * turn)).duty for turn in range(5)]
    assert duties == [Percent(duty) for duty in (60, 60, 52, 52, 44)]


def test_each_family_has_its_own_hysteresis() -> None:
    law = replace(LAW, families={"hdd": HDD, "air": replace(AIR, hysteresis=Celsius(5))}, fall=Percent(100))
    shelf = Shelf(law)
    assert shelf(0, drive(30), drive(40, name="room", family="air")).duty == Percent(70)
    assert shelf(10, drive(30, 10), drive(36, 10, name="room", family="air")).duty == Percent(70)
    assert shelf(20, drive(30, 20), drive(35, 20, name="room", family="air")).duty == Percent(60)


def test_falling_is_slow() -> None:
    shelf = Shelf()
    shelf(0, drive(50))
    falling = shelf(5, drive(30, 5))
    assert falling.duty == falling.demand == Percent(95)
    assert falling.reason == "falling slowly to 20 %: floor 20 %"
    assert shelf(25, drive(30, 25)).duty == Percent(75)
    assert shelf(26, drive(45, 26)).duty == Percent(80)
    assert shelf(31, drive(30, 31)).duty == Percent(75)
    assert shelf(200, drive(30, 200)).duty == Percent(20)


def test_a_fall_begins_when_it_is_called_for_however_old_the_last_decision_is() -> None:
    shelf = Shelf()
    shelf(0, drive(50))
    assert shelf(29, drive(30, 29)).duty == Percent(95)
    assert shelf(39, drive(30, 39)).duty == Percent(85)


def test_no_time_passes_between_two_decisions_at_once() -> None:
    shelf = Shelf()
    shelf(10, drive(50, 10))
    for _ in range(5):
        assert shelf(10, drive(30, 10)).duty == FULL
    assert shelf(9, drive(30, 9)).duty == FULL


def test_a_fault_bypasses_the_filters_and_leaves_them_running() -> None:
    shelf = Shelf()
    assert shelf(0, drive(40)).duty == Percent(60)
    lost = shelf(5, drive(30, 5, failures=3))
    assert (lost.duty, lost.demand) == (Percent(90), Percent(55))
    assert shelf(6, drive(30, 6)).demand == Percent(54)


def test_after_a_fault_the_duty_falls_as_slowly_as_a_demand() -> None:
    shelf = Shelf()
    shelf(0, drive(35))
    assert shelf(10, drive(35, 10, failures=3)).duty == Percent(90)
    assert shelf(20, drive(35, 10, failures=3)).duty == Percent(90), "it does not fall while it lasts"
    after = shelf(25, drive(35, 25))
    assert (after.duty, after.demand, after.faults) == (Percent(85), Percent(40), ())
    assert after.reason == "falling slowly after a fault to 40 %: hdd S1 at 35.0 °C on curve drives -> 40 %"
    assert shelf(30, drive(47, 30)).duty == Percent(88), "the demand is never below what the temperatures ask for"
    assert shelf(35, drive(35, 35)).duty == Percent(83)
    assert shelf(69, drive(35, 69)).duty == Percent(49)
    assert shelf(200, drive(35, 200)).duty == Percent(40)


def test_after_a_fault_that_comes_and_goes_the_fans_do_not_surge() -> None:
    shelf = Shelf()
    duties = [shelf(5.0 * turn, drive(30, 5.0 * turn, failures=3 * (turn % 2))).duty for turn in range(1, 20)]
    assert min(duties) == Percent(85)


def test_s1_is_over_at_once() -> None:
    shelf = Shelf()
    assert shelf(0, drive(None)).duty == FULL
    assert shelf(60, drive(30, 60)).duty == Percent(20)


def test_an_override_does_not_wait_until_the_duty_has_fallen_after_a_fault() -> None:
    _, memory = decide(LAW, [drive(30, failures=3)], Memory(), None, moment(0))
    override = Override(Percent(25), None)
    assert decide(LAW, [drive(30, 1)], memory, override, moment(1))[0].duty == Percent(25)


# faults


def test_s1_full_speed_until_every_device_has_answered() -> None:
    decision = once(drive(30, name="S1"), drive(None, name="S2"))
    assert decision.duty == FULL
    assert decision.reason == "hdd S2 has not answered since the start"
    assert decision.demand == Percent(20)


def test_s1_a_device_that_never_answers_keeps_the_shelf_at_full_speed() -> None:
    decision = once(drive(None, failures=50, family=None), at=10_000)
    assert decision.duty == FULL
    assert decision.reason == "device S1 has not answered since the start: no answer"


def test_s1_an_optional_device_too_is_asked_before_it_may_be_absent() -> None:
    assert once(drive(30), drive(None, name="S2", optional=True)).duty == FULL
    assert once(drive(30), drive(None, name="S2", optional=True, failures=1)).duty == Percent(20)


def test_s2_a_lost_device_brings_the_duty_of_loss() -> None:
    decision = once(drive(30, failures=3), at=31)
    assert decision.duty == Percent(90)
    assert decision.reason == "hdd S1 lost for 31 s: no answer"
    assert decision.faults[0].duty == Percent(90)


def test_s2_a_lost_device_asks_on_for_what_it_asked_last() -> None:
    decision = once(drive(50, failures=3))
    assert decision.duty == FULL
    assert decision.reason == "hdd S1 at 50.0 °C on curve drives -> 100 %"


def test_s2_inside_the_budget_the_last_value_counts() -> None:
    assert once(drive(40, failures=2), at=30) == once(drive(40), at=30)
    assert once(drive(40), at=30).duty == Percent(60)
    assert once(drive(40), at=30.001).duty == Percent(90)


def test_s2_an_optional_device_may_be_absent() -> None:
    there, absent = drive(30), drive(50, name="S2", optional=True, failures=3)
    assert once(there, absent).duty == Percent(20)
    assert once(there, absent).faults == ()


def test_s4_an_optional_device_that_was_critical_when_it_fell_silent_is_not_absent() -> None:
    hot = replace(LAW, families={"hdd": replace(LAW.families["hdd"], critical=Celsius(55))})
    there = drive(30)
    for celsius, duty in ((54.9, Percent(20)), (55.0, FULL), (70.0, FULL)):
        silent = drive(celsius, name="S2", optional=True, failures=3)
        decision = once(there, silent, law=hot)
        assert decision.duty == duty
        assert [fault.sort for fault in decision.faults] == ([Sort.LOST, Sort.CRITICAL] if duty == FULL else [])
    unknown = drive(70, name="S2", optional=True, failures=3, family="tape")
    assert once(there, unknown, law=hot).duty == Percent(20)
    asleep = replace(silent, track=replace(silent.track, last=Asleep(Seconds(0.0))))
    assert once(there, asleep, law=hot).duty == Percent(20)


def test_s2_a_shelf_of_which_nothing_is_known_is_not_cool() -> None:
    absent = drive(None, optional=True, failures=1)
    decision = once(absent, absent)
    assert decision.duty == LAW.on_lost
    assert decision.reason == "no device is there, so that nothing is known of the shelf"
    assert once().duty == LAW.on_lost


def test_s2_loss_never_slows_the_fans() -> None:
    law = replace(LAW, on_lost=Percent(0))
    assert once(drive(40, failures=3), law=law).duty == once(drive(40), law=law).duty
    assert once(drive(10, failures=3), law=law).duty == law.floor


def test_s4_full_speed_at_the_critical_temperature() -> None:
    law = replace(LAW, families={"hdd": replace(HDD, curve=Linear(points((30, 20))))})
    assert once(drive(54.9), law=law).duty == Percent(20)
    decision = once(drive(55), law=law)
    assert decision.duty == FULL
    assert decision.reason == "hdd S1 at 55.0 °C, critical from 55 °C"
    assert once(drive(56, failures=3), law=law).duty == FULL
    assert once(drive(30, name="S0"), drive(56, failures=3, optional=True), law=law).duty == FULL


def test_s4_one_critical_device_is_enough_where_the_mean_is_taken() -> None:
    law = replace(LAW, families={"air": replace(AIR, critical=Celsius(50))})
    air = [drive(t, name=f"A{t}", family="air") for t in (21, 22, 51)]
    assert once(*air, law=law).duty == FULL


@pytest.mark.parametrize(
    ("family", "reason"),
    [
        ("air", "air S2 at 30.0 °C: the shelf has no curve for family air"),
        (None, "device S2 at 30.0 °C: its family is not known"),
    ],
)
def test_a_device_that_no_curve_cools_is_a_fault(family: str | None, reason: str) -> None:
    decision = once(drive(30), drive(30, name="S2", family=family))
    assert decision.duty == FULL
    assert decision.reason == reason


# overrides


def test_s8_an_override_replaces_the_duty_while_it_lives() -> None:
    override = Override(Percent(35), Timestamp(WALL + 60))
    decision = once(drive(50), override=override)
    assert (decision.duty, decision.demand, decision.override) == (Percent(35), FULL, override)
    assert decision.reason == "override 35 % for another 1 min 0 s"
    over = once(drive(50, 60), at=60, override=override)
    assert (over.duty, over.override) == (FULL, None)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (9e11, "10416666 d 16 h"),
        (7 * 86_400, "7 d 0 h"),
        (86_400, "24 h 0 min"),
        (3_599.6, "1 h 0 min"),
        (61, "1 min 1 s"),
        (9, "9 s"),
    ],
)
def test_s8_an_override_tells_how_long_it_still_lives(seconds: float, told: str) -> None:
    override = Override(Percent(35), Timestamp(WALL + seconds), given=True)
    assert once(drive(50), override=override).reason == f"override 35 % for another {told}"


def test_the_reason_tells_the_same_duty_as_is_served() -> None:
    assert once(drive(35.001)).reason.endswith(f"-> {served(once(drive(35.001)).duty)} %")


def test_s8_an_override_until_removed_says_so() -> None:
    assert once(drive(50), override=Override(Percent(35), None)).reason == "override 35 % until removed"


def test_s2_an_override_never_goes_below_a_fault() -> None:
    override = Override(Percent(35), None)
    lost = once(drive(30, failures=3), override=override)
    assert (lost.duty, lost.override) == (Percent(90), override)
    assert lost.reason.startswith("hdd S1 lost")
    assert once(drive(30, failures=3), override=Override(Percent(95), None)).duty == Percent(95)
    assert once(drive(60), override=override).duty == FULL


def test_the_filters_run_on_behind_an_override() -> None:
    decision, memory = decide(LAW, [drive(50)], Memory(), Override(Percent(30), None), moment(0))
    decision, memory = decide(LAW, [drive(30, 5)], memory, None, moment(5))
    assert decision.duty == Percent(95)


# other faults


STALLED = Fault(Percent(80), Sort.STALLED, "fan front is stalled", "front")


def test_s6_the_fault_of_a_fan_counts_like_any_other() -> None:
    override = Override(Percent(30), None)
    decision, memory = decide(LAW, [drive(30)], Memory(), override, moment(0), others=[STALLED])
    assert (decision.duty, decision.reason, decision.faults) == (Percent(80), STALLED.reason, (STALLED,))
    assert memory.boost == Percent(80)
    worse, _ = decide(LAW, [drive(30, failures=3)], Memory(), None, moment(0), others=[STALLED])
    assert worse.duty == Percent(90)


# validity


def test_s3_a_decision_is_valid_for_half_a_minute_at_most() -> None:
    assert once(drive(30)).valid_until == Seconds(0) + VALID


def test_s3_a_decision_is_valid_for_five_seconds_at_most_while_there_is_a_fault() -> None:
    assert once(drive(30, failures=3)).valid_until == Seconds(0) + STANDING


def test_s3_a_decision_is_valid_for_a_second_at_most_while_the_duty_falls_or_is_overridden() -> None:
    assert once(drive(30), override=Override(Percent(35), None)).valid_until == Seconds(0) + BRIEF
    shelf = Shelf()
    shelf(0, drive(50))
    assert shelf(10, drive(40, 10)).valid_until == Seconds(10) + BRIEF
    lost = Shelf()
    lost(0, drive(30, failures=3))
    assert lost(1, drive(30, 1)).valid_until == Seconds(1) + BRIEF
    assert lost(200, drive(30, 200)).valid_until == Seconds(200) + VALID


def test_s3_a_decision_is_valid_until_a_reading_is_too_old() -> None:
    assert once(drive(30, 0), drive(30, 9, name="S2"), at=29.5).valid_until == Seconds(30)
    assert once(drive(30, 0), drive(30, 9, name="S2"), at=26).valid_until == Seconds(30)
    assert once(asleep(0), at=29.5).valid_until == Seconds(30)
    assert once(drive(30, 0, failures=1), at=29.5).valid_until == Seconds(30)


def test_s3_a_decision_is_valid_until_the_override_ends() -> None:
    override = Override(Percent(35), Timestamp(WALL + 0.25))
    assert once(drive(30), override=override).valid_until == Seconds(0.25)


@pytest.mark.parametrize("wall", [-1e12, WALL - 1e9, WALL, WALL + 59.75])
def test_s8_a_jump_of_the_wall_clock_does_not_stretch_a_decision(wall: float) -> None:
    override = Override(Percent(35), Timestamp(WALL + 60), given=True)
    decision, _ = decide(LAW, [drive(30)], Memory(), override, moment(0, wall))
    assert Seconds(0) < decision.valid_until <= Seconds(0) + BRIEF
    assert (decision.duty, decision.override) == (Percent(35), override)


@given(laws, devices, memories, moments, st.floats(min_value=-1e15, max_value=1e15), st.booleans())
def test_s8_the_wall_clock_decides_nothing_but_the_end_of_an_override(
    law: ShelfLaw, shelf: Sequence[Device], memory: Memory, now: Moment, jump: float, until_removed: bool
) -> None:
    override = Override(Percent(35), None) if until_removed else None
    then = Moment(now.mono, Timestamp(now.wall + jump))
    assert decide(law, shelf, memory, override, then) == decide(law, shelf, memory, override, now)


# properties

shelves = given(laws, devices, memories, overrides, moments)


@shelves
def test_the_demand_is_never_under_the_floor_whatever_comes(
    law: ShelfLaw, shelf: Sequence[Device], memory: Memory, override: Override | None, now: Moment
) -> None:
    decision, after = decide(law, shelf, memory, override, now)
    assert law.floor <= decision.demand <= FULL
    assert after.demand == decision.demand


@shelves
def test_the_duty_is_never_below_a_fault_and_else_the_demand_or_the_override(
    law: ShelfLaw, shelf: Sequence[Device], memory: Memory, override: Override | None, now: Moment
) -> None:
    decision, after = decide(law, shelf, memory, override, now)
    faults = [fault.duty for fault in decision.faults]
    asked = decision.demand if decision.override is None else decision.override.percent
    if decision.override is None and not faults:
        asked = max(asked, after.boost)
    assert decision.duty >= max([asked, *faults])
    assert decision.duty in (asked, *faults) or decision.override is None
    assert decision.reason


@given(laws, devices, memories, percents, percents, moments)
def test_s4_an_override_never_goes_below_a_fault_or_a_critical_temperature(
    law: ShelfLaw, shelf: Sequence[Device], memory: Memory, duty: Percent, boost: Percent, now: Moment
) -> None:
    fan = replace(STALLED, duty=boost)
    free, _ = decide(law, shelf, memory, None, now, others=[fan])
    decision, _ = decide(law, shelf, memory, Override(duty, None), now, others=[fan])
    assert decision.faults == free.faults
    assert decision.duty == max([duty, *(fault.duty for fault in free.faults)])
    for device in shelf:
        last, family = device.track.last, law.of(device.track.family)
        if isinstance(last, Temperature) and family is not None and family.critical is not None:
            present = health(device.track, device.watch, now.mono) is not Health.ABSENT
            assert decision.duty == FULL or not present or last.celsius < family.critical


@shelves
def test_rising_is_never_delayed_whatever_was_before(
    law: ShelfLaw, shelf: Sequence[Device], memory: Memory, override: Override | None, now: Moment
) -> None:
    fresh, _ = decide(law, shelf, Memory(), override, now)
    decision, _ = decide(law, shelf, memory, override, now)
    assert decision.demand >= fresh.demand


@shelves
def test_falling_is_never_faster_than_the_law(
    law: ShelfLaw, shelf: Sequence[Device], memory: Memory, override: Override | None, now: Moment
) -> None:
    decision, _ = decide(law, shelf, memory, override, now)
    assert decision.demand >= memory.demand - law.fall * max(0.0, now.mono - memory.at)


@given(laws, devices, memories, overrides, moments, st.data())
def test_s2_one_more_lost_device_never_lowers_the_duty(
    law: ShelfLaw,
    shelf: list[Device],
    memory: Memory,
    override: Override | None,
    now: Moment,
    data: st.DataObject,
) -> None:
    assume(shelf)
    number = data.draw(st.integers(0, len(shelf) - 1))
    device = shelf[number]
    assume(not device.watch.optional)
    lost = replace(device, track=replace(device.track, failures=3))
    before, _ = decide(law, shelf, memory, override, now)
    after, _ = decide(law, [*shelf[:number], lost, *shelf[number + 1 :]], memory, override, now)
    assert after.duty >= before.duty
    added, _ = decide(law, [*shelf, lost], memory, override, now)
    if shelf_known(before):
        assert added.duty >= before.duty


def shelf_known(decision: Decision) -> bool:
    """With one more device, the fault that no device is there ends."""
    return all("no device is there" not in fault.reason for fault in decision.faults)


@given(laws, devices, memories, overrides, moments, st.integers(0, 79))
def test_s3_a_decision_is_right_until_it_ends(
    law: ShelfLaw,
    shelf: Sequence[Device],
    memory: Memory,
    override: Override | None,
    now: Moment,
    sixteenths: int,
) -> None:
    served, after = decide(law, shelf, memory, override, now)
    later = Seconds(now.mono + sixteenths / 16)
    assume(later < served.valid_until)
    then = Moment(later, Timestamp(now.wall + sixteenths / 16))
    anew, _ = decide(law, shelf, after, override, then)
    assert anew.duty <= served.duty
    assert [fault.duty for fault in anew.faults] == [fault.duty for fault in served.faults]
    assert anew.override == served.override


@given(laws, devices, times)
def test_s9_deciding_never_raises_and_changes_nothing_it_was_given(
    law: ShelfLaw, shelf: Sequence[Device], now: Seconds
) -> None:
    memory = Memory()
    first = decide(law, shelf, memory, None, moment(now))
    assert memory == Memory()
    assert decide(law, shelf, memory, None, moment(now)) == first
