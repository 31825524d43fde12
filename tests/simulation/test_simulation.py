"""The simulation as a whole: it is deterministic, it holds, and what fails is found, told and shrunk."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation import cli
from tests.simulation.plan import draw, load
from tests.simulation.run import Result, Violation, play
from tests.simulation.shrink import Shrinker

PLANS = sorted((Path(__file__).parent / "plans").glob("*.json"))


@pytest.mark.parametrize("seed", range(1, 13))
def test_every_invariant_holds(seed: int) -> None:
    assert play(draw(seed, 0.15)).violation is None


@pytest.mark.parametrize("path", PLANS, ids=[path.stem for path in PLANS])
def test_what_once_failed_holds(path: Path) -> None:
    plan = load(path)
    assert plan.note
    assert play(plan).violation is None


def test_a_seed_is_the_same_run_in_every_interpreter() -> None:
    def digest(hashes: str) -> str:
        code = (
            "import logging; logging.disable(50)\n"
            "from tests.simulation.plan import draw\n"
            "from tests.simulation.run import play\n"
            "print([(result.digest, result.events) for result in (play(draw(seed, 0.08)) for seed in (2, 4))])"
        )
        run = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": hashes},
            capture_output=True,
            text=True,
            check=True,
        )
        return run.stdout

    assert digest("1") == digest("2") != ""


def test_a_plan_is_saved_and_loaded(tmp_path: Path) -> None:
    plan = draw(4, 1.0)
    plan.save(tmp_path / "plan.json")
    assert load(tmp_path / "plan.json") == plan
    assert plan.faults


def test_a_failure_is_shrunk_to_the_fault_that_makes_it() -> None:
    plan = draw(4, 1.0)
    guilty = plan.faults[len(plan.faults) // 2]

    def fails(plan: object) -> Result:
        found = [fault for fault in plan.faults if (fault.kind, fault.at) == (guilty.kind, guilty.at)]  # type: ignore[attr-defined]
        violation = Violation("rule", "text", guilty.at + 1.0) if found else None
        return Result(violation, 1.0, 1, 0.0, 0)

    small = Shrinker(fails, "rule").shrink(plan, guilty.at + 1.0)
    assert [(fault.kind, fault.at) for fault in small.faults] == [(guilty.kind, guilty.at)]
    assert small.seconds == guilty.at + 2.0
    assert small.faults[0].lasts <= 2.0


def test_the_command_line_plays_seeds_and_replays_one(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert cli.main(["--seeds", "2", "--hours", "0.05", "--jobs", "1"]) == 0
    assert "2 of 2 seeds" in capsys.readouterr().out
    assert cli.main(["--seed", "3", "--hours", "0.05", "--save", str(tmp_path / "p.json")]) == 0
    assert "every invariant held" in capsys.readouterr().out
    assert cli.main(["--plan", str(tmp_path / "p.json")]) == 0
