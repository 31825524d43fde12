"""Fan kind ``command``: a program that sets a fan, such as ipmitool.

``{ command = ["ipmitool", "raw", "0x30", "0x70", "0x66", "0x01", "0x00", "{duty:#04x}"] }``. It runs without a shell
and exits with 0. In its arguments ``{duty}`` is the duty in whole percent and ``{raw}`` the same in 255ths, both
rounded up; ``{duty:x}`` is hexadecimal, ``{duty:#04x}`` like ``0x1e``.

``get`` is a program that prints the duty in percent; without one the duty is read back from memory only. ``release``
is a program that gives the fan back to its own control at the end; without one, or if it fails, the fan is left at
full speed.
"""

import logging
import math
import re
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from fand.drivers.process import Program
from fand.drivers.text import number, shorten
from fand.exceptions import DriverError, ShelfPwmBadValue
from fand.units import FULL, Percent, Seconds, is_number, percent

_log: Final = logging.getLogger(__name__)

_PLACE: Final = re.compile(r"\{(duty|raw)(?::(#?0?[0-9]{0,2}[dxX]?))?\}")


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The programs, each as a list of its name and arguments; see the module.

    One that takes longer than ``kill_after`` seconds is killed. What ``get`` prints may differ from what was set
    by ``tolerance`` percent.
    """

    command: list[str]
    get: list[str] | None = None
    release: list[str] | None = None
    kill_after: float = 5.0
    tolerance: float = 2.0

    def __post_init__(self) -> None:
        for key, argv in (("command", self.command), ("get", self.get), ("release", self.release)):
            if argv is not None and (not argv or not argv[0]):
                raise ValueError(f'{key}: give the program and its arguments, like ["/usr/bin/program", "--option"]')
            if argv is not None and any("\0" in word for word in argv):
                raise ValueError(f"{key}: an argument cannot contain the character NUL")
        if not any(_PLACE.search(word) for word in self.command[1:]):
            raise ValueError("command: no argument says where the duty goes; write {duty} or {raw} there")
        if not is_number(self.kill_after) or self.kill_after <= 0:
            raise ValueError(f"kill_after {self.kill_after} is not a number of seconds above 0")
        if not 0 <= self.tolerance <= 50:
            raise ValueError(f"tolerance {self.tolerance} is not from 0 to 50 percent")


class CommandFan:
    """See the module."""

    def __init__(self, settings: Settings, name: str) -> None:
        for argv in (settings.command, settings.get, settings.release):
            if argv is not None and shutil.which(argv[0]) is None:
                raise DriverError(f"there is no program {argv[0]!r} that can be run; is it installed?")
        self._settings = settings
        self._name = f"Fan {name} ({Path(settings.command[0]).name})"
        self._program = Program()
        self._duty: Percent | None = None

    @property
    def resolution(self) -> Percent:
        """The tolerance of its settings, at least the one percent that it is rounded to."""
        return Percent(max(1.0, self._settings.tolerance))

    def __enter__(self) -> Self:
        """Full speed.

        :raises DriverError: the program failed
        """
        self.drive(FULL)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release it, else full speed.

        :raises DriverError: neither worked
        """
        try:
            if self._settings.release is not None:
                self._run(self._settings.release)
                return
        except DriverError as failure:
            _log.error("%s could not be released: %s", self._name, failure)
        self.drive(FULL)

    def drive(self, duty: Percent) -> None:
        """Set the duty, and read it back if there is a program for that.

        :raises DriverError: a program failed, or another duty than was set is read back
        """
        self._run(_filled(self._settings.command, duty))
        self._duty = Percent(math.ceil(duty - 1e-6))
        if abs((now := self.duty()) - duty) > self.resolution:
            raise DriverError(f"{self._name}: {duty:g} % was set, but it reads {now:g} %")

    def hand_over(self) -> None:
        """Full speed, else its own control.

        :raises DriverError: neither worked
        """
        try:
            self.drive(FULL)
        except DriverError:
            if self._settings.release is None:
                raise
            self._run(self._settings.release)

    def stolen(self) -> str | None:
        """None: who has control is not known."""
        return None

    def rivals(self) -> Sequence[str]:
        """Nobody is known."""
        return ()

    def duty(self) -> Percent:
        """What ``get`` prints, else what was set last.

        :raises DriverError: the program failed or printed no duty, or there is none and nothing was set yet
        """
        if self._settings.get is not None:
            try:
                return percent(number(self._run(self._settings.get)))
            except (DriverError, ShelfPwmBadValue) as error:
                raise DriverError(f"{self._name}: {shlex.join(self._settings.get)}: {error}") from error
        if self._duty is None:
            raise DriverError(f"{self._name} was not set yet, and there is no program (get) that reads it")
        return self._duty

    def _run(self, argv: Sequence[str]) -> str:
        output = self._program.run(argv, Seconds(self._settings.kill_after))
        if output.status != 0:
            how = f"signal {-output.status}" if output.status < 0 else f"status {output.status}"
            said = shorten(output.err.decode(errors="replace"), 120)
            raise DriverError(f"{Path(argv[0]).name} ended with {how}" + (f": {said}" if said else ""))
        return output.out.decode(errors="replace")


def open_fan(settings: Settings, name: str, state: Path) -> CommandFan:  # noqa: ARG001 - its mode is not known
    """The fan. No program runs before it is taken over.

    :raises DriverError: a program is missing
    """
    return CommandFan(settings, name)


def _filled(argv: Sequence[str], duty: Percent) -> list[str]:
    values = {"duty": math.ceil(duty - 1e-6), "raw": math.ceil(duty * 255 / FULL - 1e-6)}
    return [_PLACE.sub(lambda place: format(values[place[1]], place[2] or ""), word) for word in argv]
