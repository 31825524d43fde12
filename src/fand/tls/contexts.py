"""Contexts of :mod:`ssl` for both ends: TLS 1.3, and each end shows a certificate of the other's authority."""

import os
import ssl
from typing import Any, Final, NamedTuple

from fand.exceptions import ConfigError
from fand.tls import Files
from fand.tls.faults import words
from fand.units import Timestamp

_NO_CHECK_TIME: Final = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL, see X509_VERIFY_PARAM_set_flags(3); Python has no name for it."""

_LARGEST: Final = 1 << 20


class Ends(NamedTuple):
    """When the certificate of one end and that of its authority end to be valid."""

    certificate: Timestamp
    authority: Timestamp


def client_context(files: Files) -> ssl.SSLContext:
    """The context of who connects: the server's name is verified.

    :raises ConfigError: the files cannot be used; the fault names the one
    """
    context = _context(ssl.PROTOCOL_TLS_CLIENT, files)
    context.hostname_checks_common_name = False  # which is that of a client: no server is known by it
    return context


def server_context(files: Files) -> ssl.SSLContext:
    """The context of who listens: who shows no certificate of the authority gets no further.

    :raises ConfigError: the files cannot be used; the fault names the one
    """
    context = _context(ssl.PROTOCOL_TLS_SERVER, files)
    context.verify_mode = ssl.CERT_REQUIRED
    context.num_tickets = 0  # nobody resumes a session: each connection is verified anew
    return context


def ends(files: Files, *, server: bool) -> Ends:
    """See that the files of a server, or of a client, fit together, and tell how long they are valid.

    That is tried: one end shows the certificate to another that trusts the authority, in memory. Neither that the
    validity is over nor that it has yet to begin is a fault here.

    :raises ConfigError: they do not fit, or cannot be used
    """
    listens, connects = server_context(files), client_context(files)
    shows, asks = (listens, connects) if server else (connects, listens)
    asks.verify_flags |= ssl.VerifyFlags(_NO_CHECK_TIME)
    connects.check_hostname = False
    if server:
        listens.verify_mode = ssl.CERT_NONE
    else:
        connects.verify_mode = ssl.CERT_NONE
    try:
        peers = _shake_hands(listens, connects)
    except ssl.SSLError as error:
        shown = f"{files.certificate} is not the certificate of a {'server' if server else 'client'}"
        raise ConfigError([f"{shown} from the authority {files.authority}: {words(error)}"]) from None
    certificate: Any = (peers[1] if shows is listens else peers[0]).getpeercert()
    authorities: list[Any] = asks.get_ca_certs()
    return Ends(valid_until(certificate), min(map(valid_until, authorities)))


def valid_until(certificate: dict[str, Any]) -> Timestamp:
    """When ``certificate``, as :meth:`ssl.SSLSocket.getpeercert` gives it, ends to be valid."""
    return Timestamp(ssl.cert_time_to_seconds(certificate["notAfter"]))


def _shake_hands(listens: ssl.SSLContext, connects: ssl.SSLContext) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    both = listens.wrap_bio(up, down, server_side=True), connects.wrap_bio(down, up, server_hostname="trial")
    for end in (both[1], both[0], both[1], both[0]):
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            pass
    return both


def _context(protocol: int, files: Files) -> ssl.SSLContext:
    for path in files:
        _readable(path)
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_verify_locations(files.authority)
    except ssl.SSLError as error:
        raise ConfigError([f"{files.authority} is no certificate of an authority in PEM: {words(error)}"]) from None
    if not context.get_ca_certs():
        raise ConfigError([f"{files.authority} is no certificate of an authority: it may not sign others"])
    try:
        context.load_cert_chain(files.certificate, files.key, password="")
    except ssl.SSLError as error:
        raise ConfigError(
            [f"{files.certificate} and {files.key} are no certificate with its unencrypted key: {words(error)}"]
        ) from None
    return context


def _readable(path: str) -> None:
    """:raises ConfigError: ``path`` is no file that can be read"""
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            data = file.read(_LARGEST)
    except OSError as error:
        raise ConfigError([f"{path} cannot be read: {error.strerror}"]) from None
    if not data:
        raise ConfigError([f"{path} is empty"])


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)
