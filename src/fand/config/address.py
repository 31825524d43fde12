"""Addresses as people write them."""

import os
import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

from fand.config.checked import Place
from fand.config.values import DEFAULT_PORT

LONGEST_PATH = 107
"""Bytes of the path of a Unix socket, by unix(7)."""

_NAME = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*\.?")


def host_fault(host: str) -> str | None:
    """Say what keeps ``host`` from being an IP address or a host name; None if nothing does."""
    if not host:
        return "is empty; give an IP address or a host name"
    if _ip(host) is not None:
        return None
    if "/" in host:
        return f"{host!r} is no host; give it without a protocol or a path"
    if re.fullmatch(r"[0-9.]+", host) or ":" in host:
        return f"{host!r} is no IP address"
    if len(host) > 253 or not _NAME.fullmatch(host):
        return f"{host!r} is neither an IP address nor a host name"
    return None


def is_loopback(host: str) -> bool | None:
    """Whether ``host`` is this machine talking to itself; None for a name, which only the resolver knows."""
    if host == "localhost":
        return True
    address = _ip(host)
    return None if address is None else address.is_loopback


def split_address(text: str) -> tuple[str, int]:
    """The host and port of ``"host"``, ``"host:port"``, ``"[IPv6]"``, ``"[IPv6]:port"`` or a bare IPv6 address.

    The path of a Unix socket, which begins with ``/``, stands for itself; its port means nothing.

    :raises ValueError: it is none of these; the text says why
    """
    if text.startswith("/"):
        if fault := socket_fault(text):
            raise ValueError(fault)
        return text, DEFAULT_PORT
    host, port = text, str(DEFAULT_PORT)
    if match := re.fullmatch(r"\[([^\]]*)\](?::(.*))?", text):
        host, port = match[1], port if match[2] is None else match[2]
        if not isinstance(_ip(host), IPv6Address):
            raise ValueError(f"{host!r} in brackets is no IPv6 address")
    elif text.count(":") == 1 and "/" not in text:
        host, port = text.split(":")
    if fault := host_fault(host):
        raise ValueError(fault)
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 1 <= int(port) <= 65535:
        raise ValueError(f"port {port!r} of {text!r} is not a number from 1 to 65535")
    return host, int(port)


def server_addresses(texts: Sequence[str], place: Place) -> tuple[tuple[str, int], ...]:
    """The addresses in the list at ``place``, the faults of the others noted."""
    if not texts:
        place.fault('is empty; name at least one, like "nas.example.org:9999"')
    servers: dict[tuple[str, int], str] = {}
    for number, text in enumerate(texts, 1):
        try:
            server = split_address(text)
        except ValueError as error:
            place.at(number).fault(str(error))
            continue
        if server in servers:
            place.at(number).fault(f"{text!r} is the same server as {servers[server]!r}")
        servers[server] = text
    return tuple(servers)


def socket_fault(path: str) -> str | None:
    """Say what keeps ``path`` from being that of a Unix socket; None if nothing does."""
    if not Path(path).is_absolute() or path.endswith("/"):
        return f"{path!r} is not an absolute path of a file"
    if "\0" in path:
        return "a path cannot contain the character NUL"
    if len(os.fsencode(path)) > LONGEST_PATH:
        return f"{path!r} is longer than {LONGEST_PATH} bytes, and the system takes no more for a socket"
    return None


def _ip(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
