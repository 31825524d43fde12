"""Sockets that carry frames, and what is kept for each: :mod:`fand.communication` closes those that it manages."""

import socket
import threading
from typing import Any, Final
from weakref import WeakKeyDictionary

from fand import util
from fand.exceptions import TerminatingError
from fand.heard import Heard
from fand.wire import Decoder, Request, encode

_log: Final = Heard(__name__)

_TURN: Final = 0.5
"""Seconds that a notice waits for another thread to send its frame: plenty, unless the peer takes nothing."""


class Link:
    """What is kept for one socket: the bytes of a frame that has begun, whose turn it is, who the other end is."""

    __slots__ = ("asked", "broken", "decoder", "peer", "receiving", "sending")

    def __init__(self, sock: socket.socket) -> None:
        self.peer = _peer(sock)  # now: once the connection has failed it cannot be told
        self.decoder = Decoder()
        self.receiving = threading.Lock()
        self.sending = threading.Lock()
        self.broken = False  # a frame was sent in part: nothing can follow it
        self.asked: tuple[Request | None, tuple[str], bytes] = (None, ("",), b"")

    def frame(self, request: Request, args: tuple[Any, ...]) -> bytes:
        """The frame of ``request``. Who asks for the same shelf again and again has it encoded once.

        :raises UnpicklableError: an argument has no form on the wire, or the frame would be too long
        """
        before, of, frame = self.asked  # in one step: other threads may ask too
        if request is before and args == of and type(args[0]) is str:
            return frame
        frame = encode(request, args)
        if len(args) == 1 and type(args[0]) is str:
            self.asked = request, args, frame
        return frame


class Links:
    """The links of all sockets in use: of managed ones until they are closed, of others while somebody has them.

    The dict of the managed is changed in single steps only, so that closing them all needs no lock: that may happen
    in a signal handler.
    """

    def __init__(self) -> None:
        self._managed: dict[socket.socket, Link] = {}
        self._others: WeakKeyDictionary[socket.socket, Link] = WeakKeyDictionary()
        self._lock = threading.Lock()
        self._to_be_closed = False

    def of(self, sock: socket.socket) -> Link:
        """The link of ``sock``, new if it has none."""
        try:
            return self._managed[sock]
        except KeyError:
            with self._lock:
                return self._managed.get(sock) or self._others.setdefault(sock, Link(sock))

    def manage(self, sock: socket.socket) -> None:
        """Keep ``sock`` until it is closed.

        :raises TerminatingError: the program is terminating
        """
        refusal = TerminatingError("the program is terminating: no connection is taken on")
        if util.terminating():
            raise refusal
        with self._lock:
            if not self._to_be_closed:
                self._to_be_closed = True
                util.when_terminate(self.close_all)
            for other in list(self._managed):
                if other.fileno() < 0:  # closed by its owner himself
                    self._managed.pop(other, None)
            self._managed.setdefault(sock, self._others.pop(sock) if sock in self._others else Link(sock))
        if util.terminating():  # since: it has been closed, or is not going to be
            self._managed.pop(sock, None)
            raise refusal

    def is_managed(self, sock: socket.socket) -> bool:
        """Whether ``sock`` is kept here and open."""
        return sock in self._managed and sock.fileno() >= 0

    def release(self, sock: socket.socket) -> Link | None:
        """Keep ``sock`` no longer; its link goes to whoever is first to ask."""
        return self._managed.pop(sock, None)

    def end(self, sock: socket.socket, notice: bytes | None) -> None:
        """Close ``sock`` if it is kept here; before that send ``notice``, if there is room for it.

        It is done at once: the other end may have stopped reading, another thread be in the middle of a frame.
        """
        link = self.release(sock)
        if link is None:
            return
        if notice is not None and not link.broken and link.sending.acquire(timeout=_TURN):
            try:
                sock.settimeout(0)
                sock.send(notice)
            except OSError as error:
                _log.info("could not tell %s that the connection ends: %s", link.peer, error)
            finally:
                link.sending.release()
        shut_down(sock)
        sock.close()
        _log.info("closed the connection to %s", link.peer)

    def close_all(self) -> None:
        """Close all managed sockets, with a notice."""
        notice = encode(Request.DISCONNECT, (None,))
        for sock in list(self._managed):
            self.end(sock, notice)


def shut_down(sock: socket.socket) -> None:
    """End the connection for whoever is at it, in other threads too."""
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:  # it has ended already
        pass


def _peer(sock: socket.socket) -> str:
    """The other end, for a message."""
    try:
        name = sock.getpeername()
    except OSError:
        return "the peer"
    return f"{name[0]} port {name[1]}" if isinstance(name, tuple) else str(name) or "the peer"
