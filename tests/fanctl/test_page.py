"""What is said of a shelf, whatever state it is in."""

import pytest

from fand.fanctl.page import ALARM, GOOD, PLAIN, QUIET, WARN, Fact, Row, number, page, printable, span
from tests.fanctl.statuses import NOW, device, status


def facts(**other: object) -> dict[str, tuple[str, str]]:
    return {fact.label: (fact.text, fact.style) for fact in page("shelf1", status(**other), NOW).facts}


def test_a_shelf_that_is_well() -> None:
    shown = page("shelf1", status(), NOW)
    assert shown.title == "shelf1"
    assert shown.facts == (
        Fact("duty", "62 %"),
        Fact("reason", "hdd S1 at 39.2 °C on curve drives -> 62 %"),
        Fact("demand", "61.5 %"),
        Fact("override", "none"),
        Fact("client", "127.0.0.1:50432, live, heard 2 s ago", GOOD),
        Fact("fans", "1500 rpm, reported 2 s ago"),
    )
    fans, devices = shown.tables
    assert fans.rows == (Row(("front", "1500", "62 %", "ok"), GOOD),)
    assert devices.heads == ("POSITION", "DEVICE", "FAMILY", "READING", "AGE", "STATE")
    assert devices.rows == (
        Row(("1,1", "S1", "hdd", "39.2 °C", "3 s", "good"), GOOD),
        Row(("1,2", "S2", "hdd", "-", "3 s", "asleep"), QUIET),
    )


def test_faults_and_failures_are_told_with_their_reasons() -> None:
    lost = device(health="lost", failure="smartctl gave up", family=None, age=None, celsius=None, position="")
    shown = page("shelf1", status(faults=[{"duty": 100, "reason": "hdd S1 lost for 31 s"}], devices=[lost]), NOW)
    assert Fact("duty", "62 %", ALARM) in shown.facts
    assert Fact("fault", "100 %: hdd S1 lost for 31 s", ALARM) in shown.facts
    assert Fact("note", "S1: smartctl gave up", ALARM) in shown.facts
    assert shown.tables[1].rows == (Row(("-", "S1", "-", "-", "-", "lost"), ALARM),)


def test_alarms_are_told_with_their_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.localtime", __import__("time").gmtime)
    alarm = {"sort": "stalled", "subject": "front", "reason": "fan front is stalled", "since": NOW - 150}
    shown = facts(alarms=[{**alarm, "state": "raised"}], faults=[{"duty": 100, "reason": "fan front is stalled"}])
    assert shown["alarm"] == ("fan front is stalled, since 2030-03-17 17:44:10, for 2 min", ALARM)
    assert shown["duty"][1] == ALARM
    assert "fault" not in shown, "it is told already"
    later = facts(alarms=[{**alarm, "since": NOW + 1e9, "state": "raised"}])["alarm"]
    assert later[0].endswith("for 0 s"), "one of the two clocks was set meanwhile"


def test_certificates_are_told_with_their_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.localtime", __import__("time").gmtime)
    certificates = [{"whose": "pi\x1b", "until": NOW - 150}, {"whose": "the server", "until": NOW + 150}]
    shown = [fact for fact in page("shelf1", status(certificates=certificates), NOW).facts if "cert" in fact.label]
    assert shown == [
        Fact("certificate", "that of pi\N{REPLACEMENT CHARACTER} has ended at 2030-03-17 17:44:10", ALARM),
        Fact("certificate", "that of the server ends at 2030-03-17 17:49:10, in 2 min", WARN),
    ]


def test_an_old_failure_of_a_good_device_is_no_news() -> None:
    assert "note" not in facts(devices=[device(failure="was lost once")])


def test_an_optional_device_is_marked() -> None:
    shown = page("shelf1", status(devices=[device(optional=True, health="absent")]), NOW)
    assert shown.tables[1].rows[0].cells[-1] == "absent, optional"
    assert shown.tables[1].rows[0].style == QUIET


def test_s8_an_override_is_shown_with_its_end_in_local_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.localtime", __import__("time").gmtime)
    until = facts(override={"percent": 80, "until": NOW + 3 * 3600 + 59})
    assert until["override"] == ("80 % until 2030-03-17 20:47:39, for another 3 h 0 min", WARN)
    assert facts(override={"percent": 80.5, "until": None})["override"] == ("80.5 % until removed", WARN)
    assert facts(override={"percent": 80, "until": 1e18})["override"][0].startswith("80 % until POSIX time 1000000")


def test_a_shelf_without_client_fans_and_devices() -> None:
    shown = facts(client=None, fans=[], fans_age=None, rpm=None, devices=[])
    assert shown["client"] == ("none", WARN)
    assert shown["fans"] == ("rpm unknown", PLAIN)
    assert page("shelf1", status(fans=[], devices=[]), NOW).tables == ()


def test_an_rpm_without_its_age() -> None:
    assert facts(fans_age=None)["fans"] == ("1500 rpm", PLAIN)


def test_an_unknown_state_of_a_later_server_is_shown_plainly() -> None:
    shown = page("shelf1", status(fans=[{"name": "x", "rpm": None, "duty": None, "state": "whirling"}]), NOW)
    assert shown.tables[0].rows == (Row(("x", "-", "-", "whirling"), PLAIN),)


def test_a_terminal_obeys_nothing_that_a_peer_has_named() -> None:
    evil = "\x1b]0;gone\x07\n\u202e"
    shown = page(
        evil,
        status(
            reason=evil,
            alarms=[{"sort": "lost", "subject": evil, "reason": evil, "since": NOW, "state": "raised"}],
            devices=[device(evil, position=evil, family=evil, health="lost", failure=evil)],
        ),
        NOW,
    )
    texts = [shown.title, *(fact.text for fact in shown.facts)]
    texts += [cell for table in shown.tables for row in table.rows for cell in row.cells]
    assert all(text.isprintable() for text in texts)
    assert printable("shelf 1 é") == "shelf 1 é"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (-3, "0 s"),
        (0.4, "0 s"),
        (119, "119 s"),
        (120, "2 min"),
        (7199, "119 min"),
        (7200, "2 h 0 min"),
        (172799, "47 h 59 min"),
        (187200, "2 d 4 h"),
    ],
)
def test_spans(seconds: float | None, text: str) -> None:
    assert span(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"), [(50, "50 %"), (50.0, "50 %"), (62.5, "62.5 %"), (None, "-"), (1 / 3, "0.3333333333 %")]
)
def test_numbers(value: float | None, text: str) -> None:
    assert number(value, "%") == text
