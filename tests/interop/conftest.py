"""Fixtures: the peer under each Python, and real daemons of both fands."""

import pytest

from . import peers

PYTHONS = peers.pythons()
NONE = [pytest.param(None, marks=pytest.mark.skip(reason="no Python 3.7 to 3.13 beside the one that runs the tests"))]


def _newest_and_debian() -> list[str]:
    """Two Pythons for what is slow: the newest, and one of 3.11.0 to 3.11.4, which pickles enums in its own way."""
    odd = [version for version in PYTHONS if version in {f"3.11.{patch}" for patch in range(5)}]
    return list(dict.fromkeys([*odd[:1], *list(PYTHONS)[-1:]]))


@pytest.fixture(params=list(PYTHONS) or NONE, scope="session")
def peer(request: pytest.FixtureRequest) -> peers.Peer:
    """fand 0.1.1, under each Python in turn."""
    return peers.make(request.param, PYTHONS[request.param])


@pytest.fixture(params=_newest_and_debian() or NONE, scope="session")
def daemon_peer(request: pytest.FixtureRequest) -> peers.Peer:
    """fand 0.1.1, under the two Pythons that tell most."""
    return peers.make(request.param, PYTHONS[request.param])
