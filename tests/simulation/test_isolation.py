"""Isolation, and that its breach is seen."""

from typing import Any

import pytest

from fand.dispatch import Shelf
from fand.ports import Failed
from tests.simulation.isolation import isolated
from tests.simulation.plan import Fault, Plan, draw

PLAN = Plan(
    draw(2, 0.4).world,
    1500.0,
    (
        Fault("lost", 100.0, 300.0, shelf=0, index=0),
        Fault("client killed", 300.0, 2.0, shelf=0),
        Fault("partition", 600.0, 60.0, shelf=0),
        Fault("stalled", 100.0, 600.0, shelf=1),
    ),
)


def test_s9_a_fault_in_one_shelf_changes_nothing_in_another() -> None:
    assert len(PLAN.world.shelves) > 1
    assert isolated(PLAN) is None


def test_a_fault_that_reaches_another_shelf_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    shelves: list[Shelf] = []
    init, observe = Shelf.__init__, Shelf.observe

    def made(self: Shelf, *args: Any) -> None:
        init(self, *args)
        shelves.append(self)

    def spread(self: Shelf, device: str, reading: Any, family: str | None = None) -> None:
        observe(self, device, reading, family)
        if isinstance(reading, Failed):
            for shelf in shelves:
                observe(shelf, shelf.slots[0].name, reading, family)

    monkeypatch.setattr(Shelf, "__init__", made)
    monkeypatch.setattr(Shelf, "observe", spread)
    violation = isolated(PLAN)
    assert violation is not None
    assert violation.rule == "isolation"
