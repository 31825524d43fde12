"""The link to one server: a thread that owns its socket, converses, connects again, and tells the loop what it hears.

fand 0.1.1 knows neither subscriptions nor reports of several fans, and ends the connection when it is asked. The
link then comes again at once without them. When that connection ends, it tries what is newer first again: the server
may have been replaced.

Nothing that the server or the network does ends this thread.
"""

import logging
import random
import socket
import threading
from dataclasses import replace
from typing import Final

from fand import communication as com
from fand.exceptions import CommunicationError, CorruptedDataError, FandConnectionResetError, TerminatingError
from fand.fanclient.conversation import Conversation
from fand.fanclient.events import Answer, Board, FanReport, Missed, Post
from fand.fanclient.lease import Terms
from fand.fanclient.output import Condition
from fand.fanclient.trouble import Trouble
from fand.ports import Clock
from fand.units import Percent, Seconds

_log = logging.getLogger(__name__)

FIRST_PAUSE: Final = Seconds(1.0)
LONGEST_PAUSE: Final = Seconds(10.0)
"""The pause before the next try to connect grows from the one to the other."""


def pause(failures: int, interval: Seconds, chance: float) -> Seconds:
    """How long to wait after so many ``failures`` in a row; ``chance``, from 0 to 1, keeps many clients apart."""
    first = min(FIRST_PAUSE, interval)
    longest = min(LONGEST_PAUSE, first * 2 ** min(failures, 10))
    return Seconds(first + chance * (longest - first))


class Link(threading.Thread):
    """The thread for the server number ``place``, an address and a port, which is asked about ``shelf``."""

    def __init__(
        self, place: int, server: tuple[str, int], shelf: str, terms: Terms, *, post: Post, board: Board, clock: Clock
    ) -> None:
        super().__init__(name=f"link to {server[0]}:{server[1]}", daemon=True)
        self._place = place
        self._server = server
        self._shelf = shelf
        self._terms = terms
        self._patience = Seconds(min(com.TIMEOUT, terms.lease / 2))
        self._post = post
        self._board = board
        self._clock = clock
        self._stopped = threading.Event()
        self._sock: socket.socket | None = None
        self._trouble = Trouble(f"server {server[0]} port {server[1]}")
        self._failures = 0
        self._subscribes = True

    def stop(self) -> None:
        """Have the thread end. The server is told, and nothing is waited for."""
        self._stopped.set()
        if self._sock is not None:
            com.reset_connection(self._sock)

    def run(self) -> None:
        """Connect, converse, and begin again, until :meth:`stop`."""
        while not self._stopped.is_set():
            at_once = False
            try:
                at_once = self._connection()
            except TerminatingError:
                return
            except CommunicationError as error:
                self._lost(str(error))
            except Exception as error:  # noqa: BLE001 - the fans stay where they are, and the next try may go well
                _log.exception("the link to %s port %s failed in a way of its own", *self._server)
                self._lost(f"{type(error).__name__}: {error}")
            if not at_once:
                self._stopped.wait(pause(self._failures, self._terms.interval, random.random()))  # noqa: S311

    def _connection(self) -> bool:
        """Make one connection and use it to its end; True if the next should be made at once."""
        subscribe, self._subscribes = self._subscribes, True
        self._sock = sock = com.connect(*self._server)
        reason = None
        try:
            talk = Conversation(sock, self._shelf, self._patience, self._clock, self._heard)
            began = self._clock.mono()
            try:
                talk.begin(subscribe=subscribe)
            except FandConnectionResetError as refusal:
                if subscribe and refusal.announced:
                    self._subscribes = False
                    return True
                raise
            while not self._stopped.is_set():
                talk.report(self._report())
                self._failures = 0
                self._trouble.over("answers")
                talk.listen(Seconds(began + self._terms.interval))
                began = self._clock.mono()
                talk.ask()
        except CorruptedDataError as error:
            reason = str(error)
            raise
        finally:
            com.reset_connection(sock, reason)
        return False

    def _lost(self, text: str) -> None:
        if not self._stopped.is_set():
            self._failures += 1
            self._trouble.met(text)
            self._post.put(Missed(self._place))

    def _heard(self, duty: Percent, asked: Seconds) -> None:
        self._post.put(Answer(self._place, duty, asked))
        while self._post.crowded and not self._stopped.wait(0.1):
            pass  # a server that floods us waits for our hardware

    def _report(self) -> tuple[FanReport, ...]:
        """The fans as the loop left them; if that is long ago, the loop hangs and nothing is known of them."""
        fans, at = self._board.fans, self._board.at
        if self._clock.mono() - at <= self._terms.lease:
            return fans
        return tuple(replace(fan, rpm=None, duty=None, state=Condition.FAULT.value) for fan in fans)
