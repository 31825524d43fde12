"""The judge sees what is wrong, and does not see what is not."""

from pathlib import Path

import pytest

from tests.faults.proxy import NONE, Faults, Network
from tests.soak.judge import BASE, CLIENT, NETWORK, SENSOR, STALLED, Judge, Site
from tests.soak.judge import Path as Way
from tests.soak.unit import Phase, Unit
from tests.soak.zone import Truth, Zone

WARM = (36.5, 30.0, 30.0, 30.0)  # needs 62.5 %


class Rig:
    """A site of one or two servers whose truth and whose fans are set by hand; ``now`` is 1000 at the start."""

    def __init__(self, folder: Path, network: Network, heads: int = 1) -> None:
        self.judge = Judge(0)
        self.zone = Zone("zone1", folder)
        self.client = self.unit(folder, "client")
        self.servers = [self.unit(folder, f"server{number}") for number in range(heads)]
        proxies = [network.proxy(lambda: ("127.0.0.1", 1)) for _ in self.servers]
        self.site = Site(self.zone, self.client, [Way(*pair) for pair in zip(proxies, self.servers, strict=True)])
        self.now = 1000.0
        self.override: float | None = None
        self.drive(62.5)

    def unit(self, folder: Path, name: str) -> Unit:
        unit = Unit(name, (), folder, lambda text: None)
        unit.phase = Phase.UP
        return unit

    def close(self) -> None:
        for unit in (self.client, *self.servers):
            unit.close()

    def drive(self, duty: float) -> None:
        for fan in self.zone.fans:
            fan.duty = type(fan.duty)(duty)

    def go(self, seconds: float, celsius: tuple[float, ...] = WARM, demand: float = 62.5) -> None:
        end = self.now + seconds
        while self.now < end - 1e-9:
            self.now += 0.2
            self.zone.past.append(Truth(self.now, celsius, demand))
            self.judge.look(self.site, self.override, self.now, 0.2)

    @property
    def found(self) -> int:
        return len(self.judge.violations)


@pytest.fixture
def network():  # type: ignore[no-untyped-def]
    with Network() as network:
        yield network


@pytest.fixture
def rig(tmp_path: Path, network: Network):  # type: ignore[no-untyped-def]
    rig = Rig(tmp_path, network)
    yield rig
    rig.close()


def test_who_does_what_is_needed_is_left_alone(rig: Rig) -> None:
    rig.go(60)
    assert rig.found == 0


def test_a_fan_under_the_demand_is_told_once_its_time_is_over(rig: Rig) -> None:
    rig.go(10)
    rig.drive(62.3)
    rig.go(BASE - 0.5)
    assert rig.found == 0
    rig.go(1)
    assert rig.found == 2  # both fans, once
    rig.go(10)
    assert rig.found == 2


def test_a_fan_that_lags_behind_a_slow_rise_is_not_under_it(rig: Rig) -> None:
    for tenths in range(100):
        rig.drive(40 + tenths / 10)
        rig.go(0.4, demand=40 + (tenths + 8) / 10)
    assert rig.found == 0


def test_what_is_wrong_gives_time(rig: Rig) -> None:
    rig.go(10)
    rig.site.paths[0].server.stopped = True
    rig.drive(50)
    rig.go(BASE + NETWORK - 0.5)
    assert rig.found == 0
    rig.go(1)
    assert rig.found == 2


def test_of_two_servers_one_that_is_well_is_enough(tmp_path: Path, network: Network) -> None:
    rig = Rig(tmp_path, network, heads=2)
    rig.go(10)
    rig.servers[0].stopped = True
    rig.drive(50)
    rig.go(BASE + 0.5)
    assert rig.found == 2
    rig.close()


@pytest.mark.parametrize(
    ("what", "extra"), [("sensor", SENSOR), ("client", CLIENT), ("server 0", NETWORK), ("network 0", NETWORK)]
)
def test_each_fault_gives_its_own_time(rig: Rig, what: str, extra: float) -> None:
    rig.site.wrong[what] = rig.now
    assert rig.site.allowed(rig.now + 1) == BASE + extra
    assert rig.site.allowed(rig.now + 100) == BASE


def test_a_faulty_network_is_seen(rig: Rig) -> None:
    proxy = rig.site.paths[0].proxy
    proxy.faults = Faults(hold=True)
    while proxy.faults == NONE:
        pass
    rig.go(0.2)
    assert "network 0" in rig.site.wrong


@pytest.mark.parametrize(("fault", "time"), [("sensor", SENSOR + BASE), ("fan", STALLED)])
def test_a_fault_that_lasts_needs_full_speed(rig: Rig, fault: str, time: float) -> None:
    if fault == "sensor":
        rig.zone.bays[0].fault = "lost"
    else:
        rig.zone.fans[0].fault = "stalled"
    rig.go(time - 1)
    assert rig.judge.needed(rig.zone, None, rig.now) == 62.5
    rig.go(2)
    assert rig.judge.needed(rig.zone, 30.0, rig.now) == 100


def test_an_override_may_stand_for_the_demand_but_not_when_it_is_critical(rig: Rig) -> None:
    rig.drive(40)
    rig.override = 40.0
    rig.go(30)
    assert rig.found == 0
    rig.go(30, celsius=(51.0, 30.0, 30.0, 30.0), demand=100)
    assert rig.found == 2


def test_a_status_with_too_low_a_duty_or_an_old_temperature_is_told(rig: Rig) -> None:
    rig.go(60)
    devices = [{"health": "good", "age": 1.0, "celsius": celsius} for celsius in WARM]
    good = {"duty": 62.5, "devices": devices}

    def judge(status: dict[str, object]) -> int:
        rig.judge.violations.clear()
        rig.judge.status(rig.site, rig.servers[0], status, None, rig.now - 0.1, rig.now)
        return rig.found

    assert judge(good) == 0
    assert judge({**good, "duty": 62}) == 1
    assert judge({**good, "devices": [{"health": "good", "age": 31.0, "celsius": 36.5}]}) == 1
    assert judge({**good, "devices": [{"health": "good", "age": 1.0, "celsius": 35.0}]}) == 1
    assert judge({**good, "devices": [{"health": "lost", "age": 99.0, "celsius": 35.0}]}) == 0
