"""A unit is looked after as systemd would."""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fanclient.processes import until
from tests.soak.unit import Phase, Unit

READY = """
import os, socket, sys, time
sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sock.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
"""
HANGING = f"{READY}time.sleep(60)"
GENTLE = f"import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n{HANGING}"
POST = "import os; open('post', 'a').write(os.environ['SERVICE_RESULT'] + ' ' + os.environ['EXIT_STATUS'] + '\\n')"


class Rig:
    def __init__(self, folder: Path, program: str, watchdog: float = 0.0) -> None:
        self.complaints: list[str] = []
        self.folder = folder
        post = (sys.executable, "-c", POST)
        self.unit = Unit(
            "it", (sys.executable, "-c", program), folder, self.complaints.append, post, watchdog, restart=0.0
        )
        self.unit.start(self.now)

    @property
    def now(self) -> float:
        return time.monotonic()

    def until(self, condition: Callable[[], bool], *, again: bool = False) -> None:
        def turned() -> bool:
            self.unit.tick(self.now, again=again)
            return condition()

        until(turned)

    def until_phase(self, phase: Phase) -> None:
        self.until(lambda: self.unit.phase is phase)

    def much_later(self) -> None:
        """Two ticks: who was killed by the first may not be dead by the second."""
        later = self.now + 2000
        for _ in range(2):
            self.unit.tick(later, again=False)

    @property
    def post(self) -> list[str]:
        return (self.folder / "post").read_text().splitlines()


@pytest.fixture
def rigs(tmp_path: Path) -> Iterator[Callable[..., Rig]]:
    made: list[Rig] = []

    def make(program: str, **options: float) -> Rig:
        made.append(Rig(tmp_path, program, **options))
        return made[-1]

    yield make
    for rig in made:
        rig.unit.close()


def test_it_is_up_when_it_says_so_and_comes_again_when_it_was_killed(rigs: Callable[..., Rig]) -> None:
    rig = rigs(HANGING)
    rig.until_phase(Phase.UP)
    first = rig.unit.pid
    rig.unit.send(signal.SIGKILL, rig.now)
    rig.until(lambda: rig.unit.lives == 2, again=True)
    rig.until_phase(Phase.UP)
    assert rig.unit.pid != first
    assert rig.post == ["signal KILL"]
    assert rig.complaints == []


def test_who_ends_in_order_after_sigterm_is_left_alone(rigs: Callable[..., Rig]) -> None:
    rig = rigs(GENTLE)
    rig.until_phase(Phase.UP)
    rig.unit.send(signal.SIGTERM, rig.now)
    rig.until_phase(Phase.DOWN)
    assert (rig.post, rig.complaints) == (["success 0"], [])
    assert rig.unit.pid is None


def test_who_is_ended_before_he_is_ready_may_not_know_sigterm_yet(rigs: Callable[..., Rig]) -> None:
    rig = rigs("import time; time.sleep(60)")
    rig.unit.send(signal.SIGTERM, rig.now)
    rig.until_phase(Phase.DOWN)
    assert (rig.post, rig.complaints) == (["success TERM"], [])


@pytest.mark.parametrize(("program", "status"), [("exit(0)", "0"), ("exit(3)", "3")])
def test_who_ends_by_himself_is_told(rigs: Callable[..., Rig], program: str, status: str) -> None:
    rig = rigs(f"{READY}{program}")
    rig.until_phase(Phase.DOWN)
    assert f"it ended with {status} after nothing at all" in rig.complaints[0]


def test_who_is_silent_is_killed_and_told_unless_it_was_stopped(rigs: Callable[..., Rig]) -> None:
    rig = rigs(HANGING, watchdog=1000.0)
    rig.until_phase(Phase.UP)
    rig.much_later()
    assert "did not feed its watchdog for 1000 s" in rig.complaints.pop()
    rig.until_phase(Phase.DOWN)
    assert rig.post == ["watchdog KILL"]
    rig.until(lambda: rig.unit.phase is Phase.UP, again=True)
    rig.unit.send(signal.SIGSTOP, rig.now)
    rig.much_later()
    rig.until_phase(Phase.DOWN)
    assert rig.complaints == []
    assert rig.unit.watchdogs == 2


def test_what_is_left_at_the_end_is_killed(rigs: Callable[..., Rig]) -> None:
    rig = rigs(HANGING)
    rig.until_phase(Phase.UP)
    rig.unit.close()
    assert rig.unit.process is not None
    assert rig.unit.process.returncode == -signal.SIGKILL
