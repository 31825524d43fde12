"""Certificates for a server that is attacked, for honest clients and for others."""

import ssl
from pathlib import Path
from typing import Final

from fand.tls import Files
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
