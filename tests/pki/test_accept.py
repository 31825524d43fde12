"""A host takes its bundle."""

import os
import pty
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from fand.pki.bundle import parse, text_of
from fand.tls import find, in_folder
from fand.tls.contexts import ends
from tests.certificates import Pki, Run


@pytest.fixture
def bundle(pki: Pki) -> str:
    pki.client("pi1")
    return pki("bundle", "pi1").out


def test_a_client(tmp_path: Path, bundle: str) -> None:
    run = Run("accept", "--folder", str(tmp_path / "tls"), stdin=bundle)
    assert run.status == 0
    assert run.out.startswith("client pi1, until 20")
    assert {path.name for path in (tmp_path / "tls").iterdir()} == {"certificate.pem", "key.pem", "authority.pem"}
    ends(in_folder(str(tmp_path / "tls")), server=False)


def test_where_it_is_found(tmp_path: Path, bundle: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fand.tls.ETC", str(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.chdir(tmp_path)
    assert Run("accept", stdin=bundle).status == 0
    assert find("fans.example.org", {}) == in_folder(str(tmp_path / "fand/tls"))


def test_a_server(tmp_path: Path, pki: Pki) -> None:
    bundle = pki("server", "nas2.example.org", "--elsewhere").out
    run = Run("accept", "--folder", str(tmp_path), stdin=bundle)
    assert run.status == 0
    assert run.out.startswith("server nas2.example.org, until 20")
    assert (tmp_path / "allow.toml").read_text() == (pki.path / "allow.toml").read_text()
    ends(in_folder(str(tmp_path)), server=True)


def test_once_more_replaces_it(tmp_path: Path, pki: Pki, bundle: str) -> None:
    for text in (bundle, pki("renew", "pi1").out):
        assert Run("accept", "--folder", str(tmp_path), stdin=text).status == 0
    assert (tmp_path / "key.pem").read_text() == parse(pki("bundle", "pi1").out).key != parse(bundle).key


class TestNothingIsChanged:
    @pytest.mark.parametrize(
        ("damage", "fault"),
        [
            (lambda text: "", "is no bundle"),
            (lambda text: text[: len(text) // 2], "is cut short"),
            (lambda text: text.replace("client pi1", "server pi1"), "of no use: .* unsuitable certificate purpose"),
            (lambda text: text.replace("BEGIN PRIVATE", "BEGIN PUBLIC"), "of no use: .* no certificate with its"),
        ],
    )
    def test_if_it_is_no_bundle(self, tmp_path: Path, bundle: str, damage: Callable[[str], str], fault: str) -> None:
        run = Run("accept", "--folder", str(tmp_path / "tls"), stdin=damage(bundle))
        assert run.status == 1
        assert re.search(fault, run.err), run.err
        assert not (tmp_path / "tls").exists()

    def test_if_its_parts_are_of_two(self, tmp_path: Path, pki: Pki, bundle: str) -> None:
        pki.client("pi2")
        mixed = text_of(parse(bundle)._replace(key=parse(pki("bundle", "pi2").out).key))
        run = Run("accept", "--folder", str(tmp_path / "tls"), stdin=mixed)
        assert "of no use" in run.err
        assert not (tmp_path / "tls").exists()

    def test_in_the_folder_of_an_authority(self, pki: Pki, bundle: str) -> None:
        before = Path(pki.server.key).read_text()
        run = Run("accept", "--folder", str(pki.path), stdin=bundle)
        assert "is that of an authority" in run.err
        assert Path(pki.server.key).read_text() == before


def test_it_is_not_typed(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "fand", "pki", "accept", "--folder", str(tmp_path)],
        stdin=theirs,
        capture_output=True,
        text=True,
        check=False,
    )
    os.close(ours)
    os.close(theirs)
    assert done.returncode == 1
    assert "the bundle comes through a pipe" in done.stderr


def test_there_is_no_standard_input() -> None:
    command = ["sh", "-c", 'exec "$0" -m fand pki accept <&-', sys.executable]
    done = subprocess.run(command, capture_output=True, text=True, timeout=40, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("fand pki: the bundle comes through a pipe: ")


def test_the_system_has_no_room(tmp_path: Path, bundle: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryDirectory", full)
    run = Run("accept", "--folder", str(tmp_path / "tls"), stdin=bundle)
    assert (run.status, run.out) == (1, "")
    assert run.err == "fand pki: the operating system refuses: [Errno 28] No space left on device\n"


@pytest.mark.parametrize("text", [b"\xff", b"# fand bundle 1: client pi1\n# key\n  \xff\n# end\n"])
@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
def test_what_is_no_text(tmp_path: Path, text: bytes, errors: str) -> None:
    command = [sys.executable, "-m", "fand", "pki", "accept", "--folder", str(tmp_path / "tls")]
    environ = {**os.environ, "PYTHONIOENCODING": f"utf-8:{errors}"}
    done = subprocess.run(command, input=text, capture_output=True, check=False, env=environ)
    assert done.returncode == 1
    assert b"fand pki: " in done.stderr
    assert b"Traceback" not in done.stderr


def test_it_needs_no_library(tmp_path: Path, bundle: str) -> None:
    """A Pi has neither cryptography nor a compiler for it."""
    program = textwrap.dedent(
        """
        import sys
        sys.modules["cryptography"] = sys.modules["msgspec"] = None
        from fand.pki import main
        sys.exit(main(["accept", "--folder", sys.argv[1]]))
        """
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(command, input=bundle, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "certificate.pem").exists()
