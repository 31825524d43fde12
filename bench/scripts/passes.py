"""What one pass over all drives of a temporary tree costs, drivers and bare files in turn.

``passes.py ROOT ROUNDS SERIAL...``: prints JSON: for each contestant seconds of the processor a pass.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from fand.drivers import sensor_kind
from fand.ports import Temperature
from fand.units import Seconds

root, rounds, serials = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
kind = sensor_kind("drive")
sensors = [
    kind.open_sensor(kind.Settings(drive=serial, via="kernel"), root=root)  # type: ignore[call-arg]
    for serial in serials
]
paths = [str(path) for path in sorted(root.glob("sys/class/hwmon/*/temp1_input"))]
assert len(paths) == len(sensors)


def drivers() -> None:
    """As the server asks them, without its threads."""
    now = Seconds(time.monotonic())
    for sensor in sensors:
        assert isinstance(sensor.read(now), Temperature)


def files() -> None:
    """Open, read, close."""
    for path in paths:
        file = os.open(path, os.O_RDONLY)
        assert int(os.read(file, 64)) > 0
        os.close(file)


def kept() -> None:
    """Read again what is kept open."""
    for file in opened:
        assert int(os.pread(file, 64, 0)) > 0


def spent(work: Callable[[], None], times: int = 1) -> float:
    """Seconds of the processor, each time."""
    begin = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - begin) / times


opened = [os.open(path, os.O_RDONLY) for path in paths]
found = {"first": [spent(drivers)], "drivers": [], "files": [], "kept": []}
for _ in range(rounds):
    found["drivers"].append(spent(drivers, 3))
    found["files"].append(spent(files, 3))
    found["kept"].append(spent(kept, 3))
print(json.dumps(found))
