"""The running server: real processes, real sensors that hang, real descriptors that run out."""

import asyncio
import contextlib
import resource
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fand.clock import SystemClock
from fand.config import ServerConfig
from fand.server.daemon import Daemon, raise_descriptor_limit
from fand.server.listening import listen
from fand.wire import Request, encode
from tests.child import Child
from tests.test_aside import full_pipe

from .processes import Server, Talk, running, write_config, write_shelf

EMPTY = ServerConfig(())
SHELF = '[shelves.{}]\ncurves = {{ hdd = "drives" }}\nfall = 6000\ndevices = [{}]\n'


def duty_becomes(talk: Talk, duty: float) -> None:
    """Wait for a push of this duty."""
    while talk.reply()[1][1] != duty:
        pass


def play(folder: Path, name: str, what: object, timeout: float = 20) -> str:
    """A fake drive called ``name`` that does ``what`` from now on; returns its line in the configuration.

    ``timeout`` seconds without an answer are a failure: few where it is to hang, for a busy host is slow.
    """
    path = folder / name
    new = folder / f"{name}.new"
    new.write_text(str(what))
    new.rename(path)
    return f'{{ fake = 30, path = "{path}", name = "{name}", interval = 0.1, timeout = {timeout} }}'


def test_s1_full_speed_until_every_device_has_answered(tmp_path: Path) -> None:
    path = write_shelf(tmp_path, play(tmp_path, "a", 30), play(tmp_path, "b", "lost"))
    with running(path) as server, server.talk() as talk:
        assert talk.ask(Request.SUBSCRIBE_PWM, "shelf1") == (Request.SET_PWM, ("shelf1", 100))
        assert talk.ask(Request.GET_PWM, "shelf1") == (Request.SET_PWM, ("shelf1", 100))
        play(tmp_path, "b", 30)
        duty_becomes(talk, 25)


def test_s2_a_device_that_is_lost_means_full_speed(tmp_path: Path) -> None:
    path = write_shelf(tmp_path, play(tmp_path, "a", 30))
    with running(path) as server, server.talk() as talk:
        talk.send(Request.SUBSCRIBE_PWM, "shelf1")
        duty_becomes(talk, 25)
        play(tmp_path, "a", "lost")
        duty_becomes(talk, 100)
        play(tmp_path, "a", 32)
        duty_becomes(talk, 35)
        errors = server.stop()
    assert "WARNING fand.sensing.watching: shelf1: a failed: plays a lost drive" in errors
    assert "ERROR fand.server.keeper: shelf1: hdd a lost for " in errors
    assert "WARNING fand.sensing.watching: shelf1: a answers again" in errors
    assert "Traceback" not in errors


def test_s3_the_duty_follows_the_readings_age_though_its_reader_hangs(tmp_path: Path) -> None:
    path = write_shelf(tmp_path, play(tmp_path, "a", 30, timeout=0.2))
    with running(path) as server, server.talk() as talk:
        talk.send(Request.SUBSCRIBE_PWM, "shelf1")
        duty_becomes(talk, 25)
        play(tmp_path, "a", "hang")
        duty_becomes(talk, 100)
        status = talk.ask(Request.GET_STATUS, "shelf1")[1][1]
        assert status["devices"][0]["health"] == "lost"
        assert status["devices"][0]["failure"] == "no answer within 0.2 s"


def test_s9_a_device_that_hangs_stops_neither_another_shelf_nor_the_end(tmp_path: Path) -> None:
    hangs, good = play(tmp_path, "hangs", "hang", timeout=0.2), play(tmp_path, "good", 30)
    path = write_config(tmp_path, SHELF.format("bad", hangs) + SHELF.format("fine", good))
    with running(path) as server, server.talk() as talk:
        talk.send(Request.SUBSCRIBE_PWM, "fine")
        duty_becomes(talk, 25)
        play(tmp_path, "good", 40)
        duty_becomes(talk, 75)
        assert talk.ask(Request.GET_PWM, "bad") == (Request.SET_PWM, ("bad", 100))
        server.stop()
        assert server.process.returncode == 0


def test_s9_a_child_that_never_ends_does_not_hold_up_the_end(tmp_path: Path) -> None:
    path = write_shelf(tmp_path, '{ command = ["sleep", "10"], timeout = 60, interval = 60 }')
    with running(path) as server, server.talk() as talk:
        assert talk.ask(Request.GET_PWM, "shelf1") == (Request.SET_PWM, ("shelf1", 100))
        server.stop()
        assert server.process.returncode == 0


def test_the_host_names_loopback_addresses_are_served_too(tmp_path: Path) -> None:
    with running(write_shelf(tmp_path, "{ fake = 32 }")) as server:
        for host in ("127.0.0.1", "::1"):
            with server.talk(host) as talk:
                assert talk.ask(Request.PING) == (Request.ACK, ())


def test_clients_that_stay_idle_do_not_hinder_others(tmp_path: Path) -> None:
    with running(write_shelf(tmp_path, "{ fake = 32 }")) as server, contextlib.ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(server.talk())
        with server.talk() as talk:
            assert talk.ask(Request.PING) == (Request.ACK, ())


def limited(config: Path, descriptors: int) -> Child[str]:
    """A server that may have only so many descriptors."""
    return Child(
        [sys.executable, "-m", "fand", "server", "-c", config, "-p", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors // 2, descriptors)),
    )


def test_s9_clients_without_end_leave_descriptors_for_the_sensors(tmp_path: Path) -> None:
    path = write_shelf(tmp_path, play(tmp_path, "a", 30))
    with limited(path, 100) as process, contextlib.ExitStack() as stack:
        server = Server(process)
        first = stack.enter_context(server.talk())
        first.send(Request.SUBSCRIBE_PWM, "shelf1")
        duty_becomes(first, 25)
        process.send_signal(signal.SIGSTOP)
        crowd = [stack.enter_context(server.talk()) for _ in range(400)]  # which it finds all at once
        process.send_signal(signal.SIGCONT)
        assert crowd[-1].reply() == (Request.DISCONNECT, ("too many clients are connected",))
        assert crowd[-1].closed()
        play(tmp_path, "a", 40)
        duty_becomes(first, 75)
        errors = server.stop()
    assert errors.count("50 clients are connected, and there is no room for more") == 1
    assert "failed" not in errors
    assert "no more clients can be let in for now" not in errors, "that would be a descriptor that was not there"


def test_every_client_is_told_that_the_server_stops(tmp_path: Path) -> None:
    with running(write_shelf(tmp_path, "{ fake = 32 }")) as server, contextlib.ExitStack() as stack:
        talks = [stack.enter_context(server.talk()) for _ in range(20)]
        for talk in talks:
            assert talk.ask(Request.PING) == (Request.ACK, ())
        server.stop()
        for talk in talks:
            assert talk.reply() == (Request.DISCONNECT, ("the server stops",))
            assert talk.closed()


def test_a_client_that_does_not_read_does_not_hold_up_the_end(tmp_path: Path) -> None:
    devices = (f'{{ fake = 32, name = "{number:03}{"x" * 190}" }}' for number in range(150))
    with running(write_shelf(tmp_path, *devices)) as server, server.talk() as talk, server.talk() as other:
        talk.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        talk.sock.sendall(encode(Request.GET_STATUS, ("shelf1",)) * 300)
        for _ in range(200):  # turns, in which the other's answers fill what the sockets hold
            assert other.ask(Request.PING) == (Request.ACK, ())
        server.stop()
        assert server.process.returncode == 0


def test_a_log_that_nobody_reads_holds_up_neither_clients_nor_the_end(tmp_path: Path) -> None:
    config = write_shelf(tmp_path, '{ fake = "nan", family = "hdd", interval = 0.05 }')
    with full_pipe() as (_, writer), running(config, "-vv", stderr=writer) as server, server.talk() as talk:
        for _ in range(3):
            talk.send(Request.GET_PWM, "shelf1")
            assert talk.reply() == (Request.SET_PWM, ("shelf1", 100))
        server.stop()
        assert server.process.returncode == 0


def test_the_service_manager_is_told(tmp_path: Path) -> None:
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.settimeout(20)
        manager.bind(str(address))
        with running(write_shelf(tmp_path, "{ fake = 32 }"), NOTIFY_SOCKET=str(address)) as server:
            assert manager.recv(100) == b"READY=1"
            server.stop()
            assert manager.recv(100) == b"STOPPING=1"


def test_a_killed_server_can_be_started_again_on_its_port(tmp_path: Path) -> None:
    path = write_shelf(tmp_path, "{ fake = 32 }")
    with running(path) as server, server.talk() as talk:
        assert talk.ask(Request.PING) == (Request.ACK, ())
        server.stop(signal.SIGKILL)
        with running(path, "-p", str(server.port)) as again, again.talk() as more:
            assert again.port == server.port
            assert more.ask(Request.PING) == (Request.ACK, ())


def test_the_descriptor_limit_is_raised_to_what_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[Any] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _what: (100, 5000))
    monkeypatch.setattr(resource, "setrlimit", lambda _what, new: limits.append(new))
    assert raise_descriptor_limit() == 5000
    assert limits == [(5000, 5000)]


def test_a_descriptor_limit_that_cannot_be_raised_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_what: int, _new: tuple[int, int]) -> None:
        raise ValueError("not allowed to raise maximum limit")

    monkeypatch.setattr(resource, "getrlimit", lambda _what: (100, 5000))
    monkeypatch.setattr(resource, "setrlimit", refuse)
    assert raise_descriptor_limit() == 100
    monkeypatch.setattr(resource, "getrlimit", lambda _what: (100, 100))
    assert raise_descriptor_limit() == 100
    monkeypatch.setattr(resource, "getrlimit", lambda _what: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert raise_descriptor_limit() == 2**20


def test_the_event_loops_complaints_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        daemon = Daemon(EMPTY, [], SystemClock(), 1000, lambda: EMPTY)
        context = {"message": "Exception in callback", "exception": ZeroDivisionError("x")}
        daemon._complain(asyncio.get_running_loop(), context)

    asyncio.run(main())
    assert caplog.messages == ["Exception in callback"]
    assert "ZeroDivisionError: x" in caplog.text


def test_a_server_without_sensors_stops_when_told() -> None:
    async def main() -> None:
        daemon = Daemon(EMPTY, [], SystemClock(), 1000, lambda: EMPTY)
        await daemon.run(listen(["127.0.0.1"], 0), daemon.stop)

    asyncio.run(main())
