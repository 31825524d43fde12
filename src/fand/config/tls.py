"""Certificates: ``[tls]``, ``[server.tls]``, and ``allow.toml`` beside them."""

from collections.abc import Collection
from pathlib import Path

from msgspec import Struct

from fand.config import toml
from fand.config.access import allow_config
from fand.config.checked import Place, checked
from fand.config.tables import AllowTable, TlsTable
from fand.config.values import AllowConfig
from fand.exceptions import ConfigError
from fand.tls import Files, given

ALLOW = "allow.toml"

_LARGEST = 1 << 20


class _AllowFile(Struct, frozen=True, forbid_unknown_fields=True):
    """``allow.toml``, which ``fand pki`` writes."""

    allow: tuple[AllowTable, ...] = ()


def tls_files(table: TlsTable, place: Place) -> Files | None:
    """The files that ``table`` names, its faults noted; None if it has any. They are not looked at."""
    try:
        return given(table.certificate, table.key, table.authority, table.folder)
    except ValueError as error:
        place.fault(str(error))
        return None


def read_tls(raw: object, place: Place) -> Files | None:
    """The same of ``raw``, a table that is not checked yet."""
    table = checked(raw, TlsTable, place)
    return None if table is None else tls_files(table, place)


def allow_file(
    table: TlsTable, before: Collection[AllowConfig], shelves: Collection[str], place: Place
) -> tuple[AllowConfig, ...]:
    """Who may connect by the file beside the certificates; ``before`` are those who may anyway."""
    if table.folder is None or not Path(table.folder).is_absolute():
        return ()
    try:
        with Path(table.folder, ALLOW).open("rb") as file:
            text = file.read(_LARGEST).decode()
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        place.fault(f"cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8 text'}")
        return ()
    try:
        document = toml.parse(text, ALLOW)
    except ConfigError as error:
        place.fault(str(error))
        return ()
    entries = (checked(document, _AllowFile, place) or _AllowFile()).allow
    found = allow_config(entries, shelves, place.at("allow"))
    names = {entry.name for entry in before if entry.name is not None}
    for entry in found:
        if entry.name is None:
            place.fault(f"user {entry.user!r} has no certificate; put the entry into [[server.allow]]")
        if entry.name in names:
            place.fault(f"name {entry.name!r} has an entry in [[server.allow]] too; take one of them out")
    return found
