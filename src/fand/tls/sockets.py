"""A client's socket that encrypts: TLS between the network and who sends and receives.

:class:`ssl.SSLSocket` may not be used by two threads at once, and one that waits for the network would keep the other
from sending. Here the cipher works in memory, for moments, and nobody waits while he has it.
"""

import errno
import os
import select
import socket
import ssl
import threading
import time
from contextlib import suppress
from typing import Any, Final, NoReturn

from fand.tls.records import ALERT, HANDSHAKE, length

_LONGEST: Final = 16_384
"""Bytes that fit one record."""


class NotTlsError(OSError):
    """What the other end says is not TLS."""


class TlsSocket(socket.socket):
    """``sock``, connected and from now on useless itself, with TLS over it; for the server called ``name``.

    It has the methods of a socket that stream sockets are used by: ``send``, ``sendall``, ``recv``, ``recv_into``,
    and all that has nothing to do with what is sent. A time-out is that of the whole call. No more is read from the
    network than the record that is being received, so that what follows is in sight of ``select``.

    ``cut`` is true once a record has left in part: nothing can follow it.
    """

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, name: str) -> None:
        self.cut = False
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        self._cipher = threading.Lock()  # nobody waits for the network while he has it
        self._sending = threading.Lock()
        self._receiving = threading.Lock()
        self._begun = b""  # of the record under way
        self._heard = False
        self._unread = False  # the cipher has a record of which something may be left
        timeout = sock.gettimeout()
        super().__init__(sock.family, sock.type, sock.proto, sock.detach())
        self.settimeout(timeout)
        self._room = select.poll()
        self._room.register(self.fileno(), select.POLLOUT)

    def handshake(self) -> None:
        """Agree with the server, before anything else. That the server agrees too shows only with its first answer.

        :raises NotTlsError: it does not speak TLS
        :raises ssl.SSLError: it is not who it should be, or there is nothing to agree on
        :raises TimeoutError: it took longer than the time-out
        :raises OSError: the connection broke
        """
        deadline = self._deadline()
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flush()
                self._take(deadline)
            except ssl.SSLError:
                with suppress(OSError):
                    self._flush()  # it is told why
                raise
            else:
                self._flush()
                return

    def send(self, data: Any, flags: int = 0, /) -> int:  # noqa: ARG002 - a socket's signature
        """Send a part of ``data``; returns how many bytes."""
        with self._sending:
            if self.cut:
                raise OSError(errno.EPIPE, "what was sent before this was cut short")
            self._wait_for_room()
            with self._cipher:
                count = self._tls.write(memoryview(data)[:_LONGEST])
                record = self._outgoing.read()
            self._leave(record)
        return count

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Send all of ``data``."""
        rest = memoryview(data)
        while rest:
            rest = rest[self.send(rest, flags) :]

    def recv(self, size: int, flags: int = 0, /) -> bytes:  # noqa: ARG002 - a socket's signature
        """Receive up to ``size`` bytes; none once the other end has sent all it will."""
        with self._receiving:
            deadline = 0.0
            while True:
                if not self._unread:
                    deadline = deadline or self._deadline()
                    self._take(deadline)
                try:
                    with self._cipher:
                        data = self._tls.read(size)
                        self._unread = self._tls.pending() > 0
                except ssl.SSLWantReadError:  # it was nothing for us
                    self._unread = False
                except (ssl.SSLZeroReturnError, ssl.SSLEOFError):  # frames tell by themselves whether they are whole
                    return b""
                else:
                    return data

    def recv_into(self, buffer: Any, size: int = 0, flags: int = 0, /) -> int:
        """Receive into ``buffer``; returns how many bytes."""
        view = memoryview(buffer).cast("B")
        data = self.recv(size or len(view), flags)
        view[: len(data)] = data
        return len(data)

    def shutdown(self, how: int, /) -> None:
        """End the connection, and say so if that needs no waiting."""
        if how != socket.SHUT_RD and not self.cut and self._sending.acquire(blocking=False):
            try:
                with self._cipher, suppress(ssl.SSLError, ValueError):  # for the other end's farewell nobody waits
                    self._tls.unwrap()
                with suppress(OSError):  # then it sees that the connection has ended, and no more
                    super().send(self._outgoing.read(), socket.MSG_DONTWAIT)
            finally:
                self._sending.release()
        super().shutdown(how)

    def pending(self) -> int:
        """How many bytes :meth:`recv` has without the network, out of sight of ``select``."""
        return self._tls.pending()

    def _none(self, *_: object, **__: object) -> NoReturn:
        raise OSError(errno.EOPNOTSUPP, "a connection over TLS is not used in this way")

    recvfrom = recvfrom_into = recvmsg = recvmsg_into = sendto = sendmsg = sendfile = dup = _none

    def _deadline(self) -> float:
        timeout = self.gettimeout()
        return time.monotonic() + timeout if timeout else float("inf")

    def _take(self, deadline: float) -> None:
        """Have the record under way from the network, and give it to the cipher once it is whole.

        :raises TimeoutError: the network, or ``deadline``, which a record that comes in bits does not put off
        """
        record = self._begun
        while missing := length(record) - len(record):
            data = super().recv(missing)
            if not data:
                self._unread = True
                self._incoming.write_eof()
                return
            if not self._heard:
                if data[0] not in (HANDSHAKE, ALERT):
                    raise NotTlsError(errno.EPROTO, "it does not speak TLS")
                self._heard = True
            self._begun = record = record + data
            if time.monotonic() > deadline and length(record) > len(record):
                raise TimeoutError("timed out")
        self._begun = b""
        self._incoming.write(record)
        self._unread = True

    def _wait_for_room(self) -> None:
        """Nothing is encrypted before some of it can leave: what is encrypted must leave, or the stream is cut.

        :raises TimeoutError: nothing can leave in time
        """
        if self.fileno() < 0:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        timeout = self.gettimeout()
        if not self._room.poll(None if timeout is None else timeout * 1000):
            raise TimeoutError("timed out")

    def _flush(self) -> None:
        """Send what is encrypted."""
        with self._cipher:
            data = self._outgoing.read()
        self._leave(data)

    def _leave(self, data: bytes) -> None:
        """Send ``data``, which is encrypted."""
        sent = 0
        try:
            while sent < len(data):
                sent += super().send(data[sent:])
        finally:
            self.cut = self.cut or sent < len(data)
