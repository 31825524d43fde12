"""kill -9 of the server, of the fan client, of both, in any order, and a restart: the fans are never left under the
demand once the lease is over.
"""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fanclient.processes import Site
from tests.test_aside import full_pipe

DEMAND = 75.0


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path) as site:
        yield site


class Observer(threading.Thread):
    """Reads the fan all the time and keeps the lowest duty seen."""

    def __init__(self, site: Site) -> None:
        super().__init__(daemon=True)
        self._site = site
        self._ended = threading.Event()
        self._lowest = 100.0
        self.start()

    def run(self) -> None:
        while not self._ended.wait(0.001):
            self._lowest = min(self._lowest, self._site.duty)

    def lowest(self) -> float:
        self._ended.set()
        self.join(30)
        return self._lowest


@pytest.mark.parametrize(
    ("killed", "back"),
    [
        ("server", "server"),
        ("client", "client"),
        ("server, client", "server, client"),
        ("server, client", "client, server"),
        ("client, server", "server, client"),
        ("client, server", "client, server"),
    ],
)
def test_whoever_is_killed_and_whoever_comes_back_first(site: Site, killed: str, back: str) -> None:
    server, client = site.server(), site.client()
    site.until_duty(DEMAND)
    observer = Observer(site)
    alive = {"server", "client"}
    for victim in killed.split(", "):
        (server if victim == "server" else client).kill()
        alive.remove(victim)
        if alive == {"client"}:
            site.until_duty(100)  # when the lease is over
    for comes in back.split(", "):
        if comes == "server":
            server = site.server()
        else:
            if "server" in alive:
                server.hang()
            client = site.client()
            site.until_duty(100)  # as long as it was told nothing
            if "server" in alive:
                server.go_on()
        alive.add(comes)
    site.until_duty(DEMAND)
    assert observer.lowest() == DEMAND
    assert client.end() == 0
    assert site.duty == 100


def test_heat_while_the_server_is_dead_finds_the_fans_at_full_speed(site: Site) -> None:
    server, client = site.server(), site.client()
    site.until_duty(DEMAND)
    server.kill()
    site.heat(60)
    site.until_duty(100)
    client.kill()
    observer = Observer(site)
    client = site.client()
    site.until_duty(100)
    site.server()
    site.until(lambda: "RUN after INIT" in client.text)
    assert observer.lowest() == 100


def test_a_server_that_hangs_is_as_good_as_dead(site: Site) -> None:
    server, _ = site.server(), site.client()
    site.until_duty(DEMAND)
    server.hang()
    site.until_duty(100)
    server.go_on()
    site.until_duty(DEMAND)


def test_a_client_that_was_killed_begins_with_full_speed(site: Site) -> None:
    server, client = site.server(), site.client()
    site.until_duty(DEMAND)
    client.kill()
    server.kill()
    assert site.duty == DEMAND  # nobody drives it: that is for the service manager to mend
    site.client()
    site.until_duty(100)


def test_a_log_that_nobody_reads_does_not_hold_the_fans(site: Site) -> None:
    """A pager that waits, a terminal held by Ctrl-S, a journal whose disk hangs."""
    server = site.server()
    with full_pipe() as (_, writer):
        client = site.client(stderr=writer)
        site.until_duty(DEMAND)
        server.kill()
        site.until_duty(100)
        assert client.end() == 0
