"""The folder of an authority: what it has signed, and who may do what.

::

    authority.pem   its certificate             authority.key   its private key: who has it, can be anybody
    certificate.pem, key.pem   of the server on this host
    allow.toml      what each client may do
    issued/         a copy of every certificate and key; NAME.revoked is of who is let in no more
"""

import re
from datetime import UTC, datetime
from typing import Final

from fand.exceptions import ConfigError
from fand.pki.accept import AUTHORITY_KEY
from fand.pki.allow import NAME as ALLOW
from fand.pki.allow import Allowed, parse, text_of
from fand.pki.bundle import Bundle
from fand.pki.folder import Folder
from fand.pki.issue import Authority, Pair, Seen, seen
from fand.tls import AUTHORITY, CERTIFICATE, KEY

CLIENT_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
SERVER_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,62}")


class Store:
    """The folder of an authority, and ``issued``, what it has signed."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self.issued = Folder(folder.path / "issued")

    def authority(self) -> Authority:
        """:raises ConfigError: there is none, or it cannot be used"""
        if not self.folder.has(AUTHORITY_KEY):
            raise ConfigError([f"{self.folder.path} has no authority; `fand pki init` makes one"])
        return Authority.of(Pair(self.folder.read(AUTHORITY), self.folder.read(AUTHORITY_KEY)))

    def keep_authority(self, authority: Authority) -> None:
        """Write ``authority`` down."""
        self.folder.write(AUTHORITY_KEY, authority.pair.key)
        self.folder.write(AUTHORITY, authority.pair.certificate, shared=True)

    def seen(self, name: str) -> Seen:
        """:raises ConfigError: there is no certificate of that name"""
        if not SERVER_NAME.fullmatch(name) or not self.issued.has(f"{name}.pem"):
            raise ConfigError([f"there is no certificate {name!r}; `fand pki list` shows all"])
        return seen(self.issued.read(f"{name}.pem"))

    def is_server(self, name: str) -> bool:
        """Tell whether there is a certificate of a server called ``name``."""
        return bool(SERVER_NAME.fullmatch(name)) and self.issued.has(f"{name}.pem") and self.seen(name).server

    def pair(self, name: str) -> Pair:
        """The certificate and key of ``name``."""
        return Pair(self.issued.read(f"{name}.pem"), self.issued.read(f"{name}.key"))

    def keep(self, name: str, pair: Pair, *, here: bool = False) -> None:
        """Write down what was issued to ``name``; ``here`` is the server of this host."""
        self.issued.make()
        self.issued.write(f"{name}.key", pair.key)
        self.issued.write(f"{name}.pem", pair.certificate)
        if here:
            self.folder.write(KEY, pair.key, shared=True)
            self.folder.write(CERTIFICATE, pair.certificate, shared=True)

    def is_here(self, name: str) -> bool:
        """Tell whether the server of this host shows the certificate ``name``."""
        return self.folder.has(CERTIFICATE) and self.folder.read(CERTIFICATE) == self.issued.read(f"{name}.pem")

    def allowed(self) -> list[Allowed]:
        """What ``allow.toml`` says."""
        return parse(self.folder.read(ALLOW)) if self.folder.has(ALLOW) else []

    def allow(self, entries: list[Allowed]) -> None:
        """Have ``allow.toml`` say ``entries``."""
        self.folder.write(ALLOW, text_of(entries), shared=True)

    def bundle(self, name: str) -> Bundle:
        """What the host called ``name`` needs."""
        pair, kind = self.pair(name), self.seen(name)
        allow = text_of(self.allowed()) if kind.server else None
        return Bundle(kind.server, name, pair.certificate, pair.key, self.folder.read(AUTHORITY), allow)

    def check_free(self, name: str, pattern: re.Pattern[str]) -> None:
        """:raises ConfigError: nothing new can be called ``name``"""
        if not pattern.fullmatch(name):
            raise ConfigError([f"{name[:80]!r} cannot be a name; take letters, digits, dots, hyphens; 63 at most"])
        if self.issued.has(f"{name}.pem"):
            until = day(self.seen(name).until)
            raise ConfigError(
                [f"there is a certificate {name} until {until}; `fand pki renew {name}` makes a new one"]
            )
        if self.issued.has(f"{name}.revoked"):
            old = seen(self.issued.read(f"{name}.revoked"))
            if old.until > datetime.now(UTC):
                raise ConfigError(
                    [f"{name} was revoked, but its certificate would count until {day(old.until)}; take another name"]
                )


def day(until: datetime) -> str:
    """The day of ``until``, for people."""
    return until.strftime("%Y-%m-%d")
