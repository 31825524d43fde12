"""What is said over one connection of a fan client, from the first question to the end.

A round is a question for the duty and then a report of the fans. When the report is acknowledged, the answer to the
question has come before it: the duty heard last was true when the round began, or later. A fan client that has
subscribed asks all the same, for what is pushed may have been under way for any time.
"""

import socket
from collections.abc import Callable, Sequence

from fand import communication as com
from fand.communication import Request
from fand.exceptions import CorruptedDataError, FandTimeoutError, ShelfPwmBadValue
from fand.fanclient.events import FanReport
from fand.ports import Clock
from fand.units import FULL, Percent, Seconds, percent, rounded


class Conversation:
    """A connection, just made, to a server that is asked about ``shelf``.

    Each answer is waited for ``patience`` seconds. Every duty heard goes to ``heard``, with the time at which it was
    true, or later. After any error the connection is of no more use.
    """

    def __init__(
        self,
        sock: socket.socket,
        shelf: str,
        patience: Seconds,
        clock: Clock,
        heard: Callable[[Percent, Seconds], object],
    ) -> None:
        self._sock = sock
        self._shelf = shelf
        self._patience = patience
        self._clock = clock
        self._heard = heard
        self._subscribed = False
        self._asked = self._sure = clock.mono()
        self._duty = FULL

    def begin(self, *, subscribe: bool) -> None:
        """Ask for the first time, and to be told of each change if ``subscribe``.

        Nothing can be under way on a new connection, so what comes is the answer.

        :raises FandConnectionResetError: among the other errors of :meth:`ask`: fand 0.1.1 ends the connection when
            it is asked to subscribe
        """
        self._asked = self._sure = self._clock.mono()
        self._subscribed = subscribe
        self._send(Request.SUBSCRIBE_PWM if subscribe else Request.GET_PWM)
        self._await(Request.SET_PWM)

    def ask(self) -> None:
        """Begin a round.

        :raises CommunicationError: no answer, the connection ended, or it is not an answer
        """
        self._asked = self._clock.mono()
        if not self._subscribed:  # nothing but the answer can come
            self._sure = self._asked
        self._send(Request.GET_PWM)
        self._await(Request.SET_PWM)

    def report(self, fans: Sequence[FanReport]) -> None:
        """Report the fans and so end the round; raises as :meth:`ask`.

        fand 0.1.1 takes one speed a shelf: it gets that of the slowest fan, and none where none is known.
        """
        speeds = [fan.rpm for fan in fans if fan.rpm is not None]
        if self._subscribed:
            self._send(Request.SET_FANS, [_table(fan) for fan in fans])
            self._await(Request.ACK)
        elif speeds:
            self._send(Request.SET_RPM, rounded(min(speeds)))
            self._await(Request.ACK)
        if self._sure < self._asked:
            self._sure = self._asked
            self._heard(self._duty, self._sure)

    def listen(self, until: Seconds) -> None:
        """Hear what is pushed, ``until`` that time; raises as :meth:`ask`."""
        while (left := until - self._clock.mono()) > 0:
            try:
                request = self._receive(left)
            except FandTimeoutError:
                return
            if not self._subscribed or request is not Request.SET_PWM:
                raise CorruptedDataError(f"the server sent {request.name} without being asked")

    def _send(self, request: Request, *args: object) -> None:
        self._wait_at_most(self._patience)
        com.send(self._sock, request, self._shelf, *args)

    def _await(self, wanted: Request) -> None:
        """Receive up to the answer ``wanted``. Only duties that are pushed may come before it."""
        deadline = self._clock.mono() + self._patience
        while True:
            left = deadline - self._clock.mono()
            try:
                request = self._receive(left) if left > 0 else None
            except FandTimeoutError:
                request = None
            if request is None:
                raise FandTimeoutError(f"no answer for {self._patience:g} s")
            if request is wanted:
                return
            if not self._subscribed or request is not Request.SET_PWM:
                raise CorruptedDataError(f"the server answered by {request.name}, not {wanted.name}")

    def _wait_at_most(self, seconds: float) -> None:
        try:
            self._sock.settimeout(seconds)
        except OSError:  # closed meanwhile by who stops us; what is done with it next says so
            pass

    def _receive(self, left: float) -> Request:
        self._wait_at_most(left)
        request, args = com.recv(self._sock)
        if request is Request.SET_PWM:
            if len(args) != 2 or args[0] != self._shelf:
                raise CorruptedDataError("the server sent a duty that is not for this shelf")
            try:
                self._duty = percent(args[1])
            except ShelfPwmBadValue as error:
                raise CorruptedDataError(f"the server sent no duty: {error}") from error
            self._heard(self._duty, self._sure)
        return request


def _table(fan: FanReport) -> dict[str, object]:
    speed = None if fan.rpm is None else rounded(fan.rpm)
    duty = None if fan.duty is None else rounded(fan.duty)
    return {"name": fan.name, "rpm": speed, "duty": duty, "state": fan.state}
