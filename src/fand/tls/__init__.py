"""Which certificate this host shows, and whose it trusts: where the files are.

They are looked for, each time a connection is made, in this order:

1. the variables ``FAND_TLS_CERTIFICATE``, ``FAND_TLS_KEY`` and ``FAND_TLS_AUTHORITY``, all three;
2. the table ``[tls]`` of the configuration file that the program would use (see :func:`fand.config.find`);
3. the folder that ``fand pki accept`` fills: the user's own, then that of the host. It is for other hosts: a server
   on this one is spoken to without TLS unless 1 or 2 say otherwise.

Without any of these, connections are plain. This module is on the way of every program that connects, so it imports
little; what needs :mod:`ssl` is in :mod:`fand.tls.contexts` and :mod:`fand.tls.sockets`.
"""

import errno
import os
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from fand.exceptions import ConfigError

CERTIFICATE: Final = "certificate.pem"
KEY: Final = "key.pem"
AUTHORITY: Final = "authority.pem"
"""The names of the three files in a folder."""

ETC: Final = "/etc"
"""Where the host's own configuration is."""

_VARIABLES: Final = ("FAND_TLS_CERTIFICATE", "FAND_TLS_KEY", "FAND_TLS_AUTHORITY")


class Files(NamedTuple):
    """The files of one end: its certificate with its private key, and the authority that the other end must have its
    certificate from. All are PEM.
    """

    certificate: str
    key: str
    authority: str


def find(address: str, environ: Mapping[str, str], table: Files | None = None) -> Files | None:
    """The files for a connection to ``address``; None if it is to be plain, as those to a Unix socket always are.

    ``table`` is what the configuration says, if that has been read already.

    :raises ConfigError: what is said falls short
    """
    if address.startswith("/"):
        return None
    said = _of_variables(environ)
    if said is not None:
        return said
    said = table or _of_configuration(environ)
    if said is not None or is_this_host(address):
        return said
    for folder in folders(environ):
        files = in_folder(folder)
        if _is_there(files.certificate):
            return files
    return None


def given(certificate: str | None, key: str | None, authority: str | None, folder: str | None) -> Files:
    """The files that a table names, either each or their folder.

    :raises ValueError: something is missing, too much, or no absolute path; the text says what
    """
    paths = [path for path in (certificate, key, authority, folder) if path is not None]
    for path in paths:
        if not os.path.isabs(path):
            raise ValueError(f"{path!r} is not an absolute path")
    if folder is not None:
        if len(paths) > 1:
            raise ValueError("names a folder and files; either will do")
        return in_folder(folder)
    if certificate is None or key is None or authority is None:
        raise ValueError("does not name all of certificate, key and authority; name each, or their folder")
    return Files(certificate, key, authority)


def in_folder(folder: str) -> Files:
    """The files in ``folder``, by the names that fand gives them."""
    return Files(*(os.path.join(folder, name) for name in (CERTIFICATE, KEY, AUTHORITY)))


def folders(environ: Mapping[str, str]) -> list[str]:
    """Where ``fand pki accept`` puts the files: first the folder of this user, unless he is root, last the host's."""
    host = os.path.join(ETC, "fand", "tls")
    if os.geteuid() == 0:
        return [host]
    own, home = environ.get("XDG_CONFIG_HOME", ""), environ.get("HOME", "")
    if not os.path.isabs(own) and os.path.isabs(home):
        own = os.path.join(home, ".config")
    return [os.path.join(own, "fand", "tls"), host] if os.path.isabs(own) else [host]


def is_this_host(address: str) -> bool:
    """Tell whether ``address`` is written as one that only this host has."""
    numeric = address.isascii() and address.replace(".", "").isdecimal()  # 127.example.org is anybody's
    return address in {"localhost", "::1"} or (numeric and address.startswith("127."))


def _of_variables(environ: Mapping[str, str]) -> Files | None:
    paths = [environ.get(name, "") for name in _VARIABLES]
    if not any(paths):
        return None
    for name, path in zip(_VARIABLES, paths, strict=True):
        if not os.path.isabs(path):
            fault = f"is {path!r}, not an absolute path" if path else "is missing"
            raise ConfigError([f"variable {name} {fault}; {', '.join(_VARIABLES)} belong together"])
    return Files(*paths)


def _of_configuration(environ: Mapping[str, str]) -> Files | None:
    path = _configuration(environ)
    if path is None or path.endswith(".ini"):
        return None
    data = _read(path, environ)
    if b"tls" not in data:  # nor has it to be understood, then
        return None
    import tomllib  # noqa: PLC0415 - only where TLS is configured

    try:
        table = tomllib.loads(data.decode()).get("tls")
    except (ValueError, RecursionError) as error:
        if path.endswith(".toml"):
            raise ConfigError([f"{path}: {error}"]) from None
        return None
    return None if table is None else _of_table(table, path)


def _configuration(environ: Mapping[str, str]) -> str | None:
    """The configuration file, as :func:`fand.config.find` finds it."""
    named = environ.get("FAND_CONFIG")
    if named:
        return named
    places = (os.path.join(folder, name) for folder in (".", ETC) for name in ("fand.toml", "fand.ini"))
    return next((path for path in places if os.path.isfile(path)), None)


def _read(path: str, environ: Mapping[str, str]) -> bytes:
    """:raises ConfigError: it cannot be read, though the user has named it"""
    try:
        with open(path, "rb") as file:
            return file.read(1 << 20)
    except OSError as error:
        if environ.get("FAND_CONFIG"):
            raise ConfigError([f"{path}, named by the variable FAND_CONFIG: {error.strerror}"]) from None
        return b""  # a file that is for the daemons alone says nothing to others


def _of_table(table: Any, path: str) -> Files:
    keys = ("certificate", "key", "authority", "folder")
    if not isinstance(table, dict) or not all(isinstance(value, str) for value in table.values()):
        raise ConfigError([f"{path}: tls: expected a table with the paths of {', '.join(keys[:3])}"])
    if unknown := sorted(table.keys() - set(keys)):
        raise ConfigError([f"{path}: tls: unknown key {unknown[0]!r}"])
    try:
        return given(*(table.get(key) for key in keys))
    except ValueError as error:
        raise ConfigError([f"{path}: tls: {error}"]) from None


def _is_there(path: str) -> bool:
    """:raises ConfigError: nobody but others may know"""
    try:
        os.stat(path)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM):
            raise ConfigError(
                [f"this host has a certificate, and this user may not read it: {path}; see `fand pki accept --group`"]
            ) from None
        return False
    return True
