"""The PWM chips of the kernel, found by what does not change, and which of their channels is on which pin of a Pi.

The number in ``pwmchipN`` moved between kernels, so a chip is found by its device: the last part of its path, such
as ``1f00098000.pwm`` or ``0-0040``, or as many parts as make it unique.

See https://docs.kernel.org/driver-api/pwm.html#using-pwms-with-the-sysfs-interface.
"""

import os
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fand.drivers.sysfs import peek, read_bytes
from fand.exceptions import DriverError

PINS: Final = (12, 13, 18, 19)
"""The pins of a Raspberry Pi that can carry a signal of its PWM."""

_CHANNELS: Final[Mapping[str, Mapping[int, int]]] = {
    r"1f00098000\.pwm": {12: 0, 13: 1, 18: 2, 19: 3},  # Raspberry Pi 5
    r"(20|3f|fe)20c000\.pwm": {12: 0, 18: 0, 13: 1, 19: 1},  # Raspberry Pi 4 and older
}
"""By device: the channel that a pin can be connected to."""


@dataclass(frozen=True, slots=True)
class PwmChip:
    """``folder`` is where its files are, ``device`` the path of its device, ``channels`` how many outputs it has."""

    folder: Path
    device: str
    channels: int

    @property
    def name(self) -> str:
        """The last part of its device's path."""
        return self.device.rsplit("/", 1)[-1]


def pwm_chips(root: Path = Path("/")) -> list[PwmChip]:
    """All PWM chips of this host, in the order of their numbers."""
    found = {}
    for entry in (root / "sys/class/pwm").glob("pwmchip*"):
        number, folder = entry.name.removeprefix("pwmchip"), Path(os.path.realpath(entry))
        channels = peek(folder / "npwm") or ""
        if number.isdigit() and channels.isdigit():
            device = folder.parent.parent if folder.parent.name == "pwm" else folder
            path = "/" + os.path.relpath(device, os.path.realpath(root))
            found[int(number)] = PwmChip(folder, path, int(channels))
    return [found[number] for number in sorted(found)]


def find_pwm_chip(which: str, root: Path = Path("/")) -> PwmChip:
    """The one chip whose device's path is ``which`` or ends with it, or at a path below ``/sys/class/pwm``.

    :raises DriverError: there is none, or more than one; the text says what there is
    """
    there = pwm_chips(root)
    if which.startswith("/"):
        real = Path(os.path.realpath(root / which.lstrip("/")))
        found = [chip for chip in there if real in (chip.folder, _device(chip, root))]
    else:
        found = [chip for chip in there if chip.device.endswith("/" + which)]
    if len(found) == 1:
        return found[0]
    names = ", ".join(chip.device for chip in found or there) or "none"
    if found:
        raise DriverError(f"{len(found)} PWM chips match {which!r}; choose one by more of its path: {names}")
    raise DriverError(f"no PWM chip {which!r} (there are: {names}); on a Raspberry Pi it needs dtoverlay=pwm-2chan")


def raspberry_output(pin: int, root: Path = Path("/")) -> tuple[str, int] | None:
    """The kernel's PWM that is connected to a pin of a Raspberry Pi: its device's name and the channel.

    None unless the device tree says that the pin carries the chip's signal, which is what ``dtoverlay=pwm`` or
    ``pwm-2chan`` in config.txt brings about.
    """
    for chip in pwm_chips(root):
        for device, channels in _CHANNELS.items():
            if re.fullmatch(device, chip.name) and pin in channels and pin in _connected(chip, root):
                return chip.name, channels[pin]
    return None


def _device(chip: PwmChip, root: Path) -> Path:
    return Path(os.path.realpath(root / chip.device.lstrip("/")))


def _connected(chip: PwmChip, root: Path) -> set[int]:
    """The pins that the device tree connects the chip with: ``pinctrl-0`` names nodes that list them."""
    try:
        wanted = set(_cells(read_bytes(_device(chip, root) / "of_node/pinctrl-0")))
    except DriverError:
        return set()
    tree = Path(os.path.realpath(root / "sys/firmware/devicetree/base"))
    return {pin for node in _nodes(tree, wanted) for pin in _pins(node)}


def _nodes(tree: Path, wanted: set[int]) -> Iterator[Path]:
    for file in tree.rglob("phandle"):
        if wanted.intersection(_cells(read_bytes(file))):
            yield file.parent


def _pins(node: Path) -> Iterator[int]:
    """Either numbers in ``brcm,pins``, or names like ``gpio18`` in ``pins``."""
    for file in (node / "brcm,pins", node / "pins"):
        if file.is_file():
            data = read_bytes(file)
            if file.name == "pins":
                yield from (int(name[4:]) for name in data.decode(errors="replace").split("\0") if _PIN.match(name))
            else:
                yield from _cells(data)


_PIN: Final = re.compile(r"gpio\d{1,3}$")


def _cells(data: bytes) -> tuple[int, ...]:
    """The big-endian 32-bit numbers that a property of the device tree holds."""
    return struct.unpack(f">{len(data) // 4}I", data[: len(data) // 4 * 4])
