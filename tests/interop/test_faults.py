"""fand 0.1.1 at the other end of a network that splits and delays.

fand 0.1.1 takes what one call gives it for a whole part of a frame: where frames reach it in pieces it gives up. What
reaches us may come in any pieces.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fanclient.processes import until
from tests.faults.proxy import NONE, Faults, Network, Proxy

from .daemons import Daemon, our_server, running, their_server
from .peers import SCRIPTS, Peer
from .test_our_server import CONFIG as OURS
from .test_their_server import CONFIG as THEIRS

pytestmark = pytest.mark.peer


@pytest.fixture
def network() -> Iterator[Network]:
    with Network() as network:
        yield network


def way_to(network: Network, server: Daemon, faults: Faults) -> Proxy:
    proxy = network.proxy(lambda: ("127.0.0.1", server.port))
    proxy.faults = faults
    return proxy


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    config = tmp_path_factory.mktemp("ours") / "fand.toml"
    config.write_text(OURS)
    with our_server(config) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def theirs(daemon_peer: Peer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    config = tmp_path_factory.mktemp("theirs") / "fand.ini"
    config.write_text(THEIRS)
    with their_server(daemon_peer, config) as daemon:
        yield daemon


def our_pi(proxy: Proxy) -> list[str]:
    return [sys.executable, str(SCRIPTS / "rpi.py"), "-a", "127.0.0.1", "-p", str(proxy.port), "shelf1"]


@pytest.mark.parametrize("faults", [Faults(split=1, to_server=False), Faults(delay=0.05)], ids=["split", "delay"])
def test_our_pi_follows_their_server(theirs: Daemon, network: Network, tmp_path: Path, faults: Faults) -> None:
    with running(our_pi(way_to(network, theirs, faults)), tmp_path) as pi:
        pi.until("level 0.4")


def test_our_pi_outlives_what_their_server_cannot_take(theirs: Daemon, network: Network, tmp_path: Path) -> None:
    proxy = way_to(network, theirs, Faults(split=1, delay=0.01, to_client=False))
    with running(our_pi(proxy), tmp_path) as pi:
        until(lambda: proxy.counts["connection"] >= 3)
        proxy.faults = NONE
        pi.until("level 0.4")


@pytest.mark.parametrize("faults", [Faults(split=1, to_client=False), Faults(delay=0.05)], ids=["split", "delay"])
def test_their_pi_is_served_by_ours(
    daemon_peer: Peer, ours: Daemon, network: Network, tmp_path: Path, faults: Faults
) -> None:
    proxy = way_to(network, ours, faults)
    command = daemon_peer.command("rpi.py", "-a", "127.0.0.1", "-p", proxy.port, "shelf1")
    with running(command, tmp_path) as pi:
        pi.until("level 0.5")
