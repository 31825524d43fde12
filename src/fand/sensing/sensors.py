"""The sensors of a configuration, opened and closed all together."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import cache
from typing import Final, Protocol

from fand.config import DeviceConfig
from fand.drivers import sensor_kind
from fand.exceptions import ConfigError, DriverError
from fand.ports import Sensor
from fand.sensing.readers import MOST_AT_ONCE, Readers

_log = logging.getLogger(__name__)


class Owner(Protocol):
    """Whose devices they are: a shelf of the server, or an agent."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def devices(self) -> Sequence[DeviceConfig]:
        """Its devices, in the order of the configuration."""
        ...


Opened = tuple[Owner, DeviceConfig, Sensor]

Sensors = Sequence[Opened]
"""Every device of every owner, in the order of the configuration."""

_PATIENCE: Final = 0.3
"""Seconds that closing may take; the process ends in any case."""


def open_sensors(owners: Iterable[Owner], before: Sensors = (), *, what: str = "shelf") -> Sensors:
    """A sensor for every device: that of ``before`` if it is the same device of the same owner, else a new one.

    ``what`` is the word for an owner.

    :raises ConfigError: some can never work on this host; names all of them
    """
    known = {(owner.name, device.name): (device, sensor) for owner, device, sensor in before}
    sensors: list[Opened] = []
    opened: list[Opened] = []
    faults = []
    kind = cache(sensor_kind)  # to look one up takes longer than to open a sensor
    for owner in owners:
        for device in owner.devices:
            old = known.get((owner.name, device.name))
            if old is not None and _same(old[0], device):
                sensors.append((owner, device, old[1]))
                continue
            try:
                opened.append((owner, device, kind(device.kind).open_sensor(device.settings)))
            except Exception as error:  # noqa: BLE001 - what somebody else's driver raises is told as well
                text = error if isinstance(error, DriverError) else f"{type(error).__name__}: {error}"
                faults.append(f"{what} {owner.name}, device {device.name}: {text}")
                continue
            sensors.append(opened[-1])
    if faults:
        for _, device, sensor in opened:
            closing(device, sensor)()
        raise ConfigError(faults)
    return sensors


async def close_sensors(sensors: Sensors, readers: Readers) -> None:
    """Close them all, many at the same time, and do not wait for one that hangs."""
    rest = deque(sensors)

    def close_some() -> None:
        with suppress(IndexError):  # nothing is left
            while True:
                _, device, sensor = rest.popleft()
                closing(device, sensor)()

    calls = [readers.start(close_some) for _ in range(min(len(sensors), MOST_AT_ONCE))]
    if calls:
        await asyncio.wait(calls, timeout=_PATIENCE)


def closing(device: DeviceConfig, sensor: Sensor) -> Callable[[], None]:
    """What closes ``sensor`` and does not raise."""

    def close() -> None:
        try:
            sensor.close()
        except Exception:  # noqa: BLE001 - the others are closed all the same
            _log.exception("%s could not be closed", device.name)

    return close


def _same(one: DeviceConfig, other: DeviceConfig) -> bool:
    """Whether what one of them said may be taken for the other's."""
    return (one.kind, one.settings, one.family) == (other.kind, other.settings, other.family)
