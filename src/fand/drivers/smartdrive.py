"""One drive, found by its serial number, WWN or device path, and read through smartctl.

A drive that the kernel knows by serial number or WWN is found in sysfs and never opened for that. One that it does
not know, behind a RAID controller or a USB bridge, or on a system without sysfs, is found by asking the devices of
``smartctl --scan`` once, many at the same time; so is its type, which goes with every later call. What a drive
answers then is its first reading. That search is repeated only for a drive that is not found, and ever more rarely.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from fand.drivers.drives import Drive, census, drive_at, same_serial, wwn
from fand.drivers.smartctl import Answer, Smartctl
from fand.exceptions import DriverError
from fand.ports import Asleep, Failed, Temperature
from fand.units import Seconds

FIRST_PAUSE: Final = Seconds(60.0)
LONGEST_PAUSE: Final = Seconds(900.0)
"""Between two searches for a drive that is not found; each pause is twice the one before."""
FAILURES: Final = 3
"""After so many in a row, a drive that sysfs does not show is looked for again."""
AT_ONCE: Final = 32
"""So many devices are asked at the same time by a search."""
FRESH: Final = Seconds(2.0)
"""An answer to a search that is no older counts as one to who searched."""

_TYPES: Final = {"ata": "sat", "nvme": "nvme", "scsi": "scsi", "usb": None}
"""What ``-d`` takes on each bus. Bridges differ: smartctl finds theirs out, once."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a drive is now: the device to open, its type (None: not known yet), and the drive if sysfs has it."""

    device: str
    type: str | None
    drive: Drive | None = None


class Directory:
    """Which drives stand where, of those that sysfs cannot tell; shared, so that many sensors need one search."""

    def __init__(self, root: Path, path: str | None = None) -> None:
        self._smartctl = Smartctl(path)
        self._root = root
        self._news = threading.Condition()
        self._asking = 0
        self._told: dict[tuple[str, str | None], Answer] = {}
        self._next = Seconds(float("-inf"))
        self._pause = FIRST_PAUSE

    def find(self, identity: str, now: Seconds) -> tuple[Place, Answer] | None:
        """Where the drive is, and what it answered when that was found out; searches if a search is due.

        It waits until the drive is found, or the search is over.

        :raises DriverError: the search failed
        """
        with self._news:
            if self._known(identity) is None and not self._asking and now >= self._next:
                self._next = Seconds(now + self._pause)
                self._pause = Seconds(min(2 * self._pause, LONGEST_PAUSE))
                self._search(now)
            self._news.wait_for(lambda: self._known(identity) is not None or not self._asking)
            if (found := self._known(identity)) is not None:
                self._pause = FIRST_PAUSE
            return found

    def forget(self, device: str) -> None:
        """What was told of ``device`` is no longer true."""
        with self._news:
            self._told = {where: answer for where, answer in self._told.items() if where[0] != device}

    def all(self, now: Seconds) -> list[tuple[Place, Answer]]:
        """Every drive that answers and that sysfs does not know.

        :raises DriverError: the search failed
        """
        with self._news:
            devices = self._search(now)
            self._news.wait_for(lambda: not self._asking)
            told = [(where, self._told[where]) for where in devices if where in self._told]
            return [(_place(where, answer), answer) for where, answer in told]

    def _known(self, identity: str) -> tuple[Place, Answer] | None:
        return next(((_place(*told), told[1]) for told in self._told.items() if is_of(identity, told[1])), None)

    def _search(self, now: Seconds) -> list[tuple[str, str | None]]:
        """Have threads ask every device that could be the one that nobody knows; returns these."""
        scanned = dict.fromkeys(self._smartctl.scan())
        devices = [where for where in scanned if where not in self._told and self._unknown(where[0])]
        shared = iter(devices)
        for _ in range(min(AT_ONCE, len(devices))):
            threading.Thread(target=self._ask, args=(shared, now), name="search", daemon=True).start()
            self._asking += 1
        return devices

    def _unknown(self, device: str) -> bool:
        """Whether ``device`` is awake, as far as that can be told, and of no drive that sysfs knows by name."""
        drive = drive_at(device, self._root)
        return drive is None or not (drive.suspended() or (drive.bus != "usb" and (drive.serial or drive.wwns)))

    def _ask(self, devices: Iterator[tuple[str, str | None]], now: Seconds) -> None:
        """Ask one of ``devices`` after the other, which several threads share."""
        try:
            while True:
                with self._news:
                    device, kind = next(devices)  # not two of them at once
                answer = Smartctl(self._smartctl.path).ask(device, kind, "standby", now)
                with self._news:
                    if answer.serial is not None or answer.wwn is not None:
                        self._told[device, kind] = answer
                        self._news.notify_all()
        except StopIteration:
            pass
        finally:
            with self._news:
                self._asking -= 1
                self._news.notify_all()


class SmartDrive:
    """See the module.

    :raises DriverError: smartctl is not installed
    """

    def __init__(
        self,
        identity: str,
        kind: str | None,
        nocheck: str = "standby",
        root: Path = Path("/"),
        smartctl: Smartctl | None = None,
    ) -> None:
        self.family: str | None = None
        self._identity = identity
        self._kind = kind
        self._nocheck = nocheck
        self._root = root
        self._smartctl = Smartctl() if smartctl is None else smartctl
        self._directory = _directory(self._smartctl.path, root)
        self._place: Place | None = None
        self._found: Answer | None = None
        self._failures = 0

    def ask(self, now: Seconds) -> Answer:
        """Ask the drive, wherever it is now. Another drive's answer is never given for its own."""
        try:
            place = self._find(now)
        except DriverError as error:
            return Answer(Failed(str(error), now))
        if place is None:
            return Answer(Failed(f"there is no drive {self._identity} on this host (fand detect lists them)", now))
        if place.drive is not None and self._nocheck != "never" and place.drive.suspended():
            return Answer(Asleep(now))
        answer = self._answered(place, now) or self._smartctl.ask(place.device, place.type, self._nocheck, now)
        fault = self._stranger(place, answer)
        if fault is not None:
            self._lose(place)
            return Answer(Failed(fault, now))
        self._learn(place, answer)
        return answer

    def close(self) -> None:
        """Kill a call that runs."""
        self._smartctl.close()

    def _find(self, now: Seconds) -> Place | None:
        place = self._place
        if place is not None and (place.drive is None or place.drive == drive_at(place.device, self._root)):
            return place
        self._place, self._failures = None, 0
        if self._identity.startswith("/dev/"):
            drive = drive_at(self._identity, self._root)
            self._place = Place(self._identity, self._kind or (_TYPES[drive.bus] if drive else None), drive)
        elif (drive := census(self._root).find(self._identity)) is not None:
            self._place = Place(drive.node, self._kind or _TYPES[drive.bus], drive)
        elif (found := self._directory.find(self._identity, now)) is not None:
            place, self._found = found
            self._place = Place(place.device, self._kind or place.type)
        return self._place

    def _answered(self, place: Place, now: Seconds) -> Answer | None:
        """What the drive has just answered to the search that found it, if that is as good as asking it."""
        answer, self._found = self._found, None
        if answer is None or answer.type != place.type or answer.reading.at < now - FRESH:
            return None
        return answer if self._nocheck == "standby" or isinstance(answer.reading, Temperature) else None

    def _learn(self, place: Place, answer: Answer) -> None:
        failed = isinstance(answer.reading, Failed)
        self._failures = self._failures + 1 if failed else 0
        if failed and place.drive is None and self._failures % FAILURES == 0:
            self._lose(place)  # sysfs does not show whether it is still there
        elif answer.type is not None and (answer.awake or not failed):
            self._place = Place(place.device, place.type or answer.type, place.drive)
        self.family = answer.family or self.family or (place.drive.family if place.drive else None)
        if self.family is None and isinstance(answer.reading, Temperature):
            self.family = "hdd"  # an old one, that does not tell how fast it turns

    def _lose(self, place: Place) -> None:
        self._place = None
        self._directory.forget(place.device)

    def _stranger(self, place: Place, answer: Answer) -> str | None:
        """What makes this answer that of another drive, if anything does."""
        if place.drive is not None and place.drive != drive_at(place.device, self._root):
            return f"{place.device} changed while it was asked"
        if self._identity.startswith("/dev/") or is_of(self._identity, answer):
            return None
        told = answer.wwn if wwn(self._identity) else answer.serial
        if place.drive is not None and (told is None or place.drive.bus == "usb"):
            return None  # sysfs vouches for it; and the name that a bridge gives need not be the drive's own
        if told is None and not isinstance(answer.reading, Temperature):
            return None
        return f"{place.device} is now drive {told or 'unknown'}, not {self._identity}"


def unknown_drives(root: Path = Path("/")) -> list[tuple[Place, Answer]]:
    """The drives that only smartctl can tell apart; wakes none.

    :raises DriverError: smartctl is not installed, or failed
    """
    return Directory(root).all(Seconds(0.0))


@cache
def _directory(path: str, root: Path) -> Directory:
    """Shared by this process: what 24 sensors look for is looked for once."""
    return Directory(root, path)


def _place(where: tuple[str, str | None], answer: Answer) -> Place:
    return Place(where[0], answer.type or where[1])


def is_of(identity: str, answer: Answer) -> bool:
    """Whether ``answer`` is that of the drive with this serial number or WWN."""
    if (digits := wwn(identity)) is not None:
        return answer.wwn == digits
    return answer.serial is not None and same_serial(identity, answer.serial)
