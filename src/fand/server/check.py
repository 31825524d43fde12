"""``fand-server --check``: what each shelf would get now, and why, for a person to read."""

import asyncio
from collections.abc import Iterator

from fand.config import DeviceConfig, ServerConfig
from fand.control import Health, Track, Watch, health
from fand.dispatch import Shelf
from fand.ports import Asleep, Clock, Temperature
from fand.sensing.readers import Readers
from fand.sensing.sensors import Sensors
from fand.sensing.watching import Watcher
from fand.server.service import hall_of
from fand.units import Moment, served


async def check(config: ServerConfig, sensors: Sensors, clock: Clock) -> str:
    """Read every sensor once, all at the same time, and tell what follows."""
    hall, readers = hall_of(config), Readers()
    watchers = [Watcher(shelf.name, device, sensor, readers, clock) for shelf, device, sensor in sensors]
    answers = await asyncio.gather(*(watcher.read() for watcher in watchers))
    for watcher, (reading, family) in zip(watchers, answers, strict=True):
        hall.shelves[watcher.shelf].observe(watcher.device.name, reading, family)
    now = Moment(clock.mono(), clock.wall())
    lines: list[str] = []
    for shelf in config.shelves:
        lines += _shelf(hall.shelves[shelf.name], shelf.devices, now)
    return "".join(f"{line}\n" for line in lines)


def _shelf(shelf: Shelf, devices: tuple[DeviceConfig, ...], now: Moment) -> Iterator[str]:
    decision = shelf.decision(now)
    yield f"{shelf.name}: {served(decision.duty):g} %: {decision.reason}"
    rows = [
        (device.name, device.position, known.track.family or "?", _reading(known.track, known.watch, now))
        for device, known in zip(devices, shelf.devices, strict=True)
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False) if width]
        yield "  " + "  ".join([*cells, row[3]])


def _reading(track: Track, watch: Watch, now: Moment) -> str:
    if track.failure is not None:
        absent = health(track, watch, now.mono) is Health.ABSENT
        return f"{'absent, as it may be' if absent else 'FAILED'}: {track.failure.reason}"
    if isinstance(track.last, Temperature):
        return f"{track.last.celsius:.1f} °C"
    assert isinstance(track.last, Asleep)
    return "asleep"
