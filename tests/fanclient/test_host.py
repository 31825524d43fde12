import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from fand.config.values import ClientConfig
from fand.exceptions import ConfigError
from fand.fanclient.host import PAUSES, SIGNALS, assert_interval, run, serve
from fand.units import Seconds
from tests.fanclient.parts import FanFile
from tests.fanclient.processes import Program, Site, until


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path) as site:
        yield site


def config(*fans: FanFile) -> ClientConfig:
    """A client of a server that is not there."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        servers = (("127.0.0.1", unused.getsockname()[1]),)
    folder = fans[0].path.parent
    return ClientConfig(
        "shelf1", servers, tuple(fan.config() for fan in fans), Seconds(0.1), Seconds(1), state=folder
    )


@contextmanager
def _handled(number: signal.Signals, how: signal.Handlers) -> Iterator[None]:
    """What happens by a signal in the programs that are started meanwhile."""
    handler = signal.signal(number, how)
    try:
        yield
    finally:
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_gives_the_fans_back_and_ends_in_good_order(site: Site, number: signal.Signals) -> None:
    server = site.server()
    with _handled(number, signal.SIG_DFL):
        client = site.client()
    site.until_duty(75)
    assert client.end(number) == 0
    assert site.duty == 100
    assert "Traceback" not in client.text
    assert server.end() == 0


def test_who_started_it_to_survive_the_terminal_is_obeyed(site: Site) -> None:
    with _handled(signal.SIGHUP, signal.SIG_IGN):  # as nohup does
        client = site.client()
    site.until_duty(100)
    site.duty_file.unlink()
    client.process.send_signal(signal.SIGHUP)
    site.until_duty(100)  # it writes on
    assert client.end() == 0


def test_a_terminal_cannot_stop_it_with_the_fans_as_they_are(site: Site) -> None:
    server, client = site.server(), site.client()
    site.until_duty(75)
    for number in PAUSES:
        client.process.send_signal(number)
    server.kill()
    site.until_duty(100)
    assert client.end() == 0


def test_an_interrupt_before_there_are_fans_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> ClientConfig:
        raise KeyboardInterrupt

    assert run("fand-client", interrupted) == 1
    assert capsys.readouterr().err == "fand-client: interrupted\n"


def test_a_server_that_hangs_does_not_hold_up_the_end(site: Site) -> None:
    server, client = site.server(), site.client()
    site.until_duty(75)
    server.hang()
    assert client.end() == 0
    assert site.duty == 100


def test_a_connection_that_is_never_made_does_not_hold_up_the_end(site: Site) -> None:
    with ExitStack() as stack:
        full = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):  # nobody accepts, and there is room for one
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        site.port = full.getsockname()[1]
        client = site.client()
        site.until_duty(100)
        assert client.end() == 0
        assert client.text.count("\n") == 1


def test_the_service_manager_is_told_once_fans_are_driven(site: Site, tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(30)
        client = site.client(NOTIFY_SOCKET=path, WATCHDOG_USEC="60000", WATCHDOG_PID="")
        words = [manager.recv(100) for _ in range(4)]
        assert words == [b"WATCHDOG=1", b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"]
        assert site.duty == 100
        assert client.end() == 0
        while words[-1] == b"WATCHDOG=1":
            words.append(manager.recv(100))
        assert words[-1] == b"STOPPING=1"


def test_serve_ends_by_a_signal_and_leaves_the_handlers_as_they_were(tmp_path: Path) -> None:
    file = FanFile(tmp_path)
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]

    def end() -> None:
        until(file.path.exists, "taking the fan over")
        os.kill(os.getpid(), signal.SIGTERM)

    ender = threading.Thread(target=end)
    ender.start()
    serve(config(file))
    ender.join(30)
    assert file.duty == 100
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before


def test_no_fan_to_drive_is_one_sentence_and_no_success(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = FanFile(tmp_path)
    file.path.mkdir()
    assert run("fand-client", lambda: config(file)) == 1
    text = capsys.readouterr().err
    assert text.startswith("fand-client: fan front: cannot write ")
    assert text.count("\n") == 1


def test_every_fault_of_a_configuration_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    def faulty() -> ClientConfig:
        raise ConfigError(["fand.toml: client: one", "fand.toml: client: two"])

    assert run("fand-client", faulty) == 1
    assert capsys.readouterr().err == "fand-client: fand.toml: client: one\nfand-client: fand.toml: client: two\n"


def test_a_fault_of_our_own_is_logged_and_no_success(caplog: pytest.LogCaptureFixture) -> None:
    def faulty() -> ClientConfig:
        raise ZeroDivisionError

    assert run("fand-client", faulty) == 1
    assert "ZeroDivisionError" in caplog.text


def test_a_watchdog_shortens_the_interval_of_writing() -> None:
    assert assert_interval(Seconds(5), None) == 5
    assert assert_interval(Seconds(5), Seconds(60)) == 5
    assert assert_interval(Seconds(5), Seconds(6)) == 2


def test_a_process_that_was_stopped_asserts_every_duty_when_it_goes_on(tmp_path: Path) -> None:
    file = FanFile(tmp_path)
    slow = replace(config(file), interval=Seconds(250), lease=Seconds(500))

    def wake() -> None:
        until(file.path.exists, "taking the fan over")
        while file.duty != 0:
            file.set(0)
        os.kill(os.getpid(), signal.SIGCONT)
        until(lambda: file.duty == 100, "writing the duty again")
        os.kill(os.getpid(), signal.SIGTERM)

    waker = threading.Thread(target=wake)
    waker.start()
    before = signal.getsignal(signal.SIGCONT)
    serve(slow)
    waker.join(30)
    assert signal.getsignal(signal.SIGCONT) is before


def test_a_server_may_be_reached_by_a_unix_socket_and_comes_back_there(site: Site) -> None:
    path = site.folder / "fand.sock"
    text = site.config.read_text().replace('"127.0.0.1:9"', f'"{path}"')
    site.config.write_text(f'{text}\n[server]\nsocket = "{path}"\n')
    server = site.server()
    with Program(site.folder / "client.log", "client", "-c", str(site.config), "-v") as client:
        site.until_duty(75)
        server.kill()
        site.until_duty(100)
        server = site.server()
        site.until_duty(75)
        assert client.end() == 0
    assert f"ERROR fand.fanclient.link: server {path}: " in client.text
    assert server.end() == 0
