"""What the talkers hold the servers to, against a real server."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import pytest

from fand.client import Client
from fand.units import Percent
from tests.fanclient.processes import Site as Processes
from tests.faults.proxy import Network, Proxy
from tests.soak.judge import Judge, Site
from tests.soak.talk import DAY, LAG, UNDER_WAY, Knocker, Known, Poller, Set, Setter
from tests.soak.unit import Phase, Unit
from tests.soak.zone import Zone

SHELF = "shelf1"


class Certain(Random):
    """Chance that always has its way, and takes the first of all choices."""

    def random(self) -> float:
        return 0.0


@dataclass
class Rig:
    """One server and those who talk to it."""

    processes: Processes
    unit: Unit
    proxy: Proxy
    judge: Judge
    known: Known
    folder: Path

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.processes.port

    @property
    def overrides(self) -> dict[tuple[str, str], Known]:
        return {(self.unit.name, SHELF): self.known}

    def poller(self) -> Poller:
        zone = Zone(SHELF, self.folder)
        zone.advance(time.monotonic(), 0.2)
        site = Site(zone, self.unit, ())
        return Poller(self.judge, [(self.unit, self.proxy)], [site], self.overrides, Random(0))

    def setter(self) -> Setter:
        chance = Certain(0)
        return Setter(self.judge, [(self.unit, self.proxy)], self.overrides, [(self.unit.name, SHELF)], chance)

    def found(self, known: Set | None) -> list[str]:
        """What the poller holds against the server if ``known`` is what was set."""
        self.judge.violations.clear()
        self.known.now = known
        self.poller().work()
        return [text for text in self.judge.violations if "override" in text or "set was" in text]


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    with Processes(tmp_path_factory.mktemp("server")) as processes:
        processes.server()
        yield processes


@pytest.fixture
def rig(processes: Processes, tmp_path: Path) -> Iterator[Rig]:
    unit = Unit("steady", (), tmp_path, lambda text: None)
    unit.phase = Phase.UP
    with Network() as network:
        proxy = network.proxy(lambda: ("127.0.0.1", processes.port))
        yield Rig(processes, unit, proxy, Judge(0), Known(), tmp_path)
    unit.close()
    with Client("127.0.0.1", processes.port) as client:
        client.override(SHELF, None)


def test_an_override_that_is_as_it_was_set_is_left_alone(rig: Rig) -> None:
    assert rig.found(None) == []
    with Client(*rig.address) as client:
        client.override(SHELF, Percent(80.0))
    assert rig.found(Set(80.0, time.time() + DAY, UNDER_WAY)) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda known: None,
        lambda known: replace(known, percent=81.0),
        lambda known: replace(known, until=known.until + 100),
        lambda known: replace(known, until=time.time() - 2 * LAG),
    ],
    ids=["none", "percent", "end", "past"],
)
def test_an_override_that_is_not_as_it_was_set_is_told(rig: Rig, change: Callable[[Set], Set | None]) -> None:
    with Client(*rig.address) as client:
        client.override(SHELF, Percent(80.0))
    assert len(rig.found(change(Set(80.0, time.time() + DAY, UNDER_WAY)))) == 1


def test_an_override_that_is_lost_is_told(rig: Rig) -> None:
    assert len(rig.found(Set(80.0, time.time() + DAY, UNDER_WAY))) == 1


def test_while_nobody_knows_nothing_is_held_against_the_server(rig: Rig) -> None:
    rig.known.sure = False
    assert rig.found(Set(80.0, time.time() + DAY)) == []


def test_the_setter_knows_what_it_has_set(rig: Rig) -> None:
    setter, poller = rig.setter(), rig.poller()
    for wanted in (True, False, True):
        setter.work()
        assert rig.known.sure
        assert (rig.known.now is not None) is wanted
        poller.work()
    assert setter.sets == 3
    assert [text for text in rig.judge.violations if "set was" in text] == []


def test_an_answer_that_never_comes_leaves_the_setter_unsure_until_it_has_taken_the_override_off(rig: Rig) -> None:
    setter, port = rig.setter(), rig.processes.port
    rig.processes.port = 1
    setter.work()
    assert rig.known.may != ()
    rig.processes.port = port
    assert rig.known.lowest() is not None
    setter.work()
    assert (rig.known.sure, rig.known.now) == (True, None)


def test_a_server_that_is_up_and_does_not_answer_is_told(rig: Rig) -> None:
    knocker = Knocker(rig.judge, [(rig.unit, rig.address)])
    knocker.work()
    assert (knocker.knocks, rig.judge.violations) == (1, [])
    rig.unit.since = time.monotonic()  # it has just come
    knocker = Knocker(rig.judge, [(rig.unit, ("127.0.0.1", 1))])
    knocker.work()
    assert rig.judge.violations == []
    rig.unit.since -= 100
    knocker.work()
    assert "is up and did not answer" in rig.judge.violations[0]
