"""An agent and a server in made time: the real conversation and the real shelf, on a network with faults, with clocks
that have nothing to do with one another. True time is the server's clock.
"""

from dataclasses import dataclass, field
from random import Random
from typing import Any

from fand.agent.conversation import Conversation, Message, News
from fand.control import Watch
from fand.dispatch import Addressee, Hall, Mailbox, Peer, Shelf, answer
from fand.dispatch.mailbox import SIGN
from fand.exceptions import CommunicationError, FandConnectionResetError
from fand.fanclient import redial as redials
from fand.fanclient.redial import Redial
from fand.ports import Reading, Temperature
from fand.units import Celsius, Moment, Seconds, Timestamp
from fand.wire import Request
from tests.dispatch.halls import LAW, instant, slot

STEP = 0.05
INTERVAL = 4.0
"""Seconds between two readings of the device."""


@dataclass
class Line:
    """One connection: what is under way each way, with the time when it is there."""

    peer: Peer
    talk: Conversation
    up: list[tuple[float, Message]] = field(default_factory=list)
    down: list[tuple[float, tuple[Request, tuple[Any, ...]]]] = field(default_factory=list)
    held_until: float = 0.0
    """What is sent before arrives after: the network sends it again and again, ever more rarely."""
    given_up: bool = False
    """The agent has closed its end, or is no more; what was under way may arrive all the same."""


class Play:
    """One device, one agent, one server. ``grain`` is that of the sensor: None makes every reading another number."""

    def __init__(self, seed: int, grain: float | None) -> None:
        self.chance = Random(seed)
        self.now = 0.0
        self._offset = self.chance.uniform(-1e6, 1e6)
        self._rate = 1 + self.chance.uniform(-5e-5, 5e-5)
        self._grain = grain
        self.shelf = Shelf("shelf1", LAW, [slot("a", interval=30.0)])
        self.hall = Hall([self.shelf], instant)
        box = Mailbox("nas2", "sda")
        self.hall.mail.become([Addressee("shelf1", "a", Watch(Seconds(30)), "hdd", box)])
        self.hall.mail.hear = self._hear
        self.box = box
        self.taken: dict[float, float] = {}
        """When each reading was taken; with a grain, of each number the last one."""
        self.readings = self.heard = 0
        self._last = 0.0
        self.lines: list[Line] = []
        self._line: Line | None = None
        self._news: dict[str, News] = {}
        self._redial = Redial()
        self._read_at = 0.0
        self.dark_until = 0.0
        """The network carries nothing before."""
        self.running = True

    def agent_clock(self, now: float | None = None) -> Seconds:
        return Seconds((self.now if now is None else now) * self._rate + self._offset)

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now += STEP
            if self.running:
                self._sense()
                self._agent()
            self._server()

    def hold(self, seconds: float) -> None:
        """The network keeps what is under way, and what is sent by the connection that there is, for so long."""
        for line in self.lines:
            line.held_until = max(line.held_until, self.now + seconds)

    def darken(self, seconds: float) -> None:
        """The network carries nothing for so long."""
        self.hold(seconds)
        self.dark_until = max(self.dark_until, self.now + seconds)

    def drop(self) -> None:
        """The connection ends, and the agent sees it at once."""
        self._close()

    def kill(self) -> None:
        """The agent is killed; the system of its host closes what it had open."""
        self.running = False
        self._close()
        self._news = {}

    def start(self) -> None:
        self.running, self._redial, self._read_at = True, Redial(), self.now

    def _sense(self) -> None:
        if self.now < self._read_at:
            return
        self._read_at = self.now + INTERVAL
        self.readings += 1
        celsius = 30 + self.readings * 1e-4 if self._grain is None else 30 + self._grain * self.chance.randrange(2)
        self.taken[celsius] = self.now
        self._news = {"sda": News(Temperature(Celsius(celsius), self.agent_clock()), "hdd")}

    def _agent(self) -> None:
        clock = self.agent_clock()
        try:
            if self._line is None:
                if clock >= self._redial.due:
                    self._connect()
                return
            line = self._line
            while line.down and line.down[0][0] <= self.now:
                line.talk.received(*line.down.pop(0)[1], clock)
            said = line.talk.turn(self._news, clock)
            if said is not None:
                line.up.append((self._arrival(line, line.up), said))
            if line.peer.gone:
                raise FandConnectionResetError("closed")
        except CommunicationError as error:
            self._redial = redials.ended(self._redial, error, SIGN, clock, self.chance.random(), heard=True)
            self._close()

    def _connect(self) -> None:
        if self.now < self.dark_until:
            raise FandConnectionResetError("no connection")
        line = Line(Peer("192.0.2.7:1", Seconds(self.now)), Conversation("nas2", SIGN))
        line.up.append((self._arrival(line, line.up), line.talk.begin(self.agent_clock())))
        self.lines.append(line)
        self._line = line

    def _close(self) -> None:
        if self._line is not None:
            self._line.given_up = True
            self._line = None

    def _arrival(self, line: Line, queue: list[tuple[float, Any]]) -> float:
        """When what is sent now is there: bytes keep their order, and wait while the network holds them."""
        soon = max(self.now, line.held_until) + self.chance.uniform(0, 0.3)
        return max(soon, queue[-1][0]) if queue else soon

    def _server(self) -> None:
        now = Moment(Seconds(self.now), Timestamp(1e9 + self.now))
        for line in tuple(self.lines):
            while line.up and line.up[0][0] <= self.now:
                request, args = line.up.pop(0)[1]
                line.peer.at = now.mono
                given = answer(self.hall, request, args, line.peer, now)
                assert given is not None
                line.down.append((self._arrival(line, line.down), (given.request, given.args)))
            if line.given_up and not line.up and self.now >= line.held_until:
                self.hall.leave(line.peer)
                self.lines.remove(line)
        self.hall.mail.look(now.mono)
        self.shelf.decision(now)

    def _hear(self, _shelf: str, _device: str, reading: Reading) -> None:
        if isinstance(reading, Temperature):
            self.heard += 1
            if self._grain is None:
                assert reading.celsius > self._last, "it was told already, or is from before one that was"
                self._last = reading.celsius
            younger = reading.at - self.taken[reading.celsius]
            assert younger < 0.01, f"it is taken for {younger} s younger than it is"

    @property
    def duty(self) -> float:
        return self.shelf.decision(Moment(Seconds(self.now), Timestamp(1e9 + self.now))).duty
