import os
from pathlib import Path

import pytest

from tests.drivers.standin import StandIn
from tests.drivers.tree import Tree


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path / "root")


@pytest.fixture
def smartctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """A smartctl on PATH that replays what it is told."""
    standin = StandIn(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{standin.folder}{os.pathsep}{os.environ['PATH']}")
    return standin


@pytest.fixture
def no_smartctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host where nobody installed smartctl."""
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setattr("fand.drivers.smartctl.SBIN", ())
