"""A stand-in for smartctl: a real program that replays captures, and writes down how it was called.

It stands as ``smartctl`` beside ``plan.json``, which says what each device answers::

    {"scan": "<text>", "devices": {"/dev/sda": {"text": "...", "status": 0, "asleep": false, "type": "sat"}}}

Every call is a line of ``calls.jsonl``. Like the real one it leaves a sleeping drive alone when told to with ``-n``,
exits then with the status that it was told to, and otherwise wakes the drive.
"""

import json
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CAPTURES = Path(__file__).parents[1] / "data" / "smartctl"
NO_DRIVE = (
    '{"smartctl": {"messages": [{"string": "Smartctl open device: failed: No such device", "severity": "error"}]}}'
)

PROGRAM = f"""#!{sys.executable} -IS
import json, os, sys, time
here = os.path.dirname(os.path.abspath(sys.argv[0]))
with open(os.path.join(here, "calls.jsonl"), "a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + "\\n")
with open(os.path.join(here, "plan.json")) as file:
    plan = json.load(file)
argv = sys.argv[1:]
if "--scan" in argv:
    sys.stdout.write(plan["scan"])
    sys.exit(0)
kind = argv[argv.index("-d") + 1] if "-d" in argv else None
device = plan["devices"].get(argv[-1] + (" " + kind if kind else "")) or plan["devices"].get(argv[-1])
if device is None:
    sys.stdout.write({NO_DRIVE!r})
    sys.exit(2)
if device.get("hang"):
    time.sleep(3600)
check = argv[argv.index("-n") + 1].split(",")
if device.get("asleep") and check[0] in ("standby", "idle"):
    status = int((check + ["2"])[1])
    json.dump({{"smartctl": {{"messages": [{{"string": f"Device is in {{device['asleep']}} mode, exit({{status}})",
              "severity": "information"}}], "exit_status": status}},
              "device": {{"name": argv[-1], "type": kind or device.get("type", "sat")}}}}, sys.stdout)
    sys.exit(status)
if device.get("asleep"):
    with open(os.path.join(here, "woken"), "a") as woken:
        woken.write(argv[-1] + "\\n")
sys.stdout.buffer.write(device["text"].encode("latin-1"))
sys.exit(device.get("status", 0))
"""


@dataclass(frozen=True)
class Capture:
    """A line of the table in SOURCES.md."""

    name: str
    celsius: float | None
    status: int

    @property
    def data(self) -> bytes:
        return (CAPTURES / self.name).read_bytes()


def captures() -> list[Capture]:
    """The captures with the reading that SOURCES.md expects of each, and their exit status."""
    found = []
    for line in (CAPTURES / "SOURCES.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) >= 5 and (CAPTURES / cells[1]).is_file() and (cells[2] == "-" or cells[2].isdigit()):
            found.append(Capture(cells[1], None if cells[2] == "-" else float(cells[2]), int(cells[3])))
    return found


class StandIn:
    """The stand-in, installed in a folder that is to be on PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._plan: dict[str, Any] = {"scan": '{"devices": []}', "devices": {}}
        folder.mkdir()
        program = folder / "smartctl"
        program.write_text(PROGRAM)
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        self._save()

    def answer(self, device: str, text: str | bytes, status: int = 0, **more: object) -> None:
        """``device`` (with a type behind it for that type only) answers with ``text``."""
        shown = text.decode("latin-1") if isinstance(text, bytes) else text
        self._plan["devices"][device] = {"text": shown, "status": status, **more}
        self._save()

    def drive(self, device: str, serial: str, celsius: object, **more: Any) -> None:
        """``device`` is a drive with this serial number and temperature."""
        document = {
            "device": {"name": device, "type": more.pop("type", "sat"), "protocol": more.pop("protocol", "ATA")},
            "serial_number": serial,
            "rotation_rate": more.pop("rotation_rate", 7200),
            "temperature": {"current": celsius},
        }
        self.answer(device + more.pop("key", ""), json.dumps(document), **more)

    def gone(self, device: str) -> None:
        self._plan["devices"].pop(device)
        self._save()

    def scan(self, text: str) -> None:
        """What ``--scan`` prints."""
        self._plan["scan"] = text
        self._save()

    def calls(self) -> list[list[str]]:
        """The arguments of every call so far."""
        file = self.folder / "calls.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def woken(self) -> list[str]:
        """The sleeping drives that it woke."""
        file = self.folder / "woken"
        return file.read_text().split() if file.exists() else []

    def _save(self) -> None:
        new = self.folder / "plan.new"
        new.write_text(json.dumps(self._plan))
        new.replace(self.folder / "plan.json")
