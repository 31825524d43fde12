"""How the demo is shown: live on a terminal if rich is there, else by one line a second."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TextIO

from fand.demo.scene import LEGEND, Scene, lines, sentence

if TYPE_CHECKING:
    from rich.live import Live


class View(Protocol):
    """Shows scenes as they come."""

    def show(self, scene: Scene) -> None:
        """Show ``scene`` in place of, or after, the last one."""
        ...


class Plain:
    """One line a second."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._next = 0.0

    def show(self, scene: Scene) -> None:
        """Write ``scene`` if the second for one has come."""
        if scene.elapsed >= self._next:
            self._next = int(scene.elapsed) + 1.0
            print(sentence(scene), file=self._out, flush=True)


class Coloured:
    """The whole screen."""

    def __init__(self, live: "Live", descriptor: int) -> None:
        self._live = live
        self._descriptor = descriptor

    def show(self, scene: Scene) -> None:
        """Draw ``scene``, fitted to the terminal as it is now."""
        from rich.console import ConsoleDimensions  # noqa: PLC0415 - an extra
        from rich.text import Text  # noqa: PLC0415

        width, height = self._live.console.size = ConsoleDimensions(*os.get_terminal_size(self._descriptor))
        drawn = list(lines(scene, width))[:height]
        whole = Text("\n", no_wrap=True, overflow="crop").join(Text.assemble(*line) for line in drawn)
        self._live.update(whole, refresh=True)


@contextmanager
def view(port: int, out: TextIO | None = None) -> Iterator[View]:
    """The view for ``out`` (None: stdout) of what the server at ``port`` does.

    A terminal shows at the end what it showed before.
    """
    out = sys.stdout if out is None else out
    live = _live(out)
    if live is None:
        print(f"fand demo: {LEGEND}; 'fanctl -p {port} status' shows it too; Ctrl-C ends", file=out, flush=True)
        yield Plain(out)
    else:
        with live:
            yield Coloured(live, out.fileno())


def _live(out: TextIO) -> "Live | None":
    """The whole screen of ``out``; None if it is no terminal that can show the bars, or rich is not installed."""
    if not out.isatty() or "utf" not in (out.encoding or "").lower():
        return None
    try:
        from rich.console import Console  # noqa: PLC0415 - an extra
        from rich.live import Live  # noqa: PLC0415
    except ImportError:
        return None
    console = Console(file=out, highlight=False)
    return None if console.is_dumb_terminal else Live(console=console, auto_refresh=False, screen=True)
