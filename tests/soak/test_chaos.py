from pathlib import Path
from random import Random

import pytest

from tests.faults.proxy import NONE, Network, Proxy
from tests.soak.chaos import Chaos
from tests.soak.judge import Judge, Site
from tests.soak.judge import Path as Way
from tests.soak.unit import Phase, Unit
from tests.soak.zone import Zone


class Stage:
    """Two shelves without any process, and the events that befall them from ``seed``."""

    def __init__(self, folder: Path, network: Network, seed: int) -> None:
        folder.mkdir()
        self.judge = Judge(seed)
        self.texts: list[str] = []
        self.judge.event = lambda now, text: self.texts.append(text)  # type: ignore[method-assign]
        self.units = [Unit(name, (), folder, lambda text: None) for name in ("server", "client1", "client2")]
        for unit in self.units:
            unit.phase = Phase.UP
        self.proxies: list[Proxy] = [network.proxy(lambda: ("127.0.0.1", 1)) for _ in range(3)]
        self.zones = [Zone(f"zone{number}", folder) for number in (1, 2)]
        sites = [
            Site(zone, unit, [Way(proxy, self.units[0])])
            for zone, unit, proxy in zip(self.zones, self.units[1:], self.proxies, strict=False)
        ]
        for zone in self.zones:
            for fan in zone.fans:
                fan.duty_file.write_text("100\n")
            zone.advance(0.0, 0.2)
        config = folder / "fand.toml"
        config.write_text("hysteresis = 1\n")
        self.config = config
        reloads = [(self.units[0], config)]
        self.chaos = Chaos(Random(seed), self.judge, sites, self.units, reloads, self.proxies[2:], 0.0)

    def go(self, seconds: float) -> None:
        for tenths in range(int(seconds * 10)):
            self.chaos.tick(tenths / 10)

    def close(self) -> None:
        for unit in self.units:
            unit.close()


@pytest.fixture
def network():  # type: ignore[no-untyped-def]
    with Network() as network:
        yield network


def test_a_seed_is_the_same_trouble_again(tmp_path: Path, network: Network) -> None:
    told = []
    for number, seed in enumerate((1, 1, 2)):
        stage = Stage(tmp_path / str(number), network, seed)
        stage.chaos._others = [
            event for event in stage.chaos._others if event.__name__ in ("_sensor", "_heat", "_tamper")
        ]
        stage.go(60)
        told.append(stage.texts)
        stage.close()
    assert told[0] == told[1] != told[2]


def test_trouble_of_every_kind_comes_and_calm_ends_it_all(tmp_path: Path, network: Network) -> None:
    stage = Stage(tmp_path / "stage", network, 1)
    stage.go(600)
    assert {text.split()[0] for text in stage.texts} == {
        "kill", "stop", "end", "reload", "network", "cut", "sensor", "fan", "tamper", "heat",
    }  # fmt: skip
    stage.chaos.calm(600.0)
    for zone in stage.zones:
        assert [bay.fault for bay in zone.bays] == [None] * len(zone.bays)
        assert [fan.fault for fan in zone.fans] == [None] * len(zone.fans)
    for proxy in stage.proxies:
        while proxy.faults != NONE:
            pass
    assert "nonsense" not in stage.config.read_text()
    stage.close()
