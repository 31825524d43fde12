"""TLS from end to end: real servers, fan clients and fanctl, as processes of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fand import communication as com
from fand.client import Client
from fand.exceptions import FandConnectionResetError, SendReceiveError
from fand.tls import Files
from fand.wire import Request
from tests.certificates import Pki
from tests.child import Child

from .processes import Server, ended, running, write_config

SHELF = """
[server.tls]
folder = "{folder}"
[shelves.shelf1]
curves = {{ hdd = "drives" }}
devices = [{{ fake = 32, name = "a" }}]
"""


@pytest.fixture
def own(tmp_path: Path) -> Pki:
    """An authority that a test may change."""
    return Pki(tmp_path)


def _config(folder: Path, pki: Pki, more: str = "") -> Path:
    return write_config(folder, more + SHELF.format(folder=pki.path))


def _variables(files: Files) -> dict[str, str]:
    return dict(zip(("FAND_TLS_CERTIFICATE", "FAND_TLS_KEY", "FAND_TLS_AUTHORITY"), files, strict=True))


def _fanctl(server: Server, *words: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "fand", "fanctl", "-a", "127.0.0.1", "-p", str(server.port), *words],
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
        env={**os.environ, **environ},
    )


class Test:
    def test_who_has_a_certificate_does_what_he_may(self, own: Pki, tmp_path: Path) -> None:
        ann, pi1 = own.client("ann"), own.client("pi1", "--role", "report", "--shelf", "shelf1")
        with running(_config(tmp_path, own)) as server:
            shelf = ("set-pwm-override", "shelf1", "80")
            assert _fanctl(server, *shelf, **_variables(ann)).stdout == "ok\n"
            assert _fanctl(server, "get-pwm", "shelf1", **_variables(pi1)).stdout == "80\n"
            refused = _fanctl(server, *shelf, **_variables(pi1))
            assert refused.returncode == 1
            assert "control" in refused.stderr
            log = server.stop()
            assert "Traceback" not in log
            assert "(ann): SET_PWM_OVERRIDE shelf1: 80 %" in log

    def test_who_has_none_is_told_so(self, own: Pki, tmp_path: Path) -> None:
        with running(_config(tmp_path, own)) as server:
            plain = _fanctl(server, "ping")
            assert plain.returncode == 1
            assert "this server speaks TLS" in plain.stderr
            assert "Traceback" not in server.stop()

    def test_who_is_not_listed_is_told_so(self, own: Pki, tmp_path: Path) -> None:
        stranger = own.issued("pi9", server=False, days=9)
        with running(_config(tmp_path, own)) as server:
            refused = _fanctl(server, "ping", **_variables(stranger))
            assert "pi9 is not allowed to connect" in refused.stderr
            assert "pi9 is not allowed to connect" in server.stop()

    def test_who_speaks_tls_to_a_plain_server_is_told_so(self, own: Pki, tmp_path: Path) -> None:
        config = write_config(tmp_path, SHELF.format(folder=own.path).partition("]\n")[2].partition("\n")[2])
        assert "tls" not in config.read_text()
        with running(config) as server:
            told = _fanctl(server, "ping", **_variables(own.client("ann")))
            assert told.returncode == 1
            assert "it does not speak TLS" in told.stderr

    def test_users_of_this_host_need_none(self, own: Pki, tmp_path: Path) -> None:
        path = tmp_path / "fand.sock"
        with running(_config(tmp_path, own, f'[server]\nsocket = "{path}"\n')) as server, Client(str(path), 0) as one:
            one.ping()
            assert "Traceback" not in server.stop()

    def test_a_fan_client_finds_its_certificate_in_its_configuration(self, own: Pki, tmp_path: Path) -> None:
        own.client("pi1", "--role", "report", "--shelf", "shelf1")
        ann = own.client("ann")
        with running(_config(tmp_path, own)) as server:
            config = tmp_path / "client.toml"
            config.write_text(
                f'[tls]\nfolder = "{tmp_path}/pi1"\n'
                f'[client]\nshelf = "shelf1"\nservers = ["127.0.0.1:{server.port}"]\n'
                f'state = "{tmp_path}/state"\n[[client.fans]]\nname = "front"\nfake = "front"\n'
            )
            command = [sys.executable, "-m", "fand", "client", "-c", str(config)]
            with Child(command, stderr=subprocess.PIPE, text=True) as process, _client(server, ann) as client:
                while not client.status("shelf1")["fans"]:
                    assert process.poll() is None
                assert client.status("shelf1")["client"]["state"] == "live"
                process.terminate()
                assert "Traceback" not in process.communicate(timeout=20)[1]
            assert "Traceback" not in server.stop()


def _client(server: Server, files: Files) -> Client:
    with pytest.MonkeyPatch.context() as patch:
        for name, path in _variables(files).items():
            patch.setenv(name, path)
        return Client("127.0.0.1", server.port)


class TestReload:
    def test_who_was_let_in_since_and_who_no_more(self, own: Pki, tmp_path: Path) -> None:
        ann, pi1 = own.client("ann"), own.client("pi1")
        with running(_config(tmp_path, own)) as server, _client(server, ann) as client, _client(server, pi1) as other:
            other.ping()
            pi2 = own.client("pi2", "--role", "read")
            own("revoke", "pi1")
            client.reload()
            with _client(server, pi2) as newcomer:
                newcomer.ping()
            with pytest.raises(FandConnectionResetError, match="pi1 is not allowed to connect"):
                other.ping()
            assert "Traceback" not in server.stop()

    def test_a_renewed_certificate_counts_from_then_on(self, own: Pki, tmp_path: Path) -> None:
        ann = own.client("ann")
        own("renew", "fans.example.org", "--days", "5")
        with running(_config(tmp_path, own)) as server, _client(server, ann) as client:
            (near,) = client.status("shelf1")["certificates"]
            assert near["whose"] == "the server"
            assert "certificate  " in _fanctl(server, "status", "shelf1", **_variables(ann)).stdout
            own("renew", "fans.example.org")
            client.reload()
            assert client.status("shelf1")["certificates"] == []
            with _client(server, ann) as again:
                again.ping()
            log = server.stop()
            assert "the certificate of the server ends at" in log
            assert "the certificate of the server was renewed" in log

    def test_who_came_by_the_authority_before_comes_again_or_not_at_all(self, own: Pki, tmp_path: Path) -> None:
        """Somebody has read the authority's key, and made himself a certificate under a name that is allowed."""
        forged, path = own.issued("ann", server=False, days=9), tmp_path / "fand.sock"
        (tmp_path / "second").mkdir()
        second = Pki(tmp_path / "second")
        ann, socket = second.client("ann"), f'[server]\nsocket = "{path}"\n'
        own.client("ann")
        config = _config(tmp_path, own, socket)
        with running(config) as server, _client(server, forged) as mallory, Client(str(path), 0) as root:
            mallory.ping()
            _config(tmp_path, second, socket)
            root.reload()
            with pytest.raises(FandConnectionResetError, match="another authority's by now; connect again"):
                mallory.ping()
            with _client(server, ann) as again:
                again.ping()
            assert "Traceback" not in server.stop()

    def test_files_that_cannot_be_used_leave_the_old_ones(self, own: Pki, tmp_path: Path) -> None:
        ann = own.client("ann")
        with running(_config(tmp_path, own)) as server, _client(server, ann) as client:
            Path(own.server.key).write_text("nonsense")
            with pytest.raises(FandConnectionResetError, match="no certificate with its unencrypted key"):
                client.reload()
            with _client(server, ann) as again:
                again.ping()

    def test_tls_itself_takes_a_restart(self, own: Pki, tmp_path: Path) -> None:
        config, ann = _config(tmp_path, own), own.client("ann")
        with running(config) as server, _client(server, ann) as client:
            config.write_text(config.read_text().replace("[server.tls]", "[server]").replace("folder = ", "state = "))
            with pytest.raises(FandConnectionResetError, match="cannot change while the server runs; restart it"):
                client.reload()
            with _client(server, ann) as again:
                again.ping()


class TestStart:
    @pytest.mark.parametrize("option", [(), ("--check",)])
    def test_a_server_that_cannot_does_not_start(self, own: Pki, tmp_path: Path, option: tuple[str, ...]) -> None:
        Path(own.server.certificate).unlink()
        done = ended("-c", str(_config(tmp_path, own)), *option)
        assert done.returncode == 1
        assert done.stdout == ""
        assert done.stderr == f"fand-server: {own.server.certificate} cannot be read: No such file or directory\n"

    def test_time_is_no_reason_not_to(self, own: Pki, tmp_path: Path) -> None:
        late = own.issued("fans.example.org", server=True, days=-1)
        for name in ("certificate", "key"):
            (own.path / f"{name}.pem").write_text(Path(getattr(late, name)).read_text())
        with running(_config(tmp_path, own)) as server:
            assert "the certificate of the server has ended at" in server.stop()

    def test_it_may_listen_everywhere(self, own: Pki, tmp_path: Path) -> None:
        ann = own.client("ann")
        with running(_config(tmp_path, own), "-a", "0.0.0.0") as server, _client(server, ann) as client:
            assert server.host == "0.0.0.0"
            client.ping()


def test_a_client_that_is_sent_away_in_the_handshake_hears_why(own: Pki, tmp_path: Path) -> None:
    late = own.issued("pi1", server=False, days=-1)
    with running(_config(tmp_path, own)) as server:
        sock = com.dial("127.0.0.1", server.port, late)
        com.send(sock, Request.PING)
        with pytest.raises(SendReceiveError, match="the certificate of this host has expired"):
            com.recv(sock)
        com.reset_connection(sock)
        log = server.stop()
        assert "refused: no TLS: its certificate is not good: certificate has expired" in log
        assert "Traceback" not in log
