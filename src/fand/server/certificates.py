"""The server's certificate, and those that its clients have shown: who is let in by them, and whose end is near."""

import asyncio
import logging
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from fand.dispatch import Certificate, Grant, stage
from fand.ports import Clock
from fand.server.desk import Desk
from fand.server.encrypted import Encrypted
from fand.server.handshakes import Handshakes
from fand.server.identity import common_name, trusted
from fand.tls import Files
from fand.tls.contexts import Ends, ends, server_context, valid_until
from fand.units import Timestamp

_log = logging.getLogger(__name__)

LOOK: Final = 3600.0
"""Seconds after which is looked again whose end is near."""

OWN: Final = "the server"
AUTHORITY: Final = "the authority"


@dataclass(frozen=True, slots=True)
class Shown:
    """What a server shows to its clients: a context of :mod:`ssl`, and how long it is good."""

    context: ssl.SSLContext
    ends: Ends


def shown(files: Files) -> Shown:
    """What a server with these files shows. They are read, which may take its time.

    :raises ConfigError: they cannot be used
    """
    return Shown(server_context(files), ends(files, server=True))


class Certificates:
    """``now`` is what the server shows. ``known`` are its certificate, its authority's, and those of clients to whom
    something is granted, by whose they are.
    """

    def __init__(self, now: Shown, clock: Clock) -> None:
        self.known: dict[str, Certificate] = {}
        self._clock = clock
        self._told: dict[str, int] = {}
        self._handshakes = Handshakes(clock)
        self._timer: asyncio.TimerHandle | None = None
        self._show(now)

    def begin(self) -> None:
        """Log whose end is near, now and whenever it has come nearer."""
        self._look()
        self._timer = asyncio.get_running_loop().call_later(LOOK, self.begin)

    def stop(self) -> None:
        """Look no more. May be called twice."""
        if self._timer is not None:
            self._timer.cancel()

    @property
    def authority(self) -> bytes:
        """Whose certificates are taken, see :func:`~fand.server.identity.trusted`."""
        return trusted(self._context)

    def become(self, now: Shown, grants: Mapping[str, Grant]) -> None:
        """Show this from now on, and forget who is granted nothing any more. Connections are not touched."""
        for whose in self.known.keys() - grants.keys():
            del self.known[whose]
        self._show(now)
        self._look()

    def welcome(self, desk: Desk) -> Encrypted:
        """For a client that comes to ``desk``."""

        def met(certificate: dict[str, Any]) -> None:
            self._met(certificate, desk.access.names)

        return Encrypted(desk, self._context, met, self._handshakes)

    def _show(self, now: Shown) -> None:
        self._context = now.context
        for whose, until in ((OWN, now.ends.certificate), (AUTHORITY, now.ends.authority)):
            self.known[whose] = Certificate(whose, until)

    def _met(self, certificate: dict[str, Any], grants: Mapping[str, Grant]) -> None:
        name = common_name(certificate)
        if name in grants:
            self.known[name] = one = Certificate(name, valid_until(certificate), grants[name].shelves)
            self._tell(one, self._clock.wall())  # of this one only: thousands may come at once

    def _look(self) -> None:
        for whose in self._told.keys() - self.known.keys():
            del self._told[whose]
        now = self._clock.wall()
        for one in self.known.values():
            self._tell(one, now)

    def _tell(self, one: Certificate, now: Timestamp) -> None:
        step, told = stage(one, now), self._told.get(one.whose)
        if step == told:
            return
        if step is None:
            del self._told[one.whose]
            _log.warning("the certificate of %s was renewed", one.whose)
            return
        self._told[one.whose] = step
        when = datetime.fromtimestamp(one.until, UTC).strftime("%Y-%m-%d %H:%M UTC")
        ending = "has ended" if one.until <= now else "ends"
        _log.warning("the certificate of %s %s at %s; `fand pki renew` makes a new one", one.whose, ending, when)
