"""Processes that are measured from outside: pinned, and gone when their block ends."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from tests.child import Child

from bench import peers
from bench.plan import ROOT, SCRIPTS, Plan
from fand.wire import Decoder, Request, encode

THEIRS = ROOT / "tests" / "interop" / "scripts" / "serve.py"
"""What runs the server of fand 0.1.1 and prints its port."""

LONGEST = 300.0
"""Seconds after which what is waited for will not come any more."""


class Started:
    """A running process, its memory and its time."""

    def __init__(self, process: "subprocess.Popen[str]", folder: Path, log: Path) -> None:
        self.process = process
        self.folder = folder
        self.pid = process.pid
        self.began = time.perf_counter()
        self.port = 0
        self.name = " ".join(str(part) for part in process.args[:4])  # type: ignore[index]
        self._log = log

    def line(self) -> str:
        """The next line that it prints."""
        assert self.process.stdout is not None
        text = self.process.stdout.readline()
        if not text:
            raise SystemExit(f"{self.name} said no more, but:\n{self.said()}")
        return text.strip()

    def memory(self) -> float:
        """Resident memory in MiB."""
        return int(self._status("VmRSS")) / 1024

    def wakeups(self) -> int:
        """How often its main thread has waited for something."""
        return int(self._status("voluntary_ctxt_switches"))

    def has_loaded(self, library: str) -> bool:
        """Whether a file whose path has this in it is mapped into it."""
        return library in Path(f"/proc/{self.pid}/maps").read_text()

    def cpu(self) -> float:
        """Seconds of a processor that it and all its threads have used; see clock_getcpuclockid(3)."""
        return time.clock_gettime((~self.pid << 3) | 2)

    def rest(self) -> str:
        """Wait for its end; returns the rest of what it prints."""
        out, _ = self.process.communicate(timeout=LONGEST)
        if self.process.returncode:
            raise SystemExit(f"{self.name} failed:\n{self.said()}")
        return out

    def stop(self) -> str:
        """End it; returns the rest of what it prints."""
        self.process.send_signal(signal.SIGTERM)
        return self.rest()

    def said(self) -> str:
        """The end of what it has written to stderr."""
        return self._log.read_text()[-2000:]

    def _status(self, key: str) -> str:
        text = Path(f"/proc/{self.pid}/status").read_text()
        return text.split(f"\n{key}:")[1].split()[0]


@contextlib.contextmanager
def running(
    command: Sequence[object],
    folder: Path,
    cpus: set[int],
    environ: Mapping[str, str] | None = None,
    stdin: int | None = None,
) -> Iterator[Started]:
    """Run ``command`` in ``folder``, on these processors, until the block ends."""
    log = folder / f"log-{len(list(folder.iterdir()))}"
    with (
        log.open("w") as errors,
        Child(
            [str(part) for part in command],
            cwd=folder,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=_environ(folder, environ),
            preexec_fn=lambda: os.sched_setaffinity(0, cpus),
        ) as process,
    ):
        yield Started(process, folder, log)


def done(command: Sequence[object], folder: Path, cpus: set[int], environ: Mapping[str, str] | None = None) -> str:
    """What ``command``, run to its end on these processors, prints."""
    with running(command, folder, cpus, environ) as started:
        return started.rest()


@contextlib.contextmanager
def our_server(
    plan: Plan,
    config: str,
    *,
    folder: Path | None = None,
    cpus: set[int] | None = None,
    python: Path | None = None,
    script: Sequence[object] = ("-m", "fand"),
    environ: Mapping[str, str] | None = None,
    before: Sequence[object] = (),
) -> Iterator[Started]:
    """fand-server with ``config``, from when it listens; ``script`` is what Python runs it by."""
    place = plan.sub("server") if folder is None else folder
    (place / "fand.toml").write_text(config)
    command = [*before, python or peers.ours(), *script, "server", "-c", "fand.toml", "-a", "127.0.0.1", "-p", 0]
    with running(command, place, plan.one if cpus is None else cpus, environ) as server:
        while (found := re.fullmatch(r"listening on 127\.0\.0\.1:(\d+)", server.line())) is None:
            pass
        server.port = int(found[1])
        yield server


@contextlib.contextmanager
def their_server(
    plan: Plan,
    config: str,
    *,
    cpus: set[int] | None = None,
    environ: Mapping[str, str] | None = None,
    before: Sequence[object] = (),
) -> Iterator[Started]:
    """The server of fand 0.1.1, from when it listens."""
    place = plan.sub("server-0.1.1")
    (place / "fand.ini").write_text(config)
    command = [*before, peers.theirs(), THEIRS, "-c", "fand.ini", "-a", "127.0.0.1", "-p", 0]
    with running(command, place, plan.one if cpus is None else cpus, environ) as server:
        server.port = int(server.line())
        yield server


def rooted(root: Path, *kinds: str) -> list[object]:
    """What runs a service so that drivers of these kinds find the kernel's files below ``root``."""
    return [SCRIPTS / "rooted.py", root, ",".join(kinds)]


def listening(port: int) -> socket.socket:
    """A connection to this port, without delay."""
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def passed(server: Started, shelves: Iterable[str]) -> None:
    """Wait until every device of these shelves has been read: until then they are at full speed (S1)."""
    with listening(server.port) as sock:
        for shelf in shelves:
            decoder = Decoder()
            sock.sendall(encode(Request.SUBSCRIBE_PWM, (shelf,)))
            while (found := decoder.next()) is None or found[1][0] != shelf or found[1][1] >= 100:
                if found is None:
                    decoder.feed(sock.recv(65536))


def _environ(folder: Path, more: Mapping[str, str] | None) -> dict[str, str]:
    """That of a user, for whom Python keeps what it has compiled; what daemons keep stays in ``folder``."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "FAND_"))}
    return {**environ, "STATE_DIRECTORY": str(folder / "state"), **(more or {})}


PYTHON = sys.executable
"""The Python of the suite itself, for references."""
