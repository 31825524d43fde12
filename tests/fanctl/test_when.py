"""Durations and dates: every form of 0.1.1, ours, and one sentence for the rest."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fand.exceptions import FanctlActionBadValue
from fand.fanctl.when import after, date, duration


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("21d4h1m5s", timedelta(days=21, hours=4, minutes=1, seconds=5)),
        ("4h10s", timedelta(hours=4, seconds=10)),
        ("7:22:59:00", timedelta(days=7, hours=22, minutes=59)),
        ("7:22:59:00.25", timedelta(days=7, hours=22, minutes=59, seconds=0.25)),
        ("4:22.5", timedelta(minutes=4, seconds=22.5)),
        ("4:22", timedelta(minutes=4, seconds=22)),
        ("1:02:03", timedelta(hours=1, minutes=2, seconds=3)),
        ("10", timedelta(seconds=10)),
        ("0.5", timedelta(seconds=0.5)),
        (" 15m ", timedelta(minutes=15)),
        ("4H 10S", timedelta(hours=4, seconds=10)),
        ("1.5h", timedelta(minutes=90)),
        ("2w", timedelta(days=14)),
        ("3d", timedelta(days=3)),
    ],
)
def test_forms_of_a_duration(text: str, span: timedelta) -> None:
    assert duration(text) == span


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no known form"),
        ("  ", "no known form"),
        ("-5", "no known form"),
        ("-1h", "no known form"),
        ("h", "no known form"),
        ("5s4h", "no known form"),
        ("1 0", "no known form"),
        ("1e5", "no known form"),
        ("nan", "no known form"),
        ("1:2:3:4:5", "no known form"),
        ("\u0663", "no known form"),
        ("0", "is zero"),
        ("0h0m", "is zero"),
        ("0:00:00:00", "is zero"),
        ("0.0000001", "is zero"),
        ("9999999999d", "longer than a calendar"),
        ("9" * 400, "longer than a calendar"),
    ],
)
def test_what_is_no_duration_is_told_in_one_sentence(text: str, why: str) -> None:
    with pytest.raises(FanctlActionBadValue, match=why) as caught:
        duration(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 160


@given(st.timedeltas(min_value=timedelta(seconds=1), max_value=timedelta(days=30000)))
def test_a_duration_reads_back_in_every_way_of_writing_it(span: timedelta) -> None:
    minutes, seconds = divmod(span.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    whole = timedelta(days=span.days, seconds=span.seconds)
    assert duration(f"{span.days}d{hours}h{minutes}m{seconds}s") == whole
    assert duration(f"{span.days}:{hours}:{minutes}:{seconds}") == whole
    assert duration(str(span.days * 86400 + span.seconds)) == whole


def test_a_duration_counts_from_now() -> None:
    now = datetime(2030, 1, 1, tzinfo=UTC)
    assert after(timedelta(hours=1), now) == datetime(2030, 1, 1, 1, tzinfo=UTC)
    with pytest.raises(FanctlActionBadValue, match="after the year 9999"):
        after(timedelta(days=9_000_000), now)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2030-12-29T01:01:59", datetime(2030, 12, 29, 1, 1, 59)),
        ("2030-12-29 01:01:59", datetime(2030, 12, 29, 1, 1, 59)),
        (" 2030-12-29T01:01 ", datetime(2030, 12, 29, 1, 1)),
        ("2030-12-29", datetime(2030, 12, 29)),
        ("20301229T010159", datetime(2030, 12, 29, 1, 1, 59)),
        ("2030-12-29T01:01:59Z", datetime(2030, 12, 29, 1, 1, 59, tzinfo=UTC)),
        ("2030-12-29T01:01:59z", datetime(2030, 12, 29, 1, 1, 59, tzinfo=UTC)),
        ("2030-12-29T01:01:59.5Z", datetime(2030, 12, 29, 1, 1, 59, 500000, tzinfo=UTC)),
        ("2030-12-29T01:01:59UTC", datetime(2030, 12, 29, 1, 1, 59, tzinfo=UTC)),
        ("2030-12-29 01:01:59 GMT", datetime(2030, 12, 29, 1, 1, 59, tzinfo=UTC)),
        ("2030-12-29T01:01:59+01:00", datetime(2030, 12, 29, 1, 1, 59, tzinfo=timezone(timedelta(hours=1)))),
        ("2030-12-29T01:01:59-0930", datetime(2030, 12, 29, 1, 1, 59, tzinfo=timezone(-timedelta(hours=9.5)))),
        ("2030-12-29T01:01:59.25+01:00", datetime(2030, 12, 29, 0, 1, 59, 250000, tzinfo=UTC)),
        ("Tue Aug 16 21:30:00 2033", datetime(2033, 8, 16, 21, 30)),
        ("08/16/2033 21:30:00", datetime(2033, 8, 16, 21, 30)),
        ("08/16/33 21:30:00", datetime(2033, 8, 16, 21, 30)),
        ("08/16/33T21:30:00", datetime(2033, 8, 16, 21, 30)),
        ("08/16/2033T21:30:00", datetime(2033, 8, 16, 21, 30)),
    ],
)
def test_forms_of_a_date(text: str, expected: datetime) -> None:
    found = date(text)
    assert found == expected
    assert (found.tzinfo is None) is (expected.tzinfo is None)


def test_the_names_of_the_hosts_own_zone(berlin: None) -> None:
    assert date("2030-07-01T12:00:00CEST") == datetime(2030, 7, 1, 10, tzinfo=UTC)
    assert date("2030-01-01T12:00:00 CET") == datetime(2030, 1, 1, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2030-29-12T01:01:59",
        "2031-02-29",
        "2030-12-29T01:01:59 XYZ",
        "2030-12-29T01:01:59+01:00 UTC",
        "2030-12-29T25:00",
        "2030-12-29T01:01:59+25:00",
        "-1",
        "9" * 400,
    ],
)
def test_what_is_no_date_is_told_in_one_sentence(text: str) -> None:
    with pytest.raises(FanctlActionBadValue, match="no known form, or no such day") as caught:
        date(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 220


@given(st.datetimes(timezones=st.none() | st.just(UTC)))
def test_every_iso_date_reads_back(moment: datetime) -> None:
    assert date(moment.isoformat()) == moment
    assert date(moment.isoformat(" ")) == moment
