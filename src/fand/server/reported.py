"""The devices that agents report: what comes counts at once; that nothing comes is found by looking (S2).

One report may be of hundreds of devices. It is weighed whole, and every shelf that it changes is decided once.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from fand.clock import GLANCE
from fand.control import Watch
from fand.dispatch import Addressee, Mail, Shelf
from fand.drivers.sensors.agent import AgentSensor
from fand.ports import Clock, Reading
from fand.sensing.sensors import Opened, Sensors
from fand.sensing.watching import Trouble
from fand.server.slices import Slices
from fand.units import Seconds

_log = logging.getLogger(__name__)


class Reported:
    """``mail`` is what reports go to; ``refresh`` is told the shelves in which a silence was found."""

    def __init__(self, mail: Mail, clock: Clock, refresh: Callable[[Iterable[Shelf]], object]) -> None:
        self._mail = mail
        self._clock = clock
        self._refresh = refresh
        self._troubles: dict[tuple[str, str], Trouble] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._slices = Slices(clock)
        mail.hear, mail.doubt = self._note, _doubt

    def become(self, sensors: Sensors) -> Sensors:
        """Take in what is reported of these from now on; returns those that are no matter of agents."""
        remote: list[Opened] = []
        local: list[Opened] = []
        for entry in sensors:
            (remote if isinstance(entry[2], AgentSensor) else local).append(entry)
        before = self._troubles
        self._troubles = {}
        addressees = []
        for owner, device, sensor in remote:
            assert isinstance(sensor, AgentSensor)
            key = owner.name, device.name
            self._troubles[key] = before.get(key) or Trouble(*key)
            watch = Watch(device.interval, device.optional)
            addressees.append(Addressee(*key, watch, device.family, sensor.mailbox))
        self._mail.become(addressees)
        self.stop()
        if addressees:
            self._look(min(GLANCE, *(addressee.watch.interval for addressee in addressees)))
        return local

    def stop(self) -> None:
        """Look no more."""
        self._slices.stop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self, pause: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(pause, partial(self._look, pause))
        self._slices.begin(self._looking(self._clock.mono()))

    def _looking(self, now: Seconds) -> Iterator[None]:
        """Find all that is silent at ``now``, some hundreds of devices at each step."""
        self._refresh(self._mail.look(now))
        while self._mail.is_due(now):
            yield
            self._refresh(self._mail.look(now))

    def _note(self, shelf: str, device: str, reading: Reading) -> None:
        self._troubles[shelf, device].note(reading)


def _doubt(shelf: str, device: str, agent: str) -> None:
    _log.warning(
        "%s: %s is reported by two connections in turn: do two agents go by the name %s?", shelf, device, agent
    )
