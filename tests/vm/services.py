"""What the jobs that run the shipped units under systemd share. Runs in the virtual machine."""

import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path

from rigcheck import find_chip

ETC = Path("/etc/systemd/system")
PAGE = Path("/opt/fand/share/doc/fand/systemd.rst")
MARK = ".. _units-in-place:"


class Recorder(threading.Thread):
    """Sees every duty that the chip has for a twentieth of a second."""

    def __init__(self):
        super().__init__(daemon=True)
        self.seen = []
        self._chip = find_chip()

    def now(self):
        """Mode and duty of the chip's output 1; None while there is no chip."""
        for _ in range(2):
            try:
                return int((self._chip / "pwm1_enable").read_text()), int((self._chip / "pwm1").read_text())
            except OSError:
                with suppress(StopIteration, OSError):
                    self._chip = find_chip()
        return None

    def run(self):
        """Record until the end of the process."""
        while True:
            if (now := self.now()) is not None and self.seen[-1:] != [now]:
                self.seen.append(now)
            time.sleep(0.05)

    def duty(self):
        """The duty now, 0 to 255; None if the chip is not in manual control."""
        now = self.now()
        return now[1] if now is not None and now[0] == 1 else None

    def since(self, mark):
        """The duties seen since ``mark``, a length of ``seen``."""
        return [duty for _, duty in self.seen[mark:]]


def show(unit, name):
    """A property of a unit."""
    return subprocess.run(
        ["systemctl", "show", unit, "-p", name, "--value"], capture_output=True, text=True, check=False
    ).stdout.strip()


def restarts(unit):
    """How often systemd has started it again."""
    return int(show(unit, "NRestarts"))


def main_pid(unit):
    """The process of a unit."""
    return int(show(unit, "MainPID"))


def journal(unit):
    """What a unit has logged."""
    return subprocess.run(
        ["journalctl", "-u", unit, "--no-pager", "-o", "short-monotonic"], capture_output=True, text=True, check=False
    ).stdout


def put_in_place():
    """Do what the page says that root does to put the units in place. Returns the status."""
    block = PAGE.read_text().partition(MARK)[2].partition(".. code-block:: console\n\n")[2].partition("\n\n")[0]
    commands = [line.strip().removeprefix("# ") for line in block.splitlines()]
    print("     ", *commands, sep="\n     ")
    return subprocess.run(["bash", "-e", "-c", "\n".join(commands)], check=False).returncode if block else 1


def verified():
    """What systemd has to say against the units."""
    units = sorted(map(str, ETC.glob("fand-*.service")))
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
    return done.stderr + (f"status {done.returncode}" if done.returncode or not units else "")
