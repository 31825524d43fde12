"""One task a device: asks it on its own schedule, gives up an answer that does not come (rules S2 and S9)."""

import asyncio
import logging
import re
from collections.abc import Callable
from typing import Final

from fand.config import DeviceConfig
from fand.control import judge
from fand.dispatch import shorten
from fand.ports import Asleep, Clock, Failed, Reading, Sensor, Temperature
from fand.server.readers import Readers
from fand.units import Seconds

_log = logging.getLogger(__name__)

_NUMBERS: Final = re.compile(r"[0-9.]+")

Answer = tuple[Reading, str | None]
"""A reading, and the family that the device is now known to be of."""


class Watcher:
    """Asks one device. ``shelf`` is the name of its shelf, for the log."""

    def __init__(self, shelf: str, device: DeviceConfig, sensor: Sensor, readers: Readers, clock: Clock) -> None:
        self.shelf = shelf
        self.device = device
        self._sensor = sensor
        self._readers = readers
        self._clock = clock
        self._call: asyncio.Future[Answer] | None = None
        self._failure: str | None = None

    async def read(self) -> Answer:
        """Ask once. A call that still hangs is not joined by a second one: the device has failed again."""
        now = self._clock.mono()
        if self._call is None or self._call.done():
            try:
                self._call = await self._readers.call(self._ask, self.device.timeout)
            except RuntimeError as error:
                return Failed(f"could not be asked: {error}", now), self.device.family
        if not self._call.done():
            return Failed(f"no answer within {self.device.timeout:g} s", now), self.device.family
        return self._call.result()

    async def watch(self, observe: Callable[[Reading, str | None], None], phase: Seconds) -> None:
        """Ask at once, again ``phase`` seconds later, and from then on every interval; tell ``observe`` each time.

        The schedule is fixed: a slow answer does not shift it, and rounds that it covered are left out.
        """
        interval, clock = self.device.interval, self._clock
        due = clock.mono() + min(phase, interval)
        while True:
            reading, family = await self.read()
            self._note(reading)
            try:
                observe(reading, family)
            except Exception:  # noqa: BLE001
                # The shelf is then served what it was, until the age of its readings makes it full speed (S3).
                _log.exception("%s: a reading of %s could not be weighed", self.shelf, self.device.name)
            if due < (now := clock.mono()):
                due += interval * ((now - due) // interval + 1)
            await asyncio.sleep(due - now)
            due += interval

    def _ask(self) -> Answer:
        """Ask, in a thread. What a driver raises, SystemExit too, is the failure of its device and of no other."""
        now = self._clock.mono()
        try:
            reading = _taken(self._sensor.read(now), now)
            return reading, self.device.family or _family(self._sensor.family)
        except BaseException as error:  # noqa: BLE001
            return Failed(_words(error), now), self.device.family

    def _note(self, reading: Reading) -> None:
        """Log what begins, changes and ends."""
        # a time or a temperature may be another each time, and it is the same failure
        failure = _NUMBERS.sub("", reading.reason) if isinstance(reading, Failed) else None
        if failure != self._failure:
            if isinstance(reading, Failed):
                _log.warning("%s: %s failed: %s", self.shelf, self.device.name, reading.reason)
            else:
                _log.warning("%s: %s answers again", self.shelf, self.device.name)
            self._failure = failure


def _taken(reading: object, now: Seconds) -> Reading:
    """``reading``, which may come from somebody else's driver, if it is one: no NaN, and not from the future."""
    if isinstance(reading, Temperature):
        return judge(reading.celsius, min(reading.at, now))
    if isinstance(reading, Asleep):
        return Asleep(min(reading.at, now))
    if isinstance(reading, Failed):
        return Failed(shorten(reading.reason), now)
    return Failed(f"its driver gave {shorten(repr(reading), 60)}, which is no reading", now)


def _family(family: object) -> str | None:
    if family is None or isinstance(family, str):
        return family
    raise TypeError(f"its driver says that it is of family {shorten(repr(family), 60)}")


def _words(error: BaseException) -> str:
    try:
        return shorten(f"{type(error).__name__}: {error}")
    except Exception:  # noqa: BLE001 - an error that cannot even be told
        return type(error).__name__
