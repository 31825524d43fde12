"""``fand detect``: the drives, temperatures, fan outputs and tachometers of this host, as a fand.toml to edit.

What is safe to use as it stands is ready for use: the drives, the processor, and the outputs on which a fan turns.
The rest stands beside it as a comment: a mainboard's inputs without a sensor measure nonsense, an output without a
fan drives nothing, and a PWM output of the kernel may belong to something else. No drive is woken, no fan touched.
"""

import argparse
import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from fand import drivers
from fand.drivers.found import Found, table
from fand.exceptions import FandError
from fand.output import say

READY: Final = ("drive", "smart", "cpu")
"""The sensor kinds whose devices are used as they are found, in this order; those of the others are comments."""

FAMILIES: Final = ("hdd", "ssd", "nvme", "cpu", "gpu", "air")
CURVES: Final = {
    "drives": ([[30, 25], [38, 50], [45, 100]], 55),
    "flash": ([[40, 25], [55, 50], [70, 100]], 80),
    "chips": ([[45, 25], [65, 50], [85, 100]], 95),
    "air": ([[25, 25], [35, 50], [45, 100]], 60),
}
"""Points in degrees Celsius and percent, and the critical temperature. Cautious: nothing is known of the case."""
_CURVE_OF: Final = {"hdd": "drives", "ssd": "flash", "nvme": "flash", "cpu": "chips", "gpu": "chips", "air": "air"}

_HEAD: Final = """\
# fand.toml: what "fand detect" found on this host, ready to edit. Check it with: fand-server --check -c fand.toml
# Temperatures are in degrees Celsius, duties in percent of full speed. Lines with # and no space are yours to take.
"""


@dataclass(slots=True)
class Host:
    """What was found: devices, fan outputs and tachometers, each by kind; and what could not be looked at."""

    sensors: dict[str, list[Found]] = field(default_factory=dict)
    fans: dict[str, list[Found]] = field(default_factory=dict)
    tachometers: dict[str, list[Found]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


def look(root: Path = Path("/")) -> Host:
    """Ask every driver what of its kind there is. One that fails is noted, and hides no other."""
    host = Host()
    for names, kind, found in (
        (drivers.sensor_kinds(), drivers.sensor_kind, host.sensors),
        (drivers.fan_kinds(), drivers.fan_kind, host.fans),
        (drivers.tachometer_kinds(), drivers.tachometer_kind, host.tachometers),
    ):
        for name in names:
            try:
                there = _detect(kind, name, root)
            except Exception as error:  # noqa: BLE001 - whatever somebody else's driver raises
                host.faults.append(f"Kind {name} could not look: {str(error) or type(error).__name__}")
            else:
                if there:
                    found[name] = there
    return host


def render(host: Host) -> str:
    """The configuration."""
    parts = [_HEAD]
    parts += [_comment(fault) for fault in host.faults]
    ready, others = _devices(host)
    if not ready and not others:
        parts.append("\n# No drive and no temperature was found here.\n")
    parts.append(_server(ready, others))
    parts.append(_client(host))
    return "".join(parts)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the configuration; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="fand detect",
        description="Print this host's drives, temperatures, fan outputs and tachometers as a fand.toml to edit.",
    )
    parser.add_argument("--root", type=Path, default=Path("/"), help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    try:
        say(render(look(args.root)))
    except FandError as error:
        sys.stderr.write(f"fand detect: {error}\n")
        return 1
    return 0


def _detect(kind: Callable[[str], Any], name: str, root: Path) -> list[Found]:
    detect = getattr(kind(name), "detect", None)
    there: list[Found] = [] if detect is None else list(detect(root))
    for found in there:
        _values(found)
    return there


def _devices(host: Host) -> tuple[list[Found], list[Found]]:
    """Those to use, none twice, and those to offer; without any to use, the first that measures something."""
    order = [*READY, *(name for name in host.sensors if name not in READY)]
    ready: dict[str, Found] = {}
    others: list[Found] = []
    for name in order:
        for found in host.sensors.get(name, []):
            identity = str(next(iter(_values(found).values())))
            if name in READY and identity not in ready:
                ready[identity] = found
            else:
                others.append(found)
    if not ready and others:
        first = next((found for found in others if found.ready), others[0])
        others.remove(first)
        return [first], others
    return list(ready.values()), others


def _server(ready: Sequence[Found], others: Sequence[Found]) -> str:
    families = [name for name in FAMILIES if name in ("hdd", "ssd", "nvme") or name in _families(ready, others)]
    text = ""
    for curve in dict.fromkeys(_CURVE_OF[family] for family in families):
        points, critical = CURVES[curve]
        text += f"\n[curves.{curve}]\npoints = {points}\ncritical = {critical}  # from here on: full speed\n"
    text += "\n[shelves.shelf1]\n"
    text += f"curves = {table(**{family: _CURVE_OF[family] for family in families})}\n"
    text += "devices = [\n"
    if not ready:
        text += '  { drive = "SERIAL NUMBER", position = "1,1" },\n'
    text += "".join(f"  {found.line},{_comment(found.comment, before='  ')}" for found in ready)
    text += "".join(f"  #{found.line},{_comment(found.comment, before='  ')}" for found in others)
    text += "]\n"
    return text if ready else _out(text)


def _client(host: Host) -> str:
    """The fan client's part; a comment as a whole where no output is known to drive a fan."""
    inputs = {_place(found, "fan"): found for found in host.tachometers.get("hwmon", [])}
    ready: list[tuple[Found, Found | None]] = []
    others: list[tuple[Found, Found | None]] = []
    for name, outputs in host.fans.items():
        for found in outputs:
            tachometer = inputs.pop(_place(found, "pwm"), None) if name == "hwmon" else None
            turns = tachometer is None or tachometer.ready
            (ready if name == "hwmon" and found.ready and turns else others).append((found, tachometer))
    head = (
        '\n# On the host that has the fans, for "fand-client":\n[client]\nshelf = "shelf1"\nservers = ["localhost"]\n'
    )
    tables = [_fan(number, *fan) for number, fan in enumerate(ready, 1)]
    offers = [_fan(number, *fan) for number, fan in enumerate(others, len(ready) + 1)]
    text = head + "".join(tables) + _out("".join(offers))
    if not ready and not others:
        text += '\n[[client.fans]]\nname = "fan1"\nhwmon = "CHIP"\npwm = 1\ntachometer = 1\n'
    text = text if ready else "\n# No output was found that is known to drive a fan.\n" + _out(text)
    spare = [
        *inputs.values(),
        *(each for kind, there in host.tachometers.items() if kind != "hwmon" for each in there),
    ]
    if spare:
        text += "\n# More tachometers, for a fan above:\n"
        text += "".join(f"# tachometer = {found.line}{_comment(found.comment, before='  ')}" for found in spare)
    return text


def _fan(number: int, output: Found, tachometer: Found | None) -> str:
    text = f'\n[[client.fans]]{_comment(output.comment, before="  ")}name = "fan{number}"\n'
    text += "".join(f"{key} = {table(x=value)[6:-2]}\n" for key, value in _values(output).items())
    if tachometer is not None:
        text += f"tachometer = {_values(tachometer)['fan']}{_comment(tachometer.comment, before='  ')}"
    return text


def _values(found: Found) -> dict[str, Any]:
    values: dict[str, Any] = tomllib.loads(f"x = {found.line}")["x"]
    return values


def _place(found: Found, number: str) -> tuple[object, object]:
    """Chip and number, by which an output and its tachometer belong together."""
    values = _values(found)
    return values.get("hwmon"), values.get(number)


def _families(*lists: Iterable[Found]) -> set[str]:
    found = [_values(each) for there in lists for each in there]
    return {"cpu" if "cpu" in values else str(values.get("family")) for values in found}


def _comment(text: str, before: str = "") -> str:
    """``text`` as a comment: one line of characters that TOML allows there."""
    return f"{before}# {''.join(each if each.isprintable() else '?' for each in text)}\n"


def _out(text: str) -> str:
    """``text`` as an offer: each line commented out without a space after the #, but for comments."""
    return re.sub(r"^( *)(?=[^ #\n])", r"\1#", text, flags=re.MULTILINE)
