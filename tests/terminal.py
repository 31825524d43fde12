"""Real terminals, and what they receive."""

import os
import pty
import termios
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager


@contextmanager
def terminal(columns: int, lines: int = 24) -> Iterator[tuple[int, "Future[str]"]]:
    """A terminal of that size: the descriptor for a program to write to, and all that it will have received once
    the last copy of that descriptor is closed, which is to be done inside the block.
    """
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (lines, columns))
    with ThreadPoolExecutor(1) as pool:
        yield slave, pool.submit(_received, master)
    os.close(master)


def _received(master: int) -> str:
    data = b""
    try:
        while more := os.read(master, 4096):
            data += more
    except OSError:  # how Linux says that the other end of a terminal has closed
        pass
    return data.decode().replace("\r\n", "\n")
