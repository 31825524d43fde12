"""The hardware loop: the one thread that touches the fans.

Each step it hears what the links have said, lets time pass in the machine, writes what is due and measures; then it
waits for a link's word or the next deadline. It never waits for the network. The service manager's watchdog is fed
here and nowhere else, after every fan was written and read back (rule C2).
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Final, Self

from fand.exceptions import DriverError
from fand.fanclient import machine as machines
from fand.fanclient.events import Answer, Board, Event, FanReport, Inbox, Missed, Stop
from fand.fanclient.hardware import HostFan
from fand.fanclient.lease import State
from fand.fanclient.machine import Machine
from fand.notify import ALIVE, READY, STOPPING, notify
from fand.ports import Clock
from fand.units import Rpm, Seconds

_log = logging.getLogger(__name__)

_LEVELS: Final = {State.HOLD: logging.WARNING, State.FAILSAFE: logging.ERROR}
_TOLD: Final = {
    State.INIT: "full speed until every server has answered",
    State.RUN: "driving what the servers ask for",
    State.HOLD: "an answer was missed; the duty is kept",
    State.FAILSAFE: "the lease is over without an answer; failsafe duty",
    State.EXIT: "giving the fans back",
}


class Loop:
    """Drives ``fans``, in the order of the machine's outputs, until :class:`Stop` is heard.

    Leaving it as a context manager gives the fans back, whatever happened inside. :meth:`run` is the whole life of
    one; who has a clock and an inbox of his own, such as a simulation, calls what it consists of.
    """

    def __init__(
        self,
        machine: Machine,
        fans: Sequence[HostFan],
        board: Board,
        *,
        clock: Clock,
        tell: Callable[[str], object] = notify,
    ) -> None:
        self.machine = machine
        self._fans = fans
        self._board = board
        self._clock = clock
        self._tell = tell
        self._speeds: list[Rpm | None] = [None] * len(fans)
        self._measure_at = clock.mono()
        self._held = ExitStack()

    def __enter__(self) -> Self:
        for fan in self._fans:
            self._held.enter_context(fan)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._held.__exit__(kind, error, trace)

    def run(self, inbox: Inbox, begun: Callable[[], object] = lambda: None) -> None:
        """Take the fans over, drive them, and give them back however it ends.

        ``begun`` is called when all fans run at full speed, before any event is heard.

        :raises DriverError: see :meth:`begin`
        """
        with self:
            self.begin()
            begun()
            while self.step(inbox.get(Seconds(self.deadline - self._clock.mono()))):
                pass

    def begin(self) -> None:
        """Take the fans over, at full speed, and tell the service manager.

        :raises DriverError: none of the fans can be taken over; one sentence a fan
        """
        self._take()
        self._turn()
        self._tell(READY)

    @property
    def deadline(self) -> Seconds:
        """When :meth:`step` is due at the latest, with or without events."""
        return self.machine.deadline

    def step(self, events: Sequence[Event]) -> bool:
        """Hear ``events`` and do what is to be done now; False once :class:`Stop` was heard: nothing is done then."""
        self._hear(events)
        if self.machine.state is State.EXIT:
            self._tell(STOPPING)
            return False
        self._turn()
        return True

    def _take(self) -> None:
        faults = []
        for fan in self._fans:
            try:
                fan.take()
            except DriverError as error:
                faults.append(f"fan {fan.config.name}: {error}")
        if len(faults) == len(self._fans):
            raise DriverError("; ".join(faults))

    def _hear(self, events: Sequence[Event]) -> None:
        now = self._clock.mono()
        for event in events:
            match event:
                case Answer(server, duty, asked):
                    self._become(machines.answer(self.machine, server, duty, asked, now))
                case Missed(server):
                    self._become(machines.missed(self.machine, server, now))
                case Stop():
                    self._become(machines.leave(self.machine))

    def _turn(self) -> None:
        now = self._clock.mono()
        self._become(machines.tick(self.machine, now))
        due = self.machine.due(now)
        for place in due:
            self.machine = self._fans[place].write(self.machine, place, now)
        if now >= self._measure_at:
            self._measure_at = Seconds(now + self.machine.interval)
            self._speeds = [fan.measure(now) for fan in self._fans]
        outputs = self.machine.outputs
        taken = [place for place, fan in enumerate(self._fans) if fan.taken]
        if not set(taken).isdisjoint(due) and all(outputs[place].verified for place in taken):
            self._tell(ALIVE)
        self._board.fans = tuple(
            FanReport(fan.config.name, speed, output.written, output.condition.value)
            for fan, speed, output in zip(self._fans, self._speeds, outputs, strict=True)
        )
        self._board.at = now

    def _become(self, machine: Machine) -> None:
        state, before = machine.state, self.machine.state
        if state is not before:
            _log.log(  # who sees a state begin shall see it end
                max(_LEVELS.get(each, logging.INFO) for each in (state, before)),
                "%s after %s: %s (%.3g %%)",
                state.name,
                before.name,
                _TOLD[state],
                machine.demand,
            )
        elif machine.demand != self.machine.demand:
            _log.info("%s: %.3g %% after %.3g %%", state.name, machine.demand, self.machine.demand)
        self.machine = machine
