import os
import socket
import time
from pathlib import Path

import pytest

from fand.notify import ALIVE, READY, notify, reloading, watchdog
from fand.units import Seconds


@pytest.mark.parametrize("abstract", [False, True])
def test_the_manager_is_told_through_its_socket(tmp_path: Path, abstract: bool) -> None:
    path = f"@fand-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + path[1:] if abstract else path)
        assert notify(READY, {"NOTIFY_SOCKET": path})
        assert notify(ALIVE, {"NOTIFY_SOCKET": path})
        assert [manager.recv(100), manager.recv(100)] == [b"READY=1", b"WATCHDOG=1"]


def test_nobody_is_told_where_nobody_asked() -> None:
    assert not notify(READY, {})
    assert not notify(READY, {"NOTIFY_SOCKET": ""})


def test_a_manager_that_is_gone_is_logged_and_no_error(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = str(tmp_path / "gone")
    assert not notify(ALIVE, {"NOTIFY_SOCKET": path})
    assert path in caplog.text


def test_the_watchdog_is_ours_only_if_it_names_this_process() -> None:
    assert watchdog({}) is None
    assert watchdog({"WATCHDOG_USEC": "10000000"}) == Seconds(10)
    assert watchdog({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": str(os.getpid())}) == Seconds(0.5)
    assert watchdog({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": "1"}) is None


@pytest.mark.parametrize("usec", ["0", "-1", "soon", "1.5", ""])
def test_a_watchdog_period_that_is_none_is_ignored(usec: str) -> None:
    assert watchdog({"WATCHDOG_USEC": usec}) is None


def test_a_reload_is_told_with_the_time_of_the_managers_clock() -> None:
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    first, second = reloading().split("\n")
    assert first == "RELOADING=1"
    name, usec = second.split("=")
    assert name == "MONOTONIC_USEC"
    assert before <= int(usec) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
