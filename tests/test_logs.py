"""What it takes a process to show is in test_util: there programs are started with the options that all have."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from fand import logs


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    for handler in root.handlers[:]:
        if handler not in handlers:
            root.removeHandler(handler)
            handler.close()
    root.setLevel(level)


@pytest.mark.parametrize(
    ("verbose", "level"),
    [(None, logging.CRITICAL), (0, logging.WARNING), (1, logging.INFO), (2, logging.DEBUG), (7, logging.DEBUG)],
)
def test_the_more_is_wanted_the_more_is_logged(tmp_path: Path, verbose: int | None, level: int) -> None:
    logs.set_up(verbose, str(tmp_path / "log"), aside=False)
    assert logging.getLogger().level == level


@pytest.mark.parametrize("aside", [False, True])
def test_to_a_file(tmp_path: Path, aside: bool) -> None:
    logs.set_up(1, str(tmp_path / "log"), aside=aside)
    logging.getLogger("fand.some").info("step %d", 1)
    logging.getLogger().handlers[-1].close()
    assert (tmp_path / "log").read_text().endswith(" INFO fand.some: step 1\n")


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        logs.set_up(0, str(tmp_path / "no/log"), aside=False)


def test_whether_stderr_is_the_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = os.fstat(2)
    monkeypatch.setenv("JOURNAL_STREAM", f"{stderr.st_dev}:{stderr.st_ino}")
    assert logs.stderr_is_journal()
    monkeypatch.setenv("JOURNAL_STREAM", "1:2")
    assert not logs.stderr_is_journal()

    def closed(_file: int) -> os.stat_result:
        raise OSError

    with monkeypatch.context() as patch:
        patch.setattr(os, "fstat", closed)
        journal = logs.stderr_is_journal()
    assert not journal
