"""When files are read and written, as the kernel tells it; see inotify(7)."""

import ctypes
import os
import struct
from pathlib import Path
from types import TracebackType
from typing import Final, Self

READ: Final = 0x1
"""IN_ACCESS"""
WRITTEN: Final = 0x2
"""IN_MODIFY"""

_EVENT: Final = struct.Struct("iIII")
_CLOEXEC: Final = 0o2000000


class Watch:
    """What happens to some files."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._file = self._libc.inotify_init1(_CLOEXEC)
        if self._file < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)

    def fileno(self) -> int:
        """For select."""
        return int(self._file)

    def add(self, path: Path, events: int) -> int:
        """Watch ``path`` for these; returns the number by which it is told."""
        number: int = self._libc.inotify_add_watch(self._file, os.fsencode(path), events)
        if number < 0:
            raise OSError(ctypes.get_errno(), f"inotify_add_watch {path}")
        return number

    def events(self) -> list[tuple[int, int]]:
        """What has happened, waiting for it: numbers and events."""
        data, found, place = os.read(self._file, 65536), [], 0
        while place < len(data):
            number, mask, _, size = _EVENT.unpack_from(data, place)
            found.append((number, mask))
            place += _EVENT.size + size
        return found
