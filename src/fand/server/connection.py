"""One client's connection: frames in, frames out.

An idle client costs its memory and no more. One that stops in mid-frame, or does not read what it asked for, is
dropped after a while; nothing grows with what it sends, and it is read from only when it is its turn. The answer to
GET_PWM, asked over and over by the same bytes, is found by those bytes.

An answer that is true only once something has been done (such as: a change is on disk) is held until then. That holds
up what the same client asks next, so that answers keep their order, and nothing else: other clients, and the duties
pushed to this one, go on.
"""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Final, cast

from fand.dispatch import ALL, NOTHING, Peer, Role, shorten
from fand.exceptions import AccessDeniedError, CorruptedDataError, RequestError, UnpicklableError
from fand.server.answering import answer_to
from fand.server.desk import Desk
from fand.server.identity import Visitor, visitor_at
from fand.server.limits import FIRST, Seat, origin
from fand.units import Seconds
from fand.wire import Decoder, Request, encode, is_frame

_log = logging.getLogger(__name__)

STALL: Final = 30.0
"""Seconds after which a client is dropped that stopped in mid-frame, or that does not read."""

FAREWELL: Final = 2.0
"""Seconds that a client refused has for reading why."""

UNREAD: Final = 4096
"""Bytes of answers that the system does not take and that are kept for a client; with more it is not read from."""

LONGEST_REASON: Final = 2000
"""Characters of why something could not be carried out."""

_BATCH: Final = 64 * 1024


class Connection(asyncio.BufferedProtocol):
    """See the module. By the buffer it takes in little at a time, however much has come."""

    __slots__ = (
        "_decoder",
        "_desk",
        "_ending",
        "_held",
        "_paused",
        "_timer",
        "_transport",
        "_visitor",
        "_waits",
        "peer",
        "seat",
    )

    peer: Peer
    seat: Seat
    _transport: asyncio.Transport
    _visitor: Visitor

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._decoder: Decoder | None = None  # while something is left over, or has to wait
        self._paused = False
        self._ending = False
        self._waits = False  # for its turn
        self._held: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has come."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are no subclass of it
        self._transport.set_write_buffer_limits(UNREAD)
        desk, visitor = self._desk, visitor_at(transport)
        self._visitor = visitor
        self.peer = Peer(visitor.address, desk.clock.mono(), who=desk.access.who(visitor), grant=NOTHING)
        host = origin(transport.get_extra_info("peername"))
        self.seat = Seat(self.peer, self.peer.who if visitor.uid is not None else host)
        try:
            desk.admit(self)
        except RequestError as error:
            self.leave(str(error))
        else:
            _log.debug("%s: connected", self.peer.address)
            self.judge()

    def judge(self) -> None:
        """Give the client what it is granted; if that is less than it had, it is refused."""
        try:
            grant = self._desk.access.grant(self._visitor)
        except AccessDeniedError as error:
            self._deny(error)
        else:
            if grant.covers(self.peer.grant):
                self.peer.grant = grant
            else:
                self._deny(AccessDeniedError("less is allowed than before; connect again"))

    def get_buffer(self, _hint: int) -> memoryview:
        """What the next bytes are put into; they are taken from there at once."""
        return self._desk.buffer

    def buffer_updated(self, count: int) -> None:
        """So many bytes have been put there."""
        self.data_received(self._desk.buffer[:count].tobytes())

    def data_received(self, data: bytes) -> None:
        """Bytes have come: answer what is whole."""
        if self._ending:
            return
        desk, peer, seat = self._desk, self.peer, self.seat
        now = desk.mono()
        peer.at = now
        if self._decoder is None:
            # A frame begins here, and if it is known its answer is too.
            shelf = desk.known.get(data)
            if shelf is not None and seat.due <= now and (peer.grant is ALL or peer.grant.may(Role.READ, shelf.name)):
                desk.seats.pace(seat, now)
                self._transport.write(shelf.pwm_frame if now < shelf.valid_until else shelf.frame(desk.now()))
                return
            if is_frame(data) and seat.due <= now and not self._paused and self._may_go_first():
                self._work(iter((data,)), now)
                return
            self._decoder = Decoder()
        self._decoder.feed(data)
        if self._held is not None or self._waits:
            return
        if self._may_go_first():
            self._work_off(self._decoder)
        else:
            self._line_up()

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
            self._weigh()

    def resume_writing(self) -> None:
        """The client reads again: tell it what it missed, and go on."""
        self._paused = False
        if self._ending:
            return
        self._disarm()
        self._weigh()
        self._desk.keeper.catch_up(self.peer)
        self._go_on()

    def push(self, frame: bytes) -> bool:
        """Send ``frame`` unasked; False if the client is not reading, so that it is left out."""
        if self._paused or self._ending or self._transport.is_closing():
            return False
        self._transport.write(frame)
        return True

    def refuse(self, reason: str, *, logged: bool = False) -> None:
        """Tell the client ``reason`` and let it go, with a little time to read that."""
        if self._ending:
            return
        if not logged:
            _log.info("%s: refused: %s", self.peer.address, reason)
        self._ending = True
        self._disarm()
        self._transport.write(_farewell(reason))
        # Closing with bytes of the client's unread would reset the connection, and the reason with it.
        self._transport.resume_reading()
        if self._transport.can_write_eof():
            with suppress(OSError):  # it has gone, and that is yet to be noticed
                self._transport.write_eof()
        self._timer = asyncio.get_running_loop().call_later(FAREWELL, self._transport.abort)

    def leave(self, reason: str) -> None:
        """Tell the client ``reason``, unless it has been refused already, and close."""
        self._disarm()
        if not self._ending:
            self._ending = True
            self._transport.write(_farewell(reason))
        self._transport.close()

    def abort(self) -> None:
        """Close without a word."""
        self._transport.abort()

    def _may_go_first(self) -> bool:
        """Tell whether what came is answered at once, and not behind others."""
        return self.seat.rank is FIRST or self._desk.turns.free()

    def _work_off(self, decoder: Decoder) -> None:
        """Answer what has come, unless this client has asked for too much of late."""
        now = self._desk.mono()
        if self.seat.due > now:
            self._wait()
            asyncio.get_running_loop().call_later(self.seat.due - now, self._my_turn)
        else:
            self._work(iter(decoder.next_frame, None), now)

    def _work(self, frames: Iterator[bytes], now: Seconds) -> None:
        """Answer ``frames``, in one write, as long as it is this client's turn and it reads."""
        desk, first = self._desk, self.seat.rank is FIRST
        out: list[bytes] = []
        whole, more, reason, logged = 0, False, None, False
        try:
            whole, more = self._turn(frames, out, now)
        except CorruptedDataError as error:
            reason = shorten(str(error))
        except RequestError as error:
            reason, logged = shorten(str(error)), True
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
            self.refuse(reason, logged=logged)
        elif self._paused:
            pass
        elif self._held is not None:
            self._disarm()
            self._transport.pause_reading()
        elif more and self._decoder is not None and self._decoder.mid_frame:
            self._disarm()
            self._line_up()
        elif self._decoder is not None:
            self._rest(self._decoder, whole > 0)
        if not first:
            desk.turns.spend(desk.mono() - now)

    def _turn(self, frames: Iterator[bytes], out: list[bytes], now: Seconds) -> tuple[int, bool]:
        """Add answers to ``out``; returns how many requests there were, and whether there may be more of them."""
        desk = self._desk
        size, whole, share, end = 0, 0, desk.turns.share, desk.turns.ends(now)
        while self._held is None and not self._paused and not self._transport.is_closing():
            if (asked := next(frames, None)) is None:
                break
            whole += 1
            desk.seats.pace(self.seat, now)
            frame, changed, work = answer_to(desk, self.seat, asked)
            if frame is None:
                self._ending = True
                break
            if work is None:
                out.append(frame)
                size += len(frame)
            if changed:
                self._transport.write(b"".join(out))  # before what the change makes the keeper push
                out.clear()
                desk.keeper.look_after(changed)
            if work is not None:
                self._hold(work(), frame)
            if size > _BATCH or whole >= share or self.seat.due > now or desk.mono() >= end:
                return whole, True
        return whole, False

    def _line_up(self) -> None:
        """Answer when others have had their turn."""
        self._wait()
        self._desk.turns.line_up(self._my_turn)

    def _wait(self) -> None:
        """Take nothing in until it is this client's turn."""
        self._waits = True
        self._transport.pause_reading()
        self._weigh()

    def _my_turn(self) -> None:
        self._waits = False
        self._go_on()

    def _go_on(self) -> None:
        """Nothing more may keep this client from its turn."""
        if self._held is not None or self._paused or self._waits or self._ending or self._transport.is_closing():
            return
        if self._decoder is None:
            self._transport.resume_reading()
        else:
            self._work_off(self._decoder)

    def _hold(self, wait: asyncio.Future[None], frame: bytes) -> None:
        """Answer by ``frame`` when ``wait`` is done, and nothing before."""
        self._held = wait
        self._decoder = self._decoder or Decoder()
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
        self._transport.resume_reading()
        if not decoder.mid_frame:
            self._decoder = None
            self._disarm()
            if not self.seat.held:
                return
        elif moved or self._timer is None:
            self._arm()
        self._weigh()

    def _weigh(self) -> None:
        """Tell how much is held for this client; let it go if that is too much for all."""
        unanswered = 0 if self._decoder is None else self._decoder.held
        unread = self._transport.get_write_buffer_size() if self._paused else 0
        if self._ending or self._desk.seats.hold(self.seat, unanswered + unread):
            return
        if unread:
            _log.info("%s: dropped: too much is held for clients that do not read", self.peer.address)
            self._transport.abort()
        else:
            self.refuse("too much is held for clients whose requests are not whole or not answered yet")

    def _deny(self, error: AccessDeniedError) -> None:
        self._desk.audit.refused(self.peer, None, (), error, self._desk.clock.mono())
        self.peer.grant = NOTHING
        self.refuse(str(error), logged=True)

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
        elif self._waits:
            return
        elif self._transport.is_reading():
            self.refuse(f"the rest of the frame did not come within {STALL:g} s")
        else:  # it may have come, and not been decrypted yet
            self._arm()


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
