"""Real fand-server and fand-client processes around files: a drive that is a file, a fan that is a file."""

import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

PATIENCE = 30.0

CONFIG = """
[curves.drives]
points = [[30, 60], [40, 90], [45, 100]]
[shelves.shelf1]
curves = {{ hdd = "drives" }}
fall = 6000
devices = [{{ fake = 30, path = "{folder}/celsius", family = "hdd", interval = 0.1, timeout = 1, name = "disk" }}]
[client]
shelf = "shelf1"
servers = ["127.0.0.1:9"]
interval = 0.1
lease = 0.5
state = "{folder}/state"
[[client.fans]]
name = "front"
fake = "{folder}/duty"
tachometer = {{ fake = 1500 }}
"""


def kept_port() -> int:
    """A port of 127.0.0.1 that stays free while its server is gone: the system gives it to nobody who connects."""
    try:
        lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except OSError:
        lowest = 32768
    while True:
        port = random.randrange(lowest // 2, lowest)
        with socket.socket() as sock, suppress(OSError):
            sock.bind(("127.0.0.1", port))
            return port


def until(condition: Callable[[], bool], what: str = "what was waited for") -> None:
    """Wait until ``condition`` holds."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"{what} did not happen in {PATIENCE:.0f} s"
        time.sleep(0.005)


class Program:
    """A fand program as a process of its own; its log is ``log``. ``within`` is a command that runs another."""

    def __init__(
        self,
        log: Path,
        *args: str,
        env: dict[str, str] | None = None,
        stderr: int | None = None,
        within: Sequence[str] = (),
    ) -> None:
        self.log = log
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                [*within, sys.executable, "-m", "fand", *args],
                stdout=file,
                stderr=file if stderr is None else stderr,
                env={**os.environ, **(env or {})},
                process_group=0,  # as a shell starts it, so that a terminal's signals can stop it
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE)

    def hang(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    @property
    def text(self) -> str:
        return self.log.read_text()


class Site:
    """A shelf of one drive and one fan. Its server always comes back at the same port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "fand.toml"
        self.config.write_text(CONFIG.format(folder=folder))
        self.duty_file = folder / "duty"
        self.heat(35)  # a demand of 75 %
        self.port = kept_port()
        self._started: list[Program] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for program in self._started:
            program.kill()

    def heat(self, celsius: float) -> None:
        beside = self.folder / "celsius.new"
        beside.write_text(str(celsius))
        beside.replace(self.folder / "celsius")

    def server(self) -> Program:
        log = self.folder / f"server{len(self._started)}.log"
        program = Program(log, "server", "-c", str(self.config), "-a", "127.0.0.1", "-p", str(self.port))
        self._started.append(program)
        until(lambda: "listening on" in program.text or program.process.poll() is not None, "listening")
        found = re.search(r"listening on 127\.0\.0\.1:(\d+)", program.text)
        assert found is not None, program.text
        self.port = int(found[1])
        return program

    def client(self, *args: str, stderr: int | None = None, **env: str) -> Program:
        log = self.folder / f"client{len(self._started)}.log"
        where = ("-a", "127.0.0.1", "-p", str(self.port))
        program = Program(log, "client", "-c", str(self.config), "-v", *where, *args, env=env, stderr=stderr)
        self._started.append(program)
        return program

    @property
    def duty(self) -> float:
        try:
            return float(self.duty_file.read_text())
        except FileNotFoundError:
            return 0.0

    def until_duty(self, duty: float) -> None:
        self.until(lambda: self.duty == duty, f"{duty} %")

    def until(self, condition: Callable[[], bool], what: str = "what was waited for") -> None:
        """Wait until ``condition`` holds; if it never does, tell what the programs had to say."""
        try:
            until(condition, what)
        except AssertionError as error:
            logs = "".join(f"--- {path.name}\n{path.read_text()}" for path in sorted(self.folder.glob("*.log")))
            raise AssertionError(f"{error}; the duty is {self.duty}\n{logs}") from None
