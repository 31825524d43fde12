"""A fault that goes on is logged when it starts, when it changes and when it ends; not each time it is met."""

import logging

_log = logging.getLogger(__name__)


class Trouble:
    """One place where things can go wrong for a while.

    ``title`` begins each line, and all are logged at ``level``: who sees a fault begin shall see it end.
    """

    def __init__(self, title: str, level: int = logging.ERROR) -> None:
        self._title = title
        self._level = level
        self._key: str | None = None

    def met(self, text: str, key: str | None = None) -> None:
        """It goes wrong now, in a way that ``text`` says; a text with the same ``key`` as the last is no news."""
        key = text if key is None else key
        if key != self._key:
            self._key = key
            _log.log(self._level, "%s: %s", self._title, text)

    def over(self, text: str) -> None:
        """It goes well now; ``text`` says so if that is news."""
        if self._key is not None:
            self._key = None
            _log.log(self._level, "%s: %s", self._title, text)
