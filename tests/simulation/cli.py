"""``python -m tests.simulation``: play seeds, replay and shrink one that fails."""

import argparse
import gc
import logging
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from tests.simulation import redundancy
from tests.simulation.bugs import MUTATIONS
from tests.simulation.isolation import isolated
from tests.simulation.mutations import Catch, hunt, row, write
from tests.simulation.plan import Plan, draw, load
from tests.simulation.run import Result, play
from tests.simulation.shrink import Shrinker

SEEDS: Final = 100
ISOLATED: Final = 20
"""Every so many seeds are tried for isolation too, which takes two more runs."""
COLLECTED: Final = 25
"""After every so many seeds what they left behind is freed: PyPy would let it grow for hours, and become slow."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run; the exit status is 0 if every invariant held in every run."""
    args = _parser().parse_args(argv)
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        return _run(args)
    finally:
        logging.disable(before)


def _run(args: argparse.Namespace) -> int:
    if args.mutations is not None:
        return _mutations(args.mutations, args.seeds, args.jobs, args.table)
    if args.redundancy:
        print(redundancy.HEADER)
        for line in redundancy.rows():
            print(line)
        return 0
    if args.plan is not None:
        return _one(load(args.plan), shrink=args.shrink, save=args.save)
    if args.seed is not None:
        return _one(draw(args.seed, args.hours), shrink=args.shrink, save=args.save)
    return _many(range(args.first, args.first + (args.seeds or SEEDS)), args.hours, args.jobs)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, metavar="N", help=f"play so many seeds ({SEEDS})")
    parser.add_argument("--first", type=int, default=1, metavar="SEED", help="the first of them (%(default)s)")
    parser.add_argument("--hours", type=float, default=2.0, help="simulated hours of each (%(default)s)")
    parser.add_argument("--jobs", type=int, default=2, help="processes at once (%(default)s)")
    parser.add_argument("--seed", type=int, help="play this one seed, and tell what happened last if it fails")
    parser.add_argument("--plan", type=Path, metavar="FILE", help="play a plan that was saved")
    parser.add_argument("--no-shrink", dest="shrink", action="store_false", help="do not look for a smaller plan")
    parser.add_argument("--save", type=Path, metavar="FILE", help="save the plan, shrunk if it fails")
    parser.add_argument("--mutations", nargs="*", metavar="NAME", help="hunt deliberate bugs, all if none is named")
    parser.add_argument("--table", type=Path, metavar="FILE", help="save what came of the hunt as CSV")
    parser.add_argument("--redundancy", action="store_true", help="show what redundancy gives against a stuck sensor")
    return parser


def _one(plan: Plan, *, shrink: bool, save: Path | None) -> int:
    result = play(plan)
    violation = result.violation
    if violation is not None:
        _tell(plan, result)
        if shrink:
            plan = Shrinker(play, violation.rule).shrink(plan, violation.at)
            print(f"the smallest plan that still fails lasts {plan.seconds:.0f} s and has {len(plan.faults)} faults:")
            _tell(plan, play(plan))
    else:
        print(
            f"seed {plan.world.seed}: {result.shelf_hours:.1f} shelf-hours, {len(plan.faults)} faults, "
            f"{result.events} events, digest {result.digest:08x}: every invariant held"
        )
    if save is not None:
        plan.save(save)
    return 0 if violation is None else 1


def _tell(plan: Plan, result: Result) -> None:
    violation = result.violation
    if violation is None:
        print("it does not fail")
        return
    for fault in plan.faults:
        if fault.at <= violation.at:
            print(f"  {fault}")
    print("last events:")
    for line in result.last[-40:]:
        print(f"  {line}")
    print(f"seed {plan.world.seed}, {violation.at:.3f} s: {violation.rule}: {violation.text}")


def _played(hours: float, seed: int) -> tuple[int, Result]:
    logging.disable(logging.CRITICAL)
    plan = draw(seed, hours)
    result = play(plan)
    if seed % COLLECTED == 0:
        with warnings.catch_warnings():
            # as in the run itself: of a process that was killed before it began
            warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
            gc.collect()
    if result.violation is None and seed % ISOLATED == 0:
        result = replace(result, violation=isolated(plan))
    return seed, result


def _results(seeds: Sequence[int], hours: float, jobs: int) -> Iterator[tuple[int, Result]]:
    if jobs <= 1:
        yield from map(partial(_played, hours), seeds)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(partial(_played, hours), seeds, chunksize=4)


def _hunted(seeds: int | None, name: str) -> Catch:
    logging.disable(logging.CRITICAL)
    return hunt(MUTATIONS[name], seeds)


def _mutations(names: Sequence[str], seeds: int | None, jobs: int, table: Path | None) -> int:
    """Hunt bugs; 1 if one was not caught in time."""
    unknown = [name for name in names if name not in MUTATIONS]
    if unknown:
        print(f"there is no mutation {unknown[0]}; there are {', '.join(MUTATIONS)}")
        return 2
    missed, rows = 0, []
    with ProcessPoolExecutor(jobs) as pool:
        for catch in pool.map(partial(_hunted, seeds), names or MUTATIONS):
            mutation, violation = MUTATIONS[catch.name], catch.violation
            rows.append(row(catch, mutation))
            if violation is None:
                missed += 1
                print(f"{catch.name:<28} {mutation.rule:<8} NOT CAUGHT: {mutation.sentence}")
            elif catch.innocent is not None:
                missed += 1
                innocent = f"{catch.innocent.at:.0f} s: {catch.innocent.rule}: {catch.innocent.text}"
                print(f"{catch.name:<28} {mutation.rule:<8} seed {catch.seed} fails without it too: {innocent}")
            else:
                print(
                    f"{catch.name:<28} {mutation.rule:<8} seed {catch.seed}, {violation.at:.0f} s: "
                    f"{violation.rule}: {violation.text}"
                )
            sys.stdout.flush()
    if table is not None:
        write(table, rows)
    print(f"{len(rows) - missed} of {len(rows)} bugs caught")
    return 1 if missed else 0


def _many(seeds: Sequence[int], hours: float, jobs: int) -> int:
    began, shown = time.monotonic(), 0.0
    shelf_hours, events, bad, digest = 0.0, 0, [], 0
    for number, (seed, result) in enumerate(_results(seeds, hours, jobs), 1):
        shelf_hours += result.shelf_hours
        events += result.events
        digest ^= result.digest
        if result.violation is not None:
            bad.append(seed)
            print(f"seed {seed}, {result.violation.at:.1f} s: {result.violation.rule}: {result.violation.text}")
        spent = time.monotonic() - began
        if spent - shown >= 30 or number == len(seeds):
            shown = spent
            print(
                f"{number} of {len(seeds)} seeds, {shelf_hours:.0f} shelf-hours, {events} events, {spent:.0f} s, "
                f"{len(bad)} violations, digest {digest:08x}"
            )
            sys.stdout.flush()
    if bad:
        print(f"replay with: make simulate SEED={bad[0]} HOURS={hours:g}")
    return 1 if bad else 0
