"""``fand-agent --check``: what each device says now, for a person to read."""

import asyncio

from fand.control import judge
from fand.ports import Asleep, Clock, Failed, Reading, Temperature
from fand.sensing.readers import Readers
from fand.sensing.sensors import Sensors
from fand.sensing.watching import Watcher


async def check(sensors: Sensors, clock: Clock) -> str:
    """Read every sensor once, all at the same time, and tell what they say."""
    readers = Readers()
    watchers = [Watcher(owner.name, device, sensor, readers, clock) for owner, device, sensor in sensors]
    answers = await asyncio.gather(*(watcher.read() for watcher in watchers))
    rows = [
        (watcher.device.name, family or "?", _shown(reading))
        for watcher, (reading, family) in zip(watchers, answers, strict=True)
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    return "".join(f"{row[0].ljust(widths[0])}  {row[1].ljust(widths[1])}  {row[2]}\n" for row in rows)


def _shown(reading: Reading) -> str:
    if isinstance(reading, Temperature):
        reading = judge(reading.celsius, reading.at)
    match reading:
        case Temperature():
            return f"{reading.celsius:.1f} °C"
        case Asleep():
            return "asleep"
        case Failed():
            return f"FAILED: {reading.reason}"
