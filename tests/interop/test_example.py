"""The example configuration of fand 0.1.1, as its source distribution carries it, on our server."""

import shutil
from pathlib import Path

import pytest

from fand.client import Client

from .daemons import our_server
from .peers import Peer, example_ini

pytestmark = pytest.mark.peer


def test_it_runs_as_it_stands_and_absent_drives_mean_full_speed(daemon_peer: Peer, tmp_path: Path) -> None:
    config = tmp_path / "fand.ini"
    shutil.copy(example_ini(daemon_peer), config)
    with our_server(config) as server, Client("127.0.0.1", server.port) as client:
        assert client.shelves() == ["shelf1", "shelf2"]
        assert client.pwm("shelf1") == 100.0
        assert client.pwm("shelf2") == 100.0
        devices = client.status("shelf1")["devices"]
    assert [device["position"] for device in devices] == ["drive 1,1", "drive 1,2", "system drive"]
