"""The stand-in for msgspec takes and refuses what msgspec does."""

import json
import subprocess
import sys
from typing import Any

import msgspec
import pytest

from fand.server.state import SavedAlarm, SavedOverride, SavedShelf, State
from tests.simulation.plan import Plan, draw

SAVED = {
    "version": 1,
    "shelves": {"shelf1": {"override": {"percent": 40.0, "until": None, "given": True}, "alarms": [1, "two"]}},
}
ORDER = {"percent": 40.0, "until": 1.7e9, "given": True}

PROGRAM = """
import json, sys
from tests.simulation.stand_in import install
install()
import msgspec
from fand.server.state import SavedAlarm, SavedOverride, SavedShelf, State
from tests.simulation.plan import Plan
kinds = {"plan": Plan, "state": State, "shelf": SavedShelf, "override": SavedOverride, "alarm": SavedAlarm}
answers = []
for kind, text in json.load(sys.stdin):
    try:
        value = msgspec.json.decode(text.encode(), type=kinds[kind])
    except ValueError:
        answers.append(None)
    else:
        answers.append(msgspec.json.encode(value).decode())
json.dump(answers, sys.stdout)
"""

ASKED: list[tuple[str, Any]] = [
    ("state", SAVED),
    ("state", {**SAVED, "version": 2}),
    ("state", {**SAVED, "version": True}),
    ("state", {"version": 1}),
    ("state", []),
    ("state", {"version": 1, "shelves": [1]}),
    ("shelf", {}),
    ("shelf", {"alarms": {}}),
    ("shelf", {"alarms": [], "pending": None, "override": 1}),
    ("override", ORDER),
    ("override", {**ORDER, "percent": 40}),
    ("override", {**ORDER, "percent": 140}),
    ("override", {**ORDER, "percent": True}),
    ("override", {**ORDER, "percent": None}),
    ("override", {**ORDER, "until": -1.0}),
    ("override", {**ORDER, "until": "now"}),
    ("override", {**ORDER, "given": 1}),
    ("override", {**ORDER, "more": 1}),
    ("alarm", {"sort": "lost", "subject": "sda", "reason": "it is gone", "since": 5.0}),
    ("alarm", {"sort": "lost", "subject": "sda", "reason": 5, "since": 5.0}),
    ("plan", {"world": 1}),
]


def real(kind: str, text: str) -> object:
    """What msgspec makes of it; None if it refuses it."""
    kinds = {"plan": Plan, "state": State, "shelf": SavedShelf, "override": SavedOverride, "alarm": SavedAlarm}
    try:
        return msgspec.json.decode(text.encode(), type=kinds[kind])
    except ValueError:
        return None


def test_it_takes_and_refuses_the_same() -> None:
    asked = [(kind, json.dumps(value)) for kind, value in ASKED]
    asked += [("plan", msgspec.json.encode(draw(seed, 2.0)).decode()) for seed in (1, 2, 3)]
    asked += [("state", '{"version": 1, '), ("override", '{"percent": NaN, "until": null, "given": true}')]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], input=json.dumps(asked), capture_output=True, text=True, check=True
    )
    answers = json.loads(done.stdout)
    for (kind, text), answer in zip(asked, answers, strict=True):
        assert (None if answer is None else real(kind, answer)) == real(kind, text), text[:100]


@pytest.mark.parametrize("module", ["msgspec", "msgspec.json", "msgspec.structs"])
def test_it_stays_out_of_the_tests(module: str) -> None:
    assert "stand_in" not in str(sys.modules.get(module))
