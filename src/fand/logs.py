"""Where the log of a program goes: to a file, to a terminal, or to journald."""

import logging
import os
import sys
from typing import Final

# a daemon that says nothing of a lost drive unless asked would be no help
_LEVELS: Final = (logging.WARNING, logging.INFO, logging.DEBUG)


def set_up(verbose: int | None, logfile: str | None, *, aside: bool) -> None:
    """Send the log of the whole process to ``logfile``, or to stderr without one.

    With ``verbose`` 0 warnings are logged, with 1 each step too, with more everything; with None nothing but what
    ends the program. ``aside`` has a thread of its own write it, so that who logs never waits.

    :raises OSError: the file cannot be written
    """
    if logfile is not None:
        from logging.handlers import WatchedFileHandler  # noqa: PLC0415 - slow to import, and seldom wanted

        handler: logging.Handler = WatchedFileHandler(logfile, encoding="utf-8")
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    else:
        handler = logging.StreamHandler()
        handler.setFormatter(_ForJournal() if stderr_is_journal() else logging.Formatter(_ON_STDERR))
    if aside:
        from fand.aside import Aside, Stderr  # noqa: PLC0415 - for the programs that stay

        if isinstance(handler, logging.StreamHandler) and handler.stream is sys.__stderr__ is not None:
            handler.setStream(Stderr())
        handler = Aside([handler])
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.CRITICAL if verbose is None else _LEVELS[min(verbose, 2)])


_ON_STDERR: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class _ForJournal(logging.Formatter):
    """Lines for journald, which keeps the time itself and takes the priority from a prefix (sd-daemon(3))."""

    _PRIORITIES: Final = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))

    def __init__(self) -> None:
        super().__init__("%(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Put the priority before every line, as journald reads each for itself."""
        priority = next((number for level, number in self._PRIORITIES if record.levelno >= level), 7)
        return "\n".join(f"<{priority}>{line}" for line in super().format(record).splitlines())


def stderr_is_journal() -> bool:
    """Tell whether stderr leads to journald: JOURNAL_STREAM names its device and inode (systemd.exec(5))."""
    try:
        stderr = os.fstat(2)
    except OSError:  # closed
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{stderr.st_dev}:{stderr.st_ino}"
