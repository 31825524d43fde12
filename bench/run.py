"""``make bench``: runs parts, keeps what they find, and writes the page."""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from bench import commands, crowd, growth, idle, instructions, reaction, reading, requests
from bench.chart import chart
from bench.plan import ROOT, Part, Plan
from bench.report import BEFORE, page, text
from bench.results import Outcome, Taken, load, save

PARTS: Final[Sequence[Part]] = (
    requests.PART,
    instructions.PART,
    crowd.PART,
    reaction.PART,
    reading.PART,
    idle.PART,
    commands.PART,
    growth.PART,
)

KEPT: Final = ROOT / "bench" / "results"
TRIED: Final = ROOT / ".cache" / "bench"


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, keep, write."""
    args = _parser().parse_args(argv)
    chosen = [part for part in PARTS if not args.only or part.name in args.only]
    place = TRIED if args.quick else KEPT
    if not args.page:
        for part in chosen:
            begin = time.monotonic()
            outcome = _measured(part, args)
            save(place / f"{part.name}{BEFORE if args.before else ''}.json", outcome)
            if args.quick:
                print("\na short try: fewer, smaller and shorter than what the goals below are about")
            print(text(part, outcome), f"\n  took {time.monotonic() - begin:.0f} s", flush=True)
    docs = TRIED if args.quick else ROOT / "docs"
    names = [part.name + when for part in PARTS for when in ("", BEFORE)]
    outcomes = {name: kept for name in names if (kept := load(place / f"{name}.json")) is not None}
    write(docs, outcomes)
    print(f"written: {docs / 'performance.md'}")


def write(docs: Path, outcomes: dict[str, Outcome]) -> None:
    """Write the page and its pictures into the folder ``docs``."""
    pictures = docs / "performance"
    pictures.mkdir(parents=True, exist_ok=True)
    for outcome in outcomes.values():
        for curve in outcome.curves:
            (pictures / f"{curve.name}.svg").write_text(chart(curve))
    (docs / "performance.md").write_text(page(PARTS, outcomes))


def _measured(part: Part, args: argparse.Namespace) -> Outcome:
    load_before, revision = os.getloadavg()[0], _revision()
    memory = Path("/dev/shm")  # files in memory, as those of the kernel are
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        plan = Plan(
            Path(folder),
            quick=args.quick,
            rounds=args.rounds or (2 if args.quick else 7),
            seconds=0.2 if args.quick else 1.0,
            window=5.0 if args.quick else 60.0,
        )
        outcome = part.measure(plan)
    taken = Taken(
        datetime.now().astimezone().isoformat(" ", "minutes"),
        revision,
        _machine(),
        f"Python {platform.python_version()}",
        f'make bench BENCH_ARGS="{" ".join(sys.argv[1:])}"' if sys.argv[1:] else "make bench",
        load_before,
        args.quick,
    )
    return msgspec.structs.replace(outcome, taken=taken)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    names = [part.name for part in PARTS]
    parser.add_argument("--only", action="append", choices=names, help="this part; may be given several times")
    parser.add_argument("--rounds", type=int, help="how often each is measured")
    parser.add_argument("--quick", action="store_true", help="a short try, kept under .cache and not in docs")
    parser.add_argument("--before", action="store_true", help="keep it as what was before a change, to stand beside")
    parser.add_argument("--page", action="store_true", help="measure nothing, write the page anew")
    return parser


def _revision() -> str:
    """The commit that is measured, and whether the package is as it was there."""

    def git(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)

    commit = git("rev-parse", "--short=10", "HEAD").stdout.strip()
    changed = git("diff", "--quiet", "HEAD", "--", "src").returncode
    return f"{commit or 'unknown'}{', changed' if commit and changed else ''}"


def _machine() -> str:
    """The processors and the kernel."""
    info = Path("/proc/cpuinfo")
    models = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
    model = models[0] if models else platform.machine()
    return f"{os.cpu_count()} processors {model}, {platform.system()} {platform.release()}"
