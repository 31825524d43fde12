"""Configurations of both fands."""

from collections.abc import Iterable, Mapping

SHELF = "shelf1"

THEIR_INI = """\
[DEFAULT]
shelves = shelf1
hdd_temps = 0: 50
ssd_temps = 0: 50
cpu_temps = 0: 50
[shelf1]
devices = cpu; host
"""
"""fand 0.1.1 with a shelf that is at 50 % for ever."""


def toml(shelves: Mapping[str, Iterable[str]], *, points: str = "[[30, 50]]", server: str = "") -> str:
    """A fand.toml with these shelves, each of these devices. Every family follows one curve with these ``points``."""
    curves = 'hdd = "drives", ssd = "drives", air = "drives"'
    tables = [f"[server]\n{server}\n" if server else "", f"[curves.drives]\npoints = {points}\n"]
    for name, devices in shelves.items():
        listed = "".join(f"  {device},\n" for device in devices)
        tables.append(f"[shelves.{name}]\ncurves = {{ {curves} }}\ndevices = [\n{listed}]\n")
    return "".join(tables)


def steady(**more: str) -> str:
    """Our fand with a shelf that is at 50 % for ever."""
    return toml({SHELF: ["{ fake = 30, interval = 5 }"]}, **more)
