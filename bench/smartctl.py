"""A smartctl that takes as long as drives do: for fand in JSON, for fand 0.1.1 in words; it notes every call."""

import json
import os
from pathlib import Path
from typing import Final

from tests.drivers.standin import CAPTURES

SECONDS: Final = 0.05
"""What one call takes."""

_PROGRAM: Final = f"""#!/bin/sh
here=${{0%/*}}
for device do :; done
echo "$*" >>"$here/calls"
sleep {SECONDS}
case "$*" in
*--scan-open*) exec cat "$here/scan.txt" ;;
*--scan*) exec cat "$here/scan.json" ;;
*-j*) exec cat "$here/${{device##*/}}.json" ;;
*) exec cat "$here/${{device##*/}}.txt" ;;
esac
"""

_WORDS: Final = """\
smartctl 7.3 2022-02-28 r5338 [x86_64-linux-6.1.0] (local build)
Copyright (C) 2002-22, Bruce Allen, Christian Franke, www.smartmontools.org

=== START OF INFORMATION SECTION ===
Device Model:     HGST HUS726060ALE614
Serial Number:    {serial}
Firmware Version: APGNW907
User Capacity:    6,001,175,126,016 bytes [6.00 TB]
Sector Sizes:     512 bytes logical, 4096 bytes physical
Rotation Rate:    7200 rpm
SMART support is: Available - device has SMART capability.
SMART support is: Enabled

=== START OF READ SMART DATA SECTION ===
SMART overall-health self-assessment test result: PASSED

SMART Attributes Data Structure revision number: 16
Vendor Specific SMART Attributes with Thresholds:
ID# ATTRIBUTE_NAME          FLAG     VALUE WORST THRESH TYPE      UPDATED  WHEN_FAILED RAW_VALUE
  1 Raw_Read_Error_Rate     0x000b   100   100   016    Pre-fail  Always       -       0
194 Temperature_Celsius     0x0002   157   157   000    Old_age   Always       -       {celsius}

"""


class Slow:
    """The program in ``folder``, which is to be first on PATH, with drives at these device nodes."""

    def __init__(self, folder: Path, drives: dict[str, str]) -> None:
        self.folder = folder
        self._drives = drives
        self._capture = json.loads((CAPTURES / "01-hdd-sata-hgst-hus726060-exit0.json").read_text())
        program = folder / "smartctl"
        program.write_text(_PROGRAM)
        program.chmod(0o755)
        (folder / "scan.txt").write_text("".join(f"{node} -d sat # {node} [SAT], ATA device\n" for node in drives))
        listed = [{"name": node, "info_name": node, "type": "scsi", "protocol": "SCSI"} for node in drives]
        (folder / "scan.json").write_text(json.dumps({"devices": listed}))
        for node in drives:
            self.become(node, 35)

    @property
    def environ(self) -> dict[str, str]:
        """For those that are to find it."""
        return {"PATH": f"{self.folder}:{os.environ['PATH']}"}

    def become(self, node: str, celsius: int) -> None:
        """The drive at ``node`` has this temperature from now on."""
        serial, name = self._drives[node], node.rpartition("/")[2]
        document = {**self._capture, "serial_number": serial, "temperature": {"current": celsius}}
        self._put(f"{name}.json", json.dumps(document, indent=2))
        self._put(f"{name}.txt", _WORDS.format(serial=serial, celsius=celsius))

    def calls(self) -> list[str]:
        """The arguments of every call so far."""
        path = self.folder / "calls"
        return path.read_text().splitlines() if path.exists() else []

    def forget(self) -> None:
        """Forget the calls."""
        (self.folder / "calls").unlink(missing_ok=True)

    def _put(self, name: str, text: str) -> None:
        new = self.folder / f".{name}"
        new.write_text(text)
        new.replace(self.folder / name)
