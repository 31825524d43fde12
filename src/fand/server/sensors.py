"""The sensors of a configuration, opened and closed all together."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from fand.config import DeviceConfig, ServerConfig, ShelfConfig
from fand.drivers import sensor_kind
from fand.exceptions import ConfigError, DriverError
from fand.ports import Sensor
from fand.server.readers import Readers

_log = logging.getLogger(__name__)

Opened = tuple[ShelfConfig, DeviceConfig, Sensor]

Sensors = Sequence[Opened]
"""Every device of every shelf, in the order of the configuration."""

_PATIENCE: Final = 0.3
"""Seconds that closing may take; the process ends in any case."""


def open_sensors(config: ServerConfig, before: Sensors = ()) -> Sensors:
    """A sensor for every device: that of ``before`` if it is the same device of the same shelf, else a new one.

    :raises ConfigError: some can never work on this host; names all of them
    """
    known = {(shelf.name, device.name): (device, sensor) for shelf, device, sensor in before}
    sensors: list[Opened] = []
    opened: list[Opened] = []
    faults = []
    for shelf in config.shelves:
        for device in shelf.devices:
            old = known.get((shelf.name, device.name))
            if old is not None and _same(old[0], device):
                sensors.append((shelf, device, old[1]))
                continue
            try:
                opened.append((shelf, device, sensor_kind(device.kind).open_sensor(device.settings)))
            except Exception as error:  # noqa: BLE001 - what somebody else's driver raises is told as well
                text = error if isinstance(error, DriverError) else f"{type(error).__name__}: {error}"
                faults.append(f"shelf {shelf.name}, device {device.name}: {text}")
                continue
            sensors.append(opened[-1])
    if faults:
        for _, device, sensor in opened:
            closing(device, sensor)()
        raise ConfigError(faults)
    return sensors


async def close_sensors(sensors: Sensors, readers: Readers) -> None:
    """Close them all at the same time, and do not wait for one that hangs."""
    calls = [readers.start(closing(device, sensor)) for _, device, sensor in sensors]
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
