"""Blocking conversation over sockets: requests out, requests in.

:func:`connect` makes a connection, :func:`send` and :func:`recv` carry a :class:`Request` with its arguments over it,
:func:`reset_connection` ends it. Sockets made here, or given to :func:`add_socket`, are managed: what is still open
when :func:`fand.util.terminate` is called, or when the program ends, is closed then, and the other end is told.

Everything here may be used by many threads at once. Two that send on one socket take turns, so their frames never
mix; so do two that receive.
"""

import math
import os
import socket
import time
from typing import TYPE_CHECKING, Any, Final

from fand import tls, util
from fand.exceptions import (
    ConfigError,
    ConnectionFailedError,
    CorruptedDataError,
    FandConnectionResetError,
    FandTimeoutError,
    SendReceiveError,
    TerminatingError,
    UnpicklableError,
)
from fand.heard import Heard
from fand.links import Link, Links, shut_down
from fand.wire import Request, encode, reason

if TYPE_CHECKING:
    from ssl import SSLContext

__all__ = [
    "ConnectionFailedError",
    "CorruptedDataError",
    "FandConnectionResetError",
    "FandTimeoutError",
    "Request",
    "SendReceiveError",
    "TerminatingError",
    "UnpicklableError",
    "add_socket",
    "connect",
    "is_socket_open",
    "recv",
    "reset_connection",
    "send",
]

_log: Final = Heard(__name__)

_DEBUG: Final = 10
"""That of logging, which need not have been imported."""

_DISCONNECT: Final = Request.DISCONNECT

TIMEOUT: Final = 10.0
"""Seconds after which :func:`connect`, and then each :func:`send` and :func:`recv` on its socket, gives up."""

_links: Final = Links()


def add_socket(sock: socket.socket) -> None:
    """Have ``sock`` managed: closed, with a notice to the other end, when the program terminates.

    Until then :func:`reset_connection` closes it, after which it is managed no more.

    :param sock: a connected socket of any family; its time-out is kept
    :raises TerminatingError: :func:`fand.util.terminating` is true; ``sock`` is left as it is
    """
    _links.manage(sock)


def is_socket_open(sock: socket.socket) -> bool:
    """Tell whether ``sock`` is managed here and has not been closed.

    :param sock: any socket
    :returns: False once the socket was closed, by :func:`reset_connection` or otherwise
    """
    return _links.is_managed(sock)


def send(sock: socket.socket, request: Request, *args: Any) -> None:
    """Send ``request`` with its ``args``.

    If it fails when a part of the frame has left, nothing could follow: the connection is reset.

    :param sock: the connection
    :param request: what to ask for, or to answer
    :param args: what goes with it: None, bool, int, float, str, bytes, datetime, a Request, and tuples, lists and
        dicts of these
    :raises UnpicklableError: an argument has no form on the wire, or the frame would be too long; nothing was sent
    :raises FandTimeoutError: the other end did not take it in time
    :raises SendReceiveError: it could not be sent: the connection is closed, broken or was never made
    """
    link = _links.of(sock)
    frame = link.frame(request, args)
    with link.sending:
        if link.broken:
            raise SendReceiveError(f"cannot send to {link.peer}: a frame before this one was cut short")
        sent = 0
        try:
            sent = sock.send(frame)
            while sent < len(frame):
                sent += sock.send(frame[sent:])
        except (TimeoutError, BlockingIOError) as error:
            raise FandTimeoutError(f"{link.peer} took nothing for {sock.gettimeout()} s") from error
        except OSError as error:
            raise SendReceiveError(f"cannot send to {link.peer}: {_why(sock, error)}") from error
        finally:
            if sent < len(frame) and (sent > 0 or getattr(sock, "cut", False)):
                link.broken = True
                shut_down(sock)
                if _links.release(sock) is not None:
                    sock.close()
    # asked first: to log is half the cost of the call, where every call counts
    if (log := _log.logger) is not None and log.isEnabledFor(_DEBUG):
        log.debug("sent %s %s to %s", request, args, sock)


def recv(sock: socket.socket) -> tuple[Request, tuple[Any, ...]]:
    """Receive one request: the request and its arguments.

    A time-out loses nothing: the next call goes on where this one stopped. After
    :exc:`~fand.exceptions.CorruptedDataError` the connection is of no more use: close it.

    :param sock: the connection
    :returns: the request, and a tuple of what came with it; other requests than the one hoped for are given as they
        come
    :raises FandTimeoutError: no whole frame came in time
    :raises SendReceiveError: nothing can be received: the connection is closed, broken or was never made
    :raises FandConnectionResetError: the other end closed the connection, or sent :attr:`Request.DISCONNECT`, whose
        reason is then in the text
    :raises CorruptedDataError: what came is not a frame of the wire
    """
    link = _links.of(sock)
    with link.receiving:
        request, args = _receive_frame(sock, link)
    if (log := _log.logger) is not None and log.isEnabledFor(_DEBUG):
        log.debug("received %s %s from %s", request, args, sock)
    if request is _DISCONNECT:
        why = reason(args)
        error = FandConnectionResetError(f"{link.peer} ended the connection" + (f": {why}" if why else ""))
        error.announced, error.reason = True, why
        raise error
    return request, args


def _receive_frame(sock: socket.socket, link: Link) -> tuple[Request, tuple[Any, ...]]:
    """Read up to the end of one frame and no further: what follows stays in sight of ``select``."""
    decoder = link.decoder
    deadline = None  # once a part of it has come: in bits, but not for ever
    data = b""
    while True:
        try:
            if (data or decoder.mid_frame) and (frame := decoder.take(data)) is not None:
                return frame
            if data and deadline is None:
                deadline = time.monotonic() + (sock.gettimeout() or math.inf)
            late = deadline is not None and time.monotonic() > deadline
            if not late:
                data = sock.recv(decoder.missing)
        except CorruptedDataError as error:
            raise CorruptedDataError(f"from {link.peer}: {error}") from None
        except (TimeoutError, BlockingIOError) as error:
            raise _nothing_in_time(sock, link) from error
        except OSError as error:
            raise SendReceiveError(f"cannot receive from {link.peer}: {_why(sock, error)}") from error
        if late:
            raise _nothing_in_time(sock, link)
        if not data:
            how = "in the middle of a frame" if decoder.mid_frame else "without a notice"
            raise FandConnectionResetError(f"{link.peer} closed the connection {how}")


def _nothing_in_time(sock: socket.socket, link: Link) -> FandTimeoutError:
    return FandTimeoutError(f"{link.peer} sent no whole frame for {sock.gettimeout()} s")


def connect(address: str, port: int) -> socket.socket:
    """Connect to the server at ``address`` and ``port``; the socket is managed and has a time-out of 10 seconds.

    If this host has a certificate the connection is encrypted, and the server must have one as well; see
    :doc:`/tls`.

    :param address: an IPv4 or IPv6 address or a name, of which all addresses are tried; or the path of a Unix socket,
        which begins with ``/``
    :param port: usually 9999; of no meaning with a path
    :returns: the connection
    :raises FandTimeoutError: no answer in time
    :raises ConnectionFailedError: no such name, nothing listens there, or it is not who it should be
    :raises TerminatingError: the program is terminating
    """
    return dial(address, port)


def dial(address: str, port: int, table: tls.Files | None = None) -> socket.socket:
    """Connect as :func:`connect` does; ``table`` is what the program's configuration says of certificates, if that
    has been read already.
    """
    where = place(address, port)
    if util.terminating():
        raise TerminatingError(f"the program is terminating: no connection to {where} is made")
    if not 0 <= port <= 0xFFFF:  # the resolver would take its lower 16 bits
        raise ConnectionFailedError(f"cannot connect to {address}: {port} is not a port, a number from 1 to 65535")
    context = _context(address, table)
    try:
        sock = _connected(address, port)
    except TimeoutError as error:
        raise FandTimeoutError(f"{where} did not answer for {TIMEOUT:.0f} s") from error
    except (OSError, ValueError) as error:  # the last: a name that cannot be
        why = getattr(error, "strerror", None) or error
        raise ConnectionFailedError(f"cannot connect to {where}: {why}{_remedy(address, error)}") from error
    try:
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context is not None:
            sock = _encrypted(sock, context, address, port)
        add_socket(sock)
    except BaseException:
        sock.close()
        raise
    _log.info("connected to %s%s", where, "" if context is None else " by TLS")
    return sock


def _context(address: str, table: tls.Files | None) -> "SSLContext | None":
    """How to speak TLS with ``address``; None is not to."""
    try:
        files = tls.find(address, os.environ, table)
        if files is None:
            return None
        from fand.tls.contexts import client_context  # noqa: PLC0415 - slow to import, and only where it is wanted

        return client_context(files)
    except ConfigError as error:
        raise ConnectionFailedError(f"cannot connect to {address}: {error}") from None


def _encrypted(sock: socket.socket, context: "SSLContext", address: str, port: int) -> socket.socket:
    """``sock`` with TLS over it, once both ends agree; if they do not, it is closed."""
    from fand.tls.faults import words  # noqa: PLC0415 - as above
    from fand.tls.sockets import TlsSocket  # noqa: PLC0415

    try:
        encrypted = TlsSocket(sock, context, address.partition("%")[0])
    except ValueError as error:
        raise ConnectionFailedError(f"no TLS with {address} port {port}: no certificate has that name") from error
    try:
        encrypted.handshake()
    except BaseException as error:
        encrypted.close()
        if isinstance(error, TimeoutError):
            what = f"{address} port {port} did not finish the handshake of TLS for {TIMEOUT:.0f} s"
            raise FandTimeoutError(what) from error
        if isinstance(error, OSError):
            raise ConnectionFailedError(f"no TLS with {address} port {port}: {words(error)}") from error
        raise
    return encrypted


def place(address: str, port: int) -> str:
    """Where a server is, for a message."""
    return address if address.startswith("/") else f"{address} port {port}"


def _connected(address: str, port: int) -> socket.socket:
    if not address.startswith("/"):
        return socket.create_connection((_host(address), port), timeout=TIMEOUT)
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.settimeout(TIMEOUT)
        sock.connect(address)
    except BaseException:
        sock.close()
        raise
    return sock


def _remedy(address: str, error: Exception) -> str:
    if isinstance(error, socket.gaierror | ValueError):
        return "; is the address right?"
    if isinstance(error, PermissionError) and address.startswith("/"):
        return "; only the owner and the group of the socket may use it"
    return "; is the server running?" if isinstance(error, FileNotFoundError) else ""


def _host(address: str) -> Any:
    """``address`` as bytes if it is numeric or ``localhost``.

    That spares it the codec of international names, whose import is a tenth of the whole run of fanctl.
    """
    plain = address == "localhost" or ":" in address or address[-1:].isdigit()
    return address.encode("ascii") if plain else address


def reset_connection(sock: socket.socket, error_msg: str | None = None, notice: bool = True) -> None:
    """Close a managed socket; do nothing if it is not managed, or no more.

    It does not wait for the other end: a notice for which there is no room is not sent.

    :param sock: the connection
    :param error_msg: the reason to tell the other end
    :param notice: whether to tell it at all, by :attr:`Request.DISCONNECT`
    :raises UnpicklableError: ``error_msg`` has no form on the wire; the socket is open still
    """
    frame = encode(_DISCONNECT, (error_msg,)) if notice else None
    _links.end(sock, frame)


def _why(sock: socket.socket, error: OSError) -> str:
    if sock.fileno() < 0:
        return "the socket is closed"
    if hasattr(error, "library"):  # an ssl.SSLError
        from fand.tls.faults import words  # noqa: PLC0415 - only where TLS is spoken

        return words(error)
    return error.strerror or str(error)
