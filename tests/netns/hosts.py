"""Hosts as network namespaces, joined by links that can be cut and delayed. Needs root and iproute2."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

from tests.netns.line import TUN, Line

PREFIX: Final = "fand-test"


def why_not() -> str | None:
    """Why this host can have no namespaces; None if it can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "there is no program ip; install iproute2"
    probe = f"{PREFIX}-{os.getpid()}-probe"
    made = _run("ip", "netns", "add", probe)
    if made.returncode:
        return f"no network namespace can be made here: {made.stderr.strip()}"
    joined = _run("ip", "-n", probe, "link", "add", "one", "type", "veth", "peer", "name", "other")
    _run("ip", "netns", "del", probe)
    return f"no pair of virtual links can be made here: {joined.stderr.strip()}" if joined.returncode else None


def why_no_delay() -> str | None:
    """Why no link can be delayed on this host; None if it can."""
    return None if os.access(TUN, os.R_OK | os.W_OK) else f"there is no {TUN}"


def why_no_clocks() -> str | None:
    """Why hosts cannot have clocks of their own here; None if they can."""
    if shutil.which("unshare") is None:
        return "there is no program unshare; install util-linux"
    done = _run("unshare", "--time", "--boottime", "1000", "true")
    return f"no time namespace can be made here: {done.stderr.strip()}" if done.returncode else None


class Host:
    """One host. Since when it runs, its clocks say, ``ahead`` seconds more than those of this one."""

    def __init__(self, name: str, ahead: int) -> None:
        self.name = name
        self.space = f"{PREFIX}-{os.getpid()}-{name}"
        self._clocks = ["unshare", "--time", "--monotonic", str(ahead), "--boottime", str(ahead)] if ahead else []

    def ip(self, *words: str) -> str:
        """Run ``ip`` with ``words`` in this host."""
        done = _run("ip", "-n", self.space, *words)
        assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"
        return done.stdout

    def command(self, *words: str) -> list[str]:
        """The command that runs ``words`` on this host."""
        return ["ip", "netns", "exec", self.space, *self._clocks, *words]

    def fand(self, *words: str, **environ: str) -> "subprocess.CompletedProcess[str]":
        """A run of a fand program on this host that ends by itself."""
        return subprocess.run(
            self.command(sys.executable, "-m", "fand", *words),
            capture_output=True,
            text=True,
            timeout=40,
            check=False,
            env={**os.environ, **environ},
        )

    def listens(self) -> list[str]:
        """The TCP addresses on which anybody of this host listens."""
        found = _run(*self.command("cat", "/proc/net/tcp", "/proc/net/tcp6")).stdout.splitlines()
        rows = [line.split() for line in found]
        return [row[1] for row in rows if row[3] == "0A"]

    def processes(self) -> list[int]:
        """Those that run on this host."""
        return [int(pid) for pid in _run("ip", "netns", "pids", self.space).stdout.split()]

    def seconds_ahead(self) -> float:
        """How far its clock that only grows is ahead of this host's, or behind it."""
        here = time.clock_gettime(time.CLOCK_BOOTTIME)
        asked = f"import time; print(time.clock_gettime(time.CLOCK_BOOTTIME) - {here})"
        return float(_run(*self.command(sys.executable, "-c", asked)).stdout)


class Link:
    """A pair of virtual network cards, each in a host, with an address each out of ``network``.0/30."""

    def __init__(self, one: Host, other: Host, network: str) -> None:
        self._ends = ((one, other.name, f"{network}.1"), (other, one.name, f"{network}.2"))
        self.addresses = f"{network}.1", f"{network}.2"
        self._line: Line | None = None
        self._join()

    def cut(self) -> None:
        """Nothing gets through any more, and nobody is told."""
        self._ends[0][0].ip("link", "set", self._ends[0][1], "down")

    def mend(self) -> None:
        """As it was before it was cut."""
        self._ends[0][0].ip("link", "set", self._ends[0][1], "up")

    @contextmanager
    def delayed(self, seconds: float) -> Iterator[None]:
        """All that is sent, either way, arrives so much later."""
        self._part()
        self._line = Line([(host.space, card) for host, card, _ in self._ends], seconds)
        self._address()
        try:
            yield
        finally:
            self._part()
            self._join()

    def end(self) -> None:
        """Take it away."""
        self._part()

    def _join(self) -> None:
        (one, first, _), (other, second, _) = self._ends
        one.ip("link", "add", first, "type", "veth", "peer", "name", second, "netns", other.space)
        self._address()

    def _address(self) -> None:
        for host, card, address in self._ends:
            host.ip("address", "add", f"{address}/30", "dev", card)
            host.ip("link", "set", card, "up")

    def _part(self) -> None:
        if self._line is not None:
            self._line.end()
            self._line = None
        else:
            self._ends[0][0].ip("link", "del", self._ends[0][1])


@contextmanager
def hosts(**ahead: int) -> Iterator[list[Host]]:
    """Hosts of these names, which are gone afterwards with all that runs on them, however the block ends."""
    _sweep()
    with ExitStack() as stack:
        yield [stack.enter_context(_host(name, seconds)) for name, seconds in ahead.items()]


@contextmanager
def _host(name: str, ahead: int) -> Iterator[Host]:
    host = Host(name, ahead)
    done = _run("ip", "netns", "add", host.space)
    assert done.returncode == 0, done.stderr
    try:
        host.ip("link", "set", "lo", "up")
        yield host
    finally:
        _remove(host.space)


def _sweep() -> None:
    """Remove what a run that was killed has left."""
    listed = json.loads(_run("ip", "-j", "netns", "list").stdout or "[]")
    for space in (entry["name"] for entry in listed):
        words = space.removeprefix(f"{PREFIX}-").split("-")
        if space.startswith(f"{PREFIX}-") and words[0].isdecimal() and not Path("/proc", words[0]).exists():
            _remove(space)


def _remove(space: str) -> None:
    for pid in _run("ip", "netns", "pids", space).stdout.split():
        with suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    _run("ip", "netns", "del", space)


def _run(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
