"""The oracle and the drawn worlds, by examples that were reckoned by hand."""

from math import inf

import pytest

from tests.simulation.oracle import ASLEEP, FAILED, Families, Knowledge, wanted
from tests.simulation.plan import draw
from tests.simulation.world import CurveSpec, DriveSpec, FanSpec, ShelfSpec

LINEAR = CurveSpec("linear", ((30.0, 20.0), (40.0, 60.0)), 50.0)
STEP = CurveSpec("step", ((0.0, 20.0), (30.0, 40.0), (40.0, 60.0)), 50.0)
SHELF = ShelfSpec(
    name="shelf1",
    drives=(DriveSpec("a", "hdd", 30.0, 5.0), DriveSpec("b", "hdd", 30.0, 5.0, optional=True)),
    fans=(FanSpec("front"),),
    lanes=1,
    curves={"hdd": LINEAR},
    floor=25.0,
    on_lost=80.0,
    fall=1.0,
    interval=5.0,
    lease=20.0,
    failsafe=100.0,
    latency=0.001,
    split=0.0,
    ambient=20.0,
    swing=0.0,
    restless=1.0,
)


@pytest.mark.parametrize(
    ("curve", "celsius", "duty"),
    [
        (LINEAR, 10, 20),
        (LINEAR, 30, 20),
        (LINEAR, 35, 40),
        (LINEAR, 45, 60),
        (LINEAR, 50, 100),
        (STEP, -5, 20),
        (STEP, 29.9, 20),
        (STEP, 30, 40),
        (STEP, 39.9, 40),
        (STEP, 49, 60),
    ],
)
def test_a_curve_is_what_it_says(curve: CurveSpec, celsius: float, duty: float) -> None:
    assert wanted(curve, celsius) == duty


def test_the_hottest_counts_and_the_floor() -> None:
    families = Families(SHELF)
    assert families.demand((35.0, 38.0)) == 52
    assert families.demand((20.0, -inf)) == 25
    assert families.most((35.0, 36.0)) == 52
    assert families.most((20.0, 20.0)) == 35


def test_what_a_server_may_serve_follows_from_what_it_was_told() -> None:
    knowledge = Knowledge(SHELF, Families(SHELF))
    assert knowledge.least(0.0) == (100, 100)
    knowledge.told(0, 35.0, 0.0, 0.0)
    assert knowledge.least(1.0) == (0, 40)
    knowledge.told(1, ASLEEP, 1.0, 1.0)
    assert knowledge.least(2.0) == (0, 40)
    assert knowledge.least(90.0) == (0, 40)
    assert knowledge.least(90.1) == (80, 80)
    knowledge.told(0, 51.0, 91.0, 91.0)
    assert knowledge.least(92.0) == (100, 100)
    knowledge.told(0, 30.0, 92.0, 92.0)
    for at in (93.0, 94.0, 95.0):
        knowledge.told(0, FAILED, at, at)
    assert knowledge.least(96.0) == (80, 80)


def test_within_the_instant_of_an_answer_both_duties_will_do() -> None:
    knowledge = Knowledge(SHELF, Families(SHELF))
    knowledge.told(0, 35.0, 0.0, 0.0)
    knowledge.told(0, 40.0, 1.0, 1.0)
    assert knowledge.least(1.0) == (0, 40)
    assert knowledge.least(1.1) == (0, 60)


def test_worlds_and_faults_are_what_their_seed_makes_them() -> None:
    assert draw(11, 1.0) == draw(11, 1.0) != draw(12, 1.0)
    kinds = {fault.kind for seed in range(200) for fault in draw(seed, 2.0).faults}
    assert len(kinds) >= 45
