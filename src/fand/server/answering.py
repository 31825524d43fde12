"""One frame of one client, and what it is answered: between the bytes of its connection and the shelves."""

from typing import Any, Final

from fand.dispatch import ALL, After, Answer, Peer, Role, Shelf, answer, role_for
from fand.exceptions import RequestError
from fand.server.desk import Desk, Work
from fand.server.limits import Seat
from fand.units import Moment
from fand.wire import HEADER_SIZE, Request, decode, encode

# In Python 3.11 an enum finds its members slowly; these are needed for every request.
_GET_PWM: Final = Request.GET_PWM
_CONTROL: Final = Role.CONTROL


Reply = tuple[bytes | None, tuple[Shelf, ...], Work | None]
"""The frame that answers (None: the client goes), the shelves that the request has changed, and what must be done
before it is answered.
"""


def answer_to(desk: Desk, seat: Seat, asked: bytes) -> Reply:
    """Answer the frame ``asked`` of whom this seat belongs to.

    :raises CorruptedDataError: its payload is no request
    :raises RequestError: it cannot be granted; that is logged, and for the client to read
    :raises UnpicklableError: the answer is too long for a frame
    """
    now, peer = desk.now(), seat.peer
    shelf = desk.known.get(asked)
    if shelf is not None and (peer.grant is ALL or peer.grant.may(Role.READ, shelf.name)):
        return shelf.frame(now), (), None
    request, args = decode(asked[HEADER_SIZE:])
    try:
        reply, work = _reply(desk, peer, request, args, now)
    except RequestError as error:
        desk.audit.refused(peer, request, args, error, now.mono)
        raise
    if reply is None:
        return None, (), None
    role = role_for(request)
    if request is _GET_PWM:
        desk.learn(asked, desk.hall.shelf(args[0]))
    elif role is _CONTROL:
        desk.audit.done(peer, request, reply.changed)
    seat.granted(request, role)
    return reply.encoded or encode(reply.request, reply.args), reply.changed, work


def _reply(
    desk: Desk, peer: Peer, request: Request, args: tuple[Any, ...], now: Moment
) -> tuple[Answer | None, Work | None]:
    """The answer, None if the client goes, and what must be done before it is sent."""
    reply = answer(desk.hall, request, args, peer, now)
    if reply is None or reply.after is None:
        return reply, None
    work = desk.works.get(reply.after)
    if reply.after is After.RELOADED and work is None:
        raise RequestError("this server cannot read its configuration again")
    return reply, work
