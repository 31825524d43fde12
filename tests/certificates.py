"""Certificates for tests, made by ``fand pki`` itself."""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fand.pki import main
from fand.pki.issue import Authority, Pair
from fand.tls import Files, in_folder


class Run:
    """One run of ``fand pki``: its status and what it wrote."""

    def __init__(self, *argv: str, stdin: str = "") -> None:
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err), _stdin(stdin):
            self.status = main(argv)
        self.out, self.err = out.getvalue(), err.getvalue()


@contextmanager
def _stdin(text: str) -> Iterator[None]:
    before = sys.stdin
    sys.stdin = io.StringIO(text)
    try:
        yield
    finally:
        sys.stdin = before


class Pki:
    """An authority in ``folder``/pki, with a server of this host and clients in folders of their own.

    The server is called ``fans.example.org``, ``localhost``, and by ``names``.
    """

    def __init__(self, folder: Path, *names: str) -> None:
        self._folder = folder
        self.path = folder / "pki"
        self("init")
        self("server", "fans.example.org", *names)

    def __call__(self, command: str, *argv: str) -> Run:
        run = Run(command, "--folder", str(self.path), *argv)
        assert run.status == 0, run.err
        return run

    @property
    def server(self) -> Files:
        """The files of the server."""
        return in_folder(str(self.path))

    def client(self, name: str, *argv: str) -> Files:
        """The files of the client ``name``, which may do what ``argv`` says, once it has accepted them."""
        place = self._folder / name
        if not place.exists():
            bundle = self("client", name, *(argv or ("--role", "control"))).out
            run = Run("accept", "--folder", str(place), stdin=bundle)
            assert run.status == 0, run.err
        return in_folder(str(place))

    def issued(self, name: str, *, server: bool, days: float, names: tuple[str, ...] = ()) -> Files:
        """Files like those that were made so that ``days`` are left now, which may be fewer than none."""
        place = self._folder / f"{name}-{days}"
        if not place.exists():
            authority = Authority.of(
                Pair((self.path / "authority.pem").read_text(), (self.path / "authority.key").read_text())
            )
            until = (datetime.now(UTC) + timedelta(days=days)).replace(microsecond=0)
            pair = authority.issue((name, *names), until, server=server)
            place.mkdir()
            (place / "certificate.pem").write_text(pair.certificate)
            (place / "key.pem").write_text(pair.key)
            (place / "authority.pem").write_text((self.path / "authority.pem").read_text())
        return in_folder(str(place))
