"""What all tests share."""

import os
import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tests.certificates import Pki

# Time depends on the machine and its load, so it fails no test.
settings.register_profile("fand", deadline=None)
settings.load_profile("fand")

# Servers run on asyncio's own event loop, as where nothing else is installed, unless the tests are told otherwise.
os.environ.setdefault("FAND_LOOP", "asyncio")

# Started in the background by a shell, the tests ignore SIGINT, and so would the programs that they interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True, scope="session")
def _state_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Servers that the tests start keep their state out of the host's folders."""
    before = os.environ.get("STATE_DIRECTORY")
    os.environ["STATE_DIRECTORY"] = str(tmp_path_factory.mktemp("state"))
    yield
    if before is None:
        del os.environ["STATE_DIRECTORY"]
    else:
        os.environ["STATE_DIRECTORY"] = before


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> "Pki":
    """An authority, shared by all tests; what a test changes it does in one of its own."""
    from tests.certificates import Pki  # most tests need none

    return Pki(tmp_path_factory.mktemp("pki"))
