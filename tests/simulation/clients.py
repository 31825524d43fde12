"""The process of a fan client: the real loop, machine, conversation and redialling, on the simulated network.

What :mod:`fand.fanclient.link` does with a socket and a thread, :class:`Link` does with an end of a connection.
"""

from collections.abc import Callable, Sequence
from math import inf
from pathlib import Path
from random import Random
from typing import Final

from fand.config.values import FanConfig, TachometerConfig
from fand.exceptions import (
    CommunicationError,
    ConnectionFailedError,
    CorruptedDataError,
    DriverError,
    FandConnectionResetError,
    SendReceiveError,
)
from fand.fanclient import machine as machines
from fand.fanclient import redial as redials
from fand.fanclient.conversation import Conversation, Turn
from fand.fanclient.events import Answer, Board, Event, Missed, Stop, Woken
from fand.fanclient.hardware import HostFan
from fand.fanclient.host import assert_interval
from fand.fanclient.lease import Terms
from fand.fanclient.loop import Loop
from fand.fanclient.output import Limits
from fand.fanclient.redial import Redial
from fand.units import Percent, Seconds
from fand.wire import Decoder, Request, encode
from tests.simulation.engine import START, Handle, Life, Process, seeded
from tests.simulation.hardware import FanPort, Rack, TachometerPort
from tests.simulation.host import Host, Unit
from tests.simulation.network import End, Network

CONNECT: Final = 10.0
"""Seconds after which the real client gives up connecting."""


class Timer:
    """Something to be done at an instant that often moves: one event, which goes on if it comes too early."""

    def __init__(self, process: Process, due: Callable[[], float], act: Callable[[], None]) -> None:
        self._process = process
        self._due = due
        self._act = act
        self._armed: Handle | None = None
        self._at = inf
        process.woken.append(self._again)

    def look(self) -> None:
        """What is due may have changed; ``due`` gives seconds of the monotonic clock."""
        due = self._due()
        if due < self._at:
            if self._armed is not None:
                self._armed.cancel()
            self._arm(due)

    def _again(self) -> None:
        """The host was suspended: what was due meanwhile is due now."""
        self._at = inf
        if self._armed is not None:
            self._armed.cancel()
        self.look()

    def _arm(self, due: float) -> None:
        self._at = due
        self._armed = self._process.after(max(0.0, due - START - self._process.engine.now), self._ring)

    def _ring(self) -> None:
        due, self._at, self._armed = self._due(), inf, None
        if due - START <= self._process.engine.now + 1e-9:
            self._act()
            self.look()
        elif due < inf:
            self._arm(due)


class Link:
    """The link to server number ``place``, which is host ``there``."""

    def __init__(
        self, client: "FanClient", place: int, there: str, chance: Random, process: Process, network: Network
    ) -> None:
        self._client = client
        self._place = place
        self._there = there
        self._chance = chance
        self._process = process
        self._network = network
        self._redial = Redial()
        self._talk: Conversation | None = None
        self._end: End | None = None
        self._decoder = Decoder()
        self._dialling = 0
        self._timer = Timer(process, lambda: inf if self._talk is None else self._talk.due, self._tick)
        self._frames: dict[Request, tuple[tuple[object, ...], bytes]] = {}

    def begin(self) -> None:
        """Connect when it is time to."""
        due = max(0.0, self._redial.due - self._client.host.mono()) if self._redial.due > -inf else 0.0
        self._process.after(due, self._dial)

    def stop(self) -> None:
        """Tell the server, and be gone."""
        if self._end is not None:
            self._end.send(encode(Request.DISCONNECT, (None,)))
            self._end.close()
            self._end = None

    def received(self, data: bytes) -> None:
        """See :class:`tests.simulation.network.Receiver`."""
        talk, client = self._talk, self._client
        if talk is None:
            return
        self._decoder.feed(data)
        try:
            while self._talk is talk and (found := self._decoder.next()) is not None:
                now = client.host.mono()
                self._act(talk, talk.received(*found, client.board.report(client.terms.lease, now), now))
        except CommunicationError as error:
            self._ended(error)
        else:
            self._timer.look()

    def ended(self) -> None:
        """See :class:`tests.simulation.network.Receiver`."""
        self._ended(FandConnectionResetError("the server closed the connection"))

    def broken(self, error: Exception | None) -> None:
        """See :class:`tests.simulation.network.Receiver`."""
        self._ended(SendReceiveError(str(error)))

    def paused(self, now: bool) -> None:
        """See :class:`tests.simulation.network.Receiver`."""

    def _dial(self) -> None:
        self._dialling += 1
        number = self._dialling
        self._network.connect(
            self._process,
            self._client.host.name,
            self._there,
            lambda end: self._opened(end, number),
            lambda text: self._failed(text, number),
        )
        self._process.after(CONNECT, self._failed, "timed out", number)

    def _opened(self, end: End, number: int) -> None:
        if number != self._dialling:
            end.close()
            return
        self._dialling += 1
        end.receiver = self
        self._end = end
        self._decoder = Decoder()
        self._talk = talk = Conversation(self._client.shelf, self._client.terms)
        self._act(talk, Turn(talk.begin(self._client.host.mono(), subscribe=self._redial.subscribe)))
        self._timer.look()

    def _failed(self, text: str, number: int) -> None:
        if number == self._dialling:
            self._dialling += 1
            self._ended(ConnectionFailedError(f"cannot connect: {text}"))

    def _tick(self) -> None:
        if self._talk is not None:
            try:
                self._act(self._talk, self._talk.tick(self._client.host.mono()))
            except CommunicationError as error:
                self._ended(error)

    def _act(self, talk: Conversation, turn: Turn) -> None:
        if turn.heard is not None:
            self._client.post(Answer(self._place, *turn.heard))
        if turn.whole:
            self._redial = redials.answered(self._redial)
        if turn.say is not None and self._end is not None:
            self._end.send(self._frame(*turn.say))

    def _frame(self, request: Request, args: tuple[object, ...]) -> bytes:
        """The frame of a message, which mostly is as it was the last time."""
        last = self._frames.get(request)
        if last is None or last[0] != args:
            self._frames[request] = last = args, encode(request, args)
        return last[1]

    def _ended(self, error: CommunicationError) -> None:
        talk, self._talk = self._talk, None
        end, self._end = self._end, None
        if end is not None:
            reason = str(error) if isinstance(error, CorruptedDataError) else None
            end.send(encode(Request.DISCONNECT, (reason,)))
            end.close()
        failures, client = self._redial.failures, self._client
        self._redial = redials.ended(
            self._redial,
            error,
            client.terms.interval,
            client.host.mono(),
            self._chance.random(),
            heard=talk is not None and talk.answered,
        )
        if self._redial.failures > failures:
            client.post(Missed(self._place))
        self.begin()


class FanClient:
    """One run of the fan client of a shelf."""

    def __init__(self, unit: Unit, rack: Rack, servers: Sequence[str], network: Network, seed: str) -> None:
        spec = rack.spec
        self.host: Host = unit.host
        self.shelf = spec.name
        self.terms = Terms(Seconds(spec.interval), Seconds(spec.lease), Percent(spec.failsafe))
        self.board = Board()
        self._unit = unit
        self._rack = rack
        self._main = unit.host.process(f"client.{unit.runs}")
        self._threads = unit.host.process(f"links.{unit.runs}")
        fans = [
            HostFan(_config(number, rack), Path("state"), self._open_fan, self._open_tachometer)
            for number in range(len(spec.fans))
        ]
        machine = machines.start(
            self.terms,
            len(servers),
            [Limits(Percent(fan.floor), fan.allow_stop) for fan in spec.fans],
            assert_interval(self.terms.interval, Seconds(unit.watchdog)),
            self.host.mono(),
        )
        self.loop = Loop(machine, fans, self.board, clock=self.host, tell=unit.tell)
        self._links = [
            Link(
                self,
                place,
                server,
                seeded(f"{seed}/{self.shelf}/{unit.runs}/link{place}"),
                self._threads,
                network,
            )
            for place, server in enumerate(servers)
        ]
        self._events: list[Event] = []
        self._timer = Timer(self._main, lambda: self.loop.deadline, self._step)

    @property
    def processes(self) -> tuple[Process, ...]:
        """See :class:`tests.simulation.host.Program`."""
        return self._main, self._threads

    def begin(self) -> None:
        """See :class:`tests.simulation.host.Program`."""
        try:
            self.loop.begin()
        except DriverError:
            self.loop.__exit__(None, None, None)
            self._unit.ended(well=False)
            return
        for link in self._links:
            self._threads.soon(link.begin)
        self._timer.look()
        self._main.woken.append(lambda: self.post(Woken()))

    def terminate(self) -> None:
        """See :class:`tests.simulation.host.Program`."""
        self.post(Stop())

    def resumed(self) -> None:
        """See :class:`tests.simulation.host.Program`; SIGCONT tells the real client."""
        self.post(Woken())

    def post(self, event: Event) -> None:
        """What a link tells the loop."""
        if not self._events:
            self._main.soon(self._wake)
        self._events.append(event)

    def _wake(self) -> None:
        self._step()
        if self._main.life is Life.RUNNING:
            self._timer.look()

    def _step(self) -> None:
        events, self._events = self._events, []
        if not self.loop.step(events):
            self.loop.__exit__(None, None, None)
            for link in self._links:
                link.stop()
            self._unit.ended(well=True)

    def _open_fan(self, config: FanConfig, _state: Path) -> FanPort:
        assert isinstance(config.settings, int)
        return FanPort(self._rack.fans[config.settings], self.host.kept, lambda: None)

    def _open_tachometer(self, config: TachometerConfig) -> TachometerPort:
        assert isinstance(config.settings, int)
        return TachometerPort(self._rack, config.settings)


def _config(number: int, rack: Rack) -> FanConfig:
    spec = rack.spec.fans[number]
    tachometer = TachometerConfig("sim", number) if spec.tachometer else None
    return FanConfig(spec.name, "sim", number, tachometer, Percent(spec.floor), spec.allow_stop)
