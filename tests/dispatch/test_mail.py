from typing import Any

import pytest

from fand.control import Watch
from fand.dispatch import Addressee, Grant, Hall, Mailbox, Peer, Role, Shelf
from fand.dispatch.mail import AT_ONCE
from fand.exceptions import AccessDeniedError, RequestError
from fand.ports import Failed, Reading
from fand.units import Seconds
from fand.wire import Request

from .halls import LAW, ask, at, hall, peer, shelf, slot


def addressee(where: str, device: str, name: str, *, agent: str = "nas2", family: str | None = "hdd") -> Addressee:
    return Addressee(where, device, Watch(Seconds(10)), family, Mailbox(agent, name))


def remote(optional: bool = False) -> Hall:
    """Two shelves: one of two remote devices, and one that the first of these stands in as well."""
    where = hall(
        Shelf("one", LAW, [slot("a", optional=optional), slot("b", optional=optional)]), shelf("two", devices=("x",))
    )
    where.mail.become([addressee("one", "a", "sda"), addressee("one", "b", "sdb"), addressee("two", "x", "sda")])
    return where


def ok(device: str, celsius: float = 35, age: float = 0.0, **more: object) -> dict[str, Any]:
    return {"device": device, "state": "ok", "celsius": celsius, "age": age, **more}


def tell(where: Hall, *readings: object, who: Peer | None = None, now: float = 1.0, name: str = "nas2") -> Any:
    return ask(where, Request.SET_TEMPERATURES, list(readings), name, who=who, now=now)


def test_a_report_is_weighed_in_every_shelf_that_has_the_device() -> None:
    where = remote()
    given = tell(where, ok("sda", 35), ok("sdb", 38))
    assert (given.request, given.args) == (Request.ACK, ())
    assert given.changed == (where.shelf("one"), where.shelf("two"))
    assert ask(where, Request.GET_PWM, "one").args == ("one", 65)
    assert ask(where, Request.GET_PWM, "two").args == ("two", 50)


def test_s1_a_device_that_was_not_reported_yet_is_full_speed() -> None:
    where = remote()
    tell(where, ok("sda"))
    assert ask(where, Request.GET_PWM, "one").args == ("one", 100)


def test_what_nobody_asks_for_is_told_back_and_keeps_nothing_else_from_being_heard() -> None:
    where = remote()
    given = tell(where, ok("sdx"), ok("sda"))
    assert given.args == (["sdx"], "nas2")
    assert where.shelf("one").devices[0].track.last is not None
    assert tell(where, ok("sda"), name="nas3").args == (["sda"], "nas3")


def test_a_sign_of_life_changes_nothing() -> None:
    assert tell(remote()).changed == ()


def test_a_reading_told_again_changes_nothing() -> None:
    where, nas = remote(), peer()
    tell(where, ok("sda", age=1), who=nas)
    assert tell(where, ok("sda", age=3), who=nas, now=3).changed == ()


def test_two_agents_of_one_name_are_told_of_once() -> None:
    where, one, other = remote(), peer(0), peer(1)
    told: list[tuple[str, str, str]] = []
    for second in (2, 6, 10, 14):
        tell(where, ok("sda", 40), who=one, now=second)
        tell(where, ok("sda", 30), ok("sdb", 30), who=other, now=second + 1)
        if second == 2:
            assert told == []
            where.mail.doubt = lambda *what: told.append(what)
    assert told == [("one", "a", "nas2"), ("two", "x", "nas2")]


def test_s5_a_drop_told_three_times_is_not_confirmed() -> None:
    where, nas = remote(), peer()
    tell(where, ok("sda", 60), who=nas, now=1)
    for second in (2, 4, 6, 8):
        tell(where, ok("sda", 20, age=second - 2), who=nas, now=second)
    assert where.shelf("two").devices[0].track.doubt is not None
    for second in (20, 30):
        tell(where, ok("sda", 20), who=nas, now=second)
    assert where.shelf("two").devices[0].track.doubt is None


def test_a_reading_is_dated_from_the_answer_before_it() -> None:
    where, nas = remote(), peer()
    ask(where, Request.PING, who=nas, now=10)
    ask(where, Request.SET_TEMPERATURES, [ok("sda", age=2)], "nas2", 5, who=nas, now=40)
    last = where.shelf("one").devices[0].track.last
    assert last is not None
    assert last.at == 13


def test_the_family_is_that_of_the_configuration_or_else_the_agents() -> None:
    where = remote()
    where.mail.become([addressee("one", "a", "sda", family="hdd"), addressee("one", "b", "sdb", family=None)])
    tell(where, ok("sda", family="ssd"), ok("sdb", family="nvme"))
    assert [device.track.family for device in where.shelf("one").devices] == ["hdd", "nvme"]


def test_a_report_counts_in_the_shelves_for_which_its_agent_may_report() -> None:
    where = remote()
    nas = Peer("192.0.2.1:1", Seconds(0), who="nas2", grant=Grant(frozenset({Role.REPORT}), frozenset({"two"})))
    given = tell(where, ok("sda"), ok("sdb"), who=nas)
    assert given.args == (["sdb"], "nas2")
    assert given.changed == (where.shelf("two"),)
    assert where.shelf("one").devices[0].track.last is None


def test_who_may_only_read_reports_nothing() -> None:
    who = Peer("192.0.2.1:1", Seconds(0), grant=Grant(frozenset({Role.READ})))
    with pytest.raises(AccessDeniedError):
        tell(remote(), ok("sda"), who=who)


def test_the_agent_must_be_named() -> None:
    with pytest.raises(RequestError, match="give the agent's name"):
        ask(remote(), Request.SET_TEMPERATURES, [])


def test_s2_a_lost_agent_is_found_by_looking() -> None:
    where, nas = remote(), peer()
    heard: list[tuple[str, str, Reading]] = []
    where.mail.hear = lambda shelf, device, reading: heard.append((shelf, device, reading))
    tell(where, ok("sda"), ok("sdb"), who=nas, now=1)
    nas.at = Seconds(1)
    assert where.mail.look(Seconds(15)) == ()
    where.leave(nas)
    for second in (16, 21, 26):
        assert where.mail.look(Seconds(second)) == (where.shelf("one"), where.shelf("two"))
    assert where.mail.look(Seconds(27)) == ()
    assert where.shelf("one").decision(at(27)).duty == 100
    assert [(name, device) for name, device, reading in heard if isinstance(reading, Failed)][:3] == [
        ("one", "a"),
        ("one", "b"),
        ("two", "x"),
    ]


def test_an_optional_device_is_absent_when_its_agent_has_gone() -> None:
    where, nas = remote(optional=True), peer()
    tell(where, ok("sda", 40), ok("sdb", 35), who=nas, now=1)
    where.mail.become([addressee("one", "a", "sda"), addressee("one", "b", "sdb")])
    tell(where, ok("sdb", 35), who=nas, now=2)
    for second in (20, 40, 60, 80):
        tell(where, ok("sdb", 35), who=nas, now=second)
        nas.at = Seconds(second)
        where.mail.look(Seconds(second))
    status = ask(where, Request.GET_STATUS, "one", now=81).args[1]
    assert [device["health"] for device in status["devices"]] == ["absent", "good"]
    assert status["duty"] < 100


class Looked(Mailbox):
    """A mailbox that counts how often it is looked at."""

    times = 0

    def failure(self, watch: Watch, now: Seconds) -> Failed | None:
        self.times += 1
        return super().failure(watch, now)


def counted(where: Hall, interval: float = 10.0) -> tuple[Looked, Looked]:
    """The devices of shelf one, each with such a mailbox."""
    boxes = Looked("nas2", "sda"), Looked("nas2", "sdb")
    watch = Watch(Seconds(interval))
    where.mail.become(Addressee("one", name, watch, "hdd", box) for name, box in zip("ab", boxes, strict=True))
    return boxes


def test_only_those_are_looked_at_that_may_have_fallen_silent() -> None:
    where, nas = remote(), peer()
    boxes = counted(where)
    for second in range(61):
        if second % 5 == 0:
            tell(where, ok("sda"), ok("sdb"), who=nas, now=second)
            nas.at = Seconds(second)
        assert where.mail.look(Seconds(second)) == ()
    assert [box.times for box in boxes] == pytest.approx([6, 6], abs=1), "not 61 times"


def test_s2_a_silence_is_found_as_soon_as_it_is_one_however_rarely_is_looked() -> None:
    where, nas = remote(), peer()
    boxes = counted(where)
    for second in (3, 8, 13):
        tell(where, ok("sda"), ok("sdb"), who=nas, now=second)
        nas.at = Seconds(second)
    found = [second for second in range(1, 60) if where.mail.look(Seconds(second))]
    assert found == [29, 34, 39, 44, 49, 54, 59]
    assert max(box.times for box in boxes) < 20


def test_s2_old_news_is_found_though_the_agent_speaks() -> None:
    where, nas = remote(), peer()
    counted(where)
    tell(where, ok("sda"), ok("sdb", age=60), who=nas, now=1)
    assert where.mail.look(Seconds(2)) == (where.shelf("one"),), "that is too old as it comes"
    found = []
    for second in range(3, 45):
        nas.at = Seconds(second)
        before = where.shelf("one").devices[0].track.failures
        where.mail.look(Seconds(second))
        if where.shelf("one").devices[0].track.failures > before:
            found.append(second)
    assert found[0] in (31, 32)


def test_s2_who_has_gone_is_looked_at_sooner_also_after_a_reload() -> None:
    for reload in (False, True):
        where, nas = remote(), peer()
        boxes = counted(where)
        tell(where, ok("sda"), ok("sdb"), who=nas, now=1)
        nas.at = Seconds(1)
        assert where.mail.look(Seconds(1)) == ()
        if reload:
            watch = Watch(Seconds(10))
            where.mail.become(
                Addressee("one", name, watch, "hdd", box) for name, box in zip("ab", boxes, strict=True)
            )
            assert where.mail.look(Seconds(1.5)) == ()
        where.leave(nas)
        assert [second for second in range(2, 9) if where.mail.look(Seconds(second))] == [7]


def test_many_are_looked_at_by_and_by() -> None:
    count = AT_ONCE + 1
    where = hall(Shelf("one", LAW, [slot(f"d{number}") for number in range(count)]))
    where.mail.become(addressee("one", f"d{number}", f"d{number}") for number in range(count))
    now = Seconds(1)
    assert where.mail.look(now) == ()
    assert where.mail.is_due(now)
    assert where.mail.look(now) == ()
    assert not where.mail.is_due(now)


def test_what_is_just_at_its_end_is_looked_at_later_and_not_again_and_again() -> None:
    where = remote()
    where.mail.look(Seconds(0))
    assert where.mail.look(Seconds(15)) == ()
    assert not where.mail.is_due(Seconds(15))
    assert where.mail.look(Seconds(16)) != ()
