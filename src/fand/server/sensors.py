"""The sensors of a configuration, opened and closed all together."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from fand.config import DeviceConfig, ServerConfig, ShelfConfig
from fand.drivers import sensor_kind
from fand.exceptions import ConfigError, DriverError
from fand.ports import Sensor
from fand.server.readers import start

_log = logging.getLogger(__name__)

Sensors = Sequence[tuple[ShelfConfig, DeviceConfig, Sensor]]
"""Every device of every shelf, in the order of the configuration."""

_PATIENCE: Final = 0.3
"""Seconds that closing may take; the process ends in any case."""


def open_sensors(config: ServerConfig) -> Sensors:
    """A sensor for every device.

    :raises ConfigError: some can never work on this host; names all of them
    """
    sensors, faults = [], []
    for shelf in config.shelves:
        for device in shelf.devices:
            try:
                sensors.append((shelf, device, sensor_kind(device.kind).open_sensor(device.settings)))
            except Exception as error:  # noqa: BLE001 - what somebody else's driver raises is told as well
                text = error if isinstance(error, DriverError) else f"{type(error).__name__}: {error}"
                faults.append(f"shelf {shelf.name}, device {device.name}: {text}")
    if faults:
        for _, device, sensor in sensors:
            _closing(device, sensor)()
        raise ConfigError(faults)
    return sensors


async def close_sensors(sensors: Sensors) -> None:
    """Close them all at the same time, and do not wait for one that hangs."""
    calls = [start(_closing(device, sensor)) for _, device, sensor in sensors]
    if calls:
        await asyncio.wait(calls, timeout=_PATIENCE)


def _closing(device: DeviceConfig, sensor: Sensor) -> Callable[[], None]:
    def close() -> None:
        try:
            sensor.close()
        except Exception:  # noqa: BLE001 - the others are closed all the same
            _log.exception("%s could not be closed", device.name)

    return close
