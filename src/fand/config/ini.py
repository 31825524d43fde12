"""Read the text of a fand.ini of fand 0.1.1 into the tables of a fand.toml.

The file says, in ``[DEFAULT]`` for all shelves or in a shelf's own section::

    shelves = shelf1, shelf2                    the sections that are shelves; [DEFAULT] only
    hdd_temps = 0: 25, 37: 30, 41: 100          °C: percent, each up to the next; likewise ssd_temps, cpu_temps
    devices = SERIAL; where it sits             one a line; the serial ``cpu`` is the processor of this host

``plain = yes`` in ``[DEFAULT]`` is new: it lets the server listen on more than loopback, as 0.1.1 always did.
Values may refer to others as ``%(key)s``, and ``%%`` is a percent sign.
"""

import re
from configparser import (
    ConfigParser,
    DuplicateOptionError,
    DuplicateSectionError,
    Error,
    InterpolationError,
    InterpolationSyntaxError,
    MissingSectionHeaderError,
)
from typing import Any, Final

from fand.config.checked import Faults, meant, under
from fand.exceptions import ConfigError

FAMILIES: Final = ("hdd", "ssd", "cpu")
_DEFAULT: Final = "DEFAULT"
_KEYS: Final = frozenset({"devices", *(f"{family}_temps" for family in FAMILIES)})
_EVERYWHERE: Final = _KEYS | {"shelves", "plain"}


def parse(text: str, source: str) -> tuple[dict[str, Any], dict[str, str]]:
    """The tables that a fand.toml of the same meaning has, and the place in this file of each place in those;
    ``source`` names the file in messages.

    :raises ConfigError: it is no fand.ini, or something in it has no meaning; every fault is named
    """
    parser = ConfigParser()
    try:
        parser.read_string(text, source)
    except Error as error:
        raise ConfigError(_syntax_faults(error, source)) from None
    reader = _Reader(parser, Faults(source))
    reader.read()
    reader.faults.check()
    return reader.document, reader.names


class _Reader:
    """One reading of one file: fills ``document`` and ``names``, and notes ``faults``."""

    def __init__(self, parser: ConfigParser, faults: Faults) -> None:
        self.faults = faults
        self.document: dict[str, Any] = {"server": {}, "curves": {}, "shelves": {}}
        self.names: dict[str, str] = {}
        self._parser = parser

    def read(self) -> None:
        self._check_keys()
        self._read_plain()
        for shelf in self._shelves():
            if self._parser.has_section(shelf):
                self._read_shelf(shelf)
            else:
                guess = meant(shelf, self._parser.sections())
                self.faults.add(
                    f"[{_DEFAULT}] shelves", f"there is no section [{shelf}]{guess or '; describe the shelf'}"
                )

    def _shelves(self) -> list[str]:
        text = self._value(_DEFAULT, "shelves")
        shelves = [name.strip() for name in (text or "").split(",") if name.strip()]
        if not shelves and text != "":
            self.faults.add(
                f"[{_DEFAULT}] shelves", "is missing; list the sections that are shelves, like shelf1, shelf2"
            )
        for name in sorted({name for name in shelves if shelves.count(name) > 1}):
            self.faults.add(f"[{_DEFAULT}] shelves", f"{name} is listed more than once")
        return list(dict.fromkeys(shelves))

    def _read_plain(self) -> None:
        text = self._value(_DEFAULT, "plain")
        if text is None:
            return
        plain = ConfigParser.BOOLEAN_STATES.get(text.lower())
        if plain is None:
            self.faults.add(f"[{_DEFAULT}] plain", f"expected yes or no, not {text!r}")
        else:
            self.document["server"]["plain"] = plain

    def _read_shelf(self, shelf: str) -> None:
        place = under("shelves", shelf)
        self.names[place] = f"[{shelf}]"
        curves = {family: name for family in FAMILIES if (name := self._read_curve(shelf, family)) is not None}
        self.names[under(place, "curves")] = f"[{shelf}]"
        if not curves:
            self.faults.add(f"[{shelf}]", "has no temperatures; give hdd_temps, ssd_temps or cpu_temps")
        devices = self._devices(shelf, under(place, "devices"))
        if "cpu" not in curves and any("cpu" in device for device in devices):
            self.faults.add(f"[{shelf}] cpu_temps", "is missing, and the shelf has the device cpu")
        self.document["shelves"][shelf] = {"floor": 0, "curves": curves, "devices": devices}

    def _read_curve(self, shelf: str, family: str) -> str | None:
        """Enter the curve of a family; returns its name. Shelves that leave it at the default share one."""
        key = f"{family}_temps"
        text = self._value(shelf, key)
        if text is None:
            return None
        shared = key in self._parser.defaults() and text == self._value(_DEFAULT, key, quiet=True)
        name, section = (family, _DEFAULT) if shared else (f"{shelf}-{family}", shelf)
        if name not in self.document["curves"]:
            self.names[under("curves", name)] = f"[{section}] {key}"
            self.document["curves"][name] = {"kind": "step", "points": self._points(text, f"[{section}] {key}")}
        return name

    def _points(self, text: str, place: str) -> list[list[float]]:
        points: dict[float, float] = {}
        for part in text.split(","):
            if not part.strip():
                continue
            try:
                celsius, duty = (_number(word) for word in part.split(":"))
            except ValueError:
                self.faults.add(place, f"{part.strip()!r} is not a temperature and a percentage, like 37: 30")
                continue
            if points.get(celsius, duty) != duty:
                self.faults.add(place, f"{celsius:g} °C stands there twice, with {points[celsius]:g} and {duty:g} %")
            points[celsius] = duty
        return [[celsius, points[celsius]] for celsius in sorted(points)]

    def _devices(self, shelf: str, place: str) -> list[dict[str, Any]]:
        self.names[place] = here = f"[{shelf}] devices"
        text = self._value(shelf, "devices")
        devices: list[dict[str, Any]] = []
        for line in (text or "").splitlines():
            serial, _, rest = (part.strip() for part in line.partition(";"))
            position = rest.split(";")[0].strip()
            if not line.strip():
                continue
            if not serial:
                self.faults.add(here, f"{line.strip()!r} has no serial before the semicolon")
                continue
            device = {"cpu": "auto"} if serial == "cpu" else {"drive": serial}
            devices.append({**device, "position": position} if position else device)
            self.names[under(place, len(devices))] = f"{here}: {serial}"
        if text is None:
            self.faults.add(here, "is missing or empty; list the devices one a line, like SERIAL; where it sits")
        return devices

    def _value(self, section: str, key: str, *, quiet: bool = False) -> str | None:
        """The value in force for a section; None without one, empty if it has a fault, which is noted.

        A percent sign that means nothing is itself.
        """
        try:
            value = self._parser.get(section, key, fallback=None)
        except InterpolationSyntaxError:
            value = self._parser.get(section, key, raw=True)
        except InterpolationError as error:
            if not quiet:
                self.faults.add(f"[{section}] {key}", " ".join(str(error).split()))
            return ""
        return value.strip() if value and value.strip() else None

    def _check_keys(self) -> None:
        defaults = self._parser.defaults()
        raw = [self._parser.get(section, key, raw=True) for section in self._sections() for key in self._own(section)]
        used = {name.lower() for value in raw for name in re.findall(r"%\(([^)]+)\)s", value)}
        for section in self._sections():
            known = _EVERYWHERE if section == _DEFAULT else _KEYS
            for key in self._own(section):
                if key not in known and key not in used and not (section != _DEFAULT and key in defaults):
                    self.faults.add(f"[{section}]", f"unknown key '{key}'{meant(key, known)}")

    def _sections(self) -> list[str]:
        return [_DEFAULT, *self._parser.sections()]

    def _own(self, section: str) -> list[str]:
        return list(self._parser[section])


def _number(word: str) -> float:
    number = float(word)
    return int(number) if number.is_integer() else number


def _syntax_faults(error: Error, source: str) -> list[str]:
    if isinstance(error, MissingSectionHeaderError):
        return [f"{source}: line {error.lineno}: comes before any section; begin with [DEFAULT]"]
    if isinstance(error, DuplicateSectionError):
        return [f"{source}: line {error.lineno}: section [{error.section}] stands there twice; join the two"]
    if isinstance(error, DuplicateOptionError):
        return [f"{source}: line {error.lineno}: [{error.section}] {error.option} stands there twice"]
    lines = getattr(error, "errors", [])  # of a ParsingError
    told = [f"{source}: line {line}: is neither a section nor key = value" for line, _ in lines]
    return told or [f"{source}: {' '.join(str(error).split())}"]
