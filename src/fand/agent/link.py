"""The link to one server: a thread that owns its socket and tells what is news.

What is said is decided by :mod:`~fand.agent.conversation`, when to connect again by :mod:`~fand.fanclient.redial`.
Nothing that the server or the network does ends this thread.
"""

import logging
import os
import select
import socket
import threading
from collections.abc import Collection
from typing import Final

from fand import communication as com
from fand.agent.board import Board, emptied
from fand.agent.conversation import PATIENCE, Conversation, Message
from fand.clock import GLANCE
from fand.exceptions import (
    CommunicationError,
    CorruptedDataError,
    FandTimeoutError,
    SendReceiveError,
    TerminatingError,
)
from fand.fanclient import redial as redials
from fand.fanclient.redial import Redial
from fand.ports import Clock
from fand.tls import Files
from fand.units import Seconds

_log = logging.getLogger(__name__)

_SHOWN: Final = 5
"""So many devices that a server does not take are named in the log."""


class Link(threading.Thread):
    """The thread for ``server``, an address and a port, which is told of the agent ``name`` by what is on ``board``.

    A sign of life is due every ``interval``. ``tls`` are the files that the configuration names, if it does.
    """

    def __init__(
        self,
        server: tuple[str, int],
        name: str,
        interval: Seconds,
        *,
        board: Board,
        clock: Clock,
        tls: Files | None = None,
    ) -> None:
        super().__init__(name=f"link to {com.place(*server)}", daemon=True)
        self._server = server
        self._agent = name
        self._interval = interval
        self._board = board
        self._clock = clock
        self._tls = tls
        self._redial = Redial()
        self._strange: frozenset[str] = frozenset()
        self._stopped = threading.Event()
        self._sock: socket.socket | None = None

    def stop(self) -> None:
        """Have the thread end. The server is told, and nothing is waited for."""
        self._stopped.set()
        if self._sock is not None:
            com.reset_connection(self._sock)

    def run(self) -> None:
        """Connect, tell, and begin again, until :meth:`stop`."""
        with self._board.watched() as waker:
            while not self._stopped.is_set():
                left = self._redial.due - self._clock.mono()
                if left > 0:
                    self._stopped.wait(min(left, GLANCE))
                    continue
                try:
                    self._converse(waker)
                except TerminatingError:
                    return
                except CommunicationError as error:
                    self._ended(error)
                except Exception as error:  # noqa: BLE001 - the sensors are read all the same, and the next try may do
                    _log.exception("the link to %s failed in a way of its own", com.place(*self._server))
                    self._ended(error)

    def _converse(self, waker: socket.socket) -> None:
        """Make one connection and use it to its end."""
        self._sock = sock = com.dial(*self._server, self._tls)
        talk, reason = Conversation(self._agent, self._interval), None
        try:
            say: Message | None = talk.begin(self._clock.mono())
            while not self._stopped.is_set():
                if say is not None:
                    _wait_at_most(sock, PATIENCE)
                    com.send(sock, say[0], *say[1])
                if talk.waiting:
                    self._hear(sock, talk)
                elif say is None:
                    self._wait(sock, waker, talk)
                say = self._turn(talk)
        except CorruptedDataError as error:
            reason = str(error)
            raise
        finally:
            com.reset_connection(sock, reason)

    def _turn(self, talk: Conversation) -> Message | None:
        """What is to be said now. Nobody vouches for sensors that are not looked after."""
        now = self._clock.mono()
        if not self._board.alive(now):
            raise SendReceiveError("the sensors of this host are not looked after, and nothing can be told of them")
        return talk.turn(self._board.news, now)

    def _hear(self, sock: socket.socket, talk: Conversation) -> None:
        """Take in what the server says, if that comes soon."""
        _wait_at_most(sock, GLANCE)
        try:
            request, args = com.recv(sock)
        except FandTimeoutError:
            return
        talk.received(request, args, self._clock.mono())
        if talk.told:
            self._become(redials.answered(self._redial))
            self._note(talk)

    def _wait(self, sock: socket.socket, waker: socket.socket, talk: Conversation) -> None:
        """Wait for news of the sensors, a word of the server, or until something is due."""
        left = talk.due - self._clock.mono()
        try:
            ready, _, _ = select.select((sock, waker), (), (), min(max(left, 0.0), GLANCE))
        except (OSError, ValueError) as error:  # closed meanwhile by who stops us
            raise SendReceiveError("the connection is closed") from error
        if waker in ready:
            emptied(waker)
        if sock in ready:
            self._hear(sock, talk)

    def _note(self, talk: Conversation) -> None:
        """Log which devices the server does not take, when that changes."""
        strange = talk.strange
        if strange == self._strange:
            return
        if new := strange - self._strange:
            whose = f"no report of agent {talk.known_as} on {_listed(new)}"
        else:
            whose = f"our reports on {_listed(self._strange - strange)} now"
        _log.warning("server %s takes %s", com.place(*self._server), whose)
        self._strange = strange

    def _ended(self, error: Exception) -> None:
        if self._stopped.is_set():
            return
        chance = int.from_bytes(os.urandom(4), "big") / 2**32  # keeps many agents apart, no more
        self._become(redials.ended(self._redial, error, self._interval, self._clock.mono(), chance, heard=True))

    def _become(self, redial: Redial) -> None:
        if redial.trouble != self._redial.trouble:
            _log.error("server %s: %s", com.place(*self._server), redial.trouble or "takes our reports")
        self._redial = redial


def _listed(names: Collection[str]) -> str:
    rest = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(sorted(names)[:_SHOWN]) + rest


def _wait_at_most(sock: socket.socket, seconds: float) -> None:
    try:
        sock.settimeout(seconds)
    except OSError:  # closed meanwhile by who stops us; what is done with it next says so
        pass
