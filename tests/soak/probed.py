"""fand with a look inside: every few seconds the number of its asyncio tasks, of its objects and of its blocks
of memory goes to a file.

``python -I probed.py FILE SERVICE ARGUMENT...``. The program itself runs as it does otherwise.
"""

import asyncio
import gc
import os
import sys
import threading
import time

from fand.__main__ import main

EVERY = 5.0


def _count(path: str) -> None:
    while True:
        time.sleep(EVERY)
        gc.collect()
        things = gc.get_objects()
        tasks = sum(isinstance(thing, asyncio.Task) and not thing.done() for thing in things)
        counts = [os.getpid(), tasks, len(things)]
        del things
        text = " ".join(map(str, [*counts, sys.getallocatedblocks()])) + "\n"
        beside = f"{path}.new"
        with open(beside, "w", encoding="ascii") as file:  # noqa: PTH123 - a program that imports as little as it can
            file.write(text)
        os.replace(beside, path)  # noqa: PTH105


threading.Thread(target=_count, args=(sys.argv[1],), name="probe", daemon=True).start()
sys.exit(main(sys.argv[2:]))
