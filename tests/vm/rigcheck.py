"""What the jobs of the virtual machine share: checks that print a line each, programs, and the fan chip.

Each check prints one line, ``ok   NAME: VALUE`` or ``FAIL NAME: ...``; the host expects those of checks.txt.
"""

import subprocess
import time
from pathlib import Path


class Checks:
    """Counts what failed."""

    def __init__(self):
        self.failures = 0

    def __call__(self, name, good, shown=""):
        """One line about one check."""
        print(f"{'ok  ' if good else 'FAIL'} {name}: {shown}".rstrip(": \n"))
        self.failures += not good

    def equal(self, name, wanted, got):
        """Check that what was got is what was wanted."""
        self(name, wanted == got, got if wanted == got else f"wanted {wanted!r}, got {got!r}")

    def soon(self, name, wanted, get, seconds=15):
        """Check that ``get()`` becomes what is wanted in time. Returns how long that took."""
        started = time.monotonic()
        pause = 0.1
        while (got := get()) != wanted and time.monotonic() < started + seconds:
            time.sleep(pause)
            pause = min(0.5, pause * 1.2)  # to ask may cost more than the machine has to spare
        took = time.monotonic() - started
        shown = f"{got} after {took:.1f} s" if got == wanted else f"wanted {wanted!r} in {seconds} s, got {got!r}"
        self(name, got == wanted, shown)
        return took


def run(*command):
    """Run a program to its end; its output and error output."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        print(f"     {' '.join(command)}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def find_chip():
    """The folder of the fan chip; its number is another whenever its driver was bound anew."""
    return next(name.parent for name in Path("/sys/class/hwmon").glob("*/name") if name.read_text() == "nct7802\n")


def fanctl(*words):
    """What fanctl prints; nothing if it fails."""
    return run("fanctl", "-a", "127.0.0.1", *words).stdout.strip()
