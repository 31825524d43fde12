"""Who is measured: virtual environments with fand alone, with fand and uvloop, and with the real fand 0.1.1.

They are made on demand under .cache, from the package index, and hold nothing else: what a development environment
adds to every start of Python would be measured too.
"""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.plan import ROOT

UVLOOP: Final = "/uvloop/loop."
"""What is mapped into a process that runs on uvloop."""


def ours() -> Path:
    """The Python of an environment with this fand."""
    return _made("bench-fand", ["--editable", str(ROOT)])


def on_uvloop() -> Path:
    """The same with uvloop."""
    return _made("bench-uvloop", ["--editable", f"{ROOT}[speed]"])


def theirs() -> Path:
    """The Python of an environment with fand 0.1.1 and all that it needs, on the server and on a Raspberry Pi."""
    return _made("bench-0.1.1", ["fand==0.1.1", "psutil", "pySMART", "gpiozero"])


def program(python: Path, name: str) -> Path:
    """An installed program of that environment."""
    return python.parent / name


def _made(name: str, packages: Sequence[str]) -> Path:
    folder = ROOT / ".cache" / name
    python = folder / "bin" / "python"
    complete = folder / "complete"
    if not complete.exists() or complete.read_text() != " ".join(packages):
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        subprocess.run([*pip, *packages], check=True)
        complete.write_text(" ".join(packages))
    return python
