"""The command that is told of alarms: real processes that behave, hang, fail, fork and print without end."""

import asyncio
import json
import logging
import os
import re
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fand.control import Alarm, Change, Event, Sort
from fand.sensing.readers import Readers
from fand.server.alarming import LIMIT, MOST, Alarming, News, Waiting, described
from fand.units import Seconds, Timestamp

RAISED, CHANGED, CLEARED = Change.RAISED, Change.CHANGED, Change.CLEARED
SINCE, AT = Timestamp(1_700_000_000.0), Timestamp(1_700_000_060.9)


def event(change: Change = RAISED, subject: str = "sda", reason: str = "hdd sda lost for 31 s") -> Event:
    return Event(change, Alarm(Sort.LOST, subject, reason, SINCE), AT)


def news(change: Change = RAISED, subject: str = "sda", reason: str = "") -> News:
    return News("shelf1", event(change, subject, reason))


def python(code: str, *args: str) -> list[str]:
    return [sys.executable, "-IS", "-c", code, *args]


def noting(path: Path) -> list[str]:
    """A command that adds what it was told to ``path``, a line of JSON for each run."""
    code = (
        "import json, os, sys\n"
        "told = {key: value for key, value in os.environ.items() if key.startswith('FAND_')}\n"
        "open(sys.argv[1], 'a').write(json.dumps([sys.argv[2:], told]) + '\\n')\n"
    )
    return python(code, str(path), "--level", "high")


def noted(path: Path) -> list[dict[str, str]]:
    return [json.loads(line)[1] for line in path.read_text().splitlines()]


class Hub:
    """Runs ``command``, and waits for its end."""

    def __init__(self, command: list[str], limit: float = LIMIT, **environ: str) -> None:
        self.readers = Readers()
        self.alarming = Alarming(command, self.readers, {**os.environ, **environ}, Seconds(limit))

    async def idle(self) -> None:
        while self.alarming._running:
            await asyncio.sleep(0.002)


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(main())


def test_each_event_is_told_in_the_environment_and_the_words_stay_as_they_are(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "told"

    async def main() -> None:
        hub = Hub(noting(path), FAND_REASON="from outside", NOTIFY_SOCKET="/run/notify", OTHER="kept")
        assert "NOTIFY_SOCKET" not in hub.alarming._environ
        assert hub.alarming._environ["OTHER"] == "kept"
        hub.alarming.hear("shelf1", event())
        hub.alarming.hear("shelf1", event(CLEARED))
        await hub.idle()

    run(main)
    words, first = json.loads(path.read_text().splitlines()[0])
    assert words == ["--level", "high"]
    assert {key: value for key, value in first.items() if key not in {"FAND_CONFIG", "FAND_LOOP"}} == {
        "FAND_SHELF": "shelf1",
        "FAND_CHANGE": "raised",
        "FAND_ALARM": "lost",
        "FAND_SUBJECT": "sda",
        "FAND_REASON": "hdd sda lost for 31 s",
        "FAND_SINCE": "2023-11-14T22:13:20+00:00",
        "FAND_AT": "2023-11-14T22:14:20+00:00",
    }
    assert [told["FAND_CHANGE"] for told in noted(path)] == ["raised", "cleared"]
    assert caplog.messages == []


def test_what_it_prints_is_one_bounded_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        hub = Hub(["sh", "-c", r"printf 'sent\n\033[31mred\n%0999d' 0"])
        hub.alarming.hear("shelf1", event())
        await hub.idle()

    with caplog.at_level(logging.INFO, "fand.server.alarming"):
        run(main)
    (message,) = caplog.messages
    assert message.startswith("on_alarm: told of shelf1: lost sda raised: sent  [31mred 000")
    assert message.isprintable()
    assert len(message) < 300


def test_the_page_tells_of_every_variable_and_of_no_other() -> None:
    page = (Path(__file__).parents[2] / "docs" / "server.rst").read_text()
    part = page.partition(".. _on-alarm:")[2].partition("A changed configuration")[0]
    assert set(re.findall(r"``(FAND_[A-Z]+)``", part)) == set(described(news()))


@given(st.text(), st.text(), st.text())
def test_s12_names_of_peers_inject_nothing(shelf: str, subject: str, reason: str) -> None:
    told = described(News(shelf, event(subject=subject, reason=reason)))
    assert len(told) == 7
    for value in told.values():
        assert value.isprintable()
        assert len(value) <= 240
        value.encode()


def test_s12_a_name_that_looks_like_an_option_or_a_shell_word_is_a_value_only(tmp_path: Path) -> None:
    path = tmp_path / "told"
    name = "--help; $(touch x) `id` \0 \x1b[2J \n FAND_CHANGE=cleared \udcff"

    async def main() -> None:
        hub = Hub(noting(path))
        hub.alarming.hear(name, event(subject=name, reason=name))
        await hub.idle()

    run(main)
    words, told = json.loads(path.read_text())
    assert words == ["--level", "high"]
    assert told["FAND_CHANGE"] == "raised"
    assert told["FAND_SUBJECT"].startswith("--help; $(touch x) `id`")


def test_a_program_that_is_not_there_is_told_at_the_start_and_when_it_is_needed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    missing, path = tmp_path / "notify", tmp_path / "told"

    async def main() -> None:
        hub = Hub([str(missing)])
        for _ in range(3):
            hub.alarming.hear("shelf1", event())
            await hub.idle()
        missing.write_text(f"#!/bin/sh\necho > {path}\n")
        missing.chmod(0o700)
        hub.alarming.hear("shelf1", event())
        await hub.idle()

    run(main)
    assert path.exists()
    assert caplog.messages == [
        f"on_alarm: there is no program {missing} that can be run; until there is, alarms stand in the log and the "
        "status only",
        f"on_alarm: not told of shelf1: lost sda raised: cannot run {missing}: No such file or directory",
        "on_alarm: it works again",
    ]


def test_s12_one_that_fails_is_told_when_that_begins_changes_and_ends(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    what = tmp_path / "what"
    mails = ("echo no route $$ >&2; exit 1", "echo no route $$ >&2; exit 1", "kill -9 $$", "true", "true")

    async def main() -> None:
        hub = Hub(["sh", str(what)])
        for mail in mails:
            what.write_text(mail)
            hub.alarming.hear("shelf1", event())
            await hub.idle()

    run(main)
    messages = [message.partition("raised: ")[2] or message for message in caplog.messages]
    assert messages[0].startswith("sh ended with status 1: no route ")
    assert messages[1:] == ["sh ended with signal 9", "on_alarm: it works again"]


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (["sleep", "600"], "sleep took longer than 0.3 s"),
        (["sh", "-c", "trap '' TERM INT HUP; sleep 600; sleep 600"], "sh took longer than 0.3 s"),
        (["sh", "-c", "sleep 600 & sleep 600 & true"], "sh took longer than 0.3 s"),
        (["yes"], "yes printed more than 1000000 bytes"),
        (python("import os\nif not os.fork(): os.setsid(); os.write(1, b'x' * 2000000)"), "printed more"),
        (["sh", "-c", "exec >&- 2>&-; sleep 600"], "sh took longer than 0.3 s"),
    ],
)
def test_s12_one_that_hangs_forks_or_prints_without_end_is_killed_and_the_next_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, command: list[str], why: str
) -> None:
    async def main() -> None:
        hub = Hub(command, limit=LIMIT if "printed" in why else 0.3)
        for _ in range(2):
            hub.alarming.hear("shelf1", event())
            await hub.idle()

    run(main)
    assert why in caplog.text
    assert len(caplog.messages) == 1, "the same failure again is not told again"


def test_s12_the_loop_goes_on_while_the_command_runs(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    go = tmp_path / "go"
    os.mkfifo(go)

    async def main() -> None:
        hub = Hub(["sh", "-c", 'read word < "$1"', "sh", str(go)])
        hub.alarming.hear("shelf1", event())
        held = os.open(go, os.O_RDWR)
        os.write(held, b"go\n")  # by the loop that it would hold up
        await hub.idle()
        os.close(held)

    run(main)
    assert caplog.messages == [], "not even that it took too long"


def test_one_run_at_a_time_in_the_order_of_the_events(tmp_path: Path) -> None:
    path, lock = tmp_path / "told", tmp_path / "lock"
    code = 'mkdir "$1" || echo two at once >> "$2"; echo "$FAND_SUBJECT" >> "$2"; rmdir "$1"'

    async def main() -> None:
        hub = Hub(["sh", "-c", code, "sh", str(lock), str(path)])
        for number in range(5):
            hub.alarming.hear("shelf1", event(subject=str(number)))
        await hub.idle()

    run(main)
    assert path.read_text().split() == ["0", "1", "2", "3", "4"]


def test_of_too_many_the_oldest_are_left_out_and_that_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, go = tmp_path / "told", tmp_path / "go"
    os.mkfifo(go)
    waits = '[ "$FAND_SUBJECT" != 0 ] || read word < "$1"; echo "$FAND_SUBJECT" >> "$2"'

    async def main() -> None:
        hub = Hub(["sh", "-c", waits, "sh", str(go), str(path)])
        for number in range(MOST + 6):
            hub.alarming.hear("shelf1", event(subject=str(number)))
        held = os.open(go, os.O_RDWR)
        os.write(held, b"go\n")
        await hub.idle()
        os.close(held)

    run(main)
    assert path.read_text().split() == [str(number) for number in (0, *range(6, MOST + 6))]
    assert caplog.messages == [
        "on_alarm: it cannot keep up: the oldest of what it should be told are left out",
        "on_alarm: 5 events were not told",
    ]


def test_threads_that_cannot_be_had_are_told_and_tried_again(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    path = tmp_path / "told"

    class Full(Readers):
        full = True

        def start(self, function: Any) -> Any:
            if self.full:
                raise RuntimeError("can't start new thread")
            return super().start(function)

    async def main() -> None:
        hub = Hub(noting(path))
        hub.alarming._readers = readers = Full()
        hub.alarming.hear("shelf1", event())
        readers.full = False
        hub.alarming.hear("shelf1", event(CLEARED))
        readers.full = True
        await hub.alarming.close(1)
        readers.full = False
        await hub.idle()

    run(main)
    assert (
        caplog.messages[0] == "on_alarm: not told of shelf1: lost sda raised: cannot be run: can't start new thread"
    )
    assert [told["FAND_CHANGE"] for told in noted(path)] == ["cleared"]


def test_s12_a_bug_in_telling_stops_nothing(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    path = tmp_path / "told"
    endless = Event(RAISED, Alarm(Sort.LOST, "sda", "r", Timestamp(1e300)), AT)

    async def main() -> None:
        hub = Hub(noting(path))
        hub.alarming.hear("shelf1", endless)
        hub.alarming.hear("shelf1", event(subject="sdb"))
        await hub.idle()

    run(main)
    assert "not told of shelf1: lost sda raised: " in caplog.text
    assert [told["FAND_SUBJECT"] for told in noted(path)] == ["sdb"]


def test_s12_the_end_of_the_server_kills_what_runs_and_tells_nothing_more(tmp_path: Path) -> None:
    path = tmp_path / "told"

    async def main() -> None:
        hub = Hub(["sh", "-c", 'echo x >> "$1"; exec sleep 600', "sh", str(path)])
        hub.alarming.hear("shelf1", event())
        hub.alarming.hear("shelf1", event(subject="sdb"))
        while not path.exists() or not path.read_text():  # the shell makes the file before it writes to it
            await asyncio.sleep(0.002)
        await hub.alarming.close(20)
        await hub.idle()
        hub.alarming.hear("shelf1", event(subject="sdc"))
        assert not hub.alarming._running
        await hub.alarming.close(20)

    run(main)
    assert path.read_text() == "x\n"


@pytest.mark.parametrize(
    ("put", "wait"),
    [
        ([RAISED], [RAISED]),
        ([RAISED, CLEARED], [RAISED, CLEARED]),
        ([RAISED, CLEARED, RAISED], [RAISED]),
        ([RAISED, CLEARED] * 50, [RAISED, CLEARED]),
        ([CLEARED, RAISED], [CLEARED, RAISED]),
        ([CLEARED, RAISED, CLEARED], [CLEARED]),
        ([RAISED, CHANGED, CHANGED], [RAISED]),
        ([RAISED, CHANGED, CLEARED], [RAISED, CLEARED]),
        ([CHANGED, CHANGED], [CHANGED]),
        ([CHANGED, CLEARED], [CLEARED]),
        ([CHANGED, CLEARED, RAISED, CHANGED], [CLEARED, RAISED]),
    ],
)
def test_an_alarm_that_flutters_takes_two_places_at_most(put: list[Change], wait: list[Change]) -> None:
    waiting = Waiting()
    other = news(RAISED, "sdb")
    waiting.put(other)
    for number, change in enumerate(put):
        assert waiting.put(news(change, "sda", f"reason {number}")) is None
    assert waiting.get() == other
    mine = []
    while (found := waiting.get()) is not None:
        mine.append(found)
    assert [one.event.change for one in mine] == wait
    assert mine[-1].event.alarm.reason == f"reason {len(put) - 1}", "the newest reason is the one that is told"


def test_what_waits_is_bounded() -> None:
    waiting = Waiting(most=2)
    first, second, third = (news(subject=name) for name in ("a", "b", "c"))
    assert waiting.put(first) is None
    assert waiting.put(second) is None
    assert waiting.put(third) == first
    assert [waiting.get(), waiting.get(), waiting.get()] == [second, third, None]


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.booleans()), max_size=30))
def test_who_hears_the_news_knows_in_the_end_which_alarms_stand(turns: list[tuple[str, bool]]) -> None:
    """Alarms rise and end; now and then one event is told."""
    stands: set[str] = set()
    known: set[str] = set()
    waiting = Waiting()

    def tell() -> None:
        told = waiting.get()
        if told is not None:
            change = known.add if told.event.change is RAISED else known.discard
            change(told.event.alarm.subject)

    for subject, telling in turns:
        waiting.put(news(CLEARED if subject in stands else RAISED, subject))
        stands ^= {subject}
        if telling:
            tell()
    for _ in range(10):
        tell()
    assert known == stands
