"""What the sensors said last, for the threads that tell the servers."""

import socket
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from fand.agent.conversation import News
from fand.units import Seconds

ALIVE: Final = Seconds(15.0)
"""When the sensors have not been looked after for so long, nobody vouches for what they said."""


class Board:
    """The last reading of each device. The loop that asks the sensors puts them there, threads read it."""

    def __init__(self) -> None:
        self._news: dict[str, News] = {}
        self._beat: Seconds | None = None
        self._wakers: list[socket.socket] = []
        self._lock = threading.Lock()

    def put(self, device: str, news: News) -> None:
        """``device`` has said this; who waits for news is woken."""
        with self._lock:
            self._news[device] = news
            wakers = tuple(self._wakers)
        for waker in wakers:
            _wake(waker)

    def keep(self, devices: Collection[str]) -> None:
        """Forget what any other device than these has said."""
        with self._lock:
            self._news = {device: news for device, news in self._news.items() if device in devices}

    def beat(self, now: Seconds) -> None:
        """The sensors are looked after."""
        self._beat = now

    def alive(self, now: Seconds) -> bool:
        """Tell whether the sensors are looked after."""
        return self._beat is not None and now - self._beat <= ALIVE

    @property
    def news(self) -> Mapping[str, News]:
        """What there is now."""
        with self._lock:
            return dict(self._news)

    @contextmanager
    def watched(self) -> Iterator[socket.socket]:
        """A socket that something is to be read from whenever there is news; :func:`emptied` gives it back quiet."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            for end in (ours, theirs):
                end.setblocking(False)
            with self._lock:
                self._wakers.append(theirs)
            try:
                yield ours
            finally:
                with self._lock:
                    self._wakers.remove(theirs)


def emptied(waker: socket.socket) -> None:
    """Take what makes ``waker`` readable from it."""
    try:
        while waker.recv(4096):
            pass
    except BlockingIOError:
        pass


def _wake(waker: socket.socket) -> None:
    try:
        waker.send(b"!")
    except OSError:  # it is full, so that its end is awake, or has been closed meanwhile
        pass
