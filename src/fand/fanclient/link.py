"""The link to one server: a thread that owns its socket and carries out the conversation.

What is said, and when to connect again, are decided by :mod:`~fand.fanclient.conversation` and
:mod:`~fand.fanclient.redial`. Nothing that the server or the network does ends this thread.
"""

import logging
import os
import socket
import threading

from fand import communication as com
from fand.clock import GLANCE
from fand.exceptions import (
    CommunicationError,
    CorruptedDataError,
    FandTimeoutError,
    TerminatingError,
)
from fand.fanclient import redial as redials
from fand.fanclient.conversation import Conversation, Heard, Turn
from fand.fanclient.events import Answer, Board, Missed, Post
from fand.fanclient.lease import Terms
from fand.fanclient.redial import Redial
from fand.ports import Clock
from fand.tls import Files

_log = logging.getLogger(__name__)


class Link(threading.Thread):
    """The thread for the server number ``place``, an address and a port, which is asked about ``shelf``.

    ``tls`` are the files that its configuration names, if it does.
    """

    def __init__(
        self,
        place: int,
        server: tuple[str, int],
        shelf: str,
        terms: Terms,
        *,
        post: Post,
        board: Board,
        clock: Clock,
        tls: Files | None = None,
    ) -> None:
        super().__init__(name=f"link to {com.place(*server)}", daemon=True)
        self._place = place
        self._server = server
        self._shelf = shelf
        self._terms = terms
        self._post = post
        self._board = board
        self._clock = clock
        self._tls = tls
        self._redial = Redial()
        self._stopped = threading.Event()
        self._sock: socket.socket | None = None

    def stop(self) -> None:
        """Have the thread end. The server is told, and nothing is waited for."""
        self._stopped.set()
        if self._sock is not None:
            com.reset_connection(self._sock)

    def run(self) -> None:
        """Connect, converse, and begin again, until :meth:`stop`."""
        while not self._stopped.is_set():
            left = self._redial.due - self._clock.mono()
            if left > 0:
                self._stopped.wait(min(left, GLANCE))
                continue
            talk = Conversation(self._shelf, self._terms)
            try:
                self._converse(talk)
            except TerminatingError:
                return
            except CommunicationError as error:
                self._ended(error, heard=talk.answered)
            except Exception as error:  # noqa: BLE001 - the fans stay where they are, and the next try may go well
                _log.exception("the link to %s failed in a way of its own", com.place(*self._server))
                self._ended(error, heard=talk.answered)

    def _converse(self, talk: Conversation) -> None:
        """Make one connection and use it to its end."""
        self._sock = sock = com.dial(*self._server, self._tls)
        reason = None
        try:
            turn = Turn(talk.begin(self._clock.mono(), subscribe=self._redial.subscribe))
            while not self._stopped.is_set():
                self._act(sock, talk, turn)
                turn = self._turn(sock, talk)
        except CorruptedDataError as error:
            reason = str(error)
            raise
        finally:
            com.reset_connection(sock, reason)

    def _turn(self, sock: socket.socket, talk: Conversation) -> Turn:
        """Wait for the next message, or until something is due."""
        left = talk.due - self._clock.mono()
        _wait_at_most(sock, min(max(left, 0.0), GLANCE))
        try:
            request, args = com.recv(sock)
        except FandTimeoutError:
            return talk.tick(self._clock.mono())
        now = self._clock.mono()
        return talk.received(request, args, self._board.report(self._terms.lease, now), now)

    def _act(self, sock: socket.socket, talk: Conversation, turn: Turn) -> None:
        if turn.heard is not None:
            self._tell(turn.heard)
        if turn.whole:
            self._become(redials.answered(self._redial))
        if turn.say is not None:
            request, args = turn.say
            _wait_at_most(sock, talk.patience)
            com.send(sock, request, *args)

    def _tell(self, heard: Heard) -> None:
        self._post.put(Answer(self._place, *heard))
        while self._post.crowded and not self._stopped.wait(0.1):
            pass  # a server that floods us waits for our hardware

    def _ended(self, error: Exception, *, heard: bool) -> None:
        if self._stopped.is_set():
            return
        failures = self._redial.failures
        chance = int.from_bytes(os.urandom(4), "big") / 2**32  # keeps many clients apart, no more
        now = self._clock.mono()
        self._become(redials.ended(self._redial, error, self._terms.interval, now, chance, heard=heard))
        if self._redial.failures > failures:
            self._post.put(Missed(self._place))

    def _become(self, redial: Redial) -> None:
        if redial.trouble != self._redial.trouble:
            _log.error("server %s: %s", com.place(*self._server), redial.trouble or "answers")
        self._redial = redial


def _wait_at_most(sock: socket.socket, seconds: float) -> None:
    try:
        sock.settimeout(seconds)
    except OSError:  # closed meanwhile by who stops us; what is done with it next says so
        pass
