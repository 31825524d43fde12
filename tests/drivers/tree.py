"""Temporary folders in the shape of /sys, for tests of what reads the real one."""

import os
from pathlib import Path


class Tree:
    """A root folder with the kernel's files below it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, path: str, text: str | bytes) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    def link(self, path: str, target: str) -> Path:
        """``path`` becomes a relative link to ``target``, both from the root."""
        link = self.root / path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(self.root / target, link.parent))
        return link

    def chip(self, number: int, name: str, device: str, **files: str | int) -> Path:
        """A hwmon chip of the usual style on ``device``, a path below /sys/devices."""
        folder = f"sys/devices/{device}/hwmon/hwmon{number}"
        self.put(f"{folder}/name", f"{name}\n")
        self.link(f"{folder}/device", f"sys/devices/{device}")
        self.link(f"sys/class/hwmon/hwmon{number}", folder)
        for file, value in files.items():
            self.put(f"{folder}/{file}", f"{value}\n")
        return self.root / folder
