"""The deliberate bugs: each can be applied and taken back, and those that are quickly caught are caught here too."""

import csv
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import pytest

from tests.simulation import cli, mutations
from tests.simulation.bugs import MUTATIONS
from tests.simulation.bugs.elsewhere import ELSEWHERE
from tests.simulation.mutations import COLUMNS, Edit, edit, hunt

TABLE = Path(__file__).parents[2] / "docs" / "mutations.csv"
QUICK = (
    "lost-ignored",
    "silence-unnoticed",
    "sleepers-woken",
    "mean-for-hottest",
    "rise-limited",
    "rounded-down",
    "server-watchdog-starved",
    "not-asserted-again",
)


def made_of(change: Edit) -> Any:
    found = resolve_name(change.where)
    function = found.fget if isinstance(found, property) else found
    return getattr(function, "__code__", function)


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_bug_is_applied_for_a_while(name: str) -> None:
    mutation = MUTATIONS[name]
    before = [made_of(change) for change in mutation.edits]
    with mutation.applied():
        assert all(made_of(change) != real for change, real in zip(mutation.edits, before, strict=True))
    assert [made_of(change) for change in mutation.edits] == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (edit("fand.control.device:health", "no such words", ""), "has 0 times the text"),
        (edit("fand.control.device:health", "return", ""), "times the text .return"),
        (edit("fand.control.device:CONFIRMED", "4", "1"), "is 3, not 4"),
    ],
)
def test_a_bug_that_fits_the_product_no_longer_is_told(change: Edit, message: str) -> None:
    with pytest.raises(ValueError, match=message), change.applied():
        pass


@pytest.mark.parametrize("name", QUICK)
def test_a_bug_is_caught_and_the_product_is_innocent(name: str) -> None:
    catch = hunt(MUTATIONS[name])
    assert catch.violation is not None
    assert catch.innocent is None


def test_a_bug_that_no_simulation_sees_is_caught_by_the_test_that_is_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["--mutations", "one-good-answer", "--jobs", "1"]) == 0
    assert "test_one_answer_does_not_end_a_failsafe_and_two_do" in capsys.readouterr().out


def test_each_rule_is_broken_once_at_least() -> None:
    rules = {mutation.rule for mutation in MUTATIONS.values()}
    assert {f"S{number}" for number in range(1, 13)} | {"C1", "C2", "C3"} <= rules


def test_the_command_line_tells_what_was_caught_and_what_was_not(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "table.csv"
    monkeypatch.setattr(mutations, "HOURS", 0.001)
    arguments = [
        "--seeds",
        "1",
        "--jobs",
        "1",
        "--table",
        str(table),
        "--mutations",
        "mean-for-hottest",
        "alarms-for-ever",
    ]
    assert cli.main(arguments) == 1
    told = capsys.readouterr().out
    assert "mean-for-hottest             law      seed 1, " in told
    assert "alarms-for-ever              alarms   NOT CAUGHT" in told
    assert "1 of 2 bugs caught" in told
    with table.open(newline="") as file:
        assert [line[0] for line in csv.reader(file)] == ["bug", "mean-for-hottest", "alarms-for-ever"]
    assert cli.main(["--mutations", "nonsense"]) == 2
    assert "there is no mutation nonsense" in capsys.readouterr().out


def test_the_table_of_the_docs_is_that_of_the_bugs() -> None:
    with TABLE.open(newline="") as file:
        columns, *lines = csv.reader(file)
    assert tuple(columns) == COLUMNS
    assert [tuple(line[:3]) for line in lines] == [
        (mutation.name, mutation.rule, mutation.sentence) for mutation in MUTATIONS.values()
    ]
    assert all(line[3] and line[4] for line in lines[: -len(ELSEWHERE)])
    assert all(line[4].startswith("test_") for line in lines[-len(ELSEWHERE) :])
