"""The stage of the demo: a configuration, the files that play the hardware, and the processes that use them."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Final, Self

from fand.exceptions import FandError
from fand.sim import HDD, Fan, Inputs, Shelf, equilibrium, step
from fand.units import FULL, Celsius, Percent, Seconds

FASTER: Final = 60
"""How much faster than ours the time of the simulated shelf runs: a drive takes a quarter of an hour to warm."""

NAME: Final = "demo"
SHELF: Final = Shelf(drives=(HDD,) * 8, fans=(Fan(), Fan()), lanes=4)
FANS: Final = ("front", "rear")
AMBIENT: Final = Celsius(22.0)
SHARES: Final = (0.8, 0.6, 0.9, 0.7, 0.9, 0.7, 1.0, 0.8)
"""How much of the load each drive gets."""

STOP: Final = 5.0
_RESTING: Final = Percent(40.0)
"""The duty that this shelf settles at when idle."""

_CONFIG: Final = """\
[server]
port = {port}
state = {state}

[curves.drives]
points = [[33, 25], [40, 100]]
critical = 60
hysteresis = 1

[shelves.{name}]
curves = {{ hdd = "drives" }}
fall = 600
devices = [
{devices}
]

[client]
shelf = "{name}"
servers = ["127.0.0.1:{port}"]
interval = 1
state = {state}
{fans}"""

_DEVICE: Final = '  {{ name = "bay {bay}", position = "{bay}", fake = 30, path = {path} }},'

_FAN: Final = """
[[client.fans]]
name = "{name}"
fake = {duty}
tachometer = {{ fake = {rpm} }}
"""


class EndedError(FandError):
    """A process that the demo needs has ended."""


class Plant:
    """The simulated shelf. Its drives and tachometers are files in ``folder``; so are the duties of its fans."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._state = equilibrium(SHELF, _inputs(0.0, [_RESTING] * len(FANS)))
        self._play()

    def advance(self, load: float, seconds: float) -> None:
        """Let so many seconds of ours go by, the drives at ``load``."""
        inputs = _inputs(load, [self._duty(name) for name in FANS])
        self._state = step(SHELF, self._state, inputs, Seconds(seconds * FASTER))
        self._play()

    def _duty(self, name: str) -> Percent:
        """What the fan client has set; a fan that nobody drives runs at full speed, as 4-wire fans do."""
        try:
            return Percent(float((self._folder / f"{name}.duty").read_text()))
        except FileNotFoundError:
            return FULL

    def _play(self) -> None:
        for bay, celsius in enumerate(self._state.celsius, 1):
            self._write(f"bay{bay}", f"{celsius:.2f}\n")
        for name, rpm in zip(FANS, self._state.rpm, strict=True):
            self._write(f"{name}.rpm", f"{rpm:.0f}\n")

    def _write(self, name: str, text: str) -> None:
        """Write a whole file at once: its reader sees the old text or the new."""
        beside = self._folder / f".{name}.new"
        beside.write_text(text)
        beside.replace(self._folder / name)


class Child:
    """A fand service in a process of its own, from the beginning of the block to its end."""

    def __init__(self, service: str, folder: Path) -> None:
        self._service = service
        self._folder = folder
        self._log = folder / f"{service}.log"

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "fand", self._service, "-v", "-c", str(self._folder / "fand.toml")]
        with self._log.open("wb") as log:
            # in a session of its own, so that Ctrl-C reaches the demo alone, which then ends its children in order
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self._folder, start_new_session=True
            )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def check(self) -> None:
        """See that it runs.

        :raises EndedError: it does not; the text has the last line that it wrote
        """
        status = self._process.poll()
        if status is not None:
            lines = self._log.read_text(errors="replace").splitlines()
            last = next((line for line in reversed(lines) if line.strip()), "it said nothing")
            raise EndedError(f"fand {self._service} has ended with status {status}: {last}")


def configure(folder: Path, port: int) -> None:
    """Write the ``fand.toml`` of server and client into ``folder``."""
    devices = [_DEVICE.format(bay=bay, path=_toml(folder / f"bay{bay}")) for bay in range(1, len(SHELF.drives) + 1)]
    fans = [
        _FAN.format(name=name, duty=_toml(folder / f"{name}.duty"), rpm=_toml(folder / f"{name}.rpm"))
        for name in FANS
    ]
    text = _CONFIG.format(
        name=NAME, port=port, devices="\n".join(devices), state=_toml(folder / "state"), fans="".join(fans)
    )
    (folder / "fand.toml").write_text(text, encoding="utf-8")


def _toml(path: Path) -> str:
    """``path`` as TOML writes a text, which is as JSON does, whatever is in it."""
    return json.dumps(str(path), ensure_ascii=False)


def _inputs(load: float, duties: list[Percent]) -> Inputs:
    return Inputs([load * share for share in SHARES], duties, AMBIENT)
