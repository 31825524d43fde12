"""Logging that waits for nobody.

Whoever reads a log may stop reading: a terminal held by Ctrl-S, a pager, a journal whose disk hangs. A write to it
then blocks, and a loop that logs would stand still with its fans as they are. Here a thread of its own does the
writing; a loop only hands over.
"""

import logging
import os
import threading
from collections.abc import Iterable
from copy import copy
from queue import SimpleQueue
from typing import Any, Final, cast

MOST: Final = 1000
"""So many messages wait to be written; what comes on top is counted and lost."""

PATIENCE: Final = 0.5
"""Seconds that the end of the program waits for the last messages to be written."""


class Stderr:
    """The standard error without Python's buffer: a write that hangs would hold its lock at the program's end."""

    def write(self, text: str) -> None:
        """Write all of ``text``.

        :raises OSError: it cannot be written
        """
        data = text.encode(errors="backslashreplace")
        while data:
            data = data[os.write(2, data) :]

    def flush(self) -> None:
        """Nothing is kept back."""


class _NoLock:
    """In place of the lock of a handler that one thread uses: logging.shutdown must not wait for a write that hangs.

    None in its place would do up to Python 3.12 only.
    """

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        pass

    def __enter__(self) -> bool:
        return True

    def __exit__(self, *_: object) -> None:
        pass

    def _at_fork_reinit(self) -> None:
        pass


class Aside(logging.Handler):
    """Has ``handlers``, which nobody else may use, write what it is given, in a thread of its own."""

    def __init__(self, handlers: Iterable[logging.Handler], most: int = MOST) -> None:
        super().__init__()
        self._handlers = tuple(handlers)
        self._most = most
        self._lost = 0
        self._queue: SimpleQueue[logging.LogRecord | None] = SimpleQueue()
        for handler in self._handlers:
            handler.lock = cast(Any, _NoLock())
        self._thread = threading.Thread(target=self._write, name="log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Hand ``record`` over, its text as it is now."""
        if self._queue.qsize() >= self._most:
            self._lost += 1
            return
        record = copy(record)
        try:
            record.msg, record.args = record.getMessage(), None
        except Exception:  # noqa: BLE001 - as every handler takes a message that does not fit its arguments
            self.handleError(record)
            return
        lost, self._lost = self._lost, 0
        if lost:
            self._queue.put(_loss(lost))
        self._queue.put(record)

    def close(self) -> None:
        """Wait for what was handed over to be written, but not for ever."""
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join(PATIENCE)
        for handler in self._handlers:
            if self._thread.is_alive() and isinstance(handler, logging.StreamHandler):
                handler.stream = None  # whoever flushes it would wait for the write that hangs
            else:
                handler.close()
        super().close()

    def _write(self) -> None:
        while (record := self._queue.get()) is not None:
            for handler in self._handlers:
                handler.handle(record)


def _loss(count: int) -> logging.LogRecord:
    text = f"{count} messages were lost, for nobody took them"
    return logging.LogRecord(__name__, logging.WARNING, __file__, 0, text, None, None)
