"""The disk that keeps a server's state: slow, full, hanging, damaged, and cut off by a kill in mid-write."""

from random import Random

import msgspec

from fand.server.state import State
from tests.simulation.hardware import Bench

SYNC = 0.03
"""Seconds that a healthy disk takes."""


class Disk:
    """What a host's disk holds of the server's state, as bytes, and what is wrong with it."""

    def __init__(self, seed: str) -> None:
        self.data: bytes | None = None
        self.spoilt = False
        """It has been damaged since the last start."""
        self.full = 0
        self.delay = SYNC
        self.hangs = 0
        self.chance = Random(seed)
        self.unwell_until = float("-inf")

    def damage(self) -> None:
        """A part of the file is no longer what was written."""
        self.spoilt = True
        if self.data is not None:
            place = self.chance.randrange(len(self.data))
            self.data = self.data[:place] + bytes(self.chance.randrange(256) for _ in range(3))

    def well(self, since: float) -> bool:
        """Whether all that was saved ``since`` then is on it."""
        return not self.full and not self.hangs and self.delay == SYNC and self.unwell_until < since


class SimStore:
    """The disk as one run of the server uses it."""

    def __init__(self, disk: Disk, bench: Bench) -> None:
        self._disk = disk
        self._bench = bench

    def load(self) -> State | None:
        """See :class:`fand.server.saving.Store`."""
        disk = self._disk
        self._take_time()
        if disk.data is None:
            return None
        try:
            return msgspec.json.decode(disk.data, type=State)
        except (ValueError, RecursionError):
            disk.data = None  # set aside
            return None

    def save(self, value: State) -> bool:
        """See :class:`fand.server.saving.Store`. A kill meanwhile finds the old file or the new one."""
        disk = self._disk
        self._take_time()
        if disk.full:
            return False
        data = msgspec.json.encode(value)

        def replace() -> None:
            disk.data = data

        if disk.chance.random() < 0.5:
            replace()
        else:
            self._bench.asked = replace
        return True

    def copy_aside(self) -> None:
        """See :class:`fand.server.saving.Store`."""

    def _take_time(self) -> None:
        self._bench.whose = self._disk
        self._bench.delay = float("inf") if self._disk.hangs else self._disk.delay
