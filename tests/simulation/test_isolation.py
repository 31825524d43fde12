"""Isolation, and that its breach is seen."""

import pytest

from fand.control import Fault
from fand.dispatch.fans import Fans
from fand.units import Percent
from tests.simulation import plan
from tests.simulation.isolation import isolated
from tests.simulation.world import draw_world

PLAN = plan.Plan(
    next(
        world
        for world in map(draw_world, range(1, 1000))
        if len(world.shelves) == 3 and all(shelf.fans[0].tachometer for shelf in world.shelves)
    ),
    1500.0,
    (
        plan.Fault("lost", 100.0, 300.0, shelf=0, index=0),
        plan.Fault("client killed", 300.0, 2.0, shelf=0),
        plan.Fault("partition", 600.0, 60.0, shelf=0),
        plan.Fault("stalled", 100.0, 600.0, shelf=1),
    ),
)


def test_s9_a_fault_in_one_shelf_changes_nothing_in_another() -> None:
    assert len(PLAN.world.shelves) > 1
    assert isolated(PLAN) is None


def test_a_fault_that_reaches_another_shelf_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    every: list[Fans] = []
    init, faults = Fans.__init__, Fans.faults

    def made(self: Fans) -> None:
        init(self)
        every.append(self)

    def mixed(_self: Fans, duty: Percent) -> tuple[Fault, ...]:
        return tuple(fault for fans in every for fault in faults(fans, duty))

    monkeypatch.setattr(Fans, "__init__", made)
    monkeypatch.setattr(Fans, "faults", mixed)
    violation = isolated(PLAN)
    assert violation is not None
    assert violation.rule == "isolation"
