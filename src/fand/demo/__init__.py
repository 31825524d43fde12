"""``fand demo``: a real server and a real fan client, at work on a shelf that is simulated.

Both run as processes of their own and talk over loopback, as they would in a rack. Only their hardware is played:
the sensors and fans of kind ``fake`` are files in a temporary folder, and between them :mod:`fand.sim` works out how
the drives warm and cool. What is shown is what the server answers.
"""

import argparse
import os
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from math import isfinite
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Self

from fand.client import Client
from fand.demo.scene import Past, Scene, hottest, phase, summary
from fand.demo.stage import NAME, Child, Plant, configure
from fand.demo.view import View, view
from fand.exceptions import FandError
from fand.util import default_signal_handler, sleep, terminating

TICK: Final = 0.25
PATIENCE: Final = 20.0
"""Seconds that the server may leave us without an answer: it has to start first."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo with the arguments ``argv`` (None: those of the process) and give the exit status."""
    parser = argparse.ArgumentParser(
        prog="fand demo",
        description="Start a server and a fan client on this host, simulate a shelf for them, and show it live.",
    )
    parser.add_argument("--seconds", type=_seconds, metavar="N", help="end after N seconds (without: at Ctrl-C)")
    args = parser.parse_args(argv)
    for sort in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sort, default_signal_handler)
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # where there is no degree sign
    try:
        with TemporaryDirectory(prefix="fand-demo-") as folder:
            past = perform(Path(folder), args.seconds)
        if past:
            print(f"fand demo: {summary(past)}", flush=True)
    except BrokenPipeError:  # whoever read our output has gone: say no more, at exit neither
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (FandError, OSError) as error:
        print(f"fand demo: {error}", file=sys.stderr)
        return 1
    return 0


def perform(folder: Path, seconds: float | None) -> Sequence[Past]:
    """Play in ``folder`` for so long (None: until the program is to end), and give what was, second by second.

    :raises FandError: one of the processes ended, or the server does not answer
    """
    port = _free_port()
    configure(folder, port)
    plant = Plant(folder)
    with (
        Child("server", folder) as server,
        Child("client", folder) as client,
        Watch(port) as watch,
        view(port) as shown,
    ):
        return _play(plant, (server, client), watch, shown, seconds)


def _play(
    plant: Plant, children: Sequence[Child], watch: "Watch", shown: View, seconds: float | None
) -> Sequence[Past]:
    past: deque[Past] = deque(maxlen=1000)
    second = -1
    last = time.monotonic()
    start: float | None = None  # until the server answers
    while not terminating():
        sleep(TICK)
        now = time.monotonic()
        elapsed = 0.0 if start is None else now - start
        if seconds is not None and elapsed >= seconds:
            break
        name, load = phase(elapsed)
        plant.advance(load, now - last)
        last = now
        for child in children:
            child.check()
        status = watch.status(now)
        if status is None:
            continue
        start = now if start is None else start
        celsius = hottest(status)
        if celsius is not None and int(elapsed) > second:
            second = int(elapsed)
            past.append(Past(celsius, status["duty"]))
        shown.show(Scene(elapsed, name, watch.port, status, tuple(past)))
    return tuple(past)


class Watch:
    """Asks the server for the state of the shelf, over a new connection where the last one failed."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._open = ExitStack()
        self._client: Client | None = None
        self._since: float | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def status(self, now: float) -> dict[str, Any] | None:
        """What the server answers; None if it does not, which is borne for a while.

        :raises FandError: that has lasted too long
        """
        try:
            if self._client is None:
                self._client = self._open.enter_context(Client("127.0.0.1", self.port))
            status = self._client.status(NAME)
        except FandError:
            self._client = None
            self._open.close()
            self._since = now if self._since is None else self._since
            if now - self._since > PATIENCE:
                raise
            return None
        self._since = None
        return status


def _free_port() -> int:
    """A port of loopback that nobody uses now."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not (isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return value
