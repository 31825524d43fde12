"""The views of the demo: lines for a file, the whole screen for a terminal."""

import io
import os
import sys

import pytest

from fand.demo.scene import Scene, sentence
from fand.demo.view import view
from tests.demo.test_scene import status
from tests.terminal import terminal

SCENES = [Scene(seconds, "idle", 4321, status()) for seconds in (0.5, 0.9, 1.1, 1.8, 4.0, 4.5)]


def on_terminal(columns: int = 80, lines: int = 24, encoding: str = "utf-8") -> str:
    with terminal(columns, lines) as (descriptor, received):
        with os.fdopen(descriptor, "w", encoding=encoding, errors="replace") as out, view(4321, out) as shown:
            for scene in SCENES:
                shown.show(scene)
        return received.result(20)


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "COLUMNS", "LINES", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def plain() -> list[str]:
    head = "fand demo: 1 second here is 60 in the shelf; 'fanctl -p 4321 status' shows it too; Ctrl-C ends"
    return [head, *(sentence(SCENES[number]) for number in (0, 2, 4))]


def test_a_file_gets_a_line_a_second() -> None:
    out = io.StringIO()
    with view(4321, out) as shown:
        for scene in SCENES:
            shown.show(scene)
    assert out.getvalue().splitlines() == plain()


def test_a_terminal_gets_the_whole_screen_and_has_its_own_back() -> None:
    received = on_terminal()
    assert received.index("\x1b[?1049h") < received.index("bay 1") < received.index("\x1b[?1049l")
    assert "\x1b[32m█" in received


def test_a_small_terminal_shows_what_it_can() -> None:
    assert "bay 8" not in on_terminal(30, 8)


@pytest.mark.parametrize("reason", ["no rich", "a dumb terminal", "no bars"])
def test_a_terminal_that_cannot_gets_lines(monkeypatch: pytest.MonkeyPatch, reason: str) -> None:
    if reason == "no rich":
        monkeypatch.setitem(sys.modules, "rich.live", None)
    elif reason == "a dumb terminal":
        monkeypatch.setenv("TERM", "dumb")
    encoding = "ascii" if reason == "no bars" else "utf-8"
    expected = [line.encode(encoding, "replace").decode(encoding) for line in plain()]
    assert on_terminal(encoding=encoding).splitlines() == expected
