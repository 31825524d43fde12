"""The Unix socket: real files, real processes."""

import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from fand import communication as com
from fand.exceptions import FandConnectionResetError, ListeningError
from fand.server.local import MODE, listening_at
from fand.wire import Request

from .processes import running, write_shelf


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "fand.sock"


def left_behind(path: Path) -> None:
    """What a server that was killed leaves."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))


def reached(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as sock:
        try:
            sock.connect(str(path))
        except OSError:
            return False
        return True


def test_owner_and_group_may_connect_and_the_file_goes_at_the_end(path: Path) -> None:
    before = os.umask(0o077)
    try:
        with listening_at(path) as sock:
            assert stat.S_IMODE(path.stat().st_mode) == MODE == 0o660
            assert reached(path)
            assert not sock.getblocking()
    finally:
        os.umask(before)
    assert not path.exists()


def test_what_a_killed_server_left_is_replaced(path: Path) -> None:
    left_behind(path)
    assert not reached(path)
    with listening_at(path):
        assert reached(path)


def test_a_socket_that_somebody_listens_at_is_left_alone(path: Path) -> None:
    with listening_at(path):
        with pytest.raises(ListeningError, match="is in use; stop the program that has it"), listening_at(path):
            pass
        assert reached(path)


def test_a_server_whose_queue_is_full_is_not_taken_for_dead(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as waiting:
        busy.bind(str(path))
        busy.listen(0)
        waiting.connect(str(path))
        with pytest.raises(ListeningError, match="is in use"), listening_at(path):
            pass


def test_a_file_of_another_kind_is_left_alone(path: Path) -> None:
    path.write_text("precious")
    with pytest.raises(ListeningError, match="there is a file of another kind"), listening_at(path):
        pass
    assert path.read_text() == "precious"


def test_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    left_behind(tmp_path / "other")
    path.symlink_to(tmp_path / "other")
    with pytest.raises(ListeningError, match="there is a file of another kind"), listening_at(path):
        pass
    assert (tmp_path / "other").is_socket()


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    path = tmp_path / "gone" / "fand.sock"
    with pytest.raises(ListeningError, match=rf"there is no folder {path.parent}; make it"), listening_at(path):
        pass


def test_a_path_that_the_system_does_not_take_is_told(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 110)
    with pytest.raises(ListeningError, match="AF_UNIX path too long"), listening_at(path):
        pass


def test_a_system_that_does_not_tell_who_comes_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "SO_PEERCRED")
    with pytest.raises(ListeningError, match="this system does not tell who is at a Unix socket"), listening_at(path):
        pass
    assert not path.exists()


def test_what_cannot_be_made_ready_is_closed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_self: Path, _mode: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", refuse)
    with pytest.raises(ListeningError, match="Operation not permitted"), listening_at(path):
        pass


def test_the_socket_of_a_server_that_came_since_is_not_removed(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as other:
        with listening_at(path):
            path.unlink()
            other.bind(str(path))
        assert path.is_socket()


def test_a_file_that_is_gone_already_is_no_trouble(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with listening_at(path):
        path.unlink()
    assert caplog.messages == []


def test_a_file_that_cannot_be_removed_is_told(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_self: Path) -> None:
        raise PermissionError(13, "Permission denied")

    with listening_at(path):
        monkeypatch.setattr(Path, "unlink", refuse)
    assert caplog.messages == [f"cannot remove {path}: Permission denied"]


def config_with(path: Path, tmp_path: Path, more: str = "") -> Path:
    config = write_shelf(tmp_path, "{ fake = 32 }")
    config.write_text(config.read_text() + f'[server]\nsocket = "{path}"\n{more}')
    return config


def test_a_server_serves_its_own_user_there_until_it_ends(path: Path, tmp_path: Path) -> None:
    config = config_with(path, tmp_path)
    with running(config, XDG_STATE_HOME=str(tmp_path)) as server:
        sock = com.connect(str(path), 0)
        com.send(sock, Request.SET_PWM_OVERRIDE, "shelf1", 60)
        assert com.recv(sock) == (Request.ACK, ())
        com.reset_connection(sock)
        log = server.stop()
    assert f"INFO fand.audit: {path}:{os.getpid()} (user " in log
    assert "SET_PWM_OVERRIDE shelf1: 60 % until " in log
    assert not path.exists()


def test_a_killed_server_is_followed_by_another(path: Path, tmp_path: Path) -> None:
    config = config_with(path, tmp_path)
    with running(config) as server:
        server.process.send_signal(signal.SIGKILL)
        server.process.communicate(timeout=20)
    assert path.is_socket()
    with running(config):
        assert reached(path)


def test_a_second_server_is_told_and_the_first_goes_on(path: Path, tmp_path: Path) -> None:
    config = config_with(path, tmp_path)
    with running(config):
        command = [sys.executable, "-m", "fand", "server", "-c", str(config), "-p", "0"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=40, check=False)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == f"fand-server: {path} is in use; stop the program that has it, or choose another path\n"
        assert reached(path)


AS_ANOTHER = """
import os, sys
from fand import communication as com, wire
from fand.exceptions import FandError
os.setgroups([])
os.setuid(int(sys.argv[1]))
try:
    sock = com.connect(sys.argv[2], 0)
    for request, *args in ((com.Request.SET_RPM, "shelf1", 900), (com.Request.SET_PWM_OVERRIDE, "shelf1", 60)):
        com.send(sock, request, *args)
        print(com.recv(sock)[0].name)
except FandError as error:
    print(error)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become other users")
def test_the_kernel_tells_the_users_of_the_host_apart(tmp_path: Path) -> None:
    more = '[[server.allow]]\nuser = "65534"\nroles = ["report"]\n'
    with TemporaryDirectory() as folder:  # which others may enter, unlike that of the tests
        Path(folder).chmod(0o755)
        path = Path(folder) / "fand.sock"

        def told(user: int) -> list[str]:
            command = [sys.executable, "-c", AS_ANOTHER, str(user), str(path)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=40, check=True)
            return done.stdout.splitlines()

        with running(config_with(path, tmp_path, more)) as server:
            refusal = f"{path} ended the connection: "
            assert told(65534) == ["ACK", f"{refusal}SET_PWM_OVERRIDE needs the role control"]
            assert told(65533) == [f"{refusal}user 65533 is not allowed to connect"]
            path.chmod(0o600)
            (line,) = told(65534)
            assert line.startswith(f"cannot connect to {path}: Permission denied; only the owner and the group")
            log = server.stop()
    assert "(user 65534): SET_PWM_OVERRIDE refused: SET_PWM_OVERRIDE needs the role control\n" in log
    assert "(user 65533): refused: user 65533 is not allowed to connect\n" in log


def test_a_reload_that_takes_a_right_away_is_felt_at_once(path: Path, tmp_path: Path) -> None:
    config = config_with(path, tmp_path, "plain = true\n")
    with running(config, "-a", "0.0.0.0") as server:
        config.write_text(config.read_text() + 'plain_role = "read"\n')
        with server.talk(_own_address()) as stranger, server.talk() as local:
            assert stranger.ask(Request.SET_RPM, "shelf1", 900) == (Request.ACK, ())
            assert local.ask(Request.RELOAD) == (Request.ACK, ())
            reason = "less is allowed than before; connect again"
            assert stranger.reply() == (Request.DISCONNECT, (reason,))
            assert local.ask(Request.SET_RPM, "shelf1", 900) == (Request.ACK, ())
        with server.talk(_own_address()) as again:
            assert again.ask(Request.GET_PWM, "shelf1")[0] is Request.SET_PWM
            refusal = (Request.DISCONNECT, ("SET_RPM needs the role report",))
            assert again.ask(Request.SET_RPM, "shelf1", 900) == refusal


def _own_address() -> str:
    """An address of this host that is not loopback. Nothing leaves the host."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this host has no address but loopback")
        address: str = sock.getsockname()[0]
    return address


def test_a_client_is_told_why_it_cannot_connect(path: Path) -> None:
    with pytest.raises(com.ConnectionFailedError, match="No such file or directory; is the server running"):
        com.connect(str(path), 9999)
    left_behind(path)
    with pytest.raises(com.ConnectionFailedError, match=f"cannot connect to {path}: Connection refused$"):
        com.connect(str(path), 9999)


def test_a_server_that_goes_says_so(path: Path, tmp_path: Path) -> None:
    with running(config_with(path, tmp_path)) as server:
        sock = com.connect(str(path), 9999)
        com.send(sock, Request.PING)
        assert com.recv(sock) == (Request.ACK, ())
        server.stop()
        with pytest.raises(FandConnectionResetError, match=f"{path} ended the connection: the server stops"):
            com.recv(sock)
        com.reset_connection(sock)
