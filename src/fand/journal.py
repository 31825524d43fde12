"""Records of a log to journald with fields of their own, by its native protocol.

Source: "Native Journal Protocol" of the systemd project (systemd.io/JOURNAL_NATIVE_PROTOCOL).
"""

import logging
import socket
from collections.abc import Mapping
from typing import Final

SOCKET: Final = "/run/systemd/journal/socket"

_PRIORITIES: Final = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))


class ToJournal(logging.Filter):
    """Put on a logger, this sends its records to the journal instead of to its handlers.

    A record whose attribute ``fields`` maps names to texts carries these. One that the journal does not take at once
    goes to the handlers, so that it is lost under no circumstances. ``identifier`` is what the journal calls us.
    """

    def __init__(self, identifier: str, path: str = SOCKET) -> None:
        super().__init__()
        self._identifier = identifier
        self._path = path

    def filter(self, record: logging.LogRecord) -> bool:
        """Send ``record``; tells whether the handlers must see to it."""
        fields = {
            "MESSAGE": f"{record.name}: {record.getMessage()}",
            "PRIORITY": str(priority(record.levelno)),
            "SYSLOG_IDENTIFIER": self._identifier,
            **getattr(record, "fields", {}),
        }
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
                sock.setblocking(False)
                sock.sendto(entry(fields), self._path)
        except OSError:
            return True
        return False


def priority(level: int) -> int:
    """The priority, as of syslog, of a logging level."""
    return next((number for lowest, number in _PRIORITIES if level >= lowest), 7)


def entry(fields: Mapping[str, str]) -> bytes:
    """One entry of the journal as it is sent: names are of capitals, digits and underscores."""
    return b"".join(_field(name.encode("ascii"), value) for name, value in fields.items())


def _field(name: bytes, text: str) -> bytes:
    value = text.encode(errors="backslashreplace")
    if b"\n" not in value:
        return b"%b=%b\n" % (name, value)
    return b"%b\n%b%b\n" % (name, len(value).to_bytes(8, "little"), value)
