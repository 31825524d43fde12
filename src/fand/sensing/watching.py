"""One task a device: asks it on its own schedule, gives up an answer that does not come (rules S2 and S9).

:class:`Watches` are those of all devices, and follow the configuration.
"""

import asyncio
import logging
import re
from collections.abc import Callable
from functools import partial
from math import ceil
from typing import Final

from fand.config import DeviceConfig
from fand.control import judge
from fand.dispatch import line, shorten
from fand.ports import Asleep, Clock, Failed, Reading, Sensor, Temperature
from fand.sensing.readers import Readers
from fand.sensing.sensors import Sensors, closing
from fand.units import Seconds

_log = logging.getLogger(__name__)

BEAT: Final = Seconds(0.5)
"""What is asked every ten of these, or more rarely, is asked at multiples of one: several devices at a time."""

_NUMBERS: Final = re.compile(r"[0-9.]+")

AT_ONCE: Final = 10
AGAIN: Final = Seconds(60.0)
"""What is wrong with one device may change so often at once, and then once in so many seconds, for each change to be
logged: an agent, which is another host, may have it change a thousand times a second."""

Answer = tuple[Reading, str | None]
"""A reading, and the family that the device is now known to be of."""


Observe = Callable[[Reading, str | None], None]
"""Takes in what a device said."""


class Trouble:
    """Logs what is wrong with one device of a shelf: when it begins, changes and ends, but not again and again.

    ``failure`` is what is wrong by the log, None while the device answers.
    """

    def __init__(self, shelf: str, device: str) -> None:
        self.failure: str | None = None
        self._shelf = shelf
        self._device = device
        self._due = Seconds(float("-inf"))

    def note(self, reading: Reading) -> None:
        """Take in what the device said last."""
        # a time or a temperature may be another each time, and it is the same failure
        failure = _NUMBERS.sub("", reading.reason) if isinstance(reading, Failed) else None
        due = max(self._due, reading.at - AT_ONCE * AGAIN) + AGAIN
        if failure != self.failure and due <= reading.at:
            self._due = Seconds(due)
            if isinstance(reading, Failed):
                _log.warning("%s: %s failed: %s", self._shelf, self._device, reading.reason)
            else:
                _log.warning("%s: %s answers again", self._shelf, self._device)
            self.failure = failure


class Watcher:
    """Asks one device. ``shelf`` is the name of its shelf. A new ``device`` counts at the next question."""

    def __init__(self, shelf: str, device: DeviceConfig, sensor: Sensor, readers: Readers, clock: Clock) -> None:
        self.shelf = shelf
        self.device = device
        self.sensor = sensor
        self._readers = readers
        self._clock = clock
        self._call: asyncio.Future[Answer] | None = None
        self._trouble = Trouble(shelf, device.name)
        self._wanted = False
        self._resting: asyncio.Future[None] | None = None
        self._ended = False

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

    async def watch(self, observe: Observe, phase: Seconds) -> None:
        """Ask at once, again about ``phase`` seconds later, and then every interval; tell ``observe`` each time.

        The schedule is fixed: a slow answer does not shift it, and rounds that it covered are left out. After
        :meth:`end` nothing is told any more, and the sensor is closed as soon as no call of it runs.
        """
        clock = self._clock
        due = _beat(clock.mono() + min(phase, self.device.interval), self.device.interval)
        while not self._ended:
            self._wanted = False
            self._tell(observe, *await self.read())
            interval = self.device.interval
            if due < (now := clock.mono()):
                due += interval * ((now - due) // interval + 1)
            due = min(due, now + interval)  # which may have become shorter
            if await self._rest(due - now):
                due += interval
        await self._close()

    def wake(self) -> None:
        """Ask at once, whatever the schedule; if a question is under way, once more after it."""
        self._wanted = True
        if self._resting is not None:
            _done(self._resting)

    def end(self) -> None:
        """Have :meth:`watch` come to its end."""
        self._ended = True
        self.wake()

    def _tell(self, observe: Observe, reading: Reading, family: str | None) -> None:
        if self._ended:
            return
        self._trouble.note(reading)
        try:
            observe(reading, family)
        except Exception:  # noqa: BLE001
            # The shelf is then served what it was, until the age of its readings makes it full speed (S3).
            _log.exception("%s: a reading of %s could not be weighed", self.shelf, self.device.name)

    async def _rest(self, seconds: float) -> bool:
        """Wait so long; False if :meth:`wake` came before."""
        if self._wanted:
            return False
        loop = asyncio.get_running_loop()
        self._resting = loop.create_future()
        timer = loop.call_later(seconds, _done, self._resting)
        try:
            await self._resting
        finally:
            timer.cancel()
            self._resting = None
        return not self._wanted

    async def _close(self) -> None:
        if self._call is not None and not self._call.done():
            await asyncio.wait((self._call,))  # one thread at a time may use a sensor
        try:
            await self._readers.start(closing(self.device, self.sensor))
        except RuntimeError as error:
            _log.error("%s: %s could not be closed: %s", self.shelf, self.device.name, error)

    def _ask(self) -> Answer:
        """Ask, in a thread. What a driver raises, SystemExit too, is the failure of its device and of no other."""
        now = self._clock.mono()
        try:
            reading = _taken(self.sensor.read(now), now)
            return reading, self.device.family or _family(self.sensor.family)
        except BaseException as error:  # noqa: BLE001
            return Failed(_words(error), now), self.device.family


class Watches:
    """The watchers of all devices, each in a task.

    ``observe`` is told what they say: the names of shelf and device, the reading, the family.
    """

    def __init__(
        self, observe: Callable[[str, str, Reading, str | None], None], readers: Readers, clock: Clock
    ) -> None:
        self._observe = observe
        self._readers = readers
        self._clock = clock
        self._watchers: dict[tuple[str, str], Watcher] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def become(self, sensors: Sensors) -> None:
        """Watch these from now on, and no others. A sensor that was watched before, as the same device of the same
        shelf, goes on as it was, but for what its configuration says now.

        The second readings of devices that come are spread over the interval, and so all that follow.
        """
        gone = self._watchers
        self._watchers = {}
        for number, (shelf, device, sensor) in enumerate(sensors, 1):
            key = shelf.name, device.name
            watcher = gone.get(key)
            if watcher is not None and watcher.sensor is sensor:
                del gone[key]
                if watcher.device != device:
                    watcher.device = device
                    watcher.wake()
            else:
                watcher = Watcher(shelf.name, device, sensor, self._readers, self._clock)
                phase = Seconds(device.interval * number / len(sensors))
                watch = watcher.watch(partial(self._observe, *key), phase)
                task = asyncio.create_task(watch, name=f"{shelf.name}: {device.name}")
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            self._watchers[key] = watcher
        for watcher in gone.values():
            watcher.end()

    def wake(self) -> None:
        """Ask every device at once."""
        for watcher in self._watchers.values():
            watcher.wake()

    def stop(self) -> None:
        """Ask no more. Who opened the sensors closes them."""
        for task in self._tasks:
            task.cancel()


def _beat(due: float, interval: Seconds) -> float:
    """``due``, or shortly after, when others are due as well: to wake up once for several costs half."""
    return ceil(due / BEAT) * BEAT if interval >= 10 * BEAT else due


def _done(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _taken(reading: object, now: Seconds) -> Reading:
    """``reading``, which may come from somebody else's driver, if it is one: no NaN, and not from the future."""
    if isinstance(reading, Temperature):
        return judge(reading.celsius, min(reading.at, now))
    if isinstance(reading, Asleep):
        return Asleep(min(reading.at, now))
    if isinstance(reading, Failed):
        return Failed(line(reading.reason), now)
    return Failed(f"its driver gave {shorten(repr(reading), 60)}, which is no reading", now)


def _family(family: object) -> str | None:
    if family is None or isinstance(family, str):
        return family
    raise TypeError(f"its driver says that it is of family {shorten(repr(family), 60)}")


def _words(error: BaseException) -> str:
    try:
        return line(f"{type(error).__name__}: {error}")
    except Exception:  # noqa: BLE001 - an error that cannot even be told
        return type(error).__name__
