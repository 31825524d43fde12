"""A line between two network namespaces that delays what it carries.

Each end is a network card whose frames this process has (TUN/TAP). The kernel's own way, netem, is not in every
kernel.
"""

import os
import select
import struct
import subprocess
import threading
import time
from collections import deque
from collections.abc import Sequence
from fcntl import ioctl
from typing import Final

TUN: Final = "/dev/net/tun"

_TUNSETIFF: Final = 0x400454CA
_TAP: Final = 0x0002
_NO_PI: Final = 0x1000
_LONGEST: Final = 65536


class Line:
    """``ends`` are two namespaces, each with the name that the card is to have there."""

    def __init__(self, ends: Sequence[tuple[str, str]], seconds: float) -> None:
        self._seconds = seconds
        self._cards = [_card(*end) for end in ends]
        self._ended, self._end = os.pipe()
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """The cards are gone."""
        os.close(self._end)
        self._thread.join()
        for handle in (*self._cards, self._ended):
            os.close(handle)

    def _carry(self) -> None:
        one, other = self._cards
        across = {one: other, other: one}
        under_way: deque[tuple[float, int, bytes]] = deque()
        poll = select.poll()
        for handle in (one, other, self._ended):
            poll.register(handle, select.POLLIN)
        while True:
            wait = None if not under_way else max(0, under_way[0][0] - time.monotonic()) * 1000
            for handle, _ in poll.poll(wait):
                if handle == self._ended:
                    return
                under_way.append((time.monotonic() + self._seconds, across[handle], _frame(handle)))
            while under_way and under_way[0][0] <= time.monotonic():
                _, handle, frame = under_way.popleft()
                _send(handle, frame)


def _card(space: str, name: str) -> int:
    """A new network card in ``space``; what it is given to send can be read from the descriptor."""
    handle = os.open(TUN, os.O_RDWR | os.O_NONBLOCK)
    here = f"fand{os.getpid()}x{handle}"[:15]
    ioctl(handle, _TUNSETIFF, struct.pack("16sH", here.encode(), _TAP | _NO_PI))
    subprocess.run(["ip", "link", "set", here, "netns", space, "name", name], check=True, timeout=30)
    return handle


def _frame(handle: int) -> bytes:
    try:
        return os.read(handle, _LONGEST)
    except OSError:  # its card is down
        return b""


def _send(handle: int, frame: bytes) -> None:
    try:
        os.write(handle, frame)
    except OSError:  # as above: lost, as on any line
        return
