"""Folders in the shape of /sys for what is measured, as the tests have them."""

from pathlib import Path

from tests.drivers.tree import Tree


def flash(tree: Tree, count: int) -> list[str]:
    """So many solid-state drives, whose temperature the kernel shows; returns their serial numbers."""
    for number in range(count):
        tree.disk(_name(number), _serial(number), at=_at(number), rotational="0", celsius=35)
    return [_serial(number) for number in range(count)]


def disks(tree: Tree, count: int) -> list[str]:
    """So many drives that turn, which are for smartctl."""
    for number in range(count):
        tree.disk(_name(number), _serial(number), at=_at(number))
    return [_serial(number) for number in range(count)]


def inputs(root: Path) -> list[Path]:
    """The files of all temperatures."""
    return sorted(root.glob("sys/class/hwmon/*/temp*_input"))


def nodes(count: int) -> list[str]:
    """The devices of so many drives, in the order of their serial numbers."""
    return [f"/dev/{_name(number)}" for number in range(count)]


def _serial(number: int) -> str:
    return f"SN{number:06}"


def _name(number: int) -> str:
    """The kernel's name of a drive: sda to sdz, sdaa and so on."""
    letters = ""
    number += 1
    while number:
        number, letter = divmod(number - 1, 26)
        letters = chr(ord("a") + letter) + letters
    return f"sd{letters}"


def _at(number: int) -> str:
    return f"pci0000:00/ata{number}/host{number}/target{number}:0:0/{number}:0:0:0"
