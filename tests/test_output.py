import io
import subprocess
import sys
from pathlib import Path

import pytest

from fand.exceptions import FandError
from fand.output import say


class Full(io.StringIO):
    """No descriptor, and no room."""

    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


def test_a_text_is_written_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    say("31 °C\n")
    assert capsys.readouterr().out == "31 °C\n"


def test_what_the_terminal_cannot_show_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")
    monkeypatch.setattr(sys, "stdout", out)
    say("31 °C\n")
    assert raw.getvalue() == b"31 ?C\n"


def test_an_output_that_is_full_or_closed_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Full())
    with pytest.raises(FandError, match="standard output: No space left on device"):
        say("text")
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(FandError, match="it is closed"):
        say("text")


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["detect", "--root", "/nonexistent"]])
def test_programs_whose_output_is_full_say_so_in_a_sentence(words: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "fand", *words], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert done.stderr.endswith(": cannot write to the standard output: No space left on device\n")
    assert done.stderr.count("\n") == 1
