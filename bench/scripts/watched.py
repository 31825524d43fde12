"""A service as rooted.py runs it, whose event loop notes how long it is held up; arguments are those of rooted.py.

When it ends it prints JSON: of every callback that took a millisecond or more, when it began (monotonic seconds), how
long it took, and how much of that was the loop's own time on the processor.
"""

import asyncio
import json
import runpy
import sys
import time
from pathlib import Path
from typing import Any

LEAST = 0.001

held: list[tuple[float, float, float]] = []
run = asyncio.Handle._run


def timed(handle: Any) -> None:
    """Run a callback of the loop."""
    begin, own = time.monotonic(), time.thread_time()
    run(handle)
    if (took := time.monotonic() - begin) >= LEAST:
        held.append((begin, took, time.thread_time() - own))


asyncio.Handle._run = timed  # type: ignore[method-assign,assignment]
try:
    runpy.run_path(str(Path(__file__).with_name("rooted.py")), run_name="__main__")
except SystemExit as end:
    print(json.dumps(held), flush=True)
    sys.exit(end.code)
