"""What systemd does for a service: start, readiness, watchdog, ``ExecStopPost=``, restart."""

import enum
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

STOP: Final = 10.0
"""Seconds in which a service must end after SIGTERM."""
POST: Final = 20.0
"""Seconds in which its ``ExecStopPost=`` must have ended."""

Complain = Callable[[str], None]


class Phase(enum.Enum):
    """Where a unit stands."""

    DOWN = "down"
    STARTING = "starting"
    UP = "up"
    STOPPING = "stopping"
    POST = "post"


@dataclass
class Unit:
    """A service. ``complain`` is told what it should not have done; ``post`` is run when it has ended.

    With ``watchdog`` seconds it is killed when it has been silent for so long.
    """

    name: str
    command: Sequence[str]
    folder: Path
    complain: Complain
    post: Sequence[str] = ()
    watchdog: float = 0.0
    restart: float = 0.5
    phase: Phase = Phase.DOWN
    since: float = 0.0
    stopped: bool = False
    """By SIGSTOP."""
    expected: str = ""
    """How its present life was ended by us, if it was."""
    excused: bool = False
    """It may starve its watchdog, and its ExecStopPost= fail: a fan of its own is broken, or was a moment ago."""
    lives: int = 0
    watchdogs: int = 0
    process: subprocess.Popen[bytes] | None = None
    _alive: float = 0.0
    _sock: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        self.log = self.folder / f"{self.name}.log"
        self.counts = self.folder / f"{self.name}.counts"
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._sock.bind(str(self._address))

    @property
    def _address(self) -> Path:
        return self.folder / f"{self.name}.sock"

    @property
    def pid(self) -> int | None:
        """Of the running service itself."""
        alive = self.phase in (Phase.STARTING, Phase.UP, Phase.STOPPING)
        return self.process.pid if alive and self.process is not None else None

    def answers(self, now: float, settled: float) -> bool:
        """Whether it has been up, and nobody has stopped or killed it, for so many seconds."""
        up = self.phase is Phase.UP and not self.stopped and not self.expected
        return up and now - self.since >= settled

    def start(self, now: float) -> None:
        env = {**os.environ, "NOTIFY_SOCKET": str(self._address)}
        if self.watchdog:
            env["WATCHDOG_USEC"] = str(round(self.watchdog * 1e6))
        self.process = self._spawn(self.command, env)
        self.lives += 1
        self.expected, self.stopped = "", False
        self._become(Phase.STARTING, now)

    def send(self, number: signal.Signals, now: float) -> None:
        """Send it a signal, and remember what for."""
        if self.pid is None or self.process is None:
            return
        if number in (signal.SIGSTOP, signal.SIGCONT):
            self.stopped = number is signal.SIGSTOP
            self.since = now
        elif number is signal.SIGTERM:
            # one that has only begun may not have said yet what SIGTERM is to do
            self.expected = "SIGTERM" if self.phase is Phase.UP else "early SIGTERM"
            self._become(Phase.STOPPING, now)
        elif number is not signal.SIGHUP:
            self.expected = number.name
        self.process.send_signal(number)

    def tick(self, now: float, *, again: bool = True) -> None:
        """Look after it; start it ``again`` when it has ended."""
        ready = self._heard(now)
        status = None if self.process is None else self.process.poll()
        if self.phase is Phase.STARTING and ready:
            self._become(Phase.UP, now)
        if self.phase in (Phase.STARTING, Phase.UP, Phase.STOPPING):
            if status is not None:
                self._ended(status, now)
            elif self.expected in ("SIGKILL", "watchdog"):
                pass  # it dies, which takes a moment
            elif self.phase is Phase.STOPPING and now - self.since > STOP and not self.stopped:
                self.complain(f"{self.name} had not ended {STOP:g} s after SIGTERM{self._words()}")
                self.send(signal.SIGKILL, now)
            elif self.phase is Phase.UP and self.watchdog and now - self._alive > self.watchdog:
                self._starved(now)
        elif self.phase is Phase.POST:
            if status is not None:
                if status and not self.excused:
                    self.complain(f"ExecStopPost= of {self.name} ended with {status}{self._words()}")
                self._become(Phase.DOWN, now)
            elif now - self.since > POST:
                self.complain(f"ExecStopPost= of {self.name} had not ended after {POST:g} s")
                self._kill()
        elif again and now - self.since >= self.restart:
            self.start(now)

    def close(self) -> None:
        """End whatever there still is of it, at once."""
        self._kill()
        self._sock.close()

    def _kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def _heard(self, now: float) -> bool:
        """Take in what it told the service manager; whether it is ready."""
        ready = False
        while True:
            try:
                said = self._sock.recv(4096).decode()
            except BlockingIOError:
                return ready
            ready |= "READY=1" in said
            if "WATCHDOG=1" in said or "READY=1" in said:
                self._alive = now

    def _starved(self, now: float) -> None:
        self.watchdogs += 1
        if not (self.stopped or self.excused):
            self.complain(f"{self.name} did not feed its watchdog for {self.watchdog:g} s{self._words()}")
        self.send(signal.SIGKILL, now)
        self.expected = "watchdog"

    def _ended(self, status: int, now: float) -> None:
        wanted = {
            "SIGTERM": (0,),
            "early SIGTERM": (0, -signal.SIGTERM),
            "watchdog": (-signal.SIGKILL,),
            "SIGKILL": (-signal.SIGKILL,),
        }
        if status not in wanted.get(self.expected, ()):
            self.complain(f"{self.name} ended with {status} after {self.expected or 'nothing at all'}{self._words()}")
        self.stopped = False
        if not self.post:
            self._become(Phase.DOWN, now)
            return
        results = {"watchdog": "watchdog", "SIGKILL": "signal"}
        result = results.get(self.expected, "success" if status in (0, -signal.SIGTERM) else "exit-code")
        env = {**os.environ, "SERVICE_RESULT": result, "EXIT_CODE": "killed" if status < 0 else "exited"}
        env["EXIT_STATUS"] = signal.Signals(-status).name.removeprefix("SIG") if status < 0 else str(status)
        self.process = self._spawn(self.post, env)
        self._become(Phase.POST, now)

    def _become(self, phase: Phase, now: float) -> None:
        self.phase, self.since = phase, now

    def _spawn(self, command: Sequence[str], env: dict[str, str]) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            # in a session of its own, so that Ctrl-C reaches the tool alone
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=env,
                cwd=self.folder,
                start_new_session=True,
            )

    def _words(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-4:]
        return "".join(f"\n      {line}" for line in lines)
