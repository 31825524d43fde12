"""Tachometer kind ``gpiod``: a fan's tachometer wire on a line of a GPIO chip, by libgpiod 2.

``{ gpiod = "pinctrl-rp1", line = 17 }``: the chip by its label, its name (``gpiochip0``) or its path; the line by its
number or name. The kernel stamps each edge and numbers it, so neither a busy host nor lost edges falsify the speed,
and there is no thread: edges wait in the kernel until they are asked for.

The signal is an open collector, pulled up to 3.3 V on a Raspberry Pi, and falls ``pulses`` times a revolution.
"""

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from fand.drivers.found import Found, table
from fand.drivers.pins import library, pin_errors
from fand.drivers.pulses import Edge, Pulses
from fand.drivers.text import named
from fand.exceptions import GpioError
from fand.units import Rpm, Seconds

_BUFFER: Final = 1024
"""The most edges that the kernel keeps for one line; of more, the oldest are lost, and counted."""
_READS: Final = 4
"""So often a call reads that many: noise that comes faster must not hold it."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``gpiod`` is a chip's label, name or path, ``line`` the number or name of its line.

    ``pull`` is the line's own pull-up, or none where there is a resistor. Edges closer than ``debounce`` seconds
    are noise; most chips leave that to the kernel, whose clock ticks every 1 to 10 ms and may swallow real edges.
    """

    gpiod: str
    line: int | str
    pulses: int = 2
    pull: Literal["up", "none"] = "up"
    debounce: float = 0.0

    def __post_init__(self) -> None:
        named("gpiod", self.gpiod, "the label, the name or the path of a GPIO chip")
        if isinstance(self.line, str):
            named("line", self.line, "the number or the name of a line")
        elif self.line < 0:
            raise ValueError(f"line {self.line} is not the number of a line")
        if not 1 <= self.pulses <= 100:
            raise ValueError(f"pulses {self.pulses} is not from 1 to 100 a revolution")
        if not 0 <= self.debounce <= 0.1:
            raise ValueError(f"debounce {self.debounce} is not from 0 to 0.1 seconds")


class GpiodTachometer:
    """See the module."""

    def __init__(self, settings: Settings, devices: Path, clock: Callable[[], float]) -> None:
        self._doing = f"count the pulses on line {settings.line} of {settings.gpiod}"
        self._pulses = Pulses(settings.pulses)
        self._clock = clock
        gpiod = library("gpiod")
        if not hasattr(gpiod, "request_lines"):
            raise GpioError(f"cannot {self._doing}: the Python library gpiod is older than 2.0")
        line = library("gpiod.line")
        with pin_errors(self._doing):
            chip = _find(gpiod, settings.gpiod, devices)
            _check_line(gpiod, chip, settings.line)
            self._request: Any = gpiod.request_lines(
                str(chip),
                consumer="fand",
                config={
                    settings.line: gpiod.LineSettings(
                        direction=line.Direction.INPUT,
                        edge_detection=line.Edge.FALLING,
                        bias=line.Bias.PULL_UP if settings.pull == "up" else line.Bias.AS_IS,
                        debounce_period=timedelta(seconds=settings.debounce),
                    )
                },
                event_buffer_size=_BUFFER,
            )

    def rpm(self, now: Seconds) -> Rpm | None:  # noqa: ARG002 - of another clock than the kernel's stamps
        """The mean speed since the last call.

        :raises GpioError: the line cannot be read any more
        """
        edges: list[Edge] = []
        with pin_errors(self._doing):
            for _ in range(_READS):
                if not self._request.wait_edge_events(0):
                    break
                events = self._request.read_edge_events(_BUFFER)
                ends = (events[0], events[-1])
                edges += [Edge(Seconds(event.timestamp_ns / 1e9), event.line_seqno) for event in ends]
            else:
                # there are more, so the line is not quiet since the last of these
                return self._pulses.speed(edges, edges[-1].at)
        return self._pulses.speed(edges, Seconds(self._clock()))

    def close(self) -> None:
        """Give the line back."""
        if self._request is not None:
            with pin_errors(self._doing):
                self._request.release()
            self._request = None


def open_tachometer(
    settings: Settings, devices: Path = Path("/dev"), clock: Callable[[], float] = time.monotonic
) -> GpiodTachometer:
    """The tachometer, counting from now on. ``clock`` is that of the kernel's stamps, CLOCK_MONOTONIC.

    :raises GpioError: there is no such chip or line, it is in use, or the library is missing
    """
    return GpiodTachometer(settings, devices, clock)


def detect(root: Path = Path("/")) -> list[Found]:
    """The pins of a Raspberry Pi, if this is one; on which of them a tachometer is cannot be told."""
    try:
        labels = _labels(library("gpiod"), root / "dev")
    except (GpioError, OSError):
        return []
    return [
        Found(table(gpiod=label, line=17), "where the tachometer's wire is on GPIO17, pulled up to 3.3 V")
        for label in labels.values()
        if label.startswith("pinctrl-")
    ]


def _labels(gpiod: Any, devices: Path) -> dict[Path, str]:
    labels: dict[Path, str] = {}
    for each in sorted(devices.glob("gpiochip*")):
        real = each.resolve()  # older names of a chip are links
        if real not in labels and gpiod.is_gpiochip_device(str(real)):
            with gpiod.Chip(str(real)) as chip:
                labels[real] = chip.get_info().label
    return labels


def _find(gpiod: Any, which: str, devices: Path) -> Path:
    """The device file of the chip with this path, name or label."""
    path = Path(which) if "/" in which else devices / which
    if gpiod.is_gpiochip_device(str(path)):
        return path
    labels = _labels(gpiod, devices)
    found = [path for path, label in labels.items() if label == which]
    if len(found) == 1:
        return found[0]
    there = ", ".join(f"{path.name} ({label})" for path, label in labels.items()) or "none"
    raise GpioError(f"{len(found) or 'no'} GPIO chips are called {which!r}; there are: {there}")


def _check_line(gpiod: Any, path: Path, line: int | str) -> None:
    with gpiod.Chip(str(path)) as chip:
        if isinstance(line, int) and line >= (count := chip.get_info().num_lines):
            raise GpioError(f"GPIO chip {path.name} has lines 0 to {count - 1}, not {line}")
        try:
            chip.line_offset_from_id(line)
        except OSError as error:
            raise GpioError(f"GPIO chip {path.name} has no line called {line!r}; see gpioinfo") from error
