"""One temperature of a hwmon chip, read again and again from files that are kept open.

See https://docs.kernel.org/hwmon/sysfs-interface.html.
"""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from fand.control import judge
from fand.drivers.kept import GoneError, Kept
from fand.drivers.sysfs import SUSPENDED, whole_number
from fand.exceptions import DriverError
from fand.ports import Asleep, Failed, Reading
from fand.units import Seconds


class Thermometer:
    """``tempN_input`` in ``folder``, N being ``number``; of a ``drive``, or of something else.

    ``power`` are files such as ``power/runtime_status`` of what has the temperature: while one of them tells that the
    kernel has put it to sleep, the temperature is not read, for that could wake it (rule S10).

    :raises DriverError: there is no such temperature
    """

    def __init__(self, folder: Path, number: int, power: Iterable[Path] = (), *, drive: bool = False) -> None:
        self._drive = drive
        self._input = Kept(folder / f"temp{number}_input")
        self._fault = _kept([folder / f"temp{number}_fault"])
        self._power = _kept(power)

    def read(self, now: Seconds) -> Reading:
        """The temperature now.

        :raises DriverError: it is there no more, or nothing can be told of its sleep: it must be found anew
        """
        for file in self._power:
            if _text(file) in SUSPENDED:
                return Asleep(now)
        try:
            for file in self._fault:
                if _text(file) == "1":
                    return Failed(f"{file.path} tells of a fault: is its sensor connected?", now)
            return judge(whole_number(self._input.read(), self._input.path) / 1000, now, drive=self._drive)
        except GoneError:
            raise
        except DriverError as error:
            return Failed(str(error), now)

    def close(self) -> None:
        """Give back what is held open. May be called twice."""
        for file in (self._input, *self._fault, *self._power):
            file.close()


def _kept(paths: Iterable[Path]) -> list[Kept]:
    """Those of ``paths`` that are there."""
    files = []
    for path in paths:
        with suppress(DriverError):
            files.append(Kept(path))
    return files


def _text(file: Kept) -> str:
    return file.read().decode(errors="replace").strip()
