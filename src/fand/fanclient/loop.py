"""The hardware loop, which alone decides what is done at the fans, and when.

Each step it hears what the links have said, lets time pass in the machine, writes what is due and measures; then it
waits for a link's word or the next deadline. It never waits for the network. The service manager's watchdog is fed
here and nowhere else, after every fan was written and read back (rule C2), and not while one of them is at fault.
"""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from types import TracebackType
from typing import Final, Self

from fand.clock import GLANCE
from fand.exceptions import DriverError
from fand.fanclient import machine as machines
from fand.fanclient import output as outputs
from fand.fanclient.crew import Hands, in_turn
from fand.fanclient.events import Answer, Board, Event, FanReport, Inbox, Missed, Stop, Woken
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
    one; who has a clock and an inbox of his own, such as a simulation, calls what it consists of. ``hands`` do the
    work at the hardware.
    """

    def __init__(
        self,
        machine: Machine,
        fans: Sequence[HostFan],
        board: Board,
        *,
        clock: Clock,
        hands: Hands = in_turn,
        tell: Callable[[str], object] = notify,
    ) -> None:
        self.machine = machine
        self._fans = fans
        self._board = board
        self._clock = clock
        self._hands = hands
        self._tell = tell
        self._speeds: list[Rpm | None] = [None] * len(fans)
        self._measure_at = clock.mono()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        given = self._hands({place: fan.give_back for place, fan in enumerate(self._fans)})
        for place, fan in enumerate(self._fans):
            if place not in given:
                _log.critical("fan %s is left as it is: its driver hangs", fan.config.name)

    def run(
        self,
        inbox: Inbox,
        begun: Callable[[], object] = lambda: None,
        slept: Callable[[], object] = lambda: False,
    ) -> None:
        """Take the fans over, drive them, and give them back however it ends.

        ``begun`` is called when all fans run at full speed, before any event is heard. ``slept`` is asked every
        :data:`~fand.clock.GLANCE` whether the host was asleep.

        :raises DriverError: see :meth:`begin`
        """
        with self:
            self.begin()
            begun()
            going = True
            while going:
                events = inbox.get(Seconds(min(self.deadline - self._clock.mono(), GLANCE)))
                if slept():
                    events = [Woken(), *events]
                if events or self._clock.mono() >= self.deadline:
                    going = self.step(events)

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
        return min(self.machine.deadline, self._measure_at)

    def step(self, events: Sequence[Event]) -> bool:
        """Hear ``events`` and do what is to be done now; False once :class:`Stop` was heard: nothing is done then."""
        self._hear(events)
        if self.machine.state is State.EXIT:
            self._tell(STOPPING)
            return False
        self._turn()
        return True

    def _take(self) -> None:
        now = self._clock.mono()
        faults = self._hands({place: partial(_fault, fan) for place, fan in enumerate(self._fans)})
        told = []
        for place, fan in enumerate(self._fans):
            fault = faults.get(place, "its driver hangs")
            if fault is not None:
                told.append(f"fan {fan.config.name}: {fault}")
                output = outputs.missing(self.machine.outputs[place], now, self.machine.pace)
                self.machine = machines.driven(self.machine, place, output)
        if len(told) == len(self._fans):
            raise DriverError("; ".join(told))
        for fault in told:
            _log.error("%s", fault)

    def _hear(self, events: Sequence[Event]) -> None:
        now = self._clock.mono()
        for event in events:
            match event:
                case Answer(server, duty, asked):
                    self._become(machines.answer(self.machine, server, duty, asked, now))
                case Missed(server):
                    self._become(machines.missed(self.machine, server, now))
                case Woken():
                    self._become(machines.woken(self.machine, now))
                case Stop():
                    self._become(machines.leave(self.machine))

    def _turn(self) -> None:
        now = self._clock.mono()
        self._become(machines.tick(self.machine, now))
        written = self._write(now)
        if now >= self._measure_at:
            self._measure(now)
            written |= self._write(now)  # a stall is answered at once
        held = [self.machine.outputs[place] for place, fan in enumerate(self._fans) if fan.taken]
        if written and all(output.verified and not output.fault for output in held):
            self._tell(ALIVE)
        self._board.fans = tuple(
            FanReport(fan.config.name, speed, output.written, output.condition.value)
            for fan, speed, output in zip(self._fans, self._speeds, self.machine.outputs, strict=True)
        )
        self._board.at = now

    def _write(self, now: Seconds) -> bool:
        """Write what is due; whether that was a fan in our hands."""
        before, pace = self.machine.outputs, self.machine.pace
        due = self.machine.due(now)
        done = self._hands({place: partial(self._fans[place].write, before[place], pace, now) for place in due})
        for place in due:
            fan = self._fans[place]
            output = done[place] if place in done else fan.hung(before[place], pace, now)
            self.machine = machines.driven(self.machine, place, output)
        return any(self._fans[place].taken for place in due)

    def _measure(self, now: Seconds) -> None:
        self._measure_at = Seconds(now + self.machine.pace.interval)
        count = len(self._fans)  # a tachometer that hangs does not keep its fan from being driven
        jobs = {count + place: partial(fan.measure, now) for place, fan in enumerate(self._fans) if fan.measured}
        done = self._hands(jobs)
        self._speeds = [done.get(count + place) for place in range(count)]
        for place, speed in enumerate(self._speeds):
            output = outputs.measured(self.machine.outputs[place], speed, now)
            self._fans[place].turns(output, speed)
            self.machine = machines.driven(self.machine, place, output)

    def _become(self, machine: Machine) -> None:
        if machine is self.machine:
            return
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


def _fault(fan: HostFan) -> str | None:
    """Take ``fan`` over; says why if it cannot be."""
    try:
        fan.take()
    except DriverError as error:
        return str(error)
    return None
