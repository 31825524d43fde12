from typing import Any, cast

import pytest

from fand.control import Watch
from fand.dispatch import Shelf, Slot, status
from fand.dispatch.fans import fan_states
from fand.dispatch.status import shelves_page
from fand.exceptions import RequestError
from fand.ports import Asleep, Failed, Temperature
from fand.units import Celsius, Moment, Percent, Rpm, Seconds
from fand.wire import HEADER_SIZE, MAX_PAYLOAD, Request, decode, encode

from .halls import LAW, WALL, at, peer, shelf, slot, warm


def status_page(what: Shelf, first: int, now: Moment) -> dict[str, Any]:
    """The dict of a page, which its frame tells too."""
    (name, told), frame = status.status_page(what, first, now)
    assert name == what.name
    assert decode(frame[HEADER_SIZE:]) == (Request.SET_STATUS, (name, told))
    return cast("dict[str, Any]", told)


def pages(what: Shelf, now: float) -> list[dict[str, Any]]:
    """Every page of a shelf's status, each as long as a frame at most."""
    found, first = [], 0
    while True:
        page = status_page(what, first, at(now))
        assert len(encode(Request.SET_STATUS, (what.name, page))) <= MAX_PAYLOAD + 8
        found.append(page)
        if page["next"] is None:
            return found
        assert page["next"] > first
        first = page["next"]


def test_a_shelf_at_rest() -> None:
    assert status_page(warm(shelf(devices=("a",))), 0, at(2)) == {
        "duty": 25,
        "reason": "hdd a at 30.0 °C on curve drives -> 25 %",
        "demand": 25,
        "faults": [],
        "alarms": [],
        "override": None,
        "rpm": None,
        "fans": [],
        "fans_age": None,
        "client": None,
        "certificates": [],
        "devices": [
            {
                "name": "a",
                "kind": "fake",
                "position": "",
                "family": "hdd",
                "health": "good",
                "celsius": 30,
                "age": 2,
                "failure": None,
                "optional": False,
            }
        ],
        "next": None,
    }


def test_each_device_tells_its_own_state() -> None:
    what = Shelf("s", LAW, [slot("waits"), slot("sleeps"), slot("fails", position="1,2"), slot("may", optional=True)])
    what.observe("sleeps", Asleep(Seconds(5)), "hdd")
    what.observe("fails", Temperature(Celsius(31.26), Seconds(3)), "hdd")
    what.observe("fails", Failed("no answer within 5 s", Seconds(6)))
    what.observe("may", Failed("not there", Seconds(6)))
    status = status_page(what, 0, at(7))
    told = [(d["name"], d["health"], d["celsius"], d["age"], d["failure"], d["optional"]) for d in status["devices"]]
    assert told == [
        ("waits", "waiting", None, None, None, False),
        ("sleeps", "asleep", None, 2, None, False),
        ("fails", "failing", 31.3, 4, "no answer within 5 s", False),
        ("may", "absent", None, None, "not there", True),
    ]
    assert status["devices"][2]["position"] == "1,2"
    assert status["devices"][0]["family"] is None
    assert status["faults"] == [{"duty": 100, "reason": "device waits has not answered since the start"}]


def test_s8_an_override_is_told_with_its_end() -> None:
    what = warm(shelf())
    what.set_override(Percent(60.0), at(0))
    assert status_page(what, 0, at(1))["override"] == {"percent": 60, "until": WALL + 86400}
    what.set_override_end(None, at(1))
    assert status_page(what, 0, at(1))["override"] == {"percent": 60, "until": None}


def test_s7_fans_and_their_client_grow_old() -> None:
    what, who = warm(shelf()), peer(10)
    fans = [
        {"name": "front", "rpm": 812.34, "duty": 30.04, "state": "ok"},
        {"name": "rear", "rpm": None, "duty": None, "state": "fault"},
    ]
    who.speaks_extensions()
    what.report_fans(fan_states(fans), who, Seconds(10))
    status = status_page(what, 0, at(12))
    assert status["fans"] == [
        {"name": "front", "rpm": 812.3, "duty": 30, "state": "ok"},
        {"name": "rear", "rpm": None, "duty": None, "state": "fault"},
    ]
    assert (status["rpm"], status["fans_age"]) == (812.3, 2)
    assert status["client"] == {"address": "192.0.2.1:4000", "state": "live", "age": 2}
    status = status_page(what, 0, at(60))
    assert (status["rpm"], status["fans"][0]["rpm"], status["fans"][0]["state"]) == (None, None, "ok")
    assert status["client"] == {"address": "192.0.2.1:4000", "state": "silent", "age": 50}


def test_s6_a_fan_that_the_server_found_stalled_is_told_so() -> None:
    what, who = warm(shelf()), peer(0)
    who.speaks_extensions()
    for second in (0, 5, 10):
        what.report_fans(fan_states([{"name": "front", "rpm": 0, "duty": 50, "state": "ok"}]), who, Seconds(second))
    status = status_page(what, 0, at(11))
    assert (status["fans"][0]["state"], status["duty"]) == ("stalled", 100)


def test_alarms_are_told_with_their_beginning_the_gravest_first() -> None:
    what, who = warm(shelf(), 51), peer(0)
    who.speaks_extensions()
    fans = [{"name": name, "rpm": 900, "duty": 50, "state": name} for name in ("taken", "fault")]
    what.report_fans(fan_states(fans), who, Seconds(0))
    told = status_page(what, 0, at(1))["alarms"]
    assert [alarm["sort"] for alarm in told] == ["critical", "critical", "fault", "taken"]
    assert told[2] == {
        "sort": "fault",
        "subject": "fault",
        "reason": "fan fault cannot be driven",
        "since": WALL + 1,
        "state": "raised",
    }
    what.review(at(2))
    assert status_page(what, 0, at(9))["alarms"][0]["since"] == WALL + 2
    assert what.alarms == what.alarms_at(at(2))


def test_alarms_are_bounded_and_cut() -> None:
    what = Shelf("s", LAW, [slot(f"{number} " + "x" * 1000) for number in range(20)])
    for device in what.devices:
        what.observe(device.name, Failed("€" * 5000, Seconds(0)))
    told = status_page(what, 0, at(1))["alarms"]
    assert len(told) == 16
    assert max(len(alarm["reason"]) for alarm in told) == max(len(alarm["subject"]) for alarm in told) == 240


def test_one_speed_for_all_fans_is_told_without_a_list() -> None:
    what = warm(shelf())
    what.report_speed(Rpm(1500.0), peer(), Seconds(0))
    status = status_page(what, 0, at(1))
    assert (status["rpm"], status["fans"]) == (1500, [])


def test_a_shelf_of_many_devices_comes_in_pages_that_each_fit() -> None:
    names = [f"{number:04}-" + "ø" * 95 for number in range(1000)]
    what = Shelf("s", LAW, [slot(name, position="°" * 100) for name in names])
    for name in names:
        what.observe(name, Failed("€" * 5000, Seconds(1)))
    found = pages(what, 2)
    assert len(found) > 5
    assert [device["name"] for page in found for device in page["devices"]] == names
    assert len(found[0]["faults"]) == 16
    assert max(len(fault["reason"]) for fault in found[0]["faults"]) == 240


def test_the_gravest_faults_are_told_first() -> None:
    law = type(LAW)(LAW.families, on_lost=Percent(80.0))
    what = Shelf("s", law, [slot("lost"), slot("waits")])
    what.observe("lost", Temperature(Celsius(30), Seconds(0)), "hdd")
    assert [fault["duty"] for fault in status_page(what, 0, at(100))["faults"]] == [100, 80]


def test_a_shelf_without_a_device_left_has_an_empty_page() -> None:
    assert status_page(warm(shelf()), 2, at(0))["devices"] == []


def test_names_that_fill_a_frame_by_themselves_are_refused_not_cut() -> None:
    what = Shelf("x" * 65_300, LAW, [Slot("a", "fake", Watch(Seconds(1)))])
    with pytest.raises(RequestError, match="too long for a frame"):
        status_page(what, 0, at(0))


def test_many_shelves_come_in_pages() -> None:
    names = [f"{number:04}-" + "x" * 195 for number in range(2000)]
    found: list[str] = []
    more = True
    while more:
        (page, more), frame = shelves_page(names[len(found) :])
        assert frame == encode(Request.SET_SHELVES, (page, more))
        found += page
    assert found == names
    assert shelves_page(["only"]).args == (["only"], False)


def test_a_page_costs_the_same_however_many_there_are() -> None:
    (page, more), _ = shelves_page([f"{number}" for number in range(3000)])
    assert (len(page), more) == (2000, True)
    what = Shelf("s", LAW, [slot(f"{number}") for number in range(400)])
    assert [len(page["devices"]) for page in pages(what, 2)] == [256, 144]
