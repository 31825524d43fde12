"""The kernel's thermal zones.

See https://docs.kernel.org/driver-api/thermal/sysfs-api.html.
"""

from pathlib import Path

from fand.drivers.sysfs import peek


def zones(root: Path = Path("/")) -> list[tuple[str, Path]]:
    """The type and the folder of every zone; the number of a folder changes from boot to boot."""
    folders = sorted((root / "sys/class/thermal").glob("thermal_zone[0-9]*"), key=lambda path: (len(path.name), path))
    return [(kind, folder) for folder in folders if (kind := peek(folder / "type")) is not None]
