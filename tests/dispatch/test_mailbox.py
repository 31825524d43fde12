import pytest

from fand.control import Watch
from fand.dispatch import Mailbox
from fand.dispatch.mailbox import SIGN, SILENCE
from fand.dispatch.reports import Report
from fand.ports import Failed, Reading, Temperature
from fand.units import Celsius, Seconds

from .halls import peer

WATCH = Watch(Seconds(30))


def report(celsius: float, earliest: float, latest: float) -> Report:
    return Report("sda", Temperature(Celsius(celsius), Seconds(earliest)), Seconds(latest), "hdd")


def warm(celsius: float, at: float) -> Reading:
    return Temperature(Celsius(celsius), Seconds(at))


def box() -> Mailbox:
    return Mailbox("nas2", "sda")


def test_what_is_new_is_told() -> None:
    nas = peer()
    mail = box()
    assert mail.take(report(40, 1, 2), nas) == warm(40, 1)
    assert mail.take(report(40, 3, 4), nas) == warm(40, 3)
    assert mail.take(report(41, 5, 6), nas) == warm(41, 5)


def test_s5_what_may_be_the_same_reading_again_is_not_told_twice() -> None:
    nas, again = peer(), peer()
    mail = box()
    mail.take(report(20, 10, 11), nas)
    assert mail.take(report(20, 9, 30), nas) is None
    assert mail.take(report(20, 10.9, 12), again) is None
    assert mail.take(report(20, 11.1, 12), again) == warm(20, 11.1)


def test_another_value_is_another_reading_and_later_than_the_one_before() -> None:
    nas = peer()
    mail = box()
    mail.take(report(40, 10, 11), nas)
    assert mail.take(report(60, 9, 12), nas) == warm(60, 10)


def test_what_was_held_up_on_a_connection_given_up_is_not_told() -> None:
    old, new = peer(0), peer(35)
    mail = box()
    mail.take(report(40, 10, 11), old)
    mail.take(report(60, 40, 41), new)
    assert mail.take(report(41, 15, 90), old) is None
    assert mail.last == report(60, 40, 41)
    assert not mail.shared
    assert mail.take(report(50, 42, 43), old) == warm(50, 42), "that is another agent of the same name"
    assert mail.shared


def test_what_comes_on_a_later_connection_was_taken_later_and_is_as_old_as_it_can_be() -> None:
    mail = box()
    mail.take(report(40, 10, 20), peer(0))
    assert mail.take(report(50, 9, 21), peer(9)) == warm(50, 9)


def test_a_failure_told_again_is_no_second_failure() -> None:
    mail, nas = box(), peer()
    first = Report("sda", Failed("no answer", Seconds(1)), Seconds(2))
    assert mail.take(first, nas) == first.reading
    assert mail.take(first, peer()) is None
    assert mail.take(Report("sda", Failed("no answer", Seconds(3)), Seconds(4)), nas) is not None


def test_s1_a_device_that_was_never_reported_fails_after_a_while() -> None:
    mail = box()
    assert mail.failure(WATCH, Seconds(100)) is None
    assert mail.failure(WATCH, Seconds(100 + SILENCE)) is None
    failed = mail.failure(WATCH, Seconds(116))
    assert failed == Failed("agent nas2 has not reported sda", Seconds(116))


@pytest.mark.parametrize("interval", [30.0, 2.0])
def test_s2_each_failure_is_told_once_and_the_next_one_later(interval: float) -> None:
    watch, mail = Watch(Seconds(interval)), box()
    mail.failure(watch, Seconds(0))
    told = [second for second in range(60) if mail.failure(watch, Seconds(second)) is not None]
    pace = min(SIGN, interval)
    assert told[:3] == [told[0], told[0] + pace, told[0] + 2 * pace]


def test_s2_an_agent_that_is_silent() -> None:
    mail, nas = box(), peer(10)
    mail.take(report(40, 9, 10), nas)
    assert mail.failure(WATCH, Seconds(25)) is None
    failed = mail.failure(WATCH, Seconds(26))
    assert failed is not None
    assert failed.reason == "agent nas2 has been silent for 16 s"
    nas.at = Seconds(26)
    assert mail.failure(WATCH, Seconds(27)) is None
    nas.at = Seconds(-10)
    assert mail.failure(WATCH, Seconds(28)) is not None


def test_s2_an_agent_that_has_gone_and_not_come_again() -> None:
    mail, nas = box(), peer(10)
    mail.take(report(40, 9, 10), nas)
    nas.gone = True
    assert mail.failure(WATCH, Seconds(15)) is None
    failed = mail.failure(WATCH, Seconds(15.1))
    assert failed is not None
    assert failed.reason == "agent nas2 has gone"
    again = peer(16)
    assert mail.take(report(40, 9, 10), again) is None
    assert mail.failure(WATCH, Seconds(16)) is None


def test_s2_a_reading_from_before_a_failure_does_not_undo_it() -> None:
    mail, nas = box(), peer(10)
    mail.take(report(40, 9, 10), nas)
    assert mail.failure(WATCH, Seconds(30)) is not None
    nas.at = Seconds(31)
    assert mail.take(report(41, 29, 31), nas) is None
    assert mail.last == report(41, 29, 31)
    assert mail.take(report(41, 32, 33), nas) == warm(41, 32)


def test_s2_an_agent_that_lives_but_tells_nothing_of_the_device() -> None:
    mail, nas = box(), peer(10)
    mail.take(report(40, 9, 10), nas)
    nas.at = Seconds(100)
    assert mail.failure(WATCH, Seconds(99)) is None
    failed = mail.failure(WATCH, Seconds(100))
    assert failed is not None
    assert failed.reason == "agent nas2 reported it 91 s ago for the last time"
