"""Which event loop the server runs on: uvloop where that is installed (``fand[speed]``), else asyncio's own."""

import asyncio
from collections.abc import Mapping
from typing import Final

from fand.exceptions import ConfigError

VARIABLE: Final = "FAND_LOOP"
"""``asyncio`` or ``uvloop`` in the environment chooses; it is for tests and for comparisons."""


def new_loop(environ: Mapping[str, str]) -> asyncio.AbstractEventLoop:
    """A loop of the better kind that there is, or of the kind that ``environ`` wants.

    :raises ConfigError: that is none, or not installed
    """
    wanted = environ.get(VARIABLE, "")
    if wanted not in {"", "asyncio", "uvloop"}:
        raise ConfigError([f"{VARIABLE} in the environment is {wanted!r}; there are asyncio and uvloop"])
    if wanted != "asyncio":
        try:
            from fand.server.uv import UvLoop  # noqa: PLC0415 - only there is it needed, and it may not be there
        except ImportError as error:
            if wanted:
                raise ConfigError([f"{VARIABLE} wants uvloop: {error}; install fand[speed]"]) from None
        else:
            return UvLoop()
    return asyncio.new_event_loop()


def kind(loop: asyncio.AbstractEventLoop) -> str:
    """What ``loop`` is called: ``asyncio`` or ``uvloop``."""
    return "asyncio" if isinstance(loop, asyncio.BaseEventLoop) else "uvloop"
