from typing import Any

import pytest

from fand.control import Condition, FanState, Fault, Finding, Sort
from fand.dispatch import Peer
from fand.dispatch.fans import Fans, fan_states, one_speed
from fand.exceptions import RequestError
from fand.units import FULL, Percent, Rpm, Seconds

from .halls import peer

GOOD = {"name": "front", "rpm": 1200, "duty": 40.5, "state": "ok"}


DRIVEN = Percent(50)


class Shelf:
    """Fans with a client, who reports all of them."""

    def __init__(self) -> None:
        self.fans, self.peer = Fans(), modern(0)

    def __call__(self, at: float, *, who: Peer | None = None, **speeds: float | None) -> bool:
        self.peer = who or self.peer
        self.peer.at = Seconds(at)
        states = fan_states([{**GOOD, "name": name, "rpm": rpm} for name, rpm in speeds.items()])
        return self.fans.report(states, self.peer, DRIVEN, Seconds(at))

    @property
    def troubles(self) -> list[tuple[Sort, str]]:
        return [(fault.sort, fault.subject) for fault in self.fans.faults(FULL)]


def modern(seconds: float) -> Peer:
    who = peer(seconds)
    who.speaks_extensions()
    return who


def test_a_list_of_fans_is_taken() -> None:
    unknown = {"name": "rear", "rpm": None, "duty": None, "state": "fault", "later": "ignored"}
    assert fan_states([GOOD, unknown]) == (
        FanState("front", Rpm(1200), Percent(40.5), Condition.OK),
        FanState("rear", None, None, Condition.FAULT),
    )
    assert fan_states([]) == ()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", None),
        ("name", ""),
        ("name", " \n"),
        ("name", 3),
        ("rpm", "fast"),
        ("rpm", float("nan")),
        ("rpm", -1),
        ("rpm", True),
        ("rpm", 10**30),
        ("duty", 101),
        ("duty", float("inf")),
        ("state", "fine"),
        ("state", None),
        ("state", []),
    ],
)
def test_a_fan_with_a_bad_value_is_refused(key: str, value: object) -> None:
    with pytest.raises(RequestError):
        fan_states([{**GOOD, key: value}])


@pytest.mark.parametrize("value", [None, 3, "fans", {}, (GOOD,), [None], [[]], [{"name": "front"}], [GOOD] * 65])
def test_what_is_no_list_of_fans_is_refused(value: Any) -> None:
    with pytest.raises(RequestError):
        fan_states(value)


def test_a_name_fits_one_line_of_a_log() -> None:
    (fan,) = fan_states([{**GOOD, "name": "rear\n2026-11-22 ERROR: shelf1: on fire\x1b[2J"}])
    assert fan.name == "rear 2026-11-22 ERROR: shelf1: on fire [2J"
    with pytest.raises(RequestError, match="same name"):
        fan_states([{**GOOD, "name": name} for name in ("rear", "rear\0")])


def test_every_condition_has_its_word() -> None:
    words = ["ok", "stalled", "fault", "taken"]
    fans = fan_states([{**GOOD, "name": word, "state": word} for word in words])
    assert [fan.state.value for fan in fans] == words


def test_a_long_name_is_cut() -> None:
    assert len(fan_states([{**GOOD, "name": "x" * 9999}])[0].name) == 200


def test_two_fans_of_one_name_are_refused() -> None:
    with pytest.raises(RequestError, match="same name"):
        fan_states([GOOD, GOOD])


def test_a_shelf_has_a_limit_of_fans_whoever_reports_them() -> None:
    fans = Fans()
    fans.report(fan_states([{**GOOD, "name": f"fan {n}"} for n in range(60)]), modern(0), DRIVEN, Seconds(0))
    more = fan_states([{**GOOD, "name": f"other {n}"} for n in range(5)])
    with pytest.raises(RequestError, match="at most 64 fans"):
        fans.report(more, modern(1), DRIVEN, Seconds(1))
    assert len(fans.named) == 60


def test_the_slowest_known_fan_speaks_for_all() -> None:
    shelf = Shelf()
    assert shelf.fans.speed(Seconds(0)) is None
    shelf(0, front=1200, rear=900, side=None)
    assert shelf.fans.speed(Seconds(1)) == 900.0
    shelf(2, side=None)
    assert shelf.fans.speed(Seconds(3)) is None


def test_s7_a_report_grows_stale_with_its_client() -> None:
    fans, who = Fans(), peer()
    fans.report([one_speed(Rpm(900))], who, DRIVEN, Seconds(10))
    assert fans.speed(Seconds(160)) == 900.0
    who.speaks_extensions()
    assert fans.speed(Seconds(51)) is None, "unknown, not 0"
    assert fans.reported == 10.0


def test_s6_a_stalled_fan_demands_a_duty_and_is_named() -> None:
    shelf = Shelf()
    assert not shelf(0, front=0, rear=900)
    assert not shelf(5, front=0, rear=900)
    assert shelf(10, front=0, rear=900), "that is news"
    assert shelf.fans.faults(FULL) == (Fault(FULL, Sort.STALLED, "fan front is stalled", "front"),)
    assert not shelf(15, front=0, rear=900)
    assert not shelf(20, front=900, rear=900)
    assert shelf(50, front=900, rear=900)
    assert shelf.troubles == []


def test_s6_the_one_speed_of_an_old_client_is_that_of_a_fan() -> None:
    fans, who = Fans(), peer()
    for second in (0, 60, 120):
        assert fans.faults(FULL) == ()
        fans.report([one_speed(Rpm(0))], who, DRIVEN, Seconds(second))
    assert fans.faults(Percent(80)) == (Fault(Percent(80), Sort.STALLED, "the fan is stalled", ""),)
    assert fans.named == ()


def test_s6_a_fan_served_nothing_may_stand_still() -> None:
    fans, who = Fans(), peer()
    for second in (0, 60, 120):
        fans.report([one_speed(Rpm(0))], who, Percent(0), Seconds(second))
    assert fans.faults(FULL) == ()


def test_s6_a_fan_without_a_duty_of_its_own_is_driven_as_the_shelf_is_served() -> None:
    fans, who = Fans(), modern(0)
    stopped, unknown = fan_states(
        [{**GOOD, "rpm": 0, "duty": 0}, {**GOOD, "name": "rear", "rpm": 0, "duty": None}],
    )
    for second in (0, 5, 10):
        fans.report([stopped, unknown], who, DRIVEN, Seconds(second))
    assert [fault.subject for fault in fans.faults(FULL)] == ["rear"]


def test_s6_a_fan_that_cannot_be_driven_demands_as_much() -> None:
    fans = Fans()
    assert fans.report(fan_states([{**GOOD, "state": "fault"}]), modern(0), DRIVEN, Seconds(0))
    assert fans.faults(FULL) == (Fault(FULL, Sort.FAULT, "fan front cannot be driven", "front"),)


def test_c1_a_fan_that_somebody_else_had_set_is_told_and_demands_nothing() -> None:
    fans, who = Fans(), modern(0)
    assert fans.report(fan_states([{**GOOD, "state": "taken"}]), who, DRIVEN, Seconds(0))
    assert fans.faults(FULL) == ()
    words = "fan front was set by somebody else, and set back"
    assert fans.findings() == (Finding(Sort.TAKEN, "front", words),)
    assert fans.report(fan_states([GOOD]), who, DRIVEN, Seconds(5))
    assert fans.findings() == ()


def test_s6_a_stall_outlives_the_connection_of_its_client() -> None:
    shelf = Shelf()
    for second in (0, 5, 10):
        shelf(second, front=0)
    shelf(12, who=modern(12), front=900)
    assert shelf.troubles == [(Sort.STALLED, "front")]
    shelf(42, front=900)
    assert shelf.troubles == []


def test_s6_a_stale_report_clears_nothing() -> None:
    shelf = Shelf()
    for second in (0, 5, 10):
        shelf(second, front=0)
    shelf(15, front=900)
    shelf(500, front=900)
    assert shelf.troubles == [(Sort.STALLED, "front")], "nobody saw it turn meanwhile"
    shelf(530, front=900)
    assert shelf.troubles == []


def test_a_fan_that_its_client_no_longer_has_is_forgotten() -> None:
    shelf = Shelf()
    for second in (0, 5, 10):
        shelf(second, front=0, rear=900)
    assert shelf(15, rear=900)
    assert shelf.troubles == []
    assert [fan.state.name for fan in shelf.fans.named] == ["rear"]


def test_a_fan_of_a_client_that_is_gone_is_forgotten_when_it_has_long_been_silent() -> None:
    shelf = Shelf()
    for second in (0, 5, 10):
        shelf(second, front=0)
    shelf(20, who=modern(20), rear=900)
    assert shelf.troubles == [(Sort.STALLED, "front")], "it may yet come again"
    shelf(51, rear=900)
    assert shelf.troubles == []


def elsewhere(seconds: float) -> Peer:
    who = Peer("192.0.2.2:4000", Seconds(seconds))
    who.speaks_extensions()
    return who


def test_s6_a_stalled_fan_is_not_forgotten_when_its_client_dies_and_another_one_reports() -> None:
    shelf, other = Shelf(), elsewhere(0)
    for second in (0, 5, 10):
        shelf(second, front=0)
    for second in (20, 51, 500):
        shelf(second, who=other, rear=900)
        assert shelf.troubles == [(Sort.STALLED, "front")]
    assert shelf.fans.speed(Seconds(500)) == 900
    again = modern(600)
    shelf(600, who=again, front=900)
    shelf(631, who=again, front=900)
    assert shelf.troubles == []


def test_s7_each_fan_whose_client_is_silent_is_told_while_another_client_reports() -> None:
    shelf, other, first = Shelf(), elsewhere(0), modern(0)

    def unheard(client: Peer | None, now: float) -> list[Finding]:
        return list(shelf.fans.unheard(client, Seconds(now)))

    shelf(0, who=first, front=900)
    shelf(40, who=other, rear=900)
    assert unheard(other, 40) == []
    words = "fan front is no longer reported: its fan client 192.0.2.1:4000 is silent"
    assert unheard(other, 41) == [Finding(Sort.SILENT, "front", words)]
    assert unheard(None, 41) == [], "after a start there is nothing to compare with"
    assert unheard(modern(41), 41) == [], "it has come again, and is about to report"
    assert unheard(first, 200) == [Finding(Sort.SILENT, "rear", words.replace("front", "rear").replace("2.1", "2.2"))]
    shelf.fans.restore(Sort.STALLED, "third")
    assert [finding.subject for finding in unheard(other, 41)] == ["front"]


def test_s6_a_fan_in_trouble_before_the_start_still_is_until_it_was_normal() -> None:
    shelf = Shelf()
    shelf.fans.restore(Sort.STALLED, "front")
    assert shelf.troubles == [(Sort.STALLED, "front")]
    assert (shelf.fans.named, shelf.fans.reported, shelf.fans.speed(Seconds(0))) == ((), None, None)
    shelf(5, front=900)
    assert shelf.troubles == [(Sort.STALLED, "front")]
    shelf(35, front=900)
    assert shelf.troubles == []


def test_s6_a_fan_reported_before_its_trouble_is_restored_still_is_in_it() -> None:
    shelf = Shelf()
    shelf(5, front=900)
    shelf.fans.restore(Sort.STALLED, "front")
    shelf(6, front=900)
    assert shelf.troubles == [(Sort.STALLED, "front")]
    assert shelf.fans.speed(Seconds(7)) == 900.0
    shelf(36, front=900)
    assert shelf.troubles == []


def test_s6_a_fan_in_trouble_before_the_start_and_no_longer_reported_is_forgotten() -> None:
    shelf = Shelf()
    shelf.fans.restore(Sort.FAULT, "front")
    shelf(5, rear=900)
    assert shelf.troubles == []
