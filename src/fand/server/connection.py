"""One client's connection: frames in, frames out.

An idle client costs its memory and no more. One that stops in mid-frame, or does not read what it asked for, is
dropped after a while; nothing grows with what it sends. The answer to GET_PWM, asked over and over by the same
bytes, is found by those bytes.

An answer that is true only once something has been done (such as: a change is on disk) is held until then. That holds
up what the same client asks next, so that answers keep their order, and nothing else: other clients, and the duties
pushed to this one, go on.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Final

from fand.control import Event
from fand.dispatch import After, Hall, Peer, Role, Shelf, answer, shorten
from fand.exceptions import CorruptedDataError, RequestError, UnpicklableError
from fand.ports import Clock
from fand.server.keeper import Keeper, nobody
from fand.server.listening import place
from fand.units import Moment
from fand.wire import HEADER_SIZE, Decoder, Request, decode, encode

_log = logging.getLogger(__name__)

STALL: Final = 30.0
"""Seconds after which a client is dropped that stopped in mid-frame, or that does not read."""

FAREWELL: Final = 2.0
"""Seconds that a client refused has for reading why."""

MOST_KNOWN: Final = 1024
"""So many different payloads are recognised by their bytes: four dialects of many shelves."""

LONGEST_KNOWN: Final = 1024
"""Bytes of a payload that is recognised: no honest one is longer."""

TURN: Final = 64
"""So many requests of one client are answered before it is the next one's turn; fewer if the answers are long."""

LONGEST_REASON: Final = 2000
"""Characters of why something could not be carried out."""

_BATCH: Final = 64 * 1024

Work = Callable[[], asyncio.Future[None]]
"""Begins what an answer has to wait for. The future is done when the answer may be sent; a RequestError in it is sent
instead. It must become done while a client would wait: nothing else ends the hold but the end of the connection.
"""

Works = Mapping[After, Work]


class Desk:
    """What all connections share. ``most`` is how many of them there may be at once.

    ``works`` carry out what answers have to wait for; an answer waits for none that is not there. ``hear`` is told
    of alarms.
    """

    def __init__(
        self,
        hall: Hall,
        clock: Clock,
        most: int,
        works: Works = MappingProxyType({}),
        hear: Callable[[Shelf, Event], None] = nobody,
    ) -> None:
        self.hall = hall
        self.clock = clock
        self.most = most
        self.works = works
        self.connections: dict[Peer, Connection] = {}
        self.known: dict[bytes, Shelf] = {}
        self.keeper = Keeper(hall, clock, self._push, hear)
        self._full = False

    def now(self) -> Moment:
        """The time, on both clocks."""
        return Moment(self.clock.mono(), self.clock.wall())

    def admit(self, connection: "Connection") -> bool:
        """Enter a new connection; False if there is no room for it."""
        if len(self.connections) >= self.most:
            if not self._full:
                _log.warning("%d clients are connected: no more are let in", self.most)
            self._full = True
            return False
        self.connections[connection.peer] = connection
        return True

    def leave(self, peer: Peer) -> None:
        """``peer`` has gone."""
        if self.connections.pop(peer, None) is None:
            return
        self.hall.leave(peer)
        if self._full and len(self.connections) < self.most * 0.9:
            self._full = False
            _log.warning("clients are let in again")

    def learn(self, payload: bytes, shelf: Shelf) -> None:
        """``payload`` has been decoded, and it is GET_PWM of ``shelf``."""
        if len(self.known) >= MOST_KNOWN:
            self.known.clear()
        if len(payload) <= LONGEST_KNOWN:
            self.known[payload] = shelf

    def forget(self, gone: Iterable[Shelf]) -> None:
        """These shelves are no more: who waits for their duty is told."""
        self.known.clear()
        for shelf in gone:
            self.keeper.forget(shelf)
            for peer in tuple(shelf.subscribers):
                self.connections[peer].refuse(f"shelf {shorten(shelf.name, 60)!r} is no longer served")

    def _push(self, peer: Peer, frame: bytes) -> bool:
        return self.connections[peer].push(frame)


class Connection(asyncio.Protocol):
    """See the module."""

    __slots__ = ("_decoder", "_desk", "_ending", "_held", "_paused", "_timer", "_transport", "peer")

    peer: Peer
    _transport: asyncio.Transport

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._decoder: Decoder | None = None  # while something is left over
        self._paused = False
        self._ending = False
        self._held: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has come."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.peer = Peer(_shown(transport.get_extra_info("peername")), self._desk.clock.mono())
        if self._desk.admit(self):
            _log.debug("%s: connected", self.peer.address)
        else:
            self.leave("too many clients are connected")

    def data_received(self, data: bytes) -> None:
        """Bytes have come: answer what is whole."""
        if self._ending:
            return
        desk = self._desk
        now = desk.clock.mono()
        self.peer.at = now
        if self._decoder is None:
            # A frame begins here, and if its payload is known its answer is too.
            shelf = desk.known.get(data[HEADER_SIZE:])
            if (
                shelf is not None
                and data[:HEADER_SIZE] == b"99F9%04x" % (len(data) - HEADER_SIZE)
                and self.peer.grant.may(Role.READ, shelf.name)
            ):
                self._transport.write(shelf.pwm_frame if now < shelf.valid_until else shelf.frame(desk.now()))
                return
            self._decoder = Decoder()
        self._decoder.feed(data)
        if self._held is None:
            self._work(self._decoder)

    def eof_received(self) -> None:
        """The client sends no more; what was answered still leaves before the transport closes."""

    def connection_lost(self, error: Exception | None) -> None:
        """The client has gone."""
        self._ending = True
        self._disarm()
        self._desk.leave(self.peer)
        _log.debug("%s: gone%s", self.peer.address, f": {error}" if error else "")

    def pause_writing(self) -> None:
        """The client does not read: take nothing in until it does, and not for ever."""
        self._paused = True
        if not self._ending:
            self._transport.pause_reading()
            self._arm()

    def resume_writing(self) -> None:
        """The client reads again: tell it what it missed, and go on."""
        self._paused = False
        if self._ending:
            return
        self._disarm()
        self._desk.keeper.catch_up(self.peer)
        self._go_on()

    def push(self, frame: bytes) -> bool:
        """Send ``frame`` unasked; False if the client is not reading, so that it is left out."""
        if self._paused or self._ending or self._transport.is_closing():
            return False
        self._transport.write(frame)
        return True

    def refuse(self, reason: str) -> None:
        """Tell the client ``reason`` and let it go, with a little time to read that."""
        if self._ending:
            return
        _log.info("%s: refused: %s", self.peer.address, reason)
        self._ending = True
        self._disarm()
        self._transport.write(_farewell(reason))
        # Closing with bytes of the client's unread would reset the connection, and the reason with it.
        self._transport.write_eof()
        self._timer = asyncio.get_running_loop().call_later(FAREWELL, self._transport.abort)

    def leave(self, reason: str) -> None:
        """Tell the client ``reason`` and close."""
        self._ending = True
        self._disarm()
        self._transport.write(_farewell(reason))
        self._transport.close()

    def abort(self) -> None:
        """Close without a word."""
        self._transport.abort()

    def _work(self, decoder: Decoder) -> None:
        """Answer whole frames, in one write, as long as it is this client's turn and it reads."""
        out: list[bytes] = []
        whole, more, reason = 0, False, None
        try:
            whole, more = self._turn(decoder, out)
        except (CorruptedDataError, RequestError) as error:
            reason = shorten(str(error))
        except UnpicklableError:
            reason = "the answer is too long for a frame"
        except Exception:  # noqa: BLE001 - a bug of ours costs this client its connection, and nobody else
            _log.exception("%s: a request could not be answered", self.peer.address)
            reason = "internal error"
        if out:
            self._transport.write(b"".join(out))
        if self._ending:
            self._disarm()
            self._transport.close()
        elif reason is not None:
            self.refuse(reason)
        elif self._paused:
            return
        elif more or self._held is not None:
            self._disarm()
            self._transport.pause_reading()
            asyncio.get_running_loop().call_soon(self._go_on)
        else:
            self._rest(decoder, whole > 0)

    def _turn(self, decoder: Decoder, out: list[bytes]) -> tuple[int, bool]:
        """Add answers to ``out``; returns how many requests there were, and whether there may be more of them."""
        size = whole = 0
        while self._held is None and not self._paused and not self._transport.is_closing():
            if (payload := decoder.next_payload()) is None:
                break
            whole += 1
            frame, changed, work = self._answer(payload)
            if frame is None:
                self._ending = True
                break
            if work is None:
                out.append(frame)
                size += len(frame)
            if changed:
                self._transport.write(b"".join(out))  # before what the change makes the keeper push
                out.clear()
                for shelf in changed:
                    self._desk.keeper.refresh(shelf)
            if work is not None:
                self._hold(work(), frame)
            if size > _BATCH or whole >= TURN:
                return whole, True
        return whole, False

    def _go_on(self) -> None:
        """It is this client's turn again."""
        if self._held is not None or self._paused or self._ending or self._transport.is_closing():
            return
        self._transport.resume_reading()
        if self._decoder is not None:
            self._work(self._decoder)

    def _hold(self, wait: asyncio.Future[None], frame: bytes) -> None:
        """Answer by ``frame`` when ``wait`` is done, and nothing before."""
        self._held = wait
        wait.add_done_callback(partial(self._release, frame))

    def _release(self, frame: bytes, wait: asyncio.Future[None]) -> None:
        self._held = None
        reason = _refusal(wait)
        if self._ending or self._transport.is_closing():
            return
        if reason is not None:
            self.refuse(reason)
            return
        self._transport.write(frame)
        self._go_on()

    def _rest(self, decoder: Decoder, moved: bool) -> None:
        """Wait for the rest of a frame, but not for ever; or for nothing."""
        if not decoder.mid_frame:
            self._decoder = None
            self._disarm()
        elif moved or self._timer is None:
            self._arm()

    def _answer(self, payload: bytes) -> tuple[bytes | None, tuple[Shelf, ...], Work | None]:
        """The frame that answers ``payload`` (None: the client goes), the shelves that it has changed, and what must
        be done before it is answered.
        """
        desk, now = self._desk, self._desk.now()
        shelf = desk.known.get(payload)
        if shelf is not None and self.peer.grant.may(Role.READ, shelf.name):
            return shelf.frame(now), (), None
        request, args = decode(payload)
        reply = answer(desk.hall, request, args, self.peer, now)
        if reply is None:
            return None, (), None
        if request is Request.GET_PWM:
            desk.learn(payload, desk.hall.shelf(args[0]))
        work = None if reply.after is None else desk.works.get(reply.after)
        if reply.after is After.RELOADED and work is None:
            raise RequestError("this server cannot read its configuration again")
        return encode(reply.request, reply.args), reply.changed, work

    def _arm(self) -> None:
        self._disarm()
        self._timer = asyncio.get_running_loop().call_later(STALL, self._stalled)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _stalled(self) -> None:
        self._timer = None
        if self._paused:
            _log.info("%s: dropped: it does not read its answers", self.peer.address)
            self._transport.abort()
        else:
            self.refuse(f"the rest of the frame did not come within {STALL:g} s")


def _refusal(done: asyncio.Future[None]) -> str | None:
    """Why what an answer waited for was not done; None if it was."""
    if done.cancelled():
        return "the server stops"
    error = done.exception()
    if error is None:
        return None
    if isinstance(error, RequestError):
        return shorten(str(error), LONGEST_REASON)
    _log.error("a request could not be carried out", exc_info=error)
    return "internal error"


def _farewell(reason: str) -> bytes:
    return encode(Request.DISCONNECT, (reason,))


def _shown(address: object) -> str:
    """A peer's address; one that has gone already has none."""
    return place(address) if isinstance(address, tuple) else "somebody"
