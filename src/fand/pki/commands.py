"""What ``fand pki`` does in the folder of an authority."""

import argparse
import socket
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from fand.exceptions import ConfigError
from fand.output import say
from fand.pki import DAYS, FOLDER
from fand.pki.accept import AUTHORITY_KEY
from fand.pki.allow import NAME as ALLOW
from fand.pki.allow import Allowed
from fand.pki.bundle import text_of
from fand.pki.folder import Folder
from fand.pki.issue import Authority, in_days
from fand.pki.store import CLIENT_NAME, SERVER_NAME, Store, day

SOON: Final = timedelta(days=30)

LOCAL: Final = ("localhost", "127.0.0.1", "::1")
"""Names that every server has: who is on its host reaches it by them."""


def _init(args: argparse.Namespace) -> None:
    store = Store(Folder(args.folder))
    if store.folder.has(AUTHORITY_KEY):
        raise ConfigError([f"{args.folder} has an authority already"])
    store.folder.make(args.group)
    authority = Authority.made(
        args.name or f"fand of {socket.gethostname()}"[:64], in_days(args.days), datetime.now(UTC)
    )
    store.keep_authority(authority)
    store.allow(store.allowed())
    _tell(f"made the authority in {args.folder}, until {day(authority.until)}; now `fand pki server NAME`")


def _server(args: argparse.Namespace) -> None:
    store = Store(Folder(args.folder))
    authority, name = store.authority(), args.names[0]
    for other in args.names:
        if not SERVER_NAME.fullmatch(other):
            raise ConfigError([f"{other[:80]!r} is no host name or address"])
    if not store.is_server(name):  # which may be made anew, with other names
        store.check_free(name, SERVER_NAME)
    names = tuple(dict.fromkeys((*args.names, *LOCAL)))
    store.keep(name, authority.issue(names, in_days(args.days), server=True), here=not args.elsewhere)
    if args.elsewhere:
        _hand_out(store, name)
    else:
        _tell(f'made the certificate of this server; in fand.toml: [server.tls] folder = "{args.folder}"')


def _client(args: argparse.Namespace) -> None:
    store = Store(Folder(args.folder))
    authority = store.authority()
    store.check_free(args.name, CLIENT_NAME)
    entries = [entry for entry in store.allowed() if entry.name != args.name]
    roles, shelves = dict.fromkeys(args.role), args.shelf and dict.fromkeys(args.shelf)
    entries.append(Allowed(args.name, tuple(roles), tuple(shelves) if shelves else None))
    store.keep(args.name, authority.issue((args.name,), in_days(args.days), server=False))
    store.allow(entries)
    _tell(f"made the certificate of {args.name}; `fanctl reload` has the server let it in")
    _tell_servers(store)
    _hand_out(store, args.name)


def _bundle(args: argparse.Namespace) -> None:
    store = Store(Folder(args.folder))
    store.seen(args.name)
    _hand_out(store, args.name)


def _list(args: argparse.Namespace) -> None:
    store = Store(Folder(args.folder))
    now, authority = datetime.now(UTC), store.authority()
    allowed = {entry.name: entry for entry in store.allowed()}
    rows = [("NAME", "KIND", "UNTIL", "", "ROLES", "SHELVES")]
    rows.append(("-", "authority", day(authority.until), _left(authority.until, now), "", ""))
    for name in store.issued.names(".pem"):
        kind, entry = store.seen(name), allowed.pop(name, None)
        rows.append(
            (name, "server" if kind.server else "client", day(kind.until), _left(kind.until, now), *_rights(entry))
        )
    rows += [(name, "unknown", "", "", *_rights(entry)) for name, entry in allowed.items()]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n")


def _renew(args: argparse.Namespace) -> None:
    store = Store(Folder(args.folder))
    authority, now = store.authority(), datetime.now(UTC)
    if args.authority:
        authority = authority.renewed(in_days(args.days or 10 * DAYS), now)
        store.keep_authority(authority)
        _tell(f"renewed the authority until {day(authority.until)}; every host needs its bundle again")
        return
    until = in_days(args.days or DAYS)
    if args.name is not None:
        if _renewed(store, authority, args.name, until):
            _tell(f"renewed {args.name} on this host; `fanctl reload` has the server take it")
        else:
            _hand_out(store, args.name)
        return
    due = [name for name in store.issued.names(".pem") if store.seen(name).until <= now + SOON]
    for name in due:
        if store.is_here(name):
            _renewed(store, authority, name, until)
            _tell(f"renewed {name} on this host; `fanctl reload` has the server take it")
        else:
            _tell(
                f"{name} ends on {day(store.seen(name).until)}: fand pki renew {name} | ssh HOST sudo fand pki accept"
            )
    if not due:
        _tell(f"nothing ends within {SOON.days} days")


def _renewed(store: Store, authority: Authority, name: str, until: datetime) -> bool:
    """Make the certificate ``name`` anew; returns whether it is that of this host."""
    old, here = store.seen(name), store.is_here(name)
    if until < old.until and not old.server:  # once revoked, a name is kept from others until its last one is over
        raise ConfigError(
            [f"{name} is good until {day(old.until)}, and a new certificate would end before; give more --days"]
        )
    store.keep(name, authority.issue(old.names or (name,), until, server=old.server), here=here)
    return here


def _revoke(args: argparse.Namespace) -> None:
    store = Store(Folder(args.folder))
    entries = store.allowed()
    left = [entry for entry in entries if entry.name != args.name]
    if store.seen(args.name).server:
        raise ConfigError([f"{args.name} is a server; to let nobody trust it, make a new authority"])
    store.allow(left)
    store.issued.write(f"{args.name}.revoked", store.issued.read(f"{args.name}.pem"))
    store.issued.remove(f"{args.name}.key")
    store.issued.remove(f"{args.name}.pem")
    _tell(f"revoked {args.name}; `fanctl reload` has the server let it in no more")
    if left == entries:
        _tell(f"{ALLOW} did not name it: an entry in [[server.allow]] is for you to take out")
    _tell_servers(store)


def _tell_servers(store: Store) -> None:
    """Servers elsewhere have a copy of who may do what."""
    for name in store.issued.names(".pem"):
        if store.is_server(name) and not store.is_here(name):
            _tell(
                f"and for {name}: fand pki bundle {name} | ssh HOST sudo fand pki accept; then `fanctl reload` there"
            )


def _hand_out(store: Store, name: str) -> None:
    """Print the bundle of ``name``, but on no screen: there is a private key in it."""
    if sys.stdout is not None and sys.stdout.isatty():
        folder = "" if store.folder.path.as_posix() == FOLDER else f" --folder {store.folder.path}"
        _tell(f"to have it there: fand pki bundle{folder} {name} | ssh HOST sudo fand pki accept")
    else:
        say(text_of(store.bundle(name)))


def _rights(entry: Allowed | None) -> tuple[str, str]:
    if entry is None:
        return "", ""
    return " ".join(entry.roles), "all" if entry.shelves is None else " ".join(entry.shelves)


def _left(until: datetime, now: datetime) -> str:
    days = (until - now).days
    return "ENDED" if until <= now else f"{days} days" if until - now > SOON else f"{days} DAYS"


def _tell(text: str) -> None:
    sys.stderr.write(f"fand pki: {text}\n")


COMMANDS: Final[Mapping[str, Callable[[argparse.Namespace], None]]] = {
    "init": _init,
    "server": _server,
    "client": _client,
    "bundle": _bundle,
    "list": _list,
    "renew": _renew,
    "revoke": _revoke,
}
"""Command -> what it does."""
