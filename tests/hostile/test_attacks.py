"""Every attack on a live server: it lives, in bounded memory, serves others, runs nothing and changes nothing."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.hostile import crowds, payloads, records, reports, requests, strangers, streams
from tests.hostile.attack import Attack
from tests.hostile.live import Live, attacked
from tests.hostile.secure import Secured
from tests.hostile.table import ALL, PAGE, table

pytestmark = pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="memory is measured as on Linux")


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """One server for all: what one attack leaves behind, the next would meet."""
    with attacked(tmp_path_factory.mktemp("live")) as there:
        yield there


def resist(live: Live, attack: Attack) -> None:
    """The server stands this attack."""
    before, peak = live.state(), live.memory()
    live.measure()
    for _ in attack.play(live):
        live.served(full=bool(attack.limits))
    assert live.state() == before
    live.unharmed(peak)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Secured:
    return Secured(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory, known: Secured) -> Iterator[Live]:
    """The same by TLS."""
    with attacked(tmp_path_factory.mktemp("encrypted"), known=known) as there:
        yield there


def attacks(*, limits: bool, tls: bool) -> pytest.MarkDecorator:
    chosen = [attack for attack in ALL if (bool(attack.limits), attack.tls) == (limits, tls)]
    return pytest.mark.parametrize("attack", chosen, ids=lambda attack: attack.name)


@attacks(limits=False, tls=True)
def test_a_server_that_speaks_tls_stands(encrypted: Live, attack: Attack) -> None:
    resist(encrypted, attack)


@attacks(limits=True, tls=True)
def test_a_server_at_its_limits_that_speaks_tls_stands(tmp_path: Path, known: Secured, attack: Attack) -> None:
    with attacked(tmp_path, attack.limits, known) as live:
        resist(live, attack)


@attacks(limits=False, tls=False)
def test_a_server_stands(live: Live, attack: Attack) -> None:
    resist(live, attack)


@attacks(limits=True, tls=False)
def test_a_server_at_its_limits_stands(tmp_path: Path, attack: Attack) -> None:
    with attacked(tmp_path, attack.limits) as live:
        resist(live, attack)


_UNPICKLE: Final = "import pickle, sys; pickle.loads(sys.stdin.buffer.read())"


@pytest.mark.parametrize("name", payloads.RUNS)
def test_a_general_unpickler_would_have_run_it(name: str, tmp_path: Path) -> None:
    """Otherwise that nothing was run would prove nothing."""
    bait = tmp_path / "bait"
    bait.mkdir()
    canary = tmp_path / "canary"
    (bait / "canary.py").write_text(f"open({str(canary)!r}, 'w').close()\n")
    subprocess.run(
        [sys.executable, "-c", _UNPICKLE],
        input=payloads.payload(name, canary),
        env={"PYTHONPATH": str(bait)},
        stderr=subprocess.DEVNULL,
        timeout=20,
        check=False,
    )
    assert canary.exists()


def test_there_are_many_attacks_and_no_two_of_one_name() -> None:
    names = [attack.name for attack in ALL]
    assert len(set(names)) == len(names) > 300
    for module in (crowds, payloads, records, reports, requests, strangers, streams):
        assert set(module.ATTACKS) <= set(ALL)


def test_the_docs_have_every_attack_and_what_becomes_of_it() -> None:
    assert PAGE.read_text(encoding="utf-8") == table(), "run: python -m tests.hostile.table"
