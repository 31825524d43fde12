"""Certificates for the parts that speak TLS, made by ``fand pki`` as a user makes them."""

from pathlib import Path

from tests.certificates import Pki


class Certified:
    """A server and one client, which may do everything, with their certificates in ``folder``."""

    def __init__(self, folder: Path) -> None:
        pki = Pki(folder, "127.0.0.1")
        self.folder = pki.path
        self.client = pki.client("bench")
        self.server = f"[server.tls]\nfolder = '{pki.path}'\n"
        """For the server's configuration."""
        names = ("FAND_TLS_CERTIFICATE", "FAND_TLS_KEY", "FAND_TLS_AUTHORITY")
        self.environ = dict(zip(names, self.client, strict=True))
        """For what connects."""
