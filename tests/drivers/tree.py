"""Temporary folders in the shape of /sys, for tests of what reads the real one."""

import os
import shutil
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

    def disk(
        self,
        name: str,
        serial: str | None = None,
        *,
        at: str = "pci0000:00/ata1/host0/target0:0:0/0:0:0:0",
        vendor: str = "ATA",
        wwid: str = "",
        rotational: str = "1",
        celsius: int | None = None,
    ) -> Path:
        """A SCSI or SATA disk; ``celsius`` gives it a drivetemp chip. Returns its folder."""
        device = f"sys/devices/{at}"
        self.put(f"{device}/vendor", f"{vendor:8}\n")
        self.put(f"{device}/model", "Model One\n")
        self.put(f"{device}/power/runtime_status", "active\n")
        if serial is not None:
            page = f"{serial:>20}".encode()
            self.put(f"{device}/vpd_pg80", b"\0\x80" + len(page).to_bytes(2, "big") + page)
        if wwid:
            self.put(f"{device}/wwid", f"{wwid}\n")
        self.put(f"{device}/block/{name}/queue/rotational", f"{rotational}\n")
        self.link(f"{device}/block/{name}/device", device)
        self.link(f"sys/block/{name}", f"{device}/block/{name}")
        if celsius is not None:
            number = len(list((self.root / "sys/class/hwmon").glob("*"))) + 1
            self.chip(number, "drivetemp", at, temp1_input=celsius * 1000)
        return self.root / device

    def nvme(self, name: str, serial: str, *, celsius: float | None = None, wwid: str = "") -> Path:
        """An NVMe drive; ``celsius`` gives it a hwmon chip. Returns its controller's folder."""
        device = f"sys/devices/pci0000:00/0000:0{name[-1]}:00.0/nvme/{name}"
        self.put(f"{device}/serial", f"{serial:20}\n")
        self.put(f"{device}/model", "Model NVMe\n")
        self.put(f"{device}/{name}n1/wwid", f"{wwid}\n")
        self.link(f"{device}/device", f"sys/devices/pci0000:00/0000:0{name[-1]}:00.0")
        self.link(f"sys/class/nvme/{name}", device)
        if celsius is not None:
            self.put(f"{device}/hwmon7/name", "nvme\n")
            self.put(f"{device}/hwmon7/temp1_input", f"{celsius * 1000:.0f}\n")
        return self.root / device

    def unplug(self, name: str, folder: Path) -> None:
        """The disk ``name``, whose folder is ``folder``, is pulled out."""
        shutil.rmtree(folder)
        (self.root / "sys/block" / name).unlink()
