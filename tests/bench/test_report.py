"""The page of the benchmark suite says what was measured, and of what was not that it was not."""

from pathlib import Path

import pytest
from bench.chart import chart
from bench.plan import Part, Plan
from bench.report import NOT_YET, page, text
from bench.results import Curve, Figure, Goal, Outcome, Reached, Table, load, per_round, save
from bench.run import KEPT, PARTS, write

OURS = Figure("ours", "ms", (3.0, 1.0, 2.0))
THEIRS = Figure("theirs", "ms", (8.0,))
GOALS = (Goal("fast", "how fast", 2.5, "ms"), Goal("much", "how much", 3.0, "ms", most=False))


def nothing(_plan: Plan) -> Outcome:
    raise AssertionError


PART = Part("part", "A part", "What it is.", GOALS, nothing)
OUTCOME = Outcome(
    tables=(Table("Side by side", (OURS, THEIRS), "theirs"),),
    reached={"fast": Reached(OURS, THEIRS), "much": Reached(OURS)},
    curves=(Curve("grows", "Growth", "clients", (1, 10, 100), (Figure("memory", "MiB", (1.0, 2.0, 40.0)),)),),
)


def row(shown: str, begins: str) -> str:
    return next(line for line in shown.splitlines() if line.startswith(f"| {begins}"))


def test_a_goal_is_met_or_missed_by_the_median() -> None:
    shown = page([PART], {"part": OUTCOME})
    assert "at most 2.5 ms | 2 ms (1 to 3) | theirs: 8 ms, ratio 0.25 |  | met |" in row(shown, "how fast")
    assert "at least 3 ms | 2 ms (1 to 3) |  |  | **missed** |" in row(shown, "how much")


def test_what_was_not_measured_has_no_figure() -> None:
    shown = page([PART], {})
    assert NOT_YET in row(shown, "how fast")
    assert f"*{NOT_YET}*" in shown
    assert "met |" not in shown


def test_a_table_tells_the_spread_and_the_ratio() -> None:
    shown = page([PART], {"part": OUTCOME})
    assert row(shown, "ours") == "| ours | 2 ms | 1 | 3 | 0.25 |"
    assert row(shown, "theirs") == "| theirs | 8 ms |  |  | 1.00 |"


def test_what_was_before_stands_beside() -> None:
    shown = page([PART], {"part-before": OUTCOME})
    assert "### Before" in shown
    assert NOT_YET in row(shown, "how fast")


def test_a_terminal_is_told_the_same() -> None:
    shown = text(PART, OUTCOME)
    assert "how fast: at most 2.5 ms; 2 ms (1 to 3), theirs: 8 ms, ratio 0.25, met" in shown
    assert "memory" in shown


def test_a_ratio_is_taken_round_by_round() -> None:
    assert per_round("x", OURS, Figure("other", "ms", (6.0, 4.0, 2.0))).values == (0.5, 0.25, 1.0)


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    save(tmp_path / "part.json", OUTCOME)
    assert load(tmp_path / "part.json") == OUTCOME
    assert load(tmp_path / "other.json") is None


def test_growth_is_drawn_between_powers_of_ten() -> None:
    drawn = chart(OUTCOME.curves[0])
    assert drawn.count("<circle") == 3
    assert ">100</text>" in drawn
    zero = Curve("grows", "Growth", "clients", (1, 10), (Figure("nothing", "s", (0.0, 0.0)),))
    assert "<circle" not in chart(zero)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_what_a_part_has_kept_is_of_its_goals(part: Part) -> None:
    kept = load(KEPT / f"{part.name}.json")
    if kept is not None:
        assert kept.reached.keys() <= {goal.key for goal in part.goals}
        assert kept.taken is not None
        assert not kept.taken.quick


def test_the_page_in_docs_is_that_of_what_is_kept(tmp_path: Path) -> None:
    docs = KEPT.parents[1] / "docs"
    names = [path.stem for path in KEPT.glob("*.json")]
    write(tmp_path, {name: kept for name in names if (kept := load(KEPT / f"{name}.json")) is not None})
    written = {path.relative_to(tmp_path): path.read_text() for path in tmp_path.rglob("*.*")}
    assert written == {path: (docs / path).read_text() for path in written}
