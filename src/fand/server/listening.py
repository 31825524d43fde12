"""Where the server listens: addresses, and the sockets on them."""

import errno
import ipaddress
import logging
import socket
import threading
from collections.abc import Iterable, Mapping
from typing import Any, Final

from fand.exceptions import ListeningError

_log = logging.getLogger(__name__)

LOOPBACK: Final = ("127.0.0.1", "::1")
BACKLOG: Final = 1024
"""So many wait at a socket until they are let in. With more, a flood of clients that come and go keeps an honest one
waiting behind those who have gone."""

BUFFER: Final = 64 * 1024

_KEEPALIVE: Final[Mapping[str, int]] = {
    "TCP_KEEPIDLE": 60,
    "TCP_KEEPINTVL": 15,
    "TCP_KEEPCNT": 4,
    "TCP_USER_TIMEOUT": 120_000,
}
"""A client whose host is gone keeps its place for two minutes, and not for the system's two hours. Seconds, but for
the third, a number of times, and the last, milliseconds; see tcp(7)."""

_PATIENCE: Final = 2.0
_TRIES: Final = 10


def addresses(address: str | None) -> list[str]:
    """The numeric addresses to listen on.

    None is loopback in both families, and what the host's own name means where that is loopback as well: the
    tools of fand 0.1.1 connect to that name unless told otherwise.

    :raises ListeningError: ``address`` is unknown
    """
    if address is None:
        own = [found for found in _own_addresses() if is_loopback(found)]
        return list(dict.fromkeys([*LOOPBACK, *own]))
    try:
        if not address:
            raise ListeningError("the address to listen on is empty; 0.0.0.0 and :: are all of this host's")
        found = socket.getaddrinfo(address, None, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ListeningError(f"cannot listen on {address!r}: no such address ({reason})") from None
    return list(dict.fromkeys(_host(entry[4]) for entry in found))


def is_loopback(address: str) -> bool:
    """Tell whether a numeric ``address`` is reached from this host alone."""
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback


def listen(where: Iterable[str], port: int) -> list[socket.socket]:
    """Sockets on all of the addresses ``where``, listening on the same ``port``; 0 is any that is free on all.

    A family that this host does not have is left out, as long as anything is left.

    :raises ListeningError: one of them cannot be listened on
    """
    hosts, tries = list(where), _TRIES if port == 0 else 1
    while True:
        tries -= 1
        try:
            return _listen(hosts, port)
        except _PortTaken as error:
            # A port that was free on the first address may be taken on the next.
            if tries == 0:
                raise ListeningError(str(error)) from None


def shown(sock: socket.socket) -> str:
    """The address and port of ``sock``, or its path."""
    name = sock.getsockname()
    return place(name) if isinstance(name, tuple) else str(name)


def place(address: tuple[Any, ...]) -> str:
    """A socket's address, as people write it: one of IPv4 is told as such, whichever socket it came by."""
    host, port = address[:2]
    if host.startswith("::ffff:") and "." in host:
        host = host.removeprefix("::ffff:")
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class _PortTaken(Exception):  # noqa: N818
    pass


def _listen(hosts: list[str], port: int) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    absent = None
    try:
        for host in hosts:
            try:
                sock = _bound(host, port)
            except OSError as error:
                if error.errno in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL) and len(hosts) > 1:
                    _log.debug("not listening on %s: %s", host, error.strerror)
                    absent = error
                    continue
                raise _refusal(host, port, error) from error
            sockets.append(sock)
            port = sock.getsockname()[1]
    except BaseException:
        for sock in sockets:
            sock.close()
        raise
    if absent is not None and not sockets:
        raise _refusal(hosts[0], port, absent)
    return sockets


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
    )[0]
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # What accept() gives inherits this: a client whose host is gone is found out by the kernel.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        # So little the kernel keeps for each: no question and no answer is longer than 64 KiB.
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            sock.setsockopt(socket.SOL_SOCKET, option, BUFFER)
        for name, value in _KEEPALIVE.items():
            if hasattr(socket, name):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        if family == socket.AF_INET6 and host != "::":
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock


def _refusal(host: str, port: int, error: OSError) -> Exception:
    if error.errno == errno.EADDRINUSE:
        return _PortTaken(f"port {port} of {host} is in use; stop the program that has it, or choose another with -p")
    if error.errno in (errno.EACCES, errno.EPERM):
        return ListeningError(f"no permission to listen on port {port} of {host}; choose one above 1023 with -p")
    if error.errno == errno.EADDRNOTAVAIL:
        return ListeningError(f"cannot listen on {host}: this host has no such address")
    return ListeningError(f"cannot listen on port {port} of {host}: {error.strerror or error}")


def _own_addresses() -> list[str]:
    """What the host's own name means. A name service that does not answer must not hold up the start."""
    found: list[str] = []
    name = socket.gethostname()

    def ask() -> None:
        try:
            found.extend(_host(entry[4]) for entry in socket.getaddrinfo(name, None))
        except (OSError, UnicodeError) as error:
            _log.debug("the host name %s means nothing here: %s", name, error)

    thread = threading.Thread(target=ask, name="host name", daemon=True)
    thread.start()
    thread.join(_PATIENCE)
    return list(found)


def _host(address: tuple[object, ...]) -> str:
    return str(address[0])
