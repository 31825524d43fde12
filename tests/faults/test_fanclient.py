"""The real fan client and the real server with a bad network between them.

Under any fault the fans follow a demand that rises, or fail safe; when the fault is over everything is as before
without anybody's help; and the server serves others all the while.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from fand.client import Client
from fand.units import Seconds
from tests.fanclient.processes import Program, Site
from tests.faults.proxy import NONE, Faults, Network, Proxy

QUIET, WARM = 75.0, 90.0


@dataclass
class Rig:
    """A site whose fan client has a proxy before the server. ``other`` has a way of its own."""

    site: Site
    client: Program
    proxy: Proxy
    other: Client

    def meets(self, fault: str) -> None:
        before = self.proxy.counts[fault]
        self.site.until(lambda: self.proxy.counts[fault] > before, fault)


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with Site(tmp_path_factory.mktemp("site")) as site, Network() as network:
        site.server()
        proxy = network.proxy(lambda: ("127.0.0.1", site.port))
        client = site.client("-p", str(proxy.port))
        with Client("127.0.0.1", site.port) as other:
            yield Rig(site, client, proxy, other)


FAULTS = {
    "delay": Faults(delay=0.02),
    "delay beyond patience": Faults(delay=2),
    "split": Faults(split=1),
    "split and delay": Faults(split=3, delay=0.005),
    "coalesce": Faults(coalesce=0.05),
    "corrupt": Faults(corrupt=0.3),
    "truncate": Faults(truncate=0.3),
    "hold": Faults(hold=True),
    "hold to the client": Faults(hold=True, to_server=False),
    "duplicate": Faults(duplicate=True),
    "refuse": Faults(refuse=True),
    "partition": Faults(partition=True),
}


@pytest.mark.parametrize("name", FAULTS)
def test_under_a_fault_the_fans_follow_or_fail_safe_and_recover(rig: Rig, name: str) -> None:
    site, faults = rig.site, FAULTS[name]
    site.heat(35)
    site.until_duty(QUIET)
    rig.proxy.faults = faults
    if faults.refuse or faults.duplicate:  # which befalls new connections
        rig.proxy.cut()
    rig.meets(name.split(maxsplit=1)[0])
    site.heat(40)
    site.until(lambda: site.duty >= WARM, f"{WARM} % under {name}")
    site.until(lambda: rig.other.pwm("shelf1") == WARM, "the server's answer to somebody else")
    rig.proxy.faults = NONE
    site.until_duty(WARM)
    site.heat(35)
    site.until_duty(QUIET)
    assert rig.client.process.poll() is None
    rig.other.ping()


def test_connections_that_are_cut_again_and_again_cost_no_duty(rig: Rig) -> None:
    site = rig.site
    site.until_duty(QUIET)
    for _ in range(5):  # each time the next connection may come twice as late
        rig.proxy.cut()
        rig.meets("connection")
        assert site.duty >= QUIET
    site.until_duty(QUIET)


def test_a_partition_of_a_subscriber_does_not_hold_the_server_up(rig: Rig) -> None:
    """Its frames pile up in the kernel, not in the server, which goes on pushing to others."""
    rig.site.until_duty(QUIET)
    rig.proxy.faults = Faults(partition=True)
    rig.meets("partition")
    with Client("127.0.0.1", rig.site.port) as subscriber:
        subscriber.subscribe("shelf1")
        rig.site.heat(40)
        rig.site.until(lambda: subscriber.pushed(Seconds(1)) == WARM, "a push")
    rig.proxy.faults = NONE
    rig.site.heat(35)
    rig.site.until_duty(QUIET)


def test_a_fan_client_that_was_stopped_hears_of_the_heat_as_soon_as_it_goes_on(rig: Rig) -> None:
    site = rig.site
    site.heat(35)
    site.until_duty(QUIET)
    rig.client.hang()
    site.heat(40)
    site.until(lambda: rig.other.pwm("shelf1") == WARM, "the demand")
    rig.client.go_on()
    site.until(lambda: site.duty >= WARM, f"{WARM} %")
    site.heat(35)
    site.until_duty(QUIET)
