"""Real daemons of both fands on loopback, as child processes."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from .peers import Peer


class Daemon:
    """A running daemon: what it prints, and its port."""

    def __init__(self, process: subprocess.Popen[str], messages: Path, port: int = 0) -> None:
        self.process = process
        self.port = port
        self._messages = messages

    def until(self, wanted: str) -> None:
        """Read what it prints until a line is ``wanted``; the test's time-out is the deadline."""
        assert self.process.stdout
        seen = []
        for line in self.process.stdout:
            seen.append(line.strip())
            if seen[-1] == wanted:
                return
        raise AssertionError(f"{wanted!r} never came; it printed {seen}, and said:\n{self._messages.read_text()}")

    def line(self) -> str:
        """The next line that it prints."""
        assert self.process.stdout
        text = self.process.stdout.readline().strip()
        assert text, f"it printed nothing more, and said:\n{self._messages.read_text()}"
        return text


@contextmanager
def running(command: Sequence[str], folder: Path, environ: dict[str, str] | None = None) -> Iterator[Daemon]:
    """Run a daemon in ``folder`` while the block does; in the end it is killed, for 0.1.1 may never end otherwise."""
    messages = folder / f"{Path(command[0]).name}-{len(list(folder.iterdir()))}.log"
    env = {**os.environ, **(environ or {})}
    with (
        messages.open("w") as log,
        subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        try:
            yield Daemon(process, messages)
        finally:
            process.send_signal(signal.SIGKILL)


@contextmanager
def our_server(config: Path) -> Iterator[Daemon]:
    """Our server, from when it listens."""
    command = [sys.executable, "-m", "fand", "server", "-c", str(config), "-a", "127.0.0.1", "-p", "0"]
    with running(command, config.parent) as daemon:
        words, _, port = daemon.line().rpartition(":")
        assert words == "listening on 127.0.0.1"
        daemon.port = int(port)
        yield daemon


@contextmanager
def their_server(peer: Peer, config: Path) -> Iterator[Daemon]:
    """fand 0.1.1's server, from when it listens."""
    with running(peer.command("serve.py", "-c", config, "-a", "127.0.0.1", "-p", 0), config.parent) as daemon:
        daemon.port = int(daemon.line())
        yield daemon
