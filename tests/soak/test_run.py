"""The soak itself, briefly: it starts real processes, and leaves none behind whatever ends it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fanclient.processes import until

ROOT = Path(__file__).parents[2]


def processes(folder: Path) -> dict[int, str]:
    """Those that have to do with ``folder``, but for the tool itself: what is run, by process."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if f"{folder}/" in line:
            found[int(process.name)] = line
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_ends_all_that_it_started(tmp_path: Path, number: signal.Signals) -> None:
    output = tmp_path / "output"
    command = [sys.executable, "-m", "tests.soak", "--minutes", "60", "--calm", "0", "--keep", str(tmp_path)]
    with output.open("wb") as file:
        soak = subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=file, process_group=0)
    try:
        until(lambda: "of trouble" in output.read_text() or soak.poll() is not None, "the trouble")
        until(lambda: len(processes(tmp_path)) >= 5 or soak.poll() is not None, "processes")
        soak.send_signal(number)
        assert soak.wait(30) in (1, 130), output.read_text()
    finally:
        soak.kill()
        soak.wait()
        left = processes(tmp_path)
        for pid in left:
            os.kill(pid, signal.SIGKILL)
    assert left == {}
    assert "interrupted" in output.read_text()
