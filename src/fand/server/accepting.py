"""Lets clients in where the server listens, the same way on every event loop.

What a loop's own servers do when descriptors run out differs: asyncio's tries again, uvloop's would listen no more.
"""

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Final

_log = logging.getLogger(__name__)

PAUSE: Final = 1.0
"""Seconds without newcomers after the system had no descriptor or memory for one."""


class Accepting:
    """At the listening ``sock`` at most ``at_once`` are let in each turn of the running event loop; ``welcome`` makes
    the protocol for each.
    """

    def __init__(self, sock: socket.socket, welcome: Callable[[], asyncio.BaseProtocol], at_once: int) -> None:
        self._sock = sock
        self._welcome = welcome
        self._at_once = at_once
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._full = False

    def begin(self) -> None:
        """Let clients in from now on."""
        self._timer = None
        self._loop.add_reader(self._sock, self._accept)

    def stop(self) -> None:
        """Listen no more."""
        if self._timer is not None:
            self._timer.cancel()
        self._loop.remove_reader(self._sock)
        self._sock.close()

    def _accept(self) -> None:
        for _ in range(self._at_once):
            try:
                sock, _ = self._sock.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                self._rest(error)
                return
            self._full = False
            sock.setblocking(False)
            task = self._loop.create_task(self._let_in(sock))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _rest(self, error: OSError) -> None:
        """Nobody can be let in now. Who waits goes on waiting: without a pause nothing else would be done."""
        if not self._full:
            _log.error("no more clients can be let in for now: %s", error)
        self._full = True
        self._loop.remove_reader(self._sock)
        self._timer = self._loop.call_later(PAUSE, self.begin)

    async def _let_in(self, sock: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._welcome, sock)
        except OSError as error:
            _log.debug("a client went before it was let in: %s", error)
            sock.close()
