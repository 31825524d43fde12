"""The logger of a module that is also used by programs of a moment, whose run is a seventh longer with logging."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from logging import Logger


class Heard:
    """Gives the logger called ``name`` once somebody has imported :mod:`logging`.

    Until then there is no handler, and without one nobody hears of anything below a warning: whoever logs nothing
    else need not import it.
    """

    __slots__ = ("_logger", "_name")

    def __init__(self, name: str) -> None:
        self._name = name
        self._logger: Logger | None = None

    @property
    def logger(self) -> "Logger | None":
        """The logger, None if nobody could hear it."""
        if self._logger is None and "logging" in sys.modules:
            import logging  # noqa: PLC0415 - somebody else has

            self._logger = logging.getLogger(self._name)
        return self._logger

    def info(self, message: str, *args: object) -> None:
        """Log ``message`` with ``args``, if anybody could hear it."""
        if (logger := self.logger) is not None:
            logger.info(message, *args)
