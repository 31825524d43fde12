"""Reloading a running server: real processes, by SIGHUP and by request."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from fand.wire import Request
from tests.child import Child

from .processes import Reply, Server, Talk, running, write_config
from .test_daemon import duty_becomes, play

ACK: Reply = (Request.ACK, ())
BAD = '[shelves.shelf1]\ncurves = { hdd = "drives" }\ndevices = []\nflor = 3\n[shelves.two]\ncurves = {}\n'


def write_shelves(folder: Path, text: str = "", **shelves: list[str]) -> Path:
    """A configuration with these shelves and their devices; ``text`` comes before all."""
    for name, devices in shelves.items():
        text += f'[shelves.{name}]\ncurves = {{ hdd = "drives" }}\nfall = 6000\ndevices = [{", ".join(devices)}]\n'
    return write_config(folder, text)


def steeper(path: Path) -> None:
    """Another curve: 45 % at 30 degC."""
    path.write_text(path.read_text().replace("[[30, 25], [40, 75]]", "[[30, 45], [40, 75]]"))


def duty(talk: Talk, shelf: str = "shelf1") -> float:
    answer = talk.ask(Request.GET_PWM, shelf)[1][1]
    assert isinstance(answer, int | float)
    return answer


def subscribed(server: Server, shelf: str = "shelf1", until: float = 25) -> Talk:
    talk = server.talk()
    talk.send(Request.SUBSCRIBE_PWM, shelf)
    duty_becomes(talk, until)
    return talk


def test_s11_a_changed_curve_counts_at_once_without_a_burst_and_nobody_is_disconnected(tmp_path: Path) -> None:
    path = write_shelves(tmp_path, shelf1=[play(tmp_path, "a", 30)])
    with running(path) as server, subscribed(server) as talk:
        steeper(path)
        server.process.send_signal(signal.SIGHUP)
        pushed = [talk.reply()[1][1]]
        while pushed[-1] == 25:
            pushed.append(talk.reply()[1][1])
        assert pushed[-1] == 45, "not 100 in between: the device has answered before"
        assert duty(talk) == 45
        assert "Traceback" not in server.stop()


def test_s11_a_bad_reload_by_a_signal_keeps_the_old_one_driving(tmp_path: Path) -> None:
    path = write_shelves(tmp_path, shelf1=[play(tmp_path, "a", 30)])
    good = path.read_text()
    log = tmp_path / "log"
    os.mkfifo(log)
    with Child(
        [sys.executable, "-m", "fand", "server", "-c", path, "-p", "0", "-l", log], stdout=subprocess.PIPE, text=True
    ) as process:
        with log.open() as lines:
            server = Server(process)
            with subscribed(server) as talk:
                with server.talk() as other:
                    assert other.ask(Request.SET_PWM_OVERRIDE, "shelf1", 60) == ACK
                for text in (BAD, "[server", ""):
                    write_config(tmp_path, text)
                    process.send_signal(signal.SIGHUP)
                    said = ""
                    while "the configuration in force stays in force" not in said:
                        said += lines.readline()
                    assert said.count("reload: ") >= (3 if text is BAD else 1), "every fault is logged"
                    with server.talk() as other:
                        assert duty(other) == 60
                path.unlink()
                process.send_signal(signal.SIGHUP)
                while "No configuration file" not in lines.readline():
                    pass
                path.write_text(good)
                play(tmp_path, "a", 40)
                with server.talk() as other:
                    assert other.ask(Request.SET_PWM_OVERRIDE, "shelf1", None) == ACK
                duty_becomes(talk, 75)
            process.terminate()
        assert process.wait(20) == 0


def test_s11_a_bad_reload_by_request_is_told_to_who_asked_and_to_nobody_else(tmp_path: Path) -> None:
    path = write_shelves(tmp_path, shelf1=[play(tmp_path, "a", 30)])
    with running(path) as server, subscribed(server) as talk, server.talk() as operator:
        write_config(tmp_path, BAD)
        request, (reason,) = operator.ask(Request.RELOAD)
        assert request is Request.DISCONNECT
        assert reason.startswith(f"{path}: ")
        assert reason.endswith(" more, see the server's log")
        assert operator.closed()
        assert duty(talk) == 25
        write_shelves(tmp_path, shelf1=[play(tmp_path, "a", 40)])
        with server.talk() as again:
            assert again.ask(Request.RELOAD) == ACK
            assert again.ask(Request.RELOAD) == ACK, "and the connection goes on"
        duty_becomes(talk, 75)


def test_s8_an_override_outlives_a_reload(tmp_path: Path) -> None:
    path = write_shelves(tmp_path, shelf1=[play(tmp_path, "a", 30)])
    with running(path) as server, subscribed(server), server.talk() as talk:
        assert talk.ask(Request.SET_PWM_OVERRIDE, "shelf1", 60) == ACK
        before = talk.ask(Request.GET_STATUS, "shelf1")[1][1]["override"]
        steeper(path)
        assert talk.ask(Request.RELOAD) == ACK
        assert talk.ask(Request.GET_STATUS, "shelf1")[1][1]["override"] == before
        assert duty(talk) == 60


def test_s1_a_new_device_means_full_speed_until_it_answers(tmp_path: Path) -> None:
    path = write_shelves(tmp_path, shelf1=[play(tmp_path, "a", 30)], other=[play(tmp_path, "b", 30)])
    with running(path) as server, subscribed(server) as talk, subscribed(server, "other") as other:
        write_shelves(
            tmp_path,
            shelf1=[play(tmp_path, "a", 30), play(tmp_path, "c", "lost")],
            other=[play(tmp_path, "b", 30)],
            new=[play(tmp_path, "d", "lost")],
        )
        with server.talk() as operator:
            assert operator.ask(Request.RELOAD) == ACK
            assert duty(operator) == 100
            assert duty(operator, "new") == 100
            assert duty(operator, "other") == 25, "the other shelf is as it was"
        duty_becomes(talk, 100)
        play(tmp_path, "c", 30)
        duty_becomes(talk, 25)
        while True:  # nothing but its heartbeat, or nothing
            other.send(Request.PING)
            if (reply := other.reply()) == ACK:
                break
            assert reply == (Request.SET_PWM, ("other", 25))


def test_s11_who_waits_for_a_shelf_that_is_gone_is_told(tmp_path: Path) -> None:
    path = write_shelves(tmp_path, shelf1=[play(tmp_path, "a", 30)], gone=[play(tmp_path, "b", 40)])
    with running(path) as server, subscribed(server) as stays, subscribed(server, "gone", 75) as goes:
        with server.talk() as asks:
            assert duty(asks, "gone") == 75
            write_shelves(tmp_path, shelf1=[play(tmp_path, "a", 30)])
            assert asks.ask(Request.RELOAD) == ACK
            assert asks.ask(Request.GET_PWM, "gone") == (Request.DISCONNECT, ("no shelf is called 'gone'",)), (
                "though its question was known by its bytes"
            )
        while (reply := goes.reply())[0] is Request.SET_PWM:
            pass
        assert reply == (Request.DISCONNECT, ("shelf 'gone' is no longer served",))
        assert goes.closed()
        assert duty(stays) == 25


def test_who_is_allowed_on_a_shelf_that_is_gone_keeps_no_server_from_going_on_or_starting(tmp_path: Path) -> None:
    head = f"""
        [server]
        socket = "{tmp_path}/fand.sock"
        [[server.allow]]
        user = "daemon"
        roles = ["report"]
        shelves = ["shelf1", "gone"]
    """
    path = write_shelves(tmp_path, head, shelf1=[play(tmp_path, "a", 30)], gone=[play(tmp_path, "b", 40)])
    warning = f"WARNING fand.server.cli: {path}: server.allow[1].shelves[2]: there is no shelf 'gone'"
    with running(path) as server, subscribed(server) as talk:
        write_shelves(tmp_path, head, shelf1=[play(tmp_path, "a", 40)])
        with server.talk() as operator:
            assert operator.ask(Request.RELOAD) == ACK
        duty_becomes(talk, 75)
        assert server.stop().count(warning) == 1
    with running(path) as server, subscribed(server, until=75):
        assert server.stop().count(warning) == 1


def test_s11_where_to_listen_stays_until_a_restart(tmp_path: Path) -> None:
    path = write_shelves(tmp_path, shelf1=[play(tmp_path, "a", 30)])
    with running(path) as server, server.talk() as talk:
        write_shelves(tmp_path, "[server]\nport = 4999\n", shelf1=[play(tmp_path, "a", 30)])
        assert talk.ask(Request.RELOAD) == ACK
        with server.talk() as other:
            assert other.ask(Request.PING) == ACK
        errors = server.stop()
    assert (
        "WARNING fand.server.service: reload: port under [server] is not as it was at the start; that takes a restart"
        in errors
    )


def test_s11_a_sensor_that_can_never_work_keeps_the_old_configuration_driving(tmp_path: Path) -> None:
    path = write_shelves(tmp_path, shelf1=[play(tmp_path, "a", 30)])
    with running(path, PATH="/nonexistent") as server, subscribed(server) as talk:
        write_shelves(tmp_path, shelf1=[play(tmp_path, "a", 30), '{ smart = "AB12" }'])
        with server.talk() as operator:
            request, (reason,) = operator.ask(Request.RELOAD)
        assert request is Request.DISCONNECT
        assert "shelf shelf1, device AB12: " in reason
        assert "smartmontools" in reason
        assert duty(talk) == 25


def test_s9_a_file_that_hangs_holds_up_nothing_but_its_reload(tmp_path: Path) -> None:
    path = write_shelves(tmp_path, shelf1=[play(tmp_path, "a", 30)])
    with running(path) as server, subscribed(server) as talk, server.talk() as operator:
        text = path.read_text()
        path.unlink()
        os.mkfifo(path)
        operator.send(Request.RELOAD)
        play(tmp_path, "a", 40)
        duty_becomes(talk, 75)
        path.write_text(text)
        assert operator.reply() == ACK


def test_the_service_manager_is_told_of_reloads_and_of_complete_rounds(tmp_path: Path) -> None:
    address = tmp_path / "notify"
    path = write_shelves(tmp_path, shelf1=[play(tmp_path, "a", 30)])
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.settimeout(20)
        manager.bind(str(address))
        with running(path, NOTIFY_SOCKET=str(address), WATCHDOG_USEC="300000") as server:
            assert manager.recv(100) == b"READY=1"
            assert manager.recv(100) == b"WATCHDOG=1"
            assert manager.recv(100) == b"WATCHDOG=1"
            server.process.send_signal(signal.SIGHUP)
            while (said := manager.recv(100)) == b"WATCHDOG=1":
                pass
            assert said.startswith(b"RELOADING=1\nMONOTONIC_USEC=")
            while (said := manager.recv(100)) == b"WATCHDOG=1":
                pass
            assert said == b"READY=1"


def test_a_hangup_while_the_server_starts_is_harmless(tmp_path: Path) -> None:
    path = write_shelves(tmp_path, shelf1=[play(tmp_path, "a", 30)])
    text = path.read_text()
    path.unlink()
    os.mkfifo(path)
    with Child(
        [sys.executable, "-m", "fand", "server", "-c", path, "-p", "0"], stdout=subprocess.PIPE, text=True
    ) as process:
        with path.open("w") as file:  # which the server has opened too: it is on its way
            process.send_signal(signal.SIGHUP)
            file.write(text)
        with Server(process).talk() as talk:
            assert talk.ask(Request.PING) == ACK
        process.terminate()
        assert process.wait(20) == 0


@pytest.mark.parametrize("times", [1, 20])
def test_a_hangup_while_the_server_stops_is_harmless(tmp_path: Path, times: int) -> None:
    address = tmp_path / "notify"
    path = write_shelves(tmp_path, shelf1=[play(tmp_path, "a", "hang", timeout=0.2)])
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.settimeout(20)
        manager.bind(str(address))
        with running(path, NOTIFY_SOCKET=str(address)) as server:
            server.process.send_signal(signal.SIGHUP)
            server.process.send_signal(signal.SIGTERM)
            while manager.recv(100) != b"STOPPING=1":
                pass
            for _ in range(times):
                server.process.send_signal(signal.SIGHUP)
            assert server.process.wait(20) == 0


def test_hangups_without_end_are_one_reload_after_the_other(tmp_path: Path) -> None:
    path = write_shelves(tmp_path, shelf1=[play(tmp_path, "a", 30)])
    with running(path) as server, subscribed(server) as talk:
        for number in range(50):
            server.process.send_signal(signal.SIGHUP)
            if number == 40:
                steeper(path)
        duty_becomes(talk, 45)
        assert "Traceback" not in server.stop()


def test_s11_a_shelf_that_is_gone_takes_its_override_along(tmp_path: Path) -> None:
    device = play(tmp_path, "a", 30)
    path = write_shelves(tmp_path, shelf1=[device], shelf2=[device])
    with running(path) as server, server.talk() as talk:
        for shelf in ("shelf1", "shelf2"):
            assert talk.ask(Request.SET_PWM_OVERRIDE, shelf, 60) == ACK
        write_shelves(tmp_path, shelf1=[device])
        assert talk.ask(Request.RELOAD) == ACK
        write_shelves(tmp_path, shelf1=[device], shelf2=[device])
        assert talk.ask(Request.RELOAD) == ACK
        overrides = [talk.ask(Request.GET_STATUS, shelf)[1][1]["override"] for shelf in ("shelf1", "shelf2")]
        assert [override and override["percent"] for override in overrides] == [60, None]
        server.stop()
    with running(path) as server, server.talk() as talk:
        overrides = [talk.ask(Request.GET_STATUS, shelf)[1][1]["override"] for shelf in ("shelf1", "shelf2")]
        assert [override and override["percent"] for override in overrides] == [60, None]
