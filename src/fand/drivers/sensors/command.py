"""Sensor kind ``command``: a program that prints a temperature.

``{ command = ["/usr/local/bin/room-temperature", "--celsius"] }``. It runs without a shell, prints one number in
degrees Celsius, and exits with 0.
"""

import shlex
from pathlib import Path
from typing import Final

import msgspec

from fand.control import judge
from fand.drivers.process import Program
from fand.drivers.text import number, shorten
from fand.exceptions import DriverError
from fand.ports import Failed, Reading
from fand.units import Seconds, is_number

INTERVAL: Final = Seconds(10.0)
TIMEOUT: Final = Seconds(15.0)


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``command`` is the program and its arguments. It and all that it started are killed after ``kill_after``
    seconds; keep that below the device's ``timeout``.
    """

    command: list[str]
    kill_after: float = 10.0

    def __post_init__(self) -> None:
        if not self.command or not self.command[0]:
            raise ValueError('command: give the program and its arguments, like ["/usr/bin/program", "--option"]')
        if any("\0" in word for word in self.command):
            raise ValueError("command: an argument cannot contain the character NUL")
        if not is_number(self.kill_after) or self.kill_after <= 0:
            raise ValueError(f"kill_after {self.kill_after} is not a number of seconds above 0")


class CommandSensor:
    """See the module."""

    family: str | None = None

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._program = Program()

    def read(self, now: Seconds) -> Reading:
        """Run it once."""
        name = Path(self._settings.command[0]).name
        try:
            output = self._program.run(self._settings.command, Seconds(self._settings.kill_after))
            if output.status != 0:
                how = f"signal {-output.status}" if output.status < 0 else f"status {output.status}"
                said = shorten(output.err.decode(errors="replace"), 120)
                return Failed(f"{name} ended with {how}" + (f": {said}" if said else ""), now)
            return judge(number(output.out.decode(errors="replace")), now)
        except DriverError as error:
            text = str(error)
            return Failed(text if name in text else f"{name}: {text}", now)

    def close(self) -> None:
        """Kill it if it runs."""
        self._program.close()


def title(settings: Settings) -> str:
    """The command line."""
    return shlex.join(settings.command)


def open_sensor(settings: Settings) -> CommandSensor:
    """A sensor that runs the command each time."""
    return CommandSensor(settings)
