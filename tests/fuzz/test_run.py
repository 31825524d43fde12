"""The fuzzer itself, where it is installed: `make fuzz` installs it, `make test` does not."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fuzz import __main__ as fuzz
from tests.fuzz import corpus
from tests.fuzz.targets import TARGETS

INPUT = b"\x87\x80\x04N."
MENDED = b"\x87\x80\x04K\x01."
"""What broke a promise once."""


def test_an_input_is_played_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "input").write_bytes(INPUT)
    played: list[bytes] = []
    monkeypatch.setattr(fuzz, "TARGETS", {"frames": replace(TARGETS["frames"], check=played.append)})
    assert fuzz.main(["--target", "frames", "--replay", str(tmp_path / "input")]) == 0
    assert played == [INPUT]


@pytest.mark.timeout(300)
def test_a_run_goes_on_from_what_is_there_and_leaves_its_figures(tmp_path: Path) -> None:
    pytest.importorskip("atheris")
    kept, table, work = tmp_path / "kept", tmp_path / "table.csv", tmp_path / "work"
    for folder in (kept, work):
        folder.mkdir()
    (kept / "frames.txt").write_bytes(corpus.pack([INPUT]))
    (work / "crash-1").write_bytes(MENDED)
    assert fuzz.Run("frames", work).fuzz(1, table, kept) == 0
    (row,) = csv.DictReader(table.read_text().splitlines())
    assert row["target"] == "frames"
    assert row["crashes"] == "0"
    assert int(row["executions"]) > 100
    assert int(row["edges"]) > 100
    assert {INPUT, MENDED} <= set(corpus.gather(work / "inputs"))
    assert len(corpus.read("frames", kept)) > 50
