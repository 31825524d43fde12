"""Running other programs: in time, with bounded output, and never two at once."""

import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Final

from fand.exceptions import DriverError
from fand.units import Seconds

MOST: Final = 1_000_000
"""So many bytes of output are taken; a program that prints more is killed."""

_DEATH: Final = Seconds(1.0)
"""How long a killed program may take to die. One that waits for hardware may not die at all."""


@dataclass(frozen=True, slots=True)
class Output:
    """What a program left behind; a negative ``status`` is the signal that ended it."""

    status: int
    out: bytes
    err: bytes


class Program:
    """One program, run again and again, one run at a time.

    It runs without a shell, in a process group of its own, all of which is killed when it takes too long.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._closed = False

    def run(self, argv: Sequence[str], limit: Seconds, environ: Mapping[str, str] | None = None) -> Output:
        """Run ``argv`` for at most ``limit`` seconds; ``environ`` is its environment, None that of this process.

        :raises DriverError: it cannot be run, took too long, printed too much, or a run before it still hangs
        """
        with self._lock:
            if self._closed:
                raise DriverError(f"{argv[0]}: it is closed")
            if self._child is not None and self._child.poll() is None:
                raise DriverError(f"{argv[0]}: an earlier call still hangs and could not be killed")
            try:
                child = self._child = subprocess.Popen(
                    argv,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    start_new_session=True,
                    env=environ,
                )
            except (OSError, ValueError) as error:
                raise DriverError(f"cannot run {argv[0]}: {getattr(error, 'strerror', None) or error}") from error
        try:
            with child.stdout as out, child.stderr as err:  # type: ignore[union-attr]
                told = _collect(child, out, err, argv[0], limit)
        except DriverError:
            self._kill()
            raise
        return Output(child.returncode, *told)

    def close(self) -> None:
        """Kill what runs, for good."""
        self._closed = True
        self._kill()

    def _kill(self) -> None:
        with self._lock:
            child = self._child
            # a child that was waited for may have given its number to another process
            if child is None or child.returncode is not None:
                return
            try:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait(_DEATH)
            except (OSError, subprocess.TimeoutExpired):  # gone, not ours (sudo), or waiting for hardware
                return


def _collect(
    child: subprocess.Popen[bytes], out: IO[bytes], err: IO[bytes], name: str, limit: Seconds
) -> tuple[bytes, bytes]:
    end = time.monotonic() + limit
    parts = {out.fileno(): bytearray(), err.fileno(): bytearray()}
    with selectors.DefaultSelector() as selector:
        for pipe in parts:
            selector.register(pipe, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(end - time.monotonic())
            if time.monotonic() >= end:
                raise DriverError(f"{name} took longer than {limit:g} s")
            for key, _ in ready:
                data = os.read(key.fd, 65536)
                parts[key.fd] += data
                if not data:
                    selector.unregister(key.fd)
            if sum(map(len, parts.values())) > MOST:
                raise DriverError(f"{name} printed more than {MOST} bytes")
    try:
        child.wait(max(0.0, end - time.monotonic()))
    except subprocess.TimeoutExpired as error:
        raise DriverError(f"{name} took longer than {limit:g} s") from error
    return bytes(parts[out.fileno()]), bytes(parts[err.fileno()])
