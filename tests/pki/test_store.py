"""The folder of an authority; what is done in it is tested in test_commands.py."""

from pathlib import Path

import pytest

from fand.exceptions import ConfigError
from fand.pki.folder import Folder
from fand.pki.store import CLIENT_NAME, SERVER_NAME, Store, day
from tests.certificates import Pki


def test_what_was_issued(pki: Pki) -> None:
    store = Store(Folder(pki.path))
    assert store.pair("fans.example.org").key == Path(pki.server.key).read_text()
    assert store.is_here("fans.example.org")
    pki.client("pi1")
    assert not store.is_here("pi1")
    assert not store.seen("pi1").server


def test_nothing_is_here_yet(tmp_path: Path) -> None:
    store = Store(Folder(tmp_path))
    assert not store.is_here("nas")
    assert store.allowed() == []


@pytest.mark.parametrize(
    ("name", "server", "client"),
    [
        ("pi1", True, True),
        ("nas.example.org", True, True),
        ("fe80::1", True, False),
        ("::1", False, False),
        (".pi", False, False),
        ("pi/1", False, False),
        ("pi1\n", False, False),
        ("", False, False),
        ("é", False, False),
    ],
)
def test_names(name: str, *, server: bool, client: bool) -> None:
    assert bool(SERVER_NAME.fullmatch(name)) is server
    assert bool(CLIENT_NAME.fullmatch(name)) is client


def test_a_name_is_free_once(pki: Pki) -> None:
    store = Store(Folder(pki.path))
    store.check_free("pi9", CLIENT_NAME)
    with pytest.raises(ConfigError, match=f"until {day(store.seen('fans.example.org').until)}"):
        store.check_free("fans.example.org", SERVER_NAME)
