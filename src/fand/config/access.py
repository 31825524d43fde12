"""Who may connect to the server, and what for: ``[[server.allow]]``, ``plain_role`` and ``socket``."""

import pwd
from collections.abc import Collection, Sequence

from fand.config.address import socket_fault
from fand.config.checked import Place, meant
from fand.config.names import name_fault
from fand.config.tables import AllowTable, ServerTable
from fand.config.values import AllowConfig


def allow_config(tables: Sequence[AllowTable], shelves: Collection[str], place: Place) -> tuple[AllowConfig, ...]:
    """Who may connect by ``tables``, their faults noted; ``shelves`` are the names of those that there are."""
    allowed: dict[tuple[str, str | int], AllowConfig] = {}
    for number, table in enumerate(tables, 1):
        entry = _allowed(table, shelves, place.at(number))
        if entry is None:
            continue
        who = _who(entry)
        if who in allowed:
            first = allowed[who]
            also = f" as {first.user!r}" if first.user != entry.user else ""
            place.at(number).fault(f"{who[0]} {entry.name or entry.user!r} has an entry already{also}; join the two")
        allowed[who] = entry
    return tuple(allowed.values())


def check_access(table: ServerTable, place: Place) -> None:
    """Note what is wrong with ``socket`` and ``plain_role``, and with entries for ways in that there are not."""
    for number, entry in enumerate(table.allow, 1):
        if entry.name is not None and entry.user is None and table.tls is None:
            place.at("allow").at(number).at("name").fault(
                "limits nobody: without [server.tls] nobody is asked for a certificate"
            )
        if entry.user is not None and entry.name is None and table.socket is None:
            place.at("allow").at(number).at("user").fault(
                "users come by the Unix socket only; give the key socket as well"
            )
    if table.socket is not None and (fault := socket_fault(table.socket)):
        place.at("socket").fault(fault)
    if table.plain_role != "control" and not table.plain:
        place.at("plain_role").fault(
            "limits nobody: without plain = true all come by loopback, where everything is allowed"
        )


def user_id(user: str) -> int | None:
    """The number of ``user``, a name or a number; None if this host knows no such user (by now)."""
    if user.isascii() and user.isdecimal():
        return int(user)
    try:
        return pwd.getpwnam(user).pw_uid
    except (KeyError, ValueError, OSError):
        return None


def _who(entry: AllowConfig) -> tuple[str, str | int]:
    """Whom an entry is for: two names of one user are one."""
    if entry.name is not None:
        return "name", entry.name
    return "user", entry.user or "" if entry.uid is None else entry.uid


def _allowed(table: AllowTable, shelves: Collection[str], place: Place) -> AllowConfig | None:
    if (table.name is None) == (table.user is None):
        place.fault("needs either name, of a certificate, or user, of this host")
        return None
    for key, who in (("name", table.name), ("user", table.user)):
        if who is not None and (fault := name_fault(who)):
            place.at(key).fault(fault)
            return None
    if table.name is not None and table.name.startswith("user "):
        place.at("name").fault(f"{table.name!r} would be taken for a user of this host, in reports and in the log")
    uid = None if table.user is None else user_id(table.user)
    if uid == 0:
        place.at("user").fault("root may do everything at the socket, and no entry can limit that; leave it out")
    if table.user is not None and uid is None:
        place.at("user").warn(f"this host knows no user {table.user!r}; reload when it does")
    if not table.roles:
        place.at("roles").fault('is empty; give what is allowed, like ["read"]')
    if table.shelves is not None and not table.shelves:
        place.at("shelves").fault("is empty; name some, or leave it out for all")
    for number, shelf in enumerate(table.shelves or (), 1):
        if shelf not in shelves:
            # No fault: a shelf that is taken out must not keep the others from being served.
            place.at("shelves").at(number).warn(
                f"there is no shelf {shelf!r}, so {table.name or table.user} is granted nothing there"
                f"{meant(shelf, shelves)}"
            )
    limits = None if table.shelves is None else frozenset(table.shelves)
    return AllowConfig(table.name, table.user, uid, frozenset(table.roles), limits)
