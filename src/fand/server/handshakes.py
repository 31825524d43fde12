"""Handshakes of TLS that are under way: not too many at once."""

import logging
from typing import Final, Protocol

_log = logging.getLogger(__name__)

UNDER_WAY: Final = 1024
"""So many handshakes are under way at once. Each has some 45 KiB of OpenSSL's, of whoever it is; one that goes on
needs no longer than the network for two messages."""


class Handshake(Protocol):
    """One that is under way."""

    def leave(self, reason: str) -> None:
        """Give up."""
        ...


class Handshakes:
    """Those under way at one server. When there are too many, the one that began first is given up for a newcomer:
    a crowd that begins them and does not go on has little memory, and keeps nobody out.
    """

    def __init__(self) -> None:
        self._all: dict[Handshake, None] = {}
        self._crowded = False

    def begin(self, one: Handshake) -> None:
        """``one`` shakes hands from now on."""
        if len(self._all) >= UNDER_WAY:
            first = next(iter(self._all))
            self.end(first)
            first.leave("too many have begun since")
            if not self._crowded:
                self._crowded = True
                _log.warning("%d handshakes are under way, and the first go for more", UNDER_WAY)
        self._all[one] = None

    def end(self, one: Handshake) -> None:
        """``one`` no longer does. May be called twice, and without :meth:`begin`."""
        self._all.pop(one, None)
        if self._crowded and len(self._all) < UNDER_WAY / 2:
            self._crowded = False
            _log.warning("no handshake has to go for others any more")
