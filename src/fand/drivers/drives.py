"""The drives of this host, told apart by what does not change: serial number and WWN.

Everything here is read from sysfs, and from the links that udev keeps in ``/dev/disk/by-id``. No drive is opened,
so none is woken.
"""

import os
import re
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal

from fand.drivers.sysfs import SUSPENDED, peek, read_bytes
from fand.exceptions import DriverError

Bus = Literal["ata", "scsi", "nvme", "usb"]

_WWN: Final = re.compile(r"(?:wwn-0x|0x|naa\.|nvme-eui\.|eui\.)([0-9a-f]{16,32})")
_SD: Final = re.compile(r"sd[a-z]+")
_NVME: Final = re.compile(r"(nvme\d+)(?:c\d+)?(?:n\d+)?")
_USB: Final = re.compile(r"/usb\d+/")


@dataclass(frozen=True, slots=True)
class Drive:
    """A drive as the kernel knows it.

    ``node`` is the device that smartctl opens, such as ``/dev/sda`` or ``/dev/nvme0``; it may name another drive
    after the next plugging. ``folder`` is the drive's own in sysfs. ``serial`` is None where the kernel was not
    told; behind a USB bridge it can be the bridge's. ``wwns`` are hexadecimal digits. ``family`` is ``hdd``,
    ``ssd`` or ``nvme``; None where the kernel does not know.
    """

    node: str
    folder: Path
    bus: Bus
    serial: str | None
    wwns: frozenset[str]
    model: str
    family: str | None

    def suspended(self) -> bool:
        """Whether the kernel has put the drive to sleep: opening it would wake it (rule S10)."""
        return any(peek(file) in SUSPENDED for file in self.power)

    @property
    def power(self) -> tuple[Path, ...]:
        """The files that tell whether it is suspended; not all are always there."""
        return self.folder / "power/runtime_status", self.folder / "device/power/runtime_status"

    def is_called(self, identity: str) -> bool:
        """Whether ``identity`` is this drive's serial number or one of its WWNs."""
        return wwn(identity) in self.wwns or (self.serial is not None and same_serial(identity, self.serial))

    def thermometer(self) -> Path | None:
        """The folder of the hwmon chip in which the kernel shows the drive's temperature, if it does."""
        name = "nvme" if self.bus == "nvme" else "drivetemp"
        for pattern in ("hwmon/hwmon*", "hwmon[0-9]*", "device/hwmon/hwmon*"):
            for chip in self.folder.glob(pattern):
                if peek(chip / "name") == name:
                    return chip
        return None


def wwn(identity: str) -> str | None:
    """The hexadecimal digits of a WWN in any of its spellings (``wwn-0x5000c5...``, ``naa.5000c5...``), else None."""
    match = _WWN.fullmatch(identity.strip().lower())
    return match[1] if match else None


def same_serial(one: str, other: str) -> bool:
    """Whether two serial numbers are the same, as udev writes them (``_`` for space) or as the drive does."""
    return _squeezed(one) == _squeezed(other)


def drives(root: Path = Path("/")) -> list[Drive]:
    """All drives of this host."""
    names = [*_names(root / "sys/block", _SD), *_names(root / "sys/class/nvme", _NVME)]
    return [drive for name in names if (drive := drive_named(name, root)) is not None]


def find_drive(identity: str, root: Path = Path("/")) -> Drive | None:
    """The drive with this serial number or WWN; None if the kernel knows of none.

    :raises DriverError: several different drives claim it; the text says which, and how to choose
    """
    return _chosen([drive for drive in drives(root) if drive.is_called(identity)], identity, root)


class Census:
    """The drives of this host by their names, counted once for all who look for one.

    Of what was counted before, that is believed which sysfs still says of the drive. A drive that is not found so is
    looked for in a count that has begun after it was asked for. Threads may share it.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()
        self._counts = 0
        self._called: dict[str, list[Drive]] = {}

    def find(self, identity: str) -> Drive | None:
        """As :func:`find_drive`."""
        counts, found = self._counts, self._known(identity)
        if not found or any(drive != drive_at(drive.node, self._root) for drive in found):
            with self._lock:
                if self._counts == counts:
                    self._count()
                found = self._known(identity)
        return _chosen(found, identity, self._root)

    def _known(self, identity: str) -> list[Drive]:
        names = {_squeezed(identity), wwn(identity) or ""}
        return [drive for name in sorted(names) for drive in self._called.get(name, ())]

    def _count(self) -> None:
        self._counts += 1
        called: defaultdict[str, list[Drive]] = defaultdict(list)
        for drive in drives(self._root):
            for name in {*drive.wwns, *([] if drive.serial is None else [_squeezed(drive.serial)])}:
                called[name].append(drive)
        self._called = called


@cache
def census(root: Path = Path("/")) -> Census:
    """That of this process: what 24 sensors look for is counted once."""
    return Census(root)


def _chosen(found: Sequence[Drive], identity: str, root: Path) -> Drive | None:
    """Which of the drives ``found`` that are called ``identity`` it is; see :func:`find_drive`."""
    if not found and (linked := _linked(identity, root)) is not None:
        return linked
    if len(found) > 1 and wwn(identity) is None and found[0].bus != "nvme":
        names = {drive.wwns for drive in found}
        if len(names) > 1 or frozenset() in names:
            nodes = " and ".join(drive.node for drive in found)
            raise DriverError(f"{nodes} have the same serial number {identity!r}; choose by WWN (wwn-0x...)")
    # several paths to one drive are all as good
    return found[0] if found else None


def drive_at(node: Path | str, root: Path = Path("/")) -> Drive | None:
    """The drive behind a device node or a link to one, such as ``/dev/disk/by-path/...``."""
    return drive_named(Path(os.path.realpath(root / str(node).lstrip("/"))).name, root)


def drive_named(name: str, root: Path = Path("/")) -> Drive | None:
    """The drive that the kernel calls ``name`` now (``sda``, ``nvme0``, ``nvme0n1``)."""
    if _SD.fullmatch(name):
        return _scsi(name, root)
    if match := _NVME.fullmatch(name):
        return _nvme(match[1], root)
    return None


def _scsi(name: str, root: Path) -> Drive | None:
    folder = Path(os.path.realpath(root / "sys/block" / name / "device"))
    if not folder.is_dir():
        return None
    wwid = peek(folder / "wwid") or ""
    bus: Bus = "ata" if peek(folder / "vendor") == "ATA" else "scsi"
    if _USB.search(str(folder)):
        bus = "usb"
    return Drive(
        node=f"/dev/{name}",
        folder=folder,
        bus=bus,
        serial=_page_80(folder / "vpd_pg80") or (wwid.split()[-1] if wwid.startswith("t10.ATA ") else None),
        wwns=_wwns([wwid]),
        model=peek(folder / "model") or "drive",
        family={"0": "ssd", "1": "hdd"}.get(peek(root / "sys/block" / name / "queue/rotational") or ""),
    )


def _nvme(name: str, root: Path) -> Drive | None:
    folder = Path(os.path.realpath(root / "sys/class/nvme" / name))
    if not folder.is_dir():
        return None
    return Drive(
        node=f"/dev/{name}",
        folder=folder,
        bus="nvme",
        serial=peek(folder / "serial") or None,
        wwns=_wwns(peek(path) or "" for path in folder.glob(f"{name}*n*/wwid")),
        model=peek(folder / "model") or "NVMe drive",
        family="nvme",
    )


def _linked(identity: str, root: Path) -> Drive | None:
    """The drive to which a link of udev leads, unless the kernel has it under another serial number."""
    serial = re.compile(rf".*[_-]{re.escape(_squeezed(identity))}(_\d+|-\d+:\d+)?")
    by_id = root / "dev/disk/by-id"
    for name in _names(by_id, re.compile(r"(ata|scsi|nvme|usb|wwn)-.+(?<!-part\d)(?<!-part\d\d)")):
        if wwn(name) == wwn(identity) if wwn(identity) else serial.fullmatch(name):
            drive = drive_at(f"/dev/disk/by-id/{name}", root)
            if drive is not None and (wwn(identity) or drive.serial is None or drive.bus == "usb"):
                return drive
    return None


def _page_80(path: Path) -> str | None:
    """The serial number in the SCSI vital product data: 2 bytes, then its length in 2 bytes, then itself."""
    try:
        page = read_bytes(path)
    except DriverError:
        return None
    length = int.from_bytes(page[2:4], "big")
    return page[4 : 4 + length].decode("ascii", "replace").strip(" \0") or None


def _wwns(wwids: Iterator[str] | list[str]) -> frozenset[str]:
    return frozenset(digits for wwid in wwids if (digits := wwn(wwid)) is not None)


def _squeezed(serial: str) -> str:
    return "_".join(serial.replace("_", " ").split())


def _names(folder: Path, shape: re.Pattern[str]) -> list[str]:
    try:
        names = [path.name for path in folder.iterdir()]
    except OSError:
        return []
    return sorted((name for name in names if shape.fullmatch(name)), key=lambda name: (len(name), name))
