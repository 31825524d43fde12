"""docs/performance.md, written from what the parts have kept."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from bench.plan import Part
from bench.results import Figure, Goal, Outcome, Reached, Table, Taken

OPENING: Final = """\
# Performance

What fand costs and how fast it is, beside the real fand 0.1.1 and beside what the machine itself can do. This page is
written by `make bench`, which measures all contestants in turn within one run; nothing here is a verdict of the
tests. Figures are medians, with the lowest and the highest of the rounds. Where several ran in the same rounds,
ratios say more than the figures: machines differ, and so does their mood.

`make bench BENCH_ARGS="--only requests"` measures one part again and renews its section, `--quick` is a short try
that renews nothing, `--page` writes this page anew from what is kept in `bench/results`.
"""

NOT_YET: Final = "not measured yet"

BEFORE: Final = "-before"
"""What the name of an outcome ends with that was kept from before a change."""


def page(parts: Sequence[Part], outcomes: Mapping[str, Outcome]) -> str:
    """The whole page."""
    chunks = [OPENING, _targets(parts, outcomes)]
    chunks += [_section(part, outcomes.get(part.name), outcomes.get(part.name + BEFORE)) for part in parts]
    return "\n".join(chunks)


def text(part: Part, outcome: Outcome) -> str:
    """What one part has found, for a terminal."""
    lines = [f"\n{part.title}"]
    for table in outcome.tables:
        lines += ["", f"  {table.title}" + (f" (ratio to {table.base})" if table.base else "")]
        for figure in table.figures:
            spread = f"{number(figure.lowest)} - {number(figure.highest)}" if len(figure.values) > 1 else ""
            lines.append(
                f"    {figure.what:44}{number(figure.median):>10} {figure.unit:6}{spread:>20}  {ratio(figure, table)}"
            )
    for curve in outcome.curves:
        lines += ["", f"  {curve.title}, against {curve.size}: " + ", ".join(map(str, curve.sizes))]
        for figure in curve.figures:
            lines.append(f"    {figure.what:44}{', '.join(map(number, figure.values))} {figure.unit}")
    lines.append("")
    for goal in part.goals:
        reached = outcome.reached.get(goal.key)
        lines.append(f"  {goal.text}: {_wanted(goal)}; {_verdict(goal, reached)}")
    return "\n".join(lines)


def number(value: float) -> str:
    """Three digits, or all before the point."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def ratio(figure: Figure, table: Table) -> str:
    """How ``figure`` stands to the base of its table."""
    base = next((each for each in table.figures if each.what == table.base), None)
    if base is None or base.unit != figure.unit or not base.median:
        return ""
    return f"{figure.median / base.median:.2f}"


def shown(part: Part) -> str:
    """The command that measures this part alone."""
    return f'make bench BENCH_ARGS="--only {part.name}"'


def _targets(parts: Iterable[Part], outcomes: Mapping[str, Outcome]) -> str:
    lines = [
        "## Targets",
        "",
        "| | wanted | reached (lowest to highest) | fand 0.1.1 | reference | | shown by |",
        "|---|---|---|---|---|---|---|",
    ]
    for part in parts:
        outcome = outcomes.get(part.name)
        for goal in part.goals:
            reached = None if outcome is None else outcome.reached.get(goal.key)
            cells = [goal.text, _wanted(goal), *_found(goal, reached), f"`{shown(part)}`"]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def _wanted(goal: Goal) -> str:
    return f"{'at most' if goal.most else 'at least'} {number(goal.limit)} {goal.unit}"


def _verdict(goal: Goal, reached: Reached | None) -> str:
    cells = [cell for cell in _found(goal, reached) if cell]
    return ", ".join(cells)


def _found(goal: Goal, reached: Reached | None) -> list[str]:
    if reached is None:
        return [NOT_YET, "", "", ""]
    figure = reached.figure
    spread = f" ({number(figure.lowest)} to {number(figure.highest)})" if len(figure.values) > 1 else ""
    return [
        f"{number(figure.median)} {figure.unit}{spread}",
        _beside(figure, reached.theirs),
        _beside(figure, reached.reference),
        "met" if goal.met(figure.median) else "**missed**",
    ]


def _beside(figure: Figure, other: Figure | None) -> str:
    """What another did, and how ours stands to it."""
    if other is None:
        return ""
    stands = f", ratio {figure.median / other.median:.3g}" if other.median and other.unit == figure.unit else ""
    return f"{other.what}: {number(other.median)} {other.unit}{stands}"


def _section(part: Part, outcome: Outcome | None, before: Outcome | None) -> str:
    lines = [f"## {part.title}", "", part.words, "", f"    {shown(part)}", ""]
    lines += [f"*{NOT_YET}*", ""] if outcome is None else _outcome(outcome)
    if before is not None:
        lines += ["### Before", "", *_outcome(before)]
    return "\n".join(lines)


def _outcome(outcome: Outcome) -> list[str]:
    lines = [] if outcome.taken is None else [_taken(outcome.taken), ""]
    for table in outcome.tables:
        lines += _table(table)
    for curve in outcome.curves:
        lines += [f"![{curve.title}, against {curve.size}](performance/{curve.name}.svg)", ""]
        lines += ["| " + " | ".join([curve.size, *(f"{each.what} ({each.unit})" for each in curve.figures)]) + " |"]
        lines += ["|" + "---|" * (len(curve.figures) + 1)]
        for place, size in enumerate(curve.sizes):
            cells = [f"{size:,}", *(number(each.values[place]) for each in curve.figures)]
            lines.append("| " + " | ".join(cells) + " |")
        lines.append("")
    return lines


def _table(table: Table) -> list[str]:
    lines = [f"**{table.title}**", ""]
    if table.words:
        lines += [table.words, ""]
    head = ["", "median", "lowest", "highest", *([f"ratio to {table.base}"] if table.base else [])]
    lines += ["| " + " | ".join(head) + " |", "|---" + "|--:" * (len(head) - 1) + "|"]
    for figure in table.figures:
        spread = [number(figure.lowest), number(figure.highest)] if len(figure.values) > 1 else ["", ""]
        cells = [figure.what, f"{number(figure.median)} {figure.unit}", *spread]
        lines.append("| " + " | ".join([*cells, *([ratio(figure, table)] if table.base else [])]) + " |")
    return [*lines, ""]


def _taken(taken: Taken) -> str:
    busy = f" The machine was busy with other things (load {taken.load:.1f})." if taken.load > 0.5 else ""
    where = f"{taken.machine}, {taken.python}"
    return f"Measured {taken.date} at revision {taken.revision}, {where}, by `{taken.command}`.{busy}"
