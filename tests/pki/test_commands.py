"""``fand pki`` where the authority is."""

import grp
import io
import os
import stat
import subprocess
import sys
import textwrap
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fand.pki.bundle import parse
from fand.pki.issue import seen
from fand.tls.contexts import ends
from tests.certificates import Pki, Run


@pytest.fixture
def own(tmp_path: Path) -> Pki:
    """An authority that a test may change."""
    return Pki(tmp_path)


def _refused(pki: Pki, command: str, *argv: str) -> str:
    run = Run(command, "--folder", str(pki.path), *argv)
    assert run.status == 1
    assert run.out == ""
    return run.err


def _allowed(pki: Pki) -> list[object]:
    entries: list[object] = tomllib.loads((pki.path / "allow.toml").read_text()).get("allow", [])
    return entries


class TestInit:
    def test_files_are_for_their_owner(self, own: Pki) -> None:
        own.client("pi1")
        for path in own.path.rglob("*"):
            assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path

    def test_not_twice(self, own: Pki) -> None:
        before = (own.path / "authority.key").read_text()
        assert "has an authority already" in _refused(own, "init")
        assert (own.path / "authority.key").read_text() == before

    def test_for_the_group_of_the_server(self, tmp_path: Path) -> None:
        group = grp.getgrgid(os.getgid()).gr_name
        folder = str(tmp_path / "pki")
        for argv in (
            ("init", "--group", group, "--name", "ours"),
            ("server", "nas"),
            ("client", "pi1", "--role", "read"),
        ):
            assert Run(argv[0], "--folder", folder, *argv[1:]).status == 0
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "pki").iterdir()}
        assert modes == {
            "authority.pem": 0o640,
            "authority.key": 0o600,
            "certificate.pem": 0o640,
            "key.pem": 0o640,
            "allow.toml": 0o640,
            "issued": 0o700,
        }

    def test_there_is_none(self, tmp_path: Path) -> None:
        for argv in (("server", "nas"), ("client", "pi1", "--role", "read"), ("list",), ("renew",)):
            run = Run(argv[0], "--folder", str(tmp_path), *argv[1:])
            assert run.status == 1
            assert "has no authority; `fand pki init` makes one" in run.err


class TestServer:
    def test_its_names(self, own: Pki) -> None:
        said = seen(Path(own.server.certificate).read_text())
        assert said.names == ("fans.example.org", "localhost", "127.0.0.1", "::1")
        ends(own.server, server=True)

    def test_elsewhere_leaves_this_one(self, own: Pki) -> None:
        before = Path(own.server.certificate).read_text()
        bundle = parse(own("server", "nas2", "192.0.2.1", "--elsewhere").out)
        assert (bundle.server, bundle.name) == (True, "nas2")
        assert seen(bundle.certificate).names[:2] == ("nas2", "192.0.2.1")
        assert Path(own.server.certificate).read_text() == before

    def test_made_anew_with_other_names(self, own: Pki) -> None:
        before = Path(own.server.key).read_text()
        own("server", "fans.example.org", "fans")
        assert seen(Path(own.server.certificate).read_text()).names[:2] == ("fans.example.org", "fans")
        assert Path(own.server.key).read_text() != before

    def test_not_by_the_name_of_a_client(self, own: Pki) -> None:
        own.client("pi1")
        assert "there is a certificate pi1" in _refused(own, "server", "pi1")

    @pytest.mark.parametrize("name", ["-x", "a/b", "a b", "x" * 64, ""])
    def test_a_name_that_cannot_be(self, own: Pki, name: str) -> None:
        assert _refused(own, "server", "--", name)

    def test_another_name_that_cannot_be(self, own: Pki) -> None:
        assert "'a/b' is no host name or address" in _refused(own, "server", "nas2", "a/b")


class TestClient:
    def test_what_it_may_do_is_written_down(self, own: Pki) -> None:
        own("client", "pi1", "--role", "report", "--shelf", "shelf1", "--shelf", "shelf2", "--shelf", "shelf1")
        own("client", "ann", "--role", "read", "--role", "control")
        assert _allowed(own) == [
            {"name": "pi1", "roles": ["report"], "shelves": ["shelf1", "shelf2"]},
            {"name": "ann", "roles": ["read", "control"]},
        ]

    def test_not_twice(self, own: Pki) -> None:
        own.client("pi1")
        assert "there is a certificate pi1 until 20" in _refused(own, "client", "pi1", "--role", "control")
        assert len(_allowed(own)) == 1

    @pytest.mark.parametrize("name", ["../x", ".x", "a b", "fans.example.org", "a:b", "x" * 64])
    def test_a_name_that_cannot_be(self, own: Pki, name: str) -> None:
        assert _refused(own, "client", name, "--role", "read")
        assert _allowed(own) == []

    def test_what_an_entry_said_before_is_replaced(self, own: Pki) -> None:
        (own.path / "allow.toml").write_text('[[allow]]\nname = "pi1"\nroles = ["control"]\n')
        own("client", "pi1", "--role", "read")
        assert _allowed(own) == [{"name": "pi1", "roles": ["read"]}]

    def test_a_key_goes_to_no_screen(self, own: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
        class Screen(io.StringIO):
            def isatty(self) -> bool:
                return True

        screen = Screen()
        monkeypatch.setattr("tests.certificates.io.StringIO", lambda *_: screen)
        Run("client", "--folder", str(own.path), "pi1", "--role", "read")
        text = screen.getvalue()
        assert "PRIVATE" not in text
        assert f"fand pki bundle --folder {own.path} pi1 | ssh HOST sudo fand pki accept" in text


def test_a_folder_that_this_user_may_not_enter_is_not_taken_for_empty(tmp_path: Path) -> None:
    (tmp_path / "pki").symlink_to("pki")  # as good as one of another user's, to whom everything is open
    for command in ("init", "list"):
        run = Run(command, "--folder", str(tmp_path / "pki"))
        assert run.status == 1
        assert run.err == f"fand pki: {tmp_path}/pki/authority.key: Too many levels of symbolic links\n"


def test_servers_elsewhere_have_to_be_told_too(own: Pki) -> None:
    own("server", "nas2", "--elsewhere")
    told = "and for nas2: fand pki bundle nas2 | ssh HOST sudo fand pki accept; then `fanctl reload` there"
    assert own("client", "pi1", "--role", "read").err.count(told) == 1
    run = own("revoke", "pi1")
    assert told in run.err
    assert "fans.example.org" not in run.err


def test_who_was_let_in_by_another_file_is_not_taken_for_shut_out(own: Pki) -> None:
    own("client", "pi1", "--role", "read")
    assert "[[server.allow]]" not in own("revoke", "pi1").err
    own("client", "pi2", "--role", "read")
    (own.path / "allow.toml").write_text("")
    assert "allow.toml did not name it: an entry in [[server.allow]] is for you" in own("revoke", "pi2").err


def test_a_bundle_once_more(own: Pki) -> None:
    first = own("client", "pi1", "--role", "read").out
    assert own("bundle", "pi1").out == first
    assert "there is no certificate 'pi2'" in _refused(own, "bundle", "pi2")
    assert "there is no certificate '../pi1'" in _refused(own, "bundle", "../pi1")


def test_the_list(own: Pki) -> None:
    own("client", "pi1", "--role", "report", "--shelf", "shelf1")
    own("client", "ann", "--role", "control", "--days", "10")
    allow = own.path / "allow.toml"
    allow.write_text(allow.read_text() + '\n[[allow]]\nname = "bob"\nroles = ["read"]\n')
    rows = [line.split() for line in own("list").out.splitlines()]
    assert [row[:2] for row in rows] == [
        ["NAME", "KIND"],
        ["-", "authority"],
        ["ann", "client"],
        ["fans.example.org", "server"],
        ["pi1", "client"],
        ["bob", "unknown"],
    ]
    assert rows[2][3:] == ["9", "DAYS", "control", "all"]
    assert rows[4][4:] == ["days", "report", "shelf1"]


class TestRenew:
    def test_a_client(self, own: Pki) -> None:
        files = own.client("pi1", "--role", "read", "--days", "5")
        bundle = parse(own("renew", "pi1").out)
        assert bundle.key != Path(files.key).read_text()
        assert (seen(bundle.certificate).until - datetime.now(UTC)).days > 700
        assert _allowed(own) == [{"name": "pi1", "roles": ["read"]}]

    def test_not_for_a_shorter_time_that_the_old_one_would_outlive(self, own: Pki) -> None:
        before = Path(own.client("pi1").key).read_text()
        assert "and a new certificate would end before" in _refused(own, "renew", "pi1", "--days", "9")
        assert parse(own("bundle", "pi1").out).key == before

    def test_the_server_of_this_host(self, own: Pki) -> None:
        before = seen(Path(own.server.certificate).read_text())
        run = own("renew", "fans.example.org", "--days", "99")
        assert run.out == ""
        after = seen(Path(own.server.certificate).read_text())
        assert after.names == before.names
        assert after.until < before.until
        ends(own.server, server=True)

    def test_what_ends_soon(self, own: Pki) -> None:
        assert "nothing ends within 30 days" in own("renew").err
        own("client", "pi1", "--role", "read", "--days", "9")
        own("renew", "fans.example.org", "--days", "9")
        run = own("renew")
        assert "renewed fans.example.org on this host" in run.err
        assert "fand pki renew pi1 | ssh HOST sudo fand pki accept" in run.err
        assert run.out == ""
        assert (seen(Path(own.server.certificate).read_text()).until - datetime.now(UTC)).days > 700

    def test_the_authority(self, own: Pki) -> None:
        old, key = own.client("pi1"), (own.path / "authority.key").read_text()
        run = own("renew", "--authority", "--days", "9999")
        assert "every host needs its bundle again" in run.err
        assert (own.path / "authority.key").read_text() == key
        ends(own.server, server=True)
        ends(old, server=False)  # what was signed before stays good, for old and new
        ends(old._replace(authority=own.server.authority), server=False)

    def test_nobody_of_that_name(self, own: Pki) -> None:
        assert "there is no certificate 'pi9'" in _refused(own, "renew", "pi9")


class TestRevoke:
    def test_it_is_let_in_no_more(self, own: Pki) -> None:
        own.client("pi1")
        own.client("pi2")
        own("revoke", "pi1")
        assert [entry["name"] for entry in _allowed(own) if isinstance(entry, dict)] == ["pi2"]
        assert "pi1" not in own("list").out
        assert not (own.path / "issued/pi1.key").exists()

    def test_its_name_comes_back_only_after_its_certificate(self, own: Pki) -> None:
        own.client("pi1")
        own("revoke", "pi1")
        assert "pi1 was revoked, but its certificate would count until" in _refused(
            own, "client", "pi1", "--role", "read"
        )
        late = own.issued("pi1", server=False, days=-1)
        (own.path / "issued/pi1.revoked").write_text(Path(late.certificate).read_text())
        own("client", "pi1", "--role", "read")

    def test_a_server_cannot_be(self, own: Pki) -> None:
        assert "fans.example.org is a server" in _refused(own, "revoke", "fans.example.org")

    def test_nobody_of_that_name(self, own: Pki) -> None:
        assert "there is no certificate 'pi9'" in _refused(own, "revoke", "pi9")


@pytest.mark.parametrize("days", ["0", "-1", "x", "36501", "1" * 30])
def test_days_that_are_none(days: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        Run("init", "--folder", "/nowhere", f"--days={days}")


def test_without_the_library() -> None:
    program = textwrap.dedent(
        """
        import sys
        sys.modules["cryptography"] = None
        from fand.pki import main
        sys.exit(main(["list"]))
        """
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "fand pki: `list` needs the Python library cryptography: pip install 'fand[pki]'\n"


def test_a_library_that_is_broken_is_told_as_it_is() -> None:
    program = "import sys; sys.modules['fand.pki.store'] = None; from fand.pki import main; main(['list'])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "ModuleNotFoundError: import of fand.pki.store" in done.stderr
