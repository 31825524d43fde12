"""TLS with one client: the bytes of the network on one side, those of a :class:`Connection` on the other.

asyncio's own TLS cannot end one direction and wait for the other, so the reason of a refusal could be lost with the
connection; nor does it tell a client without TLS, or one whose certificate is not good, why it is sent away. Here the
cipher works in memory, and both sides see the protocols and transports that they see without it.

Until the handshake is over a client has a seat like everybody else, ranks last, and waits for its turn: what a crowd
of them costs keeps nobody from his answers. After it one record is decrypted as soon as it has come; who sends more
at once, be it such that ask nothing, waits for its turn with the others.
"""

import asyncio
import logging
import ssl
from collections.abc import Callable
from typing import Any, Final, cast

from fand.dispatch import NOTHING, Peer
from fand.exceptions import AccessDeniedError, RequestError
from fand.server.connection import FAREWELL, STALL, Connection
from fand.server.desk import Desk
from fand.server.handshakes import Handshakes
from fand.server.identity import visitor_at
from fand.server.inside import Inside
from fand.server.limits import FIRST, Seat, origin
from fand.server.turns import SHORTEST
from fand.tls.faults import words
from fand.tls.records import HANDSHAKE, Records, announces_more
from fand.wire import Request, encode

_log = logging.getLogger(__name__)

_PLAIN: Final = "this server speaks TLS, with clients that have a certificate from `fand pki client`"

_LONGEST: Final = 32_768
"""Bytes of a handshake: several times as many as an honest one has."""

_HELLO: Final = 4096
"""Bytes of a client that waits for its turn; an honest one has sent fewer."""

Met = Callable[[dict[str, Any]], object]


class Encrypted(asyncio.BufferedProtocol):
    """See the module. ``met`` is called with the certificate of the client once the handshake is over, which is one
    of ``handshakes`` until then. By the buffer it takes in little at a time, as a :class:`Connection` does.
    """

    __slots__ = (
        "_begun",
        "_context",
        "_deaf",
        "_desk",
        "_handshakes",
        "_incoming",
        "_inside",
        "_met",
        "_outgoing",
        "_records",
        "_stopped",
        "_taken",
        "_timer",
        "_tls",
        "_waits",
        "network",
        "peer",
        "seat",
    )

    network: asyncio.Transport
    peer: Peer
    seat: Seat

    def __init__(self, desk: Desk, context: ssl.SSLContext, met: Met, handshakes: Handshakes) -> None:
        self._desk = desk
        self._context = context
        self._met = met
        self._handshakes = handshakes
        self._records = Records()
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._taken = 0  # so many bytes of the handshake by the cipher
        self._tls: ssl.SSLObject | None = None  # while nothing has come
        self._inside: Connection | None = None  # until the handshake is over
        self._begun = False
        self._waits = False  # for its turn
        self._stopped = False  # by what is inside: nothing more is to be read
        self._deaf = False
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has come."""
        self.network = cast("asyncio.Transport", transport)
        desk = self._desk
        self.peer = Peer(visitor_at(transport).address, desk.clock.mono(), grant=NOTHING)
        self.seat = Seat(self.peer, origin(transport.get_extra_info("peername")))
        try:
            desk.admit(self)
        except RequestError as error:
            self.leave(str(error))
        else:
            self._timer = asyncio.get_running_loop().call_later(desk.seats.limits.handshake, self._late)

    def get_buffer(self, _hint: int) -> memoryview:
        """What the next bytes are put into; they are taken from there at once."""
        return self._desk.buffer

    def buffer_updated(self, count: int) -> None:
        """So many bytes have been put there."""
        self.data_received(self._desk.buffer[:count].tobytes())

    def data_received(self, data: bytes) -> None:
        """Bytes have come from the network."""
        if self._deaf:
            return
        if not self._begun and data[0] != HANDSHAKE:
            self.network.write(encode(Request.DISCONNECT, (_PLAIN,)))
            self._end(RequestError("it does not speak TLS"))
            return
        self._begun = True
        self._records.feed(data)
        if self._waits:
            if self._records.held > _HELLO:
                self.network.pause_reading()
        elif self._inside is not None:
            self._read(self._inside)
        else:
            self._go_on()

    def eof_received(self) -> None:
        """The client sends no more; what was answered still leaves before the transport closes."""

    def connection_lost(self, error: Exception | None) -> None:
        """The client has gone."""
        self._deaf = True
        self._disarm()
        self._handshakes.end(self)
        if self._inside is not None:
            self._desk.seats.hold(self.seat, 0)
            self._inside.connection_lost(error)
        else:
            self._desk.leave(self.peer)
            _log.debug("%s: gone before it was let in%s", self.peer.address, f": {error}" if error else "")

    def pause_writing(self) -> None:
        """The client does not read."""
        if self._inside is not None:
            self._inside.pause_writing()

    def resume_writing(self) -> None:
        """The client reads again."""
        if self._inside is not None:
            self._inside.resume_writing()

    def push(self, frame: bytes) -> bool:  # noqa: ARG002 - nothing is pushed to who is not let in yet
        """Send nothing."""
        return False

    def refuse(self, reason: str, *, logged: bool = False) -> None:  # noqa: ARG002 - as others are refused
        """Let the client go; what is not encrypted yet cannot be told."""
        self.leave(reason)

    def leave(self, reason: str) -> None:
        """Let the client go."""
        _log.debug("%s: let go in the handshake: %s", self.peer.address, reason)
        self.abort()

    def abort(self) -> None:
        """Close without a word."""
        self._deaf = True
        self.network.abort()

    def judge(self) -> None:
        """Who it is will be seen when the handshake is over."""

    def write(self, data: bytes) -> None:
        """Send ``data``, encrypted."""
        if self._deaf or self._tls is None:
            return
        rest = memoryview(data)
        while rest:
            rest = rest[self._tls.write(rest) :]
        self._flush()

    def say_goodbye(self) -> None:
        """Tell the client that nothing more is sent, and hear nothing more."""
        if self._deaf or self._tls is None:
            return
        self._deaf = True
        try:
            self._tls.unwrap()
        except ssl.SSLError:  # the client's own farewell is not waited for
            pass
        self._flush()

    def extra_info(self, name: str, default: Any) -> Any:
        """What is known of the connection; with ``ssl_object``, of its certificates too."""
        return self._tls if name == "ssl_object" else self.network.get_extra_info(name, default)

    def pause(self) -> None:
        """Read nothing more until :meth:`resume`."""
        self._stopped = True
        self.network.pause_reading()

    def resume(self) -> None:
        """Read again, as soon as it is this client's turn."""
        self._stopped = False
        if not self._waits:
            self.network.resume_reading()

    @property
    def reads(self) -> bool:
        """Whether what comes is taken in: not while it waits for its turn."""
        return not self._waits and not self._stopped

    def _go_on(self) -> None:
        """Shake hands if it is its turn."""
        desk, size = self._desk, self._taken + self._records.held
        if size > _LONGEST or not desk.seats.hold(self.seat, size):
            self._end(RequestError("too much is held for handshakes that are not over"))
        elif not self._records.whole:
            return
        elif desk.turns.free() and (self._tls is not None or self._handshakes.free()):
            begun = desk.clock.mono()
            self._shake_hands()
            desk.turns.spend(desk.clock.mono() - begun)
        else:
            self._waits = True  # and is read from, so that who is gone by then costs no handshake
            if self._tls is None:
                self._handshakes.line_up(self, desk.turns, self._my_turn)
            else:
                desk.turns.line_up(self._my_turn)

    def _my_turn(self) -> None:
        self._waits = False
        if self.network.is_closing():
            return
        if not self._stopped:
            self.network.resume_reading()
        if self._deaf:
            return
        if self._inside is None:
            self._shake_hands()
        else:
            self._read(self._inside, self._desk.turns.ends(self._desk.clock.mono()))

    def _shake_hands(self) -> None:
        if self._tls is None:
            self._handshakes.begin(self)
            self._tls = self._context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        try:
            while record := self._records.take():
                if announces_more(record):
                    self._end(AccessDeniedError("no TLS: its hello is longer than the record"))
                    return
                self._taken += len(record)
                self._incoming.write(record)
                try:
                    self._tls.do_handshake()
                except ssl.SSLWantReadError:
                    continue
                self._flush()
                self._let_in(self._tls)
                return
        except ssl.SSLError as error:
            self._flush()  # it is told why
            self._end(AccessDeniedError(f"no TLS: {words(error)}"))
            return
        self._flush()

    def _let_in(self, tls: ssl.SSLObject) -> None:
        """From now on its connection has the seat."""
        self._disarm()
        self._handshakes.end(self)
        self._desk.leave(self.peer)
        self._met(tls.getpeercert() or {})
        self._inside = Connection(self._desk)
        self._inside.connection_made(Inside(self))
        self._read(self._inside, self._desk.turns.ends(self._desk.clock.mono()))

    def _read(self, inside: Connection, end: float | None = None) -> None:
        """Hand on what can be decrypted: one record, and more until ``end``. By default that is a moment for who
        ranks first, and no time for others unless it is their turn.
        """
        assert self._tls is not None
        desk = self._desk
        begun = desk.clock.mono()
        taken = ended = False
        parts: list[bytes] = []
        while not self._deaf and (record := self._records.take()):
            taken = True
            self._incoming.write(record)
            try:
                data = self._tls.read(len(record))  # more than is in it
            except ssl.SSLWantReadError:  # it asks nothing
                pass
            except ssl.SSLError as error:
                self._flush()
                self._end(RequestError(f"what came is no TLS any more: {words(error)}"))
                return
            else:
                parts.append(data)
                if not data:  # it sends no more
                    ended = True
                    break
            if not self._records.held:
                break
            now = desk.clock.mono()
            if end is None:
                first = inside.seat.rank is FIRST
                end = now + SHORTEST if first else desk.turns.ends(now) if desk.turns.free() else now
            if now >= end:
                break
        self._flush()
        if inside.seat.rank is not FIRST:
            desk.turns.spend(desk.clock.mono() - begun)
        if data := b"".join(parts):
            inside.data_received(data)
        if self._deaf:
            return
        if ended:
            self.say_goodbye()
            self.network.close()
        elif self._records.held or self.seat.held or self._timer is not None:
            if self._records.whole:
                self._waits = True
                self.network.pause_reading()
                desk.turns.line_up(self._my_turn)
            self._weigh(inside, moved=taken)

    def _weigh(self, inside: Connection, *, moved: bool) -> None:
        """Look after records that are not decrypted yet; the rest of one that is not whole must come before long.
        ``moved`` tells whether one was taken.
        """
        held = self._records.held
        self.seat.rank = inside.seat.rank
        if not self._desk.seats.hold(self.seat, held):
            inside.refuse("too much is held for clients whose requests are not whole or not answered yet")
            return
        if moved or self._waits:
            self._disarm()
        if held and not self._waits and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(STALL, self._stalled, inside)

    def _stalled(self, inside: Connection) -> None:
        self._timer = None
        if self._deaf:
            return
        if self._stopped:  # it is not its fault
            self._weigh(inside, moved=False)
        else:
            inside.refuse(f"the rest of a record of TLS did not come within {STALL:g} s")

    def _flush(self) -> None:
        if self._outgoing.pending and not self.network.is_closing():
            self.network.write(self._outgoing.read())

    def _end(self, reason: RequestError) -> None:
        """Let the client go, with a little time to read what it was told."""
        desk = self._desk
        peer = self.peer if self._inside is None else self._inside.peer
        desk.audit.refused(peer, None, (), reason, desk.clock.mono())
        self._deaf = True
        self._disarm()
        self._handshakes.end(self)
        self._tls = None  # which is large, and of no more use
        self.network.write_eof()
        self._timer = asyncio.get_running_loop().call_later(FAREWELL, self.network.abort)

    def _late(self) -> None:
        self._timer = None
        _log.info("%s: no TLS handshake within %g s", self.peer.address, self._desk.seats.limits.handshake)
        self.abort()

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
