"""Alarms: raised once, still there under new numbers, changed by new words, cleared when found to be over."""

from fand.control import Alarm, Change, Event, Finding, Sort, review
from fand.units import Timestamp

T0, T1 = Timestamp(1000.0), Timestamp(1010.0)
LOST = Finding(Sort.LOST, "S1", "hdd S1 lost for 31 s: no answer")
ALARM = Alarm(Sort.LOST, "S1", LOST.reason, T0)


def decided(alarm: Alarm) -> bool:
    return False


def undecided(alarm: Alarm) -> bool:
    return True


def test_it_is_raised_when_it_is_found() -> None:
    assert review((), [LOST], decided, T0) == ((ALARM,), (Event(Change.RAISED, ALARM, T0),))


def test_it_keeps_its_beginning_and_is_no_news_under_other_numbers() -> None:
    later = Finding(Sort.LOST, "S1", "hdd S1 lost for 41 s: no answer")
    assert review((ALARM,), [later], decided, T1) == ((Alarm(Sort.LOST, "S1", later.reason, T0),), ())


def test_another_reason_is_news_of_the_same_alarm() -> None:
    other = Finding(Sort.LOST, "S1", "hdd S1 lost for 41 s: is gone")
    after = Alarm(Sort.LOST, "S1", other.reason, T0)
    assert review((ALARM,), [other], decided, T1) == ((after,), (Event(Change.CHANGED, after, T1),))


def test_it_is_cleared_when_it_is_not_found_any_more() -> None:
    assert review((ALARM,), [], decided, T1) == ((), (Event(Change.CLEARED, ALARM, T1),))


def test_it_stands_while_nothing_has_been_heard_that_could_tell() -> None:
    assert review((ALARM,), [], undecided, T1) == ((ALARM,), ())


def test_two_subjects_and_two_sorts_are_alarms_of_their_own() -> None:
    others = [Finding(Sort.LOST, "S2", "lost"), Finding(Sort.CRITICAL, "S1", "critical")]
    alarms, events = review((ALARM,), [LOST, *others], undecided, T1)
    assert [(alarm.sort, alarm.subject, alarm.since) for alarm in alarms] == [
        (Sort.LOST, "S1", T0),
        (Sort.LOST, "S2", T1),
        (Sort.CRITICAL, "S1", T1),
    ]
    assert [event.change for event in events] == [Change.RAISED, Change.RAISED]
