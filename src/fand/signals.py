"""What signals ask of a daemon that runs an event loop: to end, or to read its configuration again."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

ENDS: Final = (signal.SIGTERM, signal.SIGINT)
"""What ends a daemon."""


@contextmanager
def heeded(
    loop: asyncio.AbstractEventLoop, stop: Callable[[], object], reload: Callable[[], object]
) -> Iterator[None]:
    """Have ``loop`` call ``stop`` for SIGTERM and SIGINT and ``reload`` for SIGHUP, as long as the context lasts.

    The main thread must enter and leave it, for nobody else may set what a signal does.
    """
    for number in ENDS:
        loop.add_signal_handler(number, stop)
    # Not by the loop, which would give it back to the system's default, the end of the process, when it closes.
    before = signal.signal(signal.SIGHUP, lambda *_: loop.call_soon_threadsafe(reload))
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)
        for number in ENDS:
            loop.remove_signal_handler(number)
