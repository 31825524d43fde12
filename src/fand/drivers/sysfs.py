"""The kernel's small files: reading and writing them, and finding a hwmon chip by what does not change.

The number in ``hwmonN`` changes from boot to boot, so a chip is found by its name (the file ``name``) or, where
several have the same, by the path of its device, such as ``/sys/devices/platform/nct6775.656``. ``root`` is where
the file system begins; tests give a folder of their own.

See https://docs.kernel.org/hwmon/sysfs-interface.html.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fand.exceptions import DriverError

LIMIT: Final = 4096
"""No such file is longer (a page), so no more is read."""

SUSPENDED: Final = ("suspended", "suspending")
"""What ``power/runtime_status`` of a device says while the kernel has put it to sleep, or is about to."""

_BLANK: Final = b" \t\r\n\v\f\0"
_WHOLE: Final = re.compile(rb"[+-]?[0-9]{1,20}")
_PROCESSOR: Final = re.compile(
    r"coretemp|k8temp|k10temp|zenpower|x86_pkg_temp|bcm\d+_thermal|cpu[-_]?therm(al)?|CPU-therm"
    r"|(cpu|soc|cluster|package|big|little)[-_0-9a-z]*[-_]thermal"
)
_GRAPHICS: Final = ("amdgpu", "radeon", "nouveau", "i915", "xe")
_NUMBERED: Final = re.compile(r"hwmon/hwmon\d+/?$|^hwmon\d+$")


def read_bytes(path: Path, limit: int = LIMIT) -> bytes:
    """At most ``limit`` bytes of a file; never waits for a writer (a FIFO without one is empty).

    :raises DriverError: it cannot be read
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            return os.read(file, limit)
        finally:
            os.close(file)
    except OSError as error:
        raise failure("read", path, error) from error


def read_text(path: Path) -> str:
    """The text of a small file, without the space around it; bytes that are no UTF-8 are replaced.

    :raises DriverError: it cannot be read
    """
    return read_bytes(path).decode(errors="replace").strip().strip("\0")


def read_int(path: Path) -> int:
    """The whole number in a small file.

    :raises DriverError: it cannot be read, or holds something else
    """
    return whole_number(read_bytes(path), path)


def whole_number(data: bytes, path: Path) -> int:
    """The whole number that ``data`` is, read from ``path``.

    :raises DriverError: it is something else
    """
    text = data.strip(_BLANK)
    if not _WHOLE.fullmatch(text):
        raise DriverError(f"{path} holds {text.decode(errors='replace')[:40]!r}, not a whole number")
    return int(text)


def peek(path: Path) -> str | None:
    """The text of a small file that need not be there, else None."""
    try:
        return read_text(path)
    except DriverError:
        return None


def write(path: Path, value: str | int) -> None:
    """Write a small file in one call, as drivers of the kernel expect it.

    :raises DriverError: it is not there (none is made), or the kernel refused
    """
    try:
        file = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC)
        try:
            os.write(file, f"{value}\n".encode())
        finally:
            os.close(file)
    except OSError as error:
        remedy = (
            "; run as root, or give this user the file by a udev rule" if isinstance(error, PermissionError) else ""
        )
        raise failure(f"write {value!r} to", path, error, remedy) from error


@dataclass(frozen=True, slots=True)
class Chip:
    """A hwmon chip.

    ``folder`` is where its files are; ``device`` the path of its device as users write it, which stays the same
    from boot to boot.
    """

    name: str
    folder: Path
    device: str

    def present(self) -> bool:
        """Whether the chip is still the one that was found here."""
        return peek(self.folder / "name") == self.name


def chips(root: Path = Path("/")) -> list[Chip]:
    """All hwmon chips of this host, in the order of their numbers; those that are just leaving are left out."""
    return list(_chips(root))


def find_chip(which: str, root: Path = Path("/")) -> Chip:
    """The one chip with this name, or (with a ``/`` in it) at this device path.

    A device path begins at ``/sys/devices``, or is a link to there, such as ``/sys/bus/i2c/devices/0-0028``.

    :raises DriverError: there is none, or more than one; the text says what there is, and how to choose
    """
    if _NUMBERED.search(which):
        raise DriverError(f"{which!r}: the number of a hwmon changes; give the chip's name or its device path")
    there = chips(root)
    if "/" in which:
        wanted = _device_path(root / which.lstrip("/"), root)
        found = [chip for chip in there if chip.device == wanted]
    else:
        found = [chip for chip in there if chip.name == which]
    if len(found) == 1:
        return found[0]
    if found:
        paths = ", ".join(chip.device for chip in found)
        raise DriverError(f"{len(found)} hwmon chips match {which!r}; choose one by its device path: {paths}")
    names = ", ".join(sorted({chip.name for chip in there})) or "none"
    raise DriverError(f"no hwmon chip {which!r} (there are: {names}); is its kernel module loaded?")


def is_processor(name: str) -> bool:
    """Whether a hwmon chip or a thermal zone of this name is inside a processor."""
    return _PROCESSOR.fullmatch(name) is not None


def is_graphics(name: str) -> bool:
    """Whether a hwmon chip of this name is a graphics card."""
    return name in _GRAPHICS


def numbers(folder: Path, pattern: str) -> list[int]:
    """The numbers N for which ``folder`` has a file such as ``tempN_input``; ``pattern`` has ``*`` for N."""
    shape = re.compile(re.escape(pattern).replace(r"\*", "([0-9]+)"))
    try:
        names = [path.name for path in folder.iterdir()]
    except OSError:
        return []
    return sorted(int(match[1]) for match in map(shape.fullmatch, names) if match)


def temperature(folder: Path, number: int) -> float:
    """What ``tempN_input`` says, in degrees Celsius.

    :raises DriverError: it cannot be read, or its sensor is at fault (``tempN_fault``)
    """
    if peek(folder / f"temp{number}_fault") == "1":
        raise DriverError(f"{folder}/temp{number}_fault tells of a fault: is its sensor connected?")
    return read_int(folder / f"temp{number}_input") / 1000


def _chips(root: Path) -> Iterator[Chip]:
    try:
        entries = sorted((root / "sys/class/hwmon").iterdir(), key=lambda entry: (len(entry.name), entry.name))
    except OSError:
        return
    for entry in entries:
        real = Path(os.path.realpath(entry))
        device = real / "device"
        # drivers of the old style keep their files, and the name, in the device's folder
        for folder in (real, Path(os.path.realpath(device))):
            if (name := peek(folder / "name")) is not None:
                yield Chip(name, folder, _device_path(device if device.exists() else real, root))
                break


def _device_path(path: Path, root: Path) -> str:
    return "/" + os.path.relpath(os.path.realpath(path), os.path.realpath(root))


def failure(verb: str, path: Path, error: OSError, remedy: str = "") -> DriverError:
    """What to raise for ``error``, met when we wanted to ``verb`` the file at ``path``."""
    raised = DriverError(f"cannot {verb} {path}: {error.strerror or error}{remedy}")
    raised.errno = error.errno
    return raised
