"""From a plan that fails to the smallest one that still fails in the same way."""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from tests.simulation.plan import Fault, Plan
from tests.simulation.run import Result

MOST: int = 400
"""So many plans are tried."""


@dataclass
class Shrinker:
    """``play`` gives what came of a plan; ``rule`` is the invariant that was violated."""

    play: Callable[[Plan], Result]
    rule: str
    left: int = MOST

    def shrink(self, plan: Plan, at: float) -> Plan:
        """The smallest plan that was found, given one that violates the rule ``at`` that time."""
        plan = self._try(plan, msgspec.structs.replace(plan, seconds=at + 1.0)) or plan
        plan = self._without(plan, lambda fault: fault.at > at)
        size = max(1, len(plan.faults) // 2)
        while self.left > 0:
            smaller = self._chunks(plan, size)
            if smaller is not None:
                plan = smaller
            elif size == 1:
                break
            size = max(1, min(size, len(plan.faults)) // 2)
        return self._shorter(plan)

    def _without(self, plan: Plan, out: Callable[[Fault], bool]) -> Plan:
        kept = tuple(fault for fault in plan.faults if not out(fault))
        return self._try(plan, msgspec.structs.replace(plan, faults=kept)) or plan

    def _chunks(self, plan: Plan, size: int) -> Plan | None:
        """Leave out any ``size`` faults in a row."""
        for start in range(0, len(plan.faults), size):
            kept = plan.faults[:start] + plan.faults[start + size :]
            smaller = self._try(plan, msgspec.structs.replace(plan, faults=kept))
            if smaller is not None:
                return smaller
        return None

    def _shorter(self, plan: Plan) -> Plan:
        """Let the faults that are left last no longer than they must."""
        for number, fault in enumerate(plan.faults):
            for lasts in (2.0, fault.lasts / 4, fault.lasts / 2):
                if lasts < fault.lasts:
                    shorter = msgspec.structs.replace(fault, lasts=round(lasts, 3))
                    faults = (*plan.faults[:number], shorter, *plan.faults[number + 1 :])
                    smaller = self._try(plan, msgspec.structs.replace(plan, faults=faults))
                    if smaller is not None:
                        plan = smaller
                        break
        return plan

    def _try(self, plan: Plan, smaller: Plan) -> Plan | None:
        if self.left <= 0 or smaller == plan:
            return None
        self.left -= 1
        violation = self.play(smaller).violation
        if violation is None or violation.rule != self.rule:
            return None
        return msgspec.structs.replace(smaller, seconds=min(smaller.seconds, violation.at + 1.0))
