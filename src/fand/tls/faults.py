"""What went wrong with TLS, in words."""

import re
from typing import Final

_ALERTS: Final = {
    "UNKNOWN_CA": "the certificate of this host is not from its authority",
    "CERTIFICATE_EXPIRED": "by its clock, the certificate of this host has expired or is not valid yet",
    "CERTIFICATE_REQUIRED": "it wants a certificate, and this host has none",
    "PROTOCOL_VERSION": "it does not speak TLS 1.3",
}
"""What the other end said before it closed (RFC 8446, 6.2), by OpenSSL's names."""

_NO_TLS: Final = frozenset({"WRONG_VERSION_NUMBER", "UNSUPPORTED_PROTOCOL", "PACKET_LENGTH_TOO_LONG", "HTTP_REQUEST"})


def words(error: OSError) -> str:
    """Say what ``error``, of :mod:`ssl`, means: "it" is the other end."""
    message: str = getattr(error, "verify_message", "")
    if message:
        return f"its certificate is not good: {message.rstrip('.')}"
    reason: str = getattr(error, "reason", None) or ""
    if alert := re.fullmatch(r"[A-Z0-9]+_ALERT_(\w+)", reason):
        return _ALERTS.get(alert[1], f"it refuses: {_plain(alert[1])}")
    if reason in _NO_TLS:
        return "it does not speak TLS 1.3"
    if reason == "UNEXPECTED_EOF_WHILE_READING":
        return "it closed the connection"
    return _plain(reason) or error.strerror or str(error)


def _plain(reason: str) -> str:
    return reason.replace("_", " ").lower()
