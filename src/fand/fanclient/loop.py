"""The hardware loop: the one thread that touches the fans.

Each turn it lets time pass in the machine, writes what is due, measures, and then waits for a link's word or the
machine's next deadline. It never waits for the network. The service manager's watchdog is fed here and nowhere else,
after every fan was written and read back (rule C2).
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Final

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
    """Drives ``fans``, in the order of the machine's outputs, until :class:`Stop` comes."""

    def __init__(
        self,
        machine: Machine,
        fans: Sequence[HostFan],
        inbox: Inbox,
        board: Board,
        *,
        clock: Clock,
        tell: Callable[[str], object] = notify,
    ) -> None:
        self.machine = machine
        self._fans = fans
        self._inbox = inbox
        self._board = board
        self._clock = clock
        self._tell = tell
        self._speeds: list[Rpm | None] = [None] * len(fans)
        self._measure_at = clock.mono()

    def run(self, begun: Callable[[], object] = lambda: None) -> None:
        """Take the fans over, drive them, and give them back however it ends.

        ``begun`` is called when all fans run at full speed, before any event is heard.

        :raises DriverError: none of the fans can be taken over; one sentence a fan
        """
        with ExitStack() as stack:
            for fan in self._fans:
                stack.enter_context(fan)
            self._take()
            self._turn()
            begun()
            self._tell(READY)
            while True:
                self._hear(self._inbox.get(Seconds(self.machine.deadline - self._clock.mono())))
                if self.machine.state is State.EXIT:
                    break
                self._turn()
            self._tell(STOPPING)

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
