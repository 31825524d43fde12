"""Who is at the other end of a connection, and what the configuration grants him."""

import asyncio
import os
import pwd
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, Any, Final

from fand.config import AllowConfig, ServerConfig
from fand.dispatch import ALL, Grant, Role, line
from fand.exceptions import AccessDeniedError
from fand.server.listening import place

if TYPE_CHECKING:
    import ssl

ROOT: Final = 0

_CREDENTIALS: Final = struct.Struct("iII")
"""``struct ucred`` of unix(7): process, user, group."""

_LEVELS: Final = (Role.READ, Role.REPORT, Role.CONTROL)


@dataclass(frozen=True, slots=True)
class Visitor:
    """The other end of a connection: its ``address``, and what proves who it is.

    That is the ``name`` in a certificate, empty if that has not exactly one, by which ``authority`` (see
    :func:`trusted`); or the number ``uid`` of the user at a Unix socket; if there is neither, nobody is asked.
    ``loopback`` tells that a plain connection is from this host.
    """

    address: str
    name: str | None = None
    uid: int | None = None
    loopback: bool = False
    authority: bytes = b""


@dataclass(frozen=True, slots=True)
class Access:
    """What is granted to whom: to ``names`` in certificates of ``authority``, to ``users`` by number, and to plain
    connections from other hosts.

    ``titles`` are the names of users by number.
    """

    names: Mapping[str, Grant] = field(default_factory=dict)
    users: Mapping[int, Grant] = field(default_factory=dict)
    titles: Mapping[int, str] = field(default_factory=dict)
    plain: Grant = ALL
    authority: bytes = b""

    def who(self, visitor: Visitor) -> str:
        """Who ``visitor`` is, for people: ``pi1``, ``user fand-agent``, or empty where nobody is asked."""
        if visitor.uid is not None:
            return f"user {self.titles.get(visitor.uid, visitor.uid)}"
        return "" if visitor.name is None else line(visitor.name, 100)

    def grant(self, visitor: Visitor) -> Grant:
        """What ``visitor`` may do.

        :raises AccessDeniedError: nothing
        """
        if visitor.uid is not None:
            found = self.users.get(visitor.uid)
        elif visitor.name is not None:
            found = self.names.get(visitor.name)
        else:
            found = ALL if visitor.loopback else self.plain
        if found is not None:
            if visitor.authority != self.authority and visitor.name is not None:
                raise AccessDeniedError("certificates are another authority's by now; connect again")
            return found
        if visitor.name == "":
            raise AccessDeniedError("a certificate with one common name is needed")
        raise AccessDeniedError(f"{self.who(visitor)} is not allowed to connect")


def own_user() -> tuple[int, str]:
    """The number and name of the user of this process. The system is asked, which may take its time."""
    user = os.geteuid()
    try:
        return user, pwd.getpwuid(user).pw_name
    except KeyError:  # a number that no name was given
        return user, str(user)


def access_of(config: ServerConfig, own: tuple[int, str], authority: bytes = b"") -> Access:
    """What ``config`` grants, to names by certificates of ``authority``; at the Unix socket root and ``own``, the
    server's own user, may do everything.
    """
    names = {entry.name: _granted(entry) for entry in config.allow if entry.name is not None}
    users = {entry.uid: _granted(entry) for entry in config.allow if entry.uid is not None}
    titles = {entry.uid: entry.user for entry in config.allow if entry.uid is not None and entry.user is not None}
    level = _LEVELS[: _LEVELS.index(Role(config.plain_role)) + 1]
    return Access(
        names=names,
        users=users | {ROOT: ALL, own[0]: ALL},
        titles=titles | dict([own]) | {ROOT: "root"},
        plain=ALL if level == _LEVELS else Grant(frozenset(level)),
        authority=authority,
    )


def trusted(context: "ssl.SSLContext") -> bytes:
    """What tells the authorities that ``context`` trusts from others."""
    return sha256(b"".join(sorted(context.get_ca_certs(binary_form=True)))).digest()


def visitor_at(transport: asyncio.BaseTransport) -> Visitor:
    """Who is at the other end of ``transport``; if it has TLS, the handshake is over."""
    sock, peername = transport.get_extra_info("socket"), transport.get_extra_info("peername")
    encrypted = transport.get_extra_info("ssl_object")
    if encrypted is None and sock is not None and sock.family == socket.AF_UNIX:
        return _local_user(sock)
    address = place(peername) if isinstance(peername, tuple) else "somebody"  # one that has gone already has none
    if encrypted is not None:
        name = common_name(encrypted.getpeercert() or {})
        return Visitor(address, name=name, authority=trusted(encrypted.context))
    return Visitor(address, loopback=isinstance(peername, tuple) and _is_loopback(peername[0]))


def common_name(certificate: Mapping[str, Any]) -> str:
    """The one common name of the subject of ``certificate``, as :meth:`ssl.SSLSocket.getpeercert` gives it; empty if
    it has none, or several.
    """
    names = [value for part in certificate.get("subject", ()) for key, value in part if key == "commonName"]
    return str(names[0]) if len(names) == 1 else ""


def _local_user(sock: Any) -> Visitor:
    """The kernel tells who connected (SO_PEERCRED of unix(7)); the number of his process stands for a port."""
    process, user, _ = _CREDENTIALS.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return Visitor(f"{sock.getsockname() or 'local'}:{process}", uid=user)


def _is_loopback(host: str) -> bool:
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


def _granted(entry: AllowConfig) -> Grant:
    return Grant(frozenset(map(Role, entry.roles)), entry.shelves)
