"""A crowd of connections that send the same without end, from one thread."""

import contextlib
import selectors
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

_CHUNK: Final = 16 * 1024
"""Bytes that are sent at once."""


@dataclass(frozen=True)
class Manner:
    """How each connection of a crowd behaves.

    It sends ``data``, again and again if ``endless``, ``step`` bytes at a time; reads what comes if ``reads``; and
    comes again when it was let go, or, with ``leaves``, as soon as it has sent everything. With ``tls`` it shakes
    hands before, with the server called ``name``.
    """

    data: bytes
    endless: bool = True
    step: int = _CHUNK
    reads: bool = True
    leaves: bool = False
    tls: ssl.SSLContext | None = None
    name: str | None = None


@dataclass
class _One:
    """One connection; ``at`` is how far it has come with its data, ``talks`` whether no handshake is under way."""

    number: int
    sock: socket.socket
    talks: bool
    at: int = 0


class Crowd(threading.Thread):
    """``count`` connections to ``port``, from the addresses ``sources`` in turn, each in this ``manner``."""

    def __init__(self, port: int, count: int, manner: Manner, sources: tuple[str, ...] = ("127.0.0.1",)) -> None:
        super().__init__(name="crowd", daemon=True)
        self._port = port
        self._count = count
        self._manner = manner
        self._sources = sources
        self._news = threading.Condition()
        self._over = False
        self._selector = selectors.DefaultSelector()
        self.came = self.let_go = self.shook_hands = self.sent = self.heard = 0
        """Connections made and lost, handshakes, bytes sent and received."""
        self.complete = False
        """Whether all have come."""
        repeats = max(1, 4 * _CHUNK // len(manner.data)) if manner.endless else 1
        self._stream = memoryview(manner.data * repeats)

    def run(self) -> None:
        for number in range(self._count):
            if self._over:
                break
            self._come(number)
        self.complete = True
        while not self._over:
            for key, events in self._selector.select(0.1):
                self._go_on(key, events)
            with self._news:
                self._news.notify_all()
        for key in tuple(self._selector.get_map().values()):
            self._leave(key)
        self._selector.close()

    def until(self, done: Callable[["Crowd"], bool]) -> None:
        """Wait until the crowd is as far as ``done`` tells."""
        with self._news:
            assert self._news.wait_for(lambda: done(self), 40), "the crowd does not get on"

    def end(self) -> None:
        self._over = True
        self.join(20)

    def _come(self, number: int) -> None:
        sock = socket.socket()
        sock.setblocking(False)
        if self._manner.step < _CHUNK:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError):
            if self._sources != ("127.0.0.1",):
                sock.bind((self._sources[number % len(self._sources)], 0))
        with contextlib.suppress(BlockingIOError):
            sock.connect(("127.0.0.1", self._port))
        self.came += 1
        one = _One(number, sock, talks=self._manner.tls is None)
        self._selector.register(sock.fileno(), self._events if one.talks else selectors.EVENT_WRITE, one)

    @property
    def _events(self) -> int:
        return selectors.EVENT_WRITE | (selectors.EVENT_READ if self._manner.reads else 0)

    def _go_on(self, key: selectors.SelectorKey, events: int) -> None:
        one: _One = key.data
        try:
            if not one.talks:
                self._shake_hands(key, one)
                return
            if events & selectors.EVENT_WRITE:
                sent = one.sock.send(self._stream[one.at : one.at + self._manner.step])
                self.sent += sent
                one.at += sent
                if one.at >= len(self._stream):
                    self._sent_all(key, one)
            if events & selectors.EVENT_READ:
                data = one.sock.recv(65_536)
                self.heard += len(data)
                if not data:
                    raise ConnectionResetError
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except OSError:
            self.let_go += 1
            self._leave(key)
            self._come(one.number)

    def _shake_hands(self, key: selectors.SelectorKey, one: _One) -> None:
        """One step: when the network has connected, and whenever the server has said more."""
        if not isinstance(one.sock, ssl.SSLSocket):
            assert self._manner.tls is not None
            name = self._manner.name
            one.sock = self._manner.tls.wrap_socket(one.sock, do_handshake_on_connect=False, server_hostname=name)
            self._selector.modify(key.fd, selectors.EVENT_READ, one)
        one.sock.do_handshake()
        one.talks = True
        self.shook_hands += 1
        self._selector.modify(key.fd, self._events, one)

    def _sent_all(self, key: selectors.SelectorKey, one: _One) -> None:
        if self._manner.endless:
            one.at = 0
        elif self._manner.leaves:
            raise ConnectionResetError
        else:
            self._selector.modify(key.fd, selectors.EVENT_READ, one)

    def _leave(self, key: selectors.SelectorKey) -> None:
        self._selector.unregister(key.fd)
        key.data.sock.close()


@contextlib.contextmanager
def crowd(port: int, count: int, manner: Manner, sources: tuple[str, ...] = ("127.0.0.1",)) -> Iterator[Crowd]:
    """A crowd that goes at the end."""
    one = Crowd(port, count, manner, sources)
    one.start()
    try:
        yield one
    finally:
        one.end()
