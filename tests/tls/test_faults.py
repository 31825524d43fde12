"""Errors of the ssl module in words; real ones are met in test_sockets.py."""

import ssl

import pytest

from fand.tls.faults import words


def _error(reason: str, message: str = "") -> ssl.SSLError:
    error = ssl.SSLError(1, "[SSL] what it says")
    error.reason = reason
    if message:
        error.verify_message = message  # type: ignore[attr-defined]
    return error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (_error("CERTIFICATE_VERIFY_FAILED", "so it is."), "its certificate is not good: so it is"),
        (_error("TLSV1_ALERT_UNKNOWN_CA"), "the certificate of this host is not from its authority"),
        (_error("TLSV13_ALERT_CERTIFICATE_REQUIRED"), "it wants a certificate, and this host has none"),
        (_error("SSLV3_ALERT_HANDSHAKE_FAILURE"), "it refuses: handshake failure"),
        (_error("WRONG_VERSION_NUMBER"), "it does not speak TLS 1.3"),
        (_error("UNEXPECTED_EOF_WHILE_READING"), "it closed the connection"),
        (_error("NO_SHARED_CIPHER"), "no shared cipher"),
        (ssl.SSLError(1, "so it is"), "so it is"),
        (OSError("odd"), "odd"),
    ],
)
def test_words(error: ssl.SSLError, said: str) -> None:
    assert words(error) == said
