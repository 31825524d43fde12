import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from fand.drivers.process import MOST, Output, Program
from fand.exceptions import DriverError
from fand.units import Seconds

LONG = Seconds(30.0)


def python(code: str) -> list[str]:
    return [sys.executable, "-IS", "-c", code]


def gone(pid: int) -> bool:
    """Whether a process has ended (it may be a zombie that nobody waits for)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_output_and_status_come_back() -> None:
    code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"
    assert Program().run(python(code), LONG) == Output(3, b"out\n", b"err\n")


def test_standard_input_is_empty_and_the_shell_is_not_asked() -> None:
    assert Program().run(["cat"], LONG).out == b""
    assert Program().run(["echo", "$HOME;", "*"], LONG).out == b"$HOME; *\n"


def test_a_signal_is_a_negative_status() -> None:
    assert Program().run(python("import os; os.kill(os.getpid(), 9)"), LONG).status == -9


@pytest.mark.parametrize(
    ("argv", "why"), [("/nonexistent/program", "No such file"), ("/", "denied"), ("a\0b", "null")]
)
def test_what_cannot_be_run_is_named(argv: str, why: str) -> None:
    with pytest.raises(DriverError, match=f"cannot run .*{why}"):
        Program().run([argv], LONG)


def test_at_the_end_of_its_time_the_whole_group_dies(tmp_path: Path) -> None:
    note = tmp_path / "pids"
    code = (
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-IS', '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(note)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
        "print('started', flush=True)\n"
        "time.sleep(600)\n"
    )
    with pytest.raises(DriverError, match="took longer than 1 s"):
        Program().run(python(code), Seconds(1.0))
    parent, child = map(int, note.read_text().split())
    assert gone(parent)
    while not gone(child):  # it was killed with its group; the kernel may still be at it
        os.sched_yield()


def test_a_child_left_behind_with_the_output_open_is_killed_too() -> None:
    with pytest.raises(DriverError, match="took longer"):
        Program().run(["sh", "-c", "sleep 600 & echo 41"], Seconds(0.5))


def test_a_program_that_closes_its_output_and_stays_is_killed() -> None:
    with pytest.raises(DriverError, match="took longer"):
        Program().run(python("import os, time; os.close(1); os.close(2); time.sleep(600)"), Seconds(0.5))


def test_output_without_end_is_cut() -> None:
    with pytest.raises(DriverError, match=f"printed more than {MOST} bytes"):
        Program().run(["yes"], LONG)


def test_close_ends_a_run_and_allows_no_other() -> None:
    program, outputs = Program(), list[Output]()
    runner = threading.Thread(target=lambda: outputs.append(program.run(["sleep", "600"], LONG)))
    runner.start()
    while program._child is None:
        os.sched_yield()
    program.close()
    runner.join()
    assert outputs == [Output(-9, b"", b"")]
    program.close()
    with pytest.raises(DriverError, match="closed"):
        program.run(["true"], LONG)


def test_no_second_run_while_a_first_cannot_be_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that waits for hardware ignores even SIGKILL; one whose kill is refused stands for it."""

    def refuse(pid: int, sig: int) -> None:
        raise PermissionError

    program = Program()
    with monkeypatch.context() as patch:
        patch.setattr("os.killpg", refuse)
        with pytest.raises(DriverError, match="took longer"):
            program.run(["sleep", "600"], Seconds(0.1))
        with pytest.raises(DriverError, match="an earlier call still hangs"):
            program.run(["sleep", "600"], Seconds(0.1))
    stuck = program._child
    assert isinstance(stuck, subprocess.Popen)
    stuck.kill()
    stuck.wait()
    assert program.run(["true"], LONG).status == 0
