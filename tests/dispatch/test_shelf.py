from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from fand.control import Alarm, Change, FamilyLaw, FanState, Linear, Override, Pending, ShelfLaw, Sort
from fand.dispatch import Kept, Peer, Shelf
from fand.dispatch.fans import fan_states
from fand.exceptions import ShelfPwmExpireBadValue
from fand.ports import Asleep, Failed, Temperature
from fand.units import Celsius, Moment, Percent, Rpm, Seconds, Timestamp
from fand.wire import HEADER_SIZE, Request, decode

from .halls import LAW, WALL, at, peer, shelf, slot, warm


def reading(celsius: float, seconds: float) -> Temperature:
    return Temperature(Celsius(celsius), Seconds(seconds))


def told(frame: bytes) -> tuple[Request, tuple[Any, ...]]:
    return decode(frame[HEADER_SIZE:])


def test_s1_full_speed_until_every_device_has_given_a_good_reading() -> None:
    what = shelf()
    assert what.decision(at(0)).duty == 100.0
    what.observe("a", reading(30, 1), "hdd")
    assert what.decision(at(1)).duty == 100.0
    what.observe("b", Failed("no answer", Seconds(2)))
    assert what.decision(at(2)).duty == 100.0
    what.observe("b", reading(30, 3), "hdd")
    assert what.decision(at(1000)).duty == 100.0, "by then both are lost"
    warm(what, 30, 1000)
    assert what.decision(at(1100)).duty == 100.0


def test_s1_ends_with_the_last_device() -> None:
    what = warm(shelf())
    decision = what.decision(at(0))
    assert decision.duty == 25.0
    assert decision.reason == "hdd a at 30.0 °C on curve drives -> 25 %"


def test_s2_three_failures_in_a_row_are_full_speed() -> None:
    what = warm(shelf())
    for number in (1, 2):
        what.observe("a", Failed("no answer", Seconds(number)))
        assert what.decision(at(number)).duty == 25.0
    what.observe("a", Failed("no answer", Seconds(3)))
    decision = what.decision(at(3))
    assert decision.duty == 100.0
    assert "no answer" in decision.reason


def test_s3_age_is_judged_when_the_answer_is_given() -> None:
    what = warm(shelf())
    assert told(what.frame(at(0))) == (Request.SET_PWM, ("shelf1", 25))
    assert told(what.frame(at(29))) == (Request.SET_PWM, ("shelf1", 25))
    assert told(what.frame(at(31))) == (Request.SET_PWM, ("shelf1", 100)), "and nothing had to happen for that"


def test_s3_a_decision_runs_out_no_later_than_the_readings_that_it_rests_on() -> None:
    what = warm(shelf())
    what.decision(at(29.5))
    assert what.valid_until == 30.0
    what.decision(at(10))
    assert what.valid_until == 30.0


def test_a_decision_is_kept_until_it_runs_out_or_something_changes() -> None:
    what = warm(shelf())
    first = what.decision(at(0))
    assert what.decision(at(29.9)) is first
    assert what.decision(at(30.0)) is not first
    second = what.decision(at(6))
    what.observe("b", reading(30, 6), "hdd")
    assert what.decision(at(6)) is second, "the same temperature again"
    what.observe("a", reading(40, 6), "hdd")
    assert what.decision(at(6)) is not second
    assert what.decision(at(6)).duty == 75.0


def test_s2_a_lost_device_that_says_the_same_again_is_found() -> None:
    what = warm(shelf())
    assert what.decision(at(31)).duty == 100.0
    warm(what, 30, 29.5)  # a slow answer
    assert what.decision(at(31)).faults == ()


def test_a_sleeping_device_asks_for_nothing() -> None:
    what = warm(shelf(), 30)
    what.observe("a", reading(40, 1))
    assert what.decision(at(1)).duty == 75.0
    what.observe("a", Asleep(Seconds(2)))
    falling = what.decision(at(2))
    assert (falling.duty, falling.reason) == (
        74.0,
        "falling slowly to 25 %: hdd b at 30.0 °C on curve drives -> 25 %",
    )


def test_a_falling_demand_falls_in_steps() -> None:
    what = warm(shelf(), 40)
    assert what.decision(at(0)).duty == 75.0
    warm(what, 38, 1)
    assert what.decision(at(1)).duty == 74.0
    assert what.decision(at(2)).duty == 73.0


def test_s8_an_override_replaces_the_duty_until_it_ends() -> None:
    what = warm(shelf())
    what.set_override(Percent(60), at(0))
    assert what.decision(at(0)).duty == 60.0
    what.set_override_end(Timestamp(WALL + 10), at(1))
    assert told(what.frame(at(9.9))) == (Request.SET_PWM, ("shelf1", 60))
    assert told(what.frame(at(10))) == (Request.SET_PWM, ("shelf1", 25))
    what.set_override(Percent(60), at(11))
    assert what.override is not None
    assert what.override.until == WALL + 11 + 86400, "not the end that has passed"
    what.set_override(None, at(12))
    assert what.decision(at(12)).duty == 25.0


def test_s8_an_end_set_beforehand_is_for_the_next_override() -> None:
    what = warm(shelf())
    what.set_override_end(None, at(0))
    assert what.decision(at(0)).override is None
    what.set_override(Percent(60), at(1))
    assert what.decision(at(1)).override == Override(Percent(60), None, given=True)
    assert what.pending is None


def test_s8_an_end_that_has_passed_changes_nothing() -> None:
    what = warm(shelf())
    what.set_override(Percent(60), at(0))
    with pytest.raises(ShelfPwmExpireBadValue):
        what.set_override_end(Timestamp(WALL - 1), at(1))
    assert what.decision(at(2)).duty == 60.0


def test_s4_an_override_never_goes_below_a_critical_temperature() -> None:
    what = warm(shelf(), 51)
    what.set_override(Percent(30), at(0))
    assert what.decision(at(0)).duty == 100.0


def fan(rpm: float | None = 900, state: str = "ok", name: str = "front") -> tuple[FanState, ...]:
    return fan_states([{"name": name, "rpm": rpm, "duty": 50, "state": state}])


def modern(seconds: float = 0) -> Peer:
    who = peer(seconds)
    who.speaks_extensions()
    return who


def sorts(what: Shelf) -> list[tuple[Sort, str]]:
    return [(alarm.sort, alarm.subject) for alarm in what.alarms]


def test_s6_a_stalled_fan_boosts_the_shelf_and_raises_an_alarm() -> None:
    what, who = warm(shelf(law=replace(LAW, on_stalled=Percent(90)))), modern()
    for second in (0, 5):
        assert not what.report_fans(fan(0), who, Seconds(second))
        assert what.decision(at(second)).duty == 25.0
    assert what.report_fans(fan(0), who, Seconds(10))
    decision = what.decision(at(10))
    assert (decision.duty, decision.reason) == (90.0, "fan front is stalled")
    (event,) = what.review(at(10))
    assert (event.change, event.alarm) == (
        Change.RAISED,
        Alarm(Sort.STALLED, "front", "fan front is stalled", at(10).wall),
    )


def test_s6_an_override_never_goes_below_the_boost() -> None:
    what = warm(shelf())
    what.set_override(Percent(30), at(0))
    what.report_fans(fan(0, "stalled"), modern(), Seconds(1))
    assert what.decision(at(1)).duty == 100.0


def test_s6_no_time_makes_a_stalled_fan_well() -> None:
    what = warm(shelf())
    what.report_fans(fan(0, "stalled"), modern(), Seconds(1))
    warm(what, 30, 100_000)
    assert what.decision(at(100_000)).duty == 100.0


def test_s6_an_old_client_says_0_while_it_is_served_a_duty() -> None:
    what, who = warm(shelf()), peer()
    for second in (0, 10, 20):
        assert what.decision(at(second)).duty == 25.0
        what.report_speed(Rpm(0), who, Seconds(second))
    assert what.decision(at(20)).reason == "the fan is stalled"


def test_c1_a_fan_that_was_taken_is_an_alarm_and_no_boost() -> None:
    what, who = warm(shelf()), modern()
    assert what.report_fans(fan(state="taken"), who, Seconds(0))
    assert what.decision(at(0)).duty == 25.0
    what.review(at(0))
    assert sorts(what) == [(Sort.TAKEN, "front")]
    what.report_fans(fan(), who, Seconds(5))
    what.review(at(5))
    assert sorts(what) == []


def test_s7_a_client_that_is_silent_for_two_leases_is_an_alarm_and_no_boost() -> None:
    what, who = warm(shelf(), seconds=30), modern()
    what.report_fans(fan(), who, Seconds(0))
    assert what.review(at(40)) == ()
    what.review(at(40.5))
    assert sorts(what) == [(Sort.SILENT, "")]
    decision = what.decision(at(45))
    assert decision.duty == 25.0
    assert decision.reason.endswith("-> 25 %; fan client 192.0.2.1:4000 is silent")
    assert what.speed(Seconds(45)) is None


def test_s7_one_of_two_clients_that_is_silent_is_an_alarm_until_it_comes_again() -> None:
    what, who, other = warm(shelf(), seconds=30), modern(), Peer("192.0.2.2:4000", Seconds(0))
    what.report_fans(fan(), who, Seconds(0))
    other.at = Seconds(41)
    what.report_fans(fan(name="rear"), other, Seconds(41))
    what.review(at(41))
    assert sorts(what) == [(Sort.SILENT, "front")]
    again = modern(45)
    what.subscribe(again, at(45))
    what.report_fans(fan(), again, Seconds(45))
    what.review(at(45))
    assert sorts(what) == []


def test_s7_a_decision_runs_out_when_the_client_will_be_silent() -> None:
    what, who = warm(shelf(), seconds=30), modern()
    what.report_fans(fan(), who, Seconds(0))
    what.decision(at(39.5))
    assert what.valid_until == 40.0


def test_s7_another_connection_of_the_client_takes_over_without_an_alarm() -> None:
    what = warm(shelf(), seconds=30)
    what.report_fans(fan(), modern(0), Seconds(0))
    what.subscribe(modern(35), at(35))
    warm(what, seconds=45)
    assert what.review(at(60)) == ()


def test_s7_the_silence_ends_when_a_client_comes() -> None:
    what = warm(shelf(), seconds=50)
    what.report_fans(fan(), modern(0), Seconds(0))
    what.review(at(50))
    who = modern(51)
    what.subscribe(who, at(51))
    (event,) = what.review(at(51))
    assert event.change is Change.CLEARED
    assert "silent" not in what.decision(at(51)).reason
    warm(what, seconds=200)
    assert what.review(at(200))[0].change is Change.RAISED
    assert what.report_fans(fan(), modern(201), Seconds(201)), "that is news"
    assert what.review(at(201))[0].change is Change.CLEARED


def test_s7_no_client_at_all_is_an_alarm_after_the_longer_patience() -> None:
    what = warm(shelf(), seconds=1000)
    what.review(at(1000))
    warm(what, seconds=1151)
    assert what.review(at(1150)) == ()
    what.review(at(1151))
    assert sorts(what) == [(Sort.SILENT, "")]
    assert what.decision(at(1151)).reason.endswith("; no fan client has come since the start")
    what.report_speed(Rpm(900), peer(1152), Seconds(1152))
    what.review(at(1152))
    assert sorts(what) == []


def alarm(sort: Sort, subject: str = "") -> Alarm:
    return Alarm(sort, subject, "as it was put", Timestamp(WALL - 100))


def restored(*alarms: Alarm) -> Shelf:
    """A shelf of which nothing is known but what was kept."""
    what = shelf()
    what.restore(Kept(alarms=alarms))
    return what


def test_s1_nothing_is_raised_before_a_device_was_asked() -> None:
    what = shelf()
    assert what.decision(at(0)).duty == 100.0
    assert what.review(at(0)) == ()
    what.observe("a", Failed("no answer", Seconds(1)))
    what.review(at(1))
    assert sorts(what) == [(Sort.UNANSWERED, "a")]


@pytest.mark.parametrize("sort", [Sort.CRITICAL, Sort.UNCURVED, Sort.UNANSWERED])
def test_an_alarm_of_a_device_stands_until_the_device_answers(sort: Sort) -> None:
    what = restored(alarm(sort, "a"))
    assert what.review(at(0)) == ()
    what.observe("b", reading(30, 1), "hdd")
    assert what.review(at(1)) == ()
    assert sorts(what) == [(sort, "a")]
    what.observe("a", reading(30, 2), "hdd")
    assert [event.change for event in what.review(at(2))] == [Change.CLEARED]


def test_s4_a_device_that_is_still_critical_keeps_its_alarm() -> None:
    what = restored(alarm(Sort.CRITICAL, "a"))
    what.observe("a", reading(51, 1), "hdd")
    (event,) = what.review(at(1))
    assert (event.change, event.alarm.since) == (Change.CHANGED, WALL - 100)


def test_that_no_device_is_there_stands_until_one_was_asked() -> None:
    what = restored(alarm(Sort.EMPTY))
    assert what.review(at(0)) == ()
    warm(what)
    assert [event.change for event in what.review(at(0))] == [Change.CLEARED]


def test_s6_the_alarm_of_a_fan_and_its_boost_outlive_the_server() -> None:
    what = warm(restored(alarm(Sort.STALLED, "front")))
    assert what.decision(at(0)).duty == 100.0
    what.review(at(0))
    assert what.alarms[0].since == WALL - 100
    who = modern()
    what.report_fans(fan(), who, Seconds(5))
    warm(what, seconds=30)
    what.report_fans(fan(), who, Seconds(35))
    assert [event.change for event in what.review(at(35))] == [Change.CLEARED]


def test_the_alarm_of_a_fan_stands_until_the_fans_were_reported() -> None:
    what = warm(restored(alarm(Sort.TAKEN, "front"), alarm(Sort.FAULT, "rear")))
    assert what.review(at(0))[0].alarm.subject == "rear", "only in other words"
    assert sorts(what) == [(Sort.TAKEN, "front"), (Sort.FAULT, "rear")]
    what.report_fans(fan(name="side"), modern(), Seconds(1))
    assert [event.change for event in what.review(at(1))] == [Change.CLEARED] * 2


def test_s7_silence_stands_until_a_client_comes() -> None:
    what = warm(restored(alarm(Sort.SILENT)))
    assert what.review(at(0)) == ()
    what.subscribe(modern(), at(1))
    assert [event.change for event in what.review(at(1))] == [Change.CLEARED]


def test_s2_a_device_that_was_lost_before_the_start_still_is_until_it_answers() -> None:
    what = restored(alarm(Sort.LOST, "a"))
    assert what.review(at(0)) == ()
    what.observe("a", Failed("no answer", Seconds(1)))
    what.review(at(1))
    (lost,) = what.alarms
    assert (lost.sort, lost.since) == (Sort.LOST, WALL - 100), "not another alarm besides"
    what.observe("a", reading(30, 2), "hdd")
    assert [event.change for event in what.review(at(2))] == [Change.CLEARED]


def test_the_alarm_of_what_the_shelf_no_longer_has_is_over() -> None:
    what = restored(alarm(Sort.LOST, "gone"), alarm(Sort.CRITICAL, "front"))
    assert [event.change for event in what.review(at(0))] == [Change.CLEARED] * 2


def test_s8_what_is_kept_is_restored() -> None:
    before = warm(shelf(), 51)
    before.set_override(Percent(60), at(0))
    before.review(at(0))
    after = shelf()
    after.restore(before.kept)
    assert after.kept == before.kept
    assert after.decision(at(1)).override == before.override
    pending = shelf()
    pending.set_override_end(Timestamp(WALL + 5), at(0))
    after.restore(pending.kept)
    assert (after.override, after.pending) == (None, pending.pending)


@pytest.mark.parametrize("jump", [-1e9, 1e9])
def test_s8_an_override_that_has_ended_does_not_come_back_with_the_wall_clock(jump: float) -> None:
    what = warm(shelf())
    what.set_override(Percent(60), at(0))
    what.set_override_end(Timestamp(WALL + 10), at(0))
    assert what.decision(Moment(Seconds(1), Timestamp(WALL - 1e9))).duty == 60.0
    assert what.decision(Moment(Seconds(2), Timestamp(WALL + 1e9))).duty == 25.0
    assert what.decision(Moment(Seconds(3), Timestamp(WALL + jump))).duty == 25.0
    assert what.kept.override is None


def test_what_is_kept_can_be_written_and_read() -> None:
    what = warm(shelf(), 51)
    what.report_fans(fan(state="taken"), modern(), Seconds(0))
    what.set_override(Percent(60), at(0))
    what.review(at(0))
    kept = what.kept
    assert len(kept.alarms) == 3
    for some in (kept, Kept(), Kept(pending=Pending(None)), Kept(pending=Pending(Timestamp(WALL)))):
        assert msgspec.json.decode(msgspec.json.encode(some), type=Kept) == some


def test_s7_the_speed_is_unknown_until_it_is_reported_and_when_it_is_old() -> None:
    what, who = warm(shelf()), peer()
    assert what.speed(Seconds(0)) is None
    what.report_speed(Rpm(1500), who, Seconds(1))
    assert what.speed(Seconds(2)) == 1500.0
    assert what.speed(Seconds(152)) is None
    fans = fan_states([{"name": name, "rpm": rpm, "duty": 30, "state": "ok"} for name, rpm in (("a", 9), ("b", 8))])
    what.report_fans(fans, who, Seconds(160))
    assert what.speed(Seconds(161)) == 8.0
    assert what.client is who


def test_a_subscriber_is_the_client_and_is_remembered_with_what_it_was_told() -> None:
    what, who = warm(shelf()), peer()
    what.subscribe(who, at(0))
    assert what.client is who
    assert told(what.subscribers[who]) == (Request.SET_PWM, ("shelf1", 25))


STEEPER = ShelfLaw(
    {
        "hdd": FamilyLaw(
            "steep", Linear(((Celsius(20), Percent(20)), (Celsius(40), Percent(90)))), critical=Celsius(50)
        )
    }
)


def test_s11_another_law_decides_at_once_and_by_what_the_devices_said() -> None:
    what = warm(shelf())
    assert what.decision(at(0)).duty == 25.0
    what.become(STEEPER, what.slots, {"a", "b"})
    assert what.decision(at(0)).duty == 55.0
    what.become(LAW, what.slots, {"a", "b"})
    assert what.decision(at(2)).duty == 53.0, "what the filters remember stays: it falls step by step"


def test_s11_a_device_that_is_new_or_another_has_not_answered_yet() -> None:
    what = warm(shelf())
    what.become(LAW, [slot("b"), slot("c")], {"b"})
    decision = what.decision(at(1))
    assert (decision.duty, decision.reason) == (100.0, "device c has not answered since the start")
    what.observe("c", reading(30, 1), "hdd")
    assert what.decision(at(2)).faults == ()
    what.become(LAW, [slot("b"), slot("c")], {"c"})
    assert what.decision(at(2)).reason == "device b has not answered since the start"
    assert [device.name for device in what.devices] == ["b", "c"]


def test_s11_what_else_is_known_of_a_shelf_outlives_its_configuration() -> None:
    what, who = warm(shelf(), 55), peer()
    what.subscribe(who, at(0))
    what.set_override(Percent(60), at(0))
    what.report_speed(Rpm(1500), who, Seconds(1))
    what.review(at(1))
    what.become(STEEPER, [slot("a")], {"a"})
    assert what.override is not None
    assert what.override.percent == 60.0
    assert list(what.subscribers) == [who]
    assert what.speed(Seconds(2)) == 1500.0
    assert what.client is who
    assert [event.alarm.subject for event in what.review(at(2))] == ["b"], "the alarm of the device that is gone ends"
    assert what.alarms == (Alarm(Sort.CRITICAL, "a", "hdd a at 55.0 °C, critical from 50 °C", Timestamp(WALL + 1)),)


def test_a_device_that_is_watched_otherwise_is_judged_otherwise() -> None:
    what = warm(shelf())
    assert what.decision(at(25)).duty == 25.0
    what.become(LAW, [slot("a", interval=100.0), slot("b", optional=True)], {"a", "b"})
    what.observe("b", Failed("gone", Seconds(30)))
    assert what.decision(at(40)).duty == 25.0
    assert [device.watch.interval for device in what.devices] == [100.0, 10.0]


def test_to_find_what_is_wrong_with_many_devices_the_alarms_are_gone_through_once() -> None:
    class Counted(tuple[Alarm, ...]):
        rounds = 0

        def __iter__(self) -> Iterator[Alarm]:
            Counted.rounds += 1
            return super().__iter__()

    names = tuple(f"d{number}" for number in range(50))
    what = shelf(devices=names)
    for name in names:
        what.observe(name, Failed("no answer", Seconds(1)))
    assert len(what.review(at(1))) == 50
    what.alarms = Counted(what.alarms)
    assert what.review(at(2)) == ()
    assert Counted.rounds <= 2
