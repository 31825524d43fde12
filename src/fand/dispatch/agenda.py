"""What is to be looked at, and when."""

from collections.abc import Hashable
from heapq import heappop, heappush
from math import inf
from typing import Generic, TypeVar

from fand.units import Seconds

T = TypeVar("T", bound=Hashable)


class Agenda(Generic[T]):
    """Each thing stands on it once; to find what is due costs nothing for what is not."""

    def __init__(self) -> None:
        self._heap: list[tuple[Seconds, int, T]] = []
        self._dues: dict[T, Seconds] = {}
        self._count = 0

    def put(self, what: T, due: Seconds) -> None:
        """Look at ``what`` when it is ``due``, or earlier if that was said before."""
        if due < self._dues.get(what, inf):
            self._dues[what] = due
            self._count += 1  # what is due at the same time keeps its order, and need not compare
            heappush(self._heap, (due, self._count, what))

    def take(self, now: Seconds, most: int) -> list[T]:
        """What is due at ``now``, the first ``most`` of it; that is on the agenda no more."""
        taken: list[T] = []
        while len(taken) < most and self.is_due(now):
            due, _, what = heappop(self._heap)
            if self._dues.get(what) == due:  # else it was brought forward
                del self._dues[what]
                taken.append(what)
        return taken

    def is_due(self, now: Seconds) -> bool:
        """Tell whether anything may be due at ``now``."""
        return bool(self._heap) and self._heap[0][0] <= now
