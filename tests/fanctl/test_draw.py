"""Pages in plain text and in colour: aligned, within the terminal, on a real one."""

import io
import os
import re
import sys
from collections.abc import Mapping

import pytest

from fand.fanctl.draw import draw, plain
from fand.fanctl.page import page
from tests.fanctl.statuses import NOW, device, status
from tests.terminal import terminal

PAGES = [page("shelf1", status(), NOW), page("shelf2", status(devices=[]), NOW)]
LONG = page(
    "shelf1",
    status(
        reason="override 80 % for another 3600 s " * 6,
        devices=[device("wwn-0x5000c500a1b2c3d4-and-a-very-long-tail-of-a-name" * 2, position="row 1, column 1")],
    ),
    NOW,
)


def on_terminal(columns: int, environ: Mapping[str, str]) -> str:
    """What a terminal of so many columns receives."""
    with terminal(columns) as (descriptor, received):
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            draw([*PAGES, LONG], out, environ)
        return received.result(20)


def test_plain_text_is_aligned_and_one_line_apart() -> None:
    assert plain(PAGES[:1]).splitlines() == [
        "shelf1",
        "  duty      62 %",
        "  reason    hdd S1 at 39.2 °C on curve drives -> 62 %",
        "  demand    61.5 %",
        "  override  none",
        "  client    127.0.0.1:50432, live, heard 2 s ago",
        "  fans      1500 rpm, reported 2 s ago",
        "",
        "  FAN     RPM  DUTY  STATE",
        "  front  1500  62 %  ok",
        "",
        "  POSITION  DEVICE  FAMILY  READING  AGE  STATE",
        "  1,1       S1      hdd     39.2 °C  3 s  good",
        "  1,2       S2      hdd           -  3 s  asleep",
    ]
    assert "\n\nshelf2\n" in plain(PAGES)
    assert plain([]) == ""


@pytest.mark.parametrize("width", [80, 60, 132])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    lines = plain([LONG], width).splitlines()
    assert max(map(len, lines)) <= width
    assert sum("override 80 %" in line for line in lines) > 1
    assert any("…" in line for line in lines)


def test_what_goes_to_a_program_is_neither_cut_nor_coloured() -> None:
    out = io.StringIO()
    draw([LONG], out, {"TERM": "xterm"})
    assert out.getvalue() == plain([LONG])
    assert "…" not in out.getvalue()


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1", "TERM": "xterm"}, {"TERM": "dumb"}])
def test_a_terminal_without_colour_gets_plain_text_in_its_width(environ: dict[str, str]) -> None:
    assert on_terminal(80, environ) == plain([*PAGES, LONG], 80)


def test_without_rich_a_terminal_gets_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rich.console", None)
    assert on_terminal(80, {"TERM": "xterm"}) == plain([*PAGES, LONG], 80)


def test_in_colour_the_text_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    received = on_terminal(80, os.environ)
    assert "\x1b[32m  good" in received
    bare = re.sub(r"\x1b\[[0-9;]*m", "", received)
    assert [line.rstrip() for line in bare.splitlines()] == plain([*PAGES, LONG], 80).splitlines()
