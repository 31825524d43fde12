"""Peers that misbehave: whatever a dashboard, an exporter or a stranger does, control goes on (S12)."""

from typing import Final

from fand.wire import Request, encode
from tests.simulation.engine import Process, seeded
from tests.simulation.network import End, Network

PACE: Final = 2.0
CROWD: Final = 250
"""More connections than the server takes."""

_QUESTION: Final = encode(Request.GET_STATUS, ("shelf1",)) * 20


class Nuisance:
    """One peer on the operators' host, which does what its ``kind`` says ``until`` then."""

    def __init__(self, process: Process, network: Network, there: str, kind: str, until: float) -> None:
        self._process = process
        self._network = network
        self._there = there
        self._kind = kind
        self._until = until
        self._chance = seeded(f"{kind} {until}")
        self._ends: list[End] = []

    def begin(self) -> None:
        """Connect."""
        for _ in range(CROWD if self._kind == "peers crowd" else 1):
            self._network.connect(self._process, "desk", self._there, self._opened, lambda _text: None)
        self._process.after(max(0.0, self._until - self._process.engine.now), self._go)

    def received(self, data: bytes) -> None:
        """See :class:`tests.simulation.network.Receiver`."""

    def ended(self) -> None:
        """See :class:`tests.simulation.network.Receiver`."""

    def broken(self, error: Exception | None) -> None:
        """See :class:`tests.simulation.network.Receiver`."""

    def paused(self, now: bool) -> None:
        """See :class:`tests.simulation.network.Receiver`."""

    def _opened(self, end: End) -> None:
        self._ends.append(end)
        end.receiver = self
        match self._kind:
            case "peer babbles":
                self._babble()
            case "peer floods":
                end.read(on=False)
                self._flood(end)
            case "peer stops":
                end.send(_QUESTION[: self._chance.randrange(1, 60)])

    def _babble(self) -> None:
        """Send what is no frame, or none that the server takes; come again when refused."""
        junk = (
            self._chance.randbytes(self._chance.randrange(1, 60)),
            b"99F90004" + self._chance.randbytes(4),
            encode(Request.GET_PWM, ("nobody",)),
            encode(Request.SET_FANS, ("shelf1", [{"name": "", "rpm": -1}])),
            encode(Request.SET_RPM, ("shelf1", 1e9)),
            encode(Request.ACK, ()),
        )
        if self._process.engine.now < self._until:
            self._ends[-1].send(self._chance.choice(junk))
            self._network.connect(self._process, "desk", self._there, self._replaced, lambda _text: None)

    def _replaced(self, end: End) -> None:
        self._ends[-1].close()
        self._ends[-1] = end
        end.receiver = self
        self._process.after(PACE, self._babble)

    def _flood(self, end: End) -> None:
        """Ask all the time, and read no answer."""
        if self._process.engine.now < self._until and end.open:
            end.send(_QUESTION)
            self._process.after(PACE, self._flood, end)

    def _go(self) -> None:
        for end in self._ends:
            end.close()
