"""Pages on a terminal: in colour where somebody looks and rich is there, else as plain text in the same places."""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TextIO

from fand.fanctl.page import PLAIN, QUIET, Page, Row, Table

Line = list[tuple[str, str]]
"""One line of text as pieces, each with its style."""

_GAP: Final = "  "
_NARROWEST: Final = 8


def draw(pages: Sequence[Page], out: TextIO, environ: Mapping[str, str] = os.environ) -> None:
    """Write ``pages`` to ``out``.

    In colour on a terminal, unless ``NO_COLOR`` is set (https://no-color.org), ``TERM`` is ``dumb`` or rich is not
    installed. What goes to a file or a program is neither coloured nor fitted to a width.
    """
    if not out.isatty():
        out.write(plain(pages))
        return
    width = os.get_terminal_size(out.fileno()).columns or 80
    colourless = environ.get("NO_COLOR") or environ.get("TERM") == "dumb"
    if colourless or not _colour(layout(pages, width), out, width):
        out.write(plain(pages, width))


def plain(pages: Sequence[Page], width: int | None = None) -> str:
    """``pages`` as text in lines of at most ``width`` columns (None: as many as it takes)."""
    return "".join("".join(text for text, _ in line).rstrip() + "\n" for line in layout(pages, width))


def layout(pages: Sequence[Page], width: int | None) -> list[Line]:
    """The lines of ``pages``, one empty line between them."""
    lines: list[Line] = []
    for page in pages:
        lines += [[]] if lines else []
        lines += _page(page, width)
    return lines


def _page(page: Page, width: int | None) -> Iterator[Line]:
    yield [(page.title, "bold")]
    label = max(len(fact.label) for fact in page.facts)
    for fact in page.facts:
        head = f"{_GAP}{fact.label:<{label}}{_GAP}"
        for text in _wrap(fact.text, None if width is None else width - len(head)):
            yield [(head, QUIET), (text, fact.style)]
            head = " " * len(head)
    for table in page.tables:
        yield []
        yield from _table(table, None if width is None else width - len(_GAP))


def _table(table: Table, room: int | None) -> Iterator[Line]:
    rows = (Row(table.heads, QUIET), *table.rows)
    widths = _widths(rows, room)
    for row in rows:
        line: Line = []
        for cell, size, head in zip(row.cells, widths, table.heads, strict=True):
            side = ">" if head in table.numbers else "<"
            coloured = row.style if head == table.heads[-1] or row.style == QUIET else PLAIN
            line.append((f"{_GAP}{_cut(cell, size):{side}{size}}", coloured))
        yield line


def _widths(rows: Sequence[Row], room: int | None) -> list[int]:
    """How wide each column is to be: as its widest cell; where there is no room for that, the widest gives way."""
    widths = [max(map(len, column)) for column in zip(*(row.cells for row in rows), strict=True)]
    if room is not None:
        excess = sum(widths) + len(_GAP) * (len(widths) - 1) - room
        while excess > 0 and max(widths) > _NARROWEST:
            widths[widths.index(max(widths))] -= 1
            excess -= 1
    return widths


def _cut(cell: str, width: int) -> str:
    return cell if len(cell) <= width else cell[: width - 1] + "…"


def _wrap(text: str, width: int | None) -> list[str]:
    if width is None or len(text) <= width:
        return [text]
    import textwrap  # noqa: PLC0415 - seldom needed, and fanctl is to start fast

    return textwrap.wrap(text, max(width, 20))


def _colour(lines: Sequence[Line], out: TextIO, width: int) -> bool:
    """Print ``lines`` by rich; False if it is not there."""
    try:
        from rich.console import Console  # noqa: PLC0415 - a tenth of a second, and an extra
        from rich.text import Text  # noqa: PLC0415
    except ImportError:
        return False
    console = Console(file=out, width=width, highlight=False)
    for line in lines:
        console.print(Text.assemble(*line), soft_wrap=True)
    return True
