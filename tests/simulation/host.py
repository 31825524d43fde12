"""Hosts: their clocks and what survives on them; and the service manager, which is a host's own systemd."""

from collections.abc import Callable
from math import inf
from typing import Final, Protocol

from fand.notify import ALIVE, READY
from fand.units import Seconds, Timestamp
from tests.simulation.engine import START, Engine, Life, Process

WALL: Final = 1_700_000_000.0
"""What wall clocks show when a simulation begins."""

DAY: Final = 86400.0

STOP_POST: Final = 0.2
"""Seconds from the end of a service to that of its ``ExecStopPost=``."""


ABORT: Final = 2.0
"""``TimeoutAbortSec=``: seconds from the end of the watchdog's patience to SIGKILL."""

LOOK: Final = 1.0
"""The real fan client looks at the clock at least so often: what was due in a suspend is done so soon after it."""


class Host:
    """A machine. ``ahead`` is by how much its wall clock is wrong; ``kept`` is what is on its disk."""

    def __init__(self, engine: Engine, name: str) -> None:
        self.engine = engine
        self.name = name
        self.ahead = 0.0
        self.set_at = -inf
        """When its wall clock was set last."""
        self.kept: dict[str, tuple[bool, float]] = {}
        self.processes: list[Process] = [Process(engine, f"{name}/manager")]
        self._fell_asleep: float | None = None
        self.woke = -inf
        """When it last woke from a suspend."""
        self._stopped: list[Process] = []

    @property
    def manager(self) -> Process:
        """The process of the service manager."""
        return self.processes[0]

    @property
    def asleep(self) -> bool:
        """Whether it is suspended."""
        return self._fell_asleep is not None

    def process(self, name: str) -> Process:
        """A new process."""
        self.processes = [process for process in self.processes if process.life is not Life.DEAD]
        process = Process(self.engine, f"{self.name}/{name}")
        self.processes.append(process)
        return process

    def set_clock(self, seconds: float) -> None:
        """Set the wall clock by so much, but not to before 1970, which Linux refuses."""
        self.ahead = max(self.ahead + seconds, DAY - WALL - self.engine.now)
        self.set_at = self.engine.now

    def suspend(self) -> None:
        """Nothing runs here until :meth:`resume`."""
        if self._fell_asleep is None:
            self._fell_asleep = self.engine.now
            self._stopped = [process for process in self.processes if process.life is Life.HUNG]
            for process in self.processes:
                process.hang()

    def resume(self) -> None:
        """Go on. Timers stood still meanwhile, but not the clock that counts the time of a suspend."""
        if self._fell_asleep is None:
            return
        span = Seconds(self.engine.now - self._fell_asleep)
        self._fell_asleep = None
        self.woke = self.engine.now
        for process in self.processes:
            self.engine.postpone(process, span)
            if process not in self._stopped:
                process.resume()
            for call in process.woken:
                process.after(LOOK, call)

    def resume_process(self, process: Process) -> None:
        """SIGCONT; one of a host that sleeps goes on when that wakes."""
        if not self.asleep:
            process.resume()
        elif process in self._stopped:
            self._stopped.remove(process)

    def mono(self) -> Seconds:
        """See :class:`fand.ports.Clock`; the time in suspend counts."""
        return Seconds(self.engine.now + START)

    def wall(self) -> Timestamp:
        """See :class:`fand.ports.Clock`."""
        return Timestamp(self.engine.now + WALL + self.ahead)


class Program(Protocol):
    """What a unit runs."""

    @property
    def processes(self) -> tuple[Process, ...]:
        """Its processes, or threads."""
        ...

    def begin(self) -> None:
        """Start. What it raises ends it."""
        ...

    def terminate(self) -> None:
        """SIGTERM."""
        ...

    def resumed(self) -> None:
        """SIGCONT."""
        ...


class Unit:
    """A service under systemd: ``Type=notify``, ``Restart=always``, ``WatchdogSec=``, ``ExecStopPost=``.

    ``make`` gives a new run of the program; ``after`` is what runs once it has ended, however that was, and is told
    whether it ended well.
    """

    def __init__(
        self,
        host: Host,
        name: str,
        make: Callable[["Unit"], Program],
        after: Callable[[bool], None],
        closed: Callable[[Process], None],
        watchdog: float,
        restart: float,
    ) -> None:
        self.host = host
        self.name = name
        self.watchdog = watchdog
        self.runs = 0
        self.began = 0.0
        self.program: Program | None = None
        self.ready = False
        self._make = make
        self._after = after
        self._closed = closed
        self._restart = restart
        self._alive = 0.0

    @property
    def up(self) -> bool:
        """Whether it runs and is ready, hung or not."""
        return self.program is not None and self.ready

    def start(self) -> None:
        """Start the service."""
        self.runs += 1
        self.ready = False
        self.began = self.host.engine.now
        self._alive = self.began
        self.program = self._make(self)
        process = self.program.processes[0]
        process.soon(self._begin)

    def tell(self, state: str) -> None:
        """What the program notifies."""
        if state == READY:
            self.ready = True
            self._alive = self.host.engine.now
            self.host.manager.after(self.watchdog, self._look, self.runs)
        elif state == ALIVE:
            self._alive = self.host.engine.now

    def kill(self) -> None:
        """SIGKILL."""
        self.ended(well=False)

    def hang(self) -> None:
        """SIGSTOP, all threads."""
        if self.program is not None:
            for process in self.program.processes:
                process.hang()

    def resume(self) -> None:
        """SIGCONT."""
        if self.program is not None:
            for process in self.program.processes:
                self.host.resume_process(process)
            self.program.resumed()

    def stop(self) -> None:
        """``systemctl restart``: ask it to end; it is started again."""
        if self.program is not None:
            self.program.processes[0].soon(self.program.terminate)

    def ended(self, *, well: bool) -> None:
        """The program has ended, or has to."""
        program, self.program = self.program, None
        if program is None:
            return
        self.ready = False
        for process in program.processes:
            process.die()
            self._closed(process)
        self.host.manager.after(STOP_POST, self._after, well)
        self.host.manager.after(STOP_POST + self._restart, self.start)

    def _abort(self, run: int) -> None:
        if run == self.runs:
            self.ended(well=False)

    def _begin(self) -> None:
        if self.program is not None:
            self.program.begin()

    def _look(self, run: int) -> None:
        """Whether the program has said lately that it is alive."""
        if run != self.runs or not self.up:
            return
        left = self._alive + self.watchdog - self.host.engine.now
        if left <= 1e-6:
            # a process that hangs does not end by the signal that it is sent first
            self.host.manager.after(ABORT, self._abort, run)
        else:
            self.host.manager.after(left, self._look, run)
