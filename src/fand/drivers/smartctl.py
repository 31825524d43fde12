"""smartctl: how it is called, and what its JSON says.

The program is Debian's smartmontools; its JSON is that of version 7.0 and later. Its exit status is a set of bits
(1 command line, 2 open failed or asleep, 4 a command failed, 8 to 128 the drive's health), any of which can come
with a good temperature, and 0 can come with none: so the status alone decides nothing.

See https://www.smartmontools.org/browser/trunk/smartmontools/smartctl.8.in.
"""

import json
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from fand.control import judge
from fand.drivers.process import Output, Program
from fand.drivers.text import shorten
from fand.exceptions import DriverError
from fand.ports import Asleep, Failed, Reading
from fand.units import Seconds

LIMIT: Final = Seconds(20.0)
"""One call takes milliseconds; with a drive that is just spinning up, seconds."""

ASLEEP_STATUS: Final = 3
"""What smartctl is told to exit with when it leaves a drive asleep: 2, its default, means open failed too."""

SBIN: Final = ("/usr/local/sbin", "/usr/sbin", "/sbin")

_SKIPPED: Final = re.compile(r"Device is in (?!ACTIVE)(.+?) mode")
_DENIED: Final = re.compile(r"permission denied|operation not permitted|must be root", re.IGNORECASE)
_DOCUMENT: Final = re.compile(r"^\{", re.MULTILINE)
"""Where a document begins: smartctl puts that brace at the beginning of a line, the inner ones further right."""
_TYPELESS: Final = re.compile(r"unknown usb bridge|unable to detect device type|device type with", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """What one call told of the drive; None where it did not.

    ``denied``: smartctl may not open it. ``awake``: smartctl asked and found it neither asleep nor out of reach.
    """

    reading: Reading
    family: str | None = None
    serial: str | None = None
    wwn: str | None = None
    type: str | None = None
    denied: bool = False
    awake: bool = False


def find_program() -> str:
    """The path of smartctl: on PATH, or in the folders for administrators, which a user's PATH lacks.

    :raises DriverError: it is not installed
    """
    program = shutil.which("smartctl", path=os.pathsep.join((os.environ.get("PATH", os.defpath), *SBIN)))
    if program is None:
        raise DriverError("smartctl is not installed; it comes with smartmontools (apt install smartmontools)")
    return program


class Runs(Protocol):
    """What runs a program: :class:`~fand.drivers.process.Program`, or what a simulation has in its place."""

    def run(self, argv: Sequence[str], limit: Seconds) -> Output:
        """See :meth:`fand.drivers.process.Program.run`."""
        ...

    def close(self) -> None:
        """See :meth:`fand.drivers.process.Program.close`."""
        ...


class Smartctl:
    """The program, called for one purpose at a time; ``program`` runs it.

    :raises DriverError: no ``path`` is given, and it is not installed
    """

    def __init__(self, path: str | None = None, program: Runs | None = None) -> None:
        self.path = path or find_program()
        self._program = Program() if program is None else program

    def ask(self, device: str, kind: str | None, nocheck: str, now: Seconds) -> Answer:
        """Ask one drive for its identity and temperature, without waking it.

        ``kind`` is what ``-d`` takes; without it smartctl detects the type, which can wake a drive, and tells it.
        ``nocheck`` is what ``-n`` takes: the power mode from which on a drive is left alone.

        SCSI drives without a log page of temperatures tell theirs only along with their health (``-H``). Others are
        not asked for that: a USB bridge that cannot tell it would end the call before the temperature.
        """
        check = "never" if nocheck == "never" else f"{nocheck},{ASLEEP_STATUS}"
        health = ["-H"] if kind == "scsi" else []
        argv = [self.path, "-j", "-n", check, "-i", *health, "-A", *(["-d", kind] if kind else []), device]
        try:
            return interpret(self._program.run(argv, LIMIT), now)
        except DriverError as error:
            return Answer(Failed(str(error), now))

    def scan(self) -> list[tuple[str, str | None]]:
        """Devices and the types to open them with (None: detect); opens none of them.

        Without opening it smartctl takes every SATA drive for SCSI, so that type is not believed.

        :raises DriverError: smartctl failed
        """
        devices = _document(self._program.run([self.path, "-j", "--scan"], LIMIT).out).get("devices")
        found = []
        for device in devices if isinstance(devices, list) else []:
            name, kind = _at(device, "name"), _at(device, "type")
            if isinstance(name, str) and isinstance(kind, str):
                found.append((name, None if kind == "scsi" else kind))
        return found

    def close(self) -> None:
        """Kill a call that runs."""
        self._program.close()


def interpret(output: Output, now: Seconds) -> Answer:
    """What smartctl printed, as an answer. A good temperature counts whatever else was wrong."""
    try:
        document = _document(output.out)
    except DriverError as error:
        # before it could print JSON, smartctl or the system complained in plain words
        text = (output.err or output.out).decode(errors="replace")
        if _SKIPPED.search(text):
            return Answer(Asleep(now))
        said = shorten(text)
        how = f"ended by signal {-output.status}" if output.status < 0 else f"status {output.status}"
        return Answer(Failed(f"{error} ({how}): {said}" if said else f"{error} ({how})", now))
    messages = _messages(document)
    reading = judge(_at(document, "temperature", "current"), now, drive=True)
    errors = [text for severity, text in messages if severity == "error"]
    asleep = False
    if isinstance(reading, Failed):
        asleep = _sleeps(document, messages, output.status)
        if asleep:
            reading = Asleep(now)
        elif _at(document, "temperature", "current") is None:
            reading = Failed(_reason(errors, document, output.status), now)
    kind = _at(document, "device", "type")
    return Answer(
        reading,
        family=_family(document),
        serial=_text(document, "serial_number"),
        wwn=_wwn(document),
        type=kind if isinstance(kind, str) else None,
        denied=any(_DENIED.search(text) for text in errors),
        awake=not asleep and _text(document, "serial_number") is not None,
    )


def _document(out: bytes) -> dict[str, Any]:
    """The JSON object in ``out``, whatever stands before and after it, braces among it.

    Control characters in texts are taken as they are: not every version writes them as JSON wants.

    :raises DriverError: there is none, or it is cut off
    """
    text = out.decode(errors="replace")
    begin = _DOCUMENT.search(text)
    start = begin.start() if begin else text.find("{")
    if start < 0:
        raise DriverError("smartctl printed no JSON; version 7.0 or later is needed")
    try:
        document: dict[str, Any] = json.JSONDecoder(strict=False).raw_decode(text, start)[0]
    except (ValueError, RecursionError) as error:
        raise DriverError("smartctl's JSON is damaged or cut off") from error
    return document


def _at(document: object, *path: str) -> object:
    for key in path:
        document = document.get(key) if isinstance(document, dict) else None
    return document


def _text(document: object, *path: str) -> str | None:
    value = _at(document, *path)
    return value.strip(" \t\r\n\0") or None if isinstance(value, str) else None


def _messages(document: object) -> list[tuple[str, str]]:
    messages = _at(document, "smartctl", "messages")
    found = []
    for message in messages if isinstance(messages, list) else []:
        text, severity = _text(message, "string"), _text(message, "severity")
        if text is not None:
            found.append((severity or "", text))
    return found


def _sleeps(document: object, messages: list[tuple[str, str]], status: int) -> bool:
    """Whether smartctl left the drive asleep.

    The message tells (``Device is in STANDBY mode``, ``SLEEP``, ``STANDBY BY COMMAND``, ``STANDBY (OS)``); from 7.5
    on ``power_mode`` does for ATA, with -1 sleep, 0 standby, 1 standby_y; and no other outcome has the status that
    smartctl was told to use.
    """
    if any(_SKIPPED.search(text) for _, text in messages):
        return True
    mode = _at(document, "power_mode")
    names = [name for name in (mode.values() if isinstance(mode, dict) else [mode]) if isinstance(name, str)]
    if _at(mode, "ata_value") in (-1, 0, 1) or any("STANDBY" in name or "SLEEP" in name for name in names):
        return True
    errors = any(severity == "error" for severity, _ in messages)
    return status == ASLEEP_STATUS and not errors and isinstance(_at(document, "device"), dict)


def _reason(errors: list[str], document: object, status: int) -> str:
    if not errors:
        said = _at(document, "smartctl", "exit_status")
        shown = said if isinstance(said, int) else status
        return f"tells smartctl no temperature (exit status {shown})"
    error = shorten(errors[0], 120)
    if any(_DENIED.search(text) for text in errors):
        return f"{error}; smartctl needs root, or CAP_SYS_RAWIO (NVMe: CAP_SYS_ADMIN) and may read the device"
    if any(_TYPELESS.search(text) for text in errors):
        return f'{error}; is it there? If so, give its type, such as type = "sat"'
    return error


def _family(document: object) -> str | None:
    if _at(document, "device", "protocol") == "NVMe":
        return "nvme"
    rate = _at(document, "rotation_rate")
    if isinstance(rate, int):
        return "hdd" if rate > 1 else "ssd"
    return None


def _wwn(document: object) -> str | None:
    """The drive's WWN as hexadecimal digits: that of ATA in three parts, or that of SCSI."""
    parts = [_at(document, "wwn", key) for key in ("naa", "oui", "id")]
    if all(isinstance(part, int) for part in parts) and any(parts):
        naa, oui, serial = parts
        return f"{naa:x}{oui:06x}{serial:09x}"
    unit = _text(document, "logical_unit_id")
    return unit.lower().removeprefix("0x") if unit else None
