"""The server that is attacked: a real process with a memory limit, and honest clients beside the attacker."""

import contextlib
import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from fand.wire import Request
from tests.child import Child
from tests.hostile.secure import Secured
from tests.server.processes import Server, Talk, write_config

MEMORY: Final = 256 * 1024 * 1024
"""Bytes of data that the server may have; beyond, its calls for memory fail."""

GROWTH: Final = 48 * 1024
"""KiB by which its memory may grow, at its peak, in the worst attack."""

PROMPT: Final = 1.0
"""Seconds in which others are answered: of the clock, or, where the host is busy with other things, of the server's
processor."""

CANARY: Final = "canary"
"""The name of a file that attacks would write if they could run anything, and of a module that writes it."""

SHELVES: Final = """
[shelves.shelf1]
curves = { hdd = "drives" }
devices = [{ fake = 32, name = "sda" }, { fake = 31, name = "sdb", optional = true }]

[shelves.shelf2]
curves = { hdd = "drives" }
devices = [{ fake = 33, name = "sdc" }]

[shelves.play]
curves = { hdd = "drives" }
devices = [{ fake = 30, name = "sdd" }, { agent = "nas2", device = "X", optional = true }]
"""
"""Nothing may change in the first two. In the third an attack may do what every client may."""


class Live:
    """A running server with a fan client and an operator, both honest."""

    def __init__(self, folder: Path, process: "subprocess.Popen[str]", known: Secured | None = None) -> None:
        self.folder = folder
        self._known = known
        self.server = Server(process)
        self.port = self.server.port
        self.canary = folder / CANARY
        self.log = folder / "log"
        self._read = 0
        self._pid = process.pid
        self.fan, self.operator = self.honest("fan"), self.honest("operator")
        self.report()
        while not all(self._was_read(shelf) for shelf in ("shelf1", "shelf2")):
            pass

    @property
    def secured(self) -> Secured:
        """Whom it knows."""
        assert self._known is not None
        return self._known

    def _was_read(self, shelf: str) -> bool:
        """Whether every device of this shelf has been read."""
        devices = self.operator.ask(Request.GET_STATUS, shelf)[1][1]["devices"]
        return all(device["age"] is not None for device in devices)

    def honest(self, name: str) -> Talk:
        """A connection of ``name``, who is known where it speaks TLS."""
        return Talk(self.port) if self._known is None else self._known.talk(self.port, name)

    def report(self) -> None:
        """The fan client tells of its fans, as it does every few seconds."""
        fan = {"name": "front", "rpm": 900, "duty": 35, "state": "ok"}
        for shelf in ("shelf1", "shelf2"):
            assert self.fan.ask(Request.SET_FANS, shelf, [fan]) == (Request.ACK, ())

    def stranger(self, host: str = "127.0.0.1") -> Talk:
        """A connection of the attacker's, from ``host``."""
        return Talk(self.port, source=host)

    def state(self) -> dict[str, Any]:
        """All that a client can see of the shelves in which nothing may change, and which files there are."""
        self.report()
        shelves = self.operator.ask(Request.GET_SHELVES)
        found: dict[str, Any] = {"shelves": shelves}
        for name in ("shelf1", "shelf2"):
            status = self.operator.ask(Request.GET_STATUS, name)[1][1]
            found[name] = _ageless(status)
        found["files"] = sorted(path.name for path in self.folder.iterdir())
        return found

    def memory(self, field: str = "VmRSS") -> int:
        """Its resident memory in KiB, or another field that the kernel tells of a process."""
        text = Path(f"/proc/{self._pid}/status").read_text()
        found = re.search(rf"^{field}:\s+(\d+) kB$", text, re.MULTILINE)
        assert found is not None
        return int(found[1])

    def measure(self) -> None:
        """Measure the peak of its memory anew."""
        Path(f"/proc/{self._pid}/clear_refs").write_text("5")

    def children(self) -> str:
        """The processes that it has started."""
        return "".join(path.read_text() for path in Path(f"/proc/{self._pid}/task").glob("*/children"))

    def served(self, *, full: bool = False) -> None:
        """Others are answered promptly: who is connected, and, unless all places are taken, a newcomer."""
        asks = [
            lambda: self.fan.ask(Request.GET_PWM, "shelf1"),
            lambda: self.operator.ask(Request.GET_RPM, "shelf1"),
            *([] if full else [self._come]),
        ]
        for ask in asks:
            assert any(self._promptly(ask) for _ in range(3)), "others wait"

    def _come(self) -> object:
        with self.honest("operator") as talk:
            return talk.ask(Request.PING)

    def _promptly(self, ask: Any) -> bool:
        begin, used = time.monotonic(), self._used()
        request, _ = ask()
        assert request in (Request.SET_PWM, Request.SET_RPM, Request.ACK)
        return time.monotonic() - begin < PROMPT or self._used() - used < PROMPT

    def _used(self) -> float:
        """Seconds that the server has used its processor."""
        fields = Path(f"/proc/{self._pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def unharmed(self, peak: int) -> None:
        """It lives, has run nothing and has not been fooled, and its memory has not grown far beyond ``peak`` KiB."""
        assert self.server.process.poll() is None, "it has ended"
        assert not self.canary.exists(), "it has run what it was sent"
        assert self.children() == ""
        assert self.memory("VmHWM") - peak < GROWTH, "its memory has grown"
        with self.log.open(newline="") as file:
            file.seek(self._read)
            news = file.read()
            self._read = file.tell()
        for line in news.split("\n"):
            assert not line or re.fullmatch(LOGGED, line), f"the log has been forged: {line!r}"

    def close(self) -> None:
        self.fan.sock.close()
        self.operator.sock.close()


LOGGED: Final = (
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ((INFO|WARNING) fand|ERROR fand\.server\.keeper)\S*: "
    r"[^\x00-\x1f\x7f-\x9f]+"
)
"""A line of the log of a server in which nothing went wrong; alarms are errors."""


def _ageless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _ageless(inner) for key, inner in value.items() if "age" not in key}
    return [_ageless(inner) for inner in value] if isinstance(value, list) else value


@contextlib.contextmanager
def attacked(folder: Path, limits: str = "", known: Secured | None = None, most: int = MEMORY) -> Iterator[Live]:
    """A server to attack, with these lines of ``[server.limits]``; if it knows anybody, it speaks TLS."""
    text = SHELVES + (f"\n[server.limits]\n{limits}\n" if limits else "")
    config = write_config(folder, text + ("" if known is None else f"\n{known.settings}"))
    bait = folder / "bait"
    bait.mkdir()
    (bait / f"{CANARY}.py").write_text(f"open({str(folder / CANARY)!r}, 'w').close()\n")
    state = folder / "state"
    state.mkdir()
    with Child(
        [sys.executable, "-m", "fand", "server", "-c", str(config), "-p", "0", "-v", "-l", str(folder / "log")],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(bait), "STATE_DIRECTORY": str(state)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (most, most)),
    ) as process:
        live = Live(folder, process, known)
        try:
            yield live
        finally:
            live.close()
            process.terminate()
            process.wait(20)
