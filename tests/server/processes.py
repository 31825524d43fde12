"""Real servers, as processes of their own."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import create_connection, socket
from typing import Any

from fand.wire import Decoder, Request, encode
from tests.child import Child

CURVE = "[curves.drives]\npoints = [[30, 25], [40, 75]]\ncritical = 60\n"

Reply = tuple[Request, tuple[Any, ...]]


class Talk:
    """One client connection."""

    def __init__(self, port: int, host: str = "127.0.0.1", source: str | None = None) -> None:
        self.sock: socket = create_connection((host, port), 20, None if source is None else (source, 0))
        self._decoder = Decoder()

    def __enter__(self) -> "Talk":
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def send(self, request: Request, *args: object) -> None:
        self.sock.sendall(encode(request, args))

    def reply(self) -> Reply:
        """The next frame that comes; EOFError when the server has closed."""
        while (found := self._decoder.next()) is None:
            data = self.sock.recv(65536)
            if not data:
                raise EOFError
            self._decoder.feed(data)
        return found

    def ask(self, request: Request, *args: object) -> Reply:
        self.send(request, *args)
        return self.reply()

    def closed(self) -> bool:
        """Tell whether the server closes the connection, and says nothing more before."""
        return self.sock.recv(1) == b""


class Server:
    """A running ``fand-server``."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        assert process.stdout is not None
        line = process.stdout.readline()
        match = re.fullmatch(r"listening on (\S+):(\d+)\n", line)
        assert match, f"the server said {line!r}"
        self.host, self.port = match[1], int(match[2])

    def talk(self, host: str = "127.0.0.1") -> Talk:
        return Talk(self.port, host)

    def stop(self, number: int = signal.SIGTERM) -> str:
        """Send a signal; returns what the server wrote to stderr."""
        self.process.send_signal(number)
        return self.process.communicate(timeout=20)[1]


@contextmanager
def running(config: Path, *options: str, stderr: int = subprocess.PIPE, **environ: str) -> Iterator[Server]:
    """A server on a free port of loopback, stopped at the end if it still runs."""
    with Child(
        [sys.executable, "-m", "fand", "server", "-c", str(config), "-p", "0", *options],
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        env={**os.environ, **environ},
    ) as process:
        try:
            yield Server(process)
        finally:
            process.terminate()
            process.communicate(timeout=20)


def ended(*options: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    """A run of ``fand-server`` that ends by itself."""
    return subprocess.run(
        [sys.executable, "-m", "fand", "server", *options],
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
        env={**os.environ, **environ},
    )


def write_config(folder: Path, text: str) -> Path:
    path = folder / "fand.toml"
    path.write_text(CURVE + text)
    return path


def write_shelf(folder: Path, *devices: str, name: str = "shelf1") -> Path:
    """A configuration with one shelf of these devices."""
    listed = "".join(f"  {device},\n" for device in devices)
    return write_config(
        folder, f'[shelves.{name}]\ncurves = {{ hdd = "drives" }}\nfall = 6000\ndevices = [\n{listed}]\n'
    )
