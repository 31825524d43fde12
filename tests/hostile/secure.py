"""Certificates for a server that is attacked, for honest clients and for others."""

import ssl
from pathlib import Path
from typing import Final

import pytest

from fand.tls import Files, in_folder
from fand.tls.contexts import client_context
from tests.certificates import Pki
from tests.server.processes import Talk

NAME: Final = "fans.example.org"

ALLOWED: Final = {
    "fan": ("--role", "report"),
    "operator": ("--role", "control"),
    "reader": ("--role", "read"),
    "reporter": ("--role", "report", "--shelf", "shelf1"),
    "warden": ("--role", "control", "--shelf", "shelf1"),
}
"""Who may connect, and what for."""


class Secured:
    """The certificates, in ``folder``, which need not exist."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._pki = Pki(folder / "ours")
        self._other = Pki(folder / "other")
        self._known = {
            **{name: self._pki.client(name, *words) for name, words in ALLOWED.items()},
            "nobody": self._pki.issued("nobody", server=False, days=10),
            "late": self._pki.issued("operator", server=False, days=-1),
            "server": self._pki.issued(NAME, server=True, days=10),
            "foreign": self._other.client("operator"),
            "forger": self._pki.issued("x\nINFO fand.server.keeper: \x1b[2J", server=False, days=10),
        }

    @property
    def settings(self) -> str:
        """What the configuration of the server says of them; who may what stands beside its certificate."""
        return f"[server.tls]\nfolder = {str(self._pki.path)!r}\n"

    def context(self, name: str | None) -> ssl.SSLContext:
        """What shows the certificate of ``name``, or none, and trusts the server's."""
        ours = self._known["operator"]
        if name is not None:
            files = self._known[name]
            return client_context(Files(files.certificate, files.key, ours.authority))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(ours.authority)
        return context

    def talk(self, port: int, name: str) -> Talk:
        """A connection of ``name``."""
        talk = Talk(port)
        talk.sock = self.context(name).wrap_socket(talk.sock, server_hostname=NAME)
        return talk


def context(folder: Path, name: str) -> ssl.SSLContext:
    """The same as :meth:`Secured.context`, in another process, for who is allowed or ``foreign``."""
    shown = in_folder(str(folder / ("other/operator" if name == "foreign" else f"ours/{name}")))
    return client_context(Files(shown.certificate, shown.key, in_folder(str(folder / "ours/operator")).authority))


def hello() -> bytes:
    """What begins a handshake, of whoever it is."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname=NAME)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()
