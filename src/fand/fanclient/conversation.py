"""What is said over one connection of a fan client, from the first question to the end. Pure: no socket, no clock.

::

    NEW --begin--> ASKED --a duty--> REPORTED --ACK--> QUIET
                     ^                                   |
                     +---- an interval after the last ---+
    any of them -- an error --> ENDED

A round is a question for the duty and then a report of the fans. When the report is acknowledged, the answer to the
question has come before it: the duty heard last was true when the round began, or later. A fan client that has
subscribed asks all the same, for what is pushed may have been under way for any time.

Whoever carries it out hands over what has come to :meth:`Conversation.received`, calls :meth:`Conversation.tick` at
:attr:`Conversation.due` if nothing came, and sends what they give. A :exc:`~fand.exceptions.CommunicationError` ends
the connection.
"""

import enum
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from fand.exceptions import (
    CommunicationError,
    CorruptedDataError,
    FandConnectionResetError,
    FandTimeoutError,
    ShelfPwmBadValue,
)
from fand.fanclient.events import FanReport
from fand.fanclient.lease import Terms
from fand.units import Percent, Seconds, percent, rounded
from fand.wire import Request, reason

Message = tuple[Request, tuple[object, ...]]
"""A request with its arguments, to be sent."""

PATIENCE: Final = Seconds(10.0)
"""An answer is waited for so long, or for half a lease where that is shorter."""


class Heard(NamedTuple):
    """The server said ``duty``; that was true at ``sure``, monotonic seconds, or later."""

    duty: Percent
    sure: Seconds


class Turn(NamedTuple):
    """What follows from a message or from the passing of time.

    ``say`` is to be sent now, if anything is. ``heard`` is what is known of the duty now, if that is news. ``whole``
    tells that a round has just been completed: the server answers as it must.
    """

    say: Message | None = None
    heard: Heard | None = None
    whole: bool = False


class Stage(enum.Enum):
    """Where a conversation stands."""

    NEW = "new"
    ASKED = "asked"
    """A duty is waited for."""
    REPORTED = "reported"
    """The acknowledgement of the report is waited for."""
    QUIET = "quiet"
    """The round is over, and the next one not yet due."""
    ENDED = "ended"


class Conversation:
    """A connection, just made, to a server that is asked about ``shelf`` each ``interval`` of ``terms``.

    ``due`` is when :meth:`tick` has something to do, ``stage`` is where it stands, and ``patience`` is how long an
    answer, or the sending of a message, may take.
    """

    __slots__ = (
        "_asked",
        "_duty",
        "_interval",
        "_shelf",
        "_subscribed",
        "_sure",
        "_told",
        "due",
        "patience",
        "stage",
    )

    def __init__(self, shelf: str, terms: Terms) -> None:
        self._shelf = shelf
        self._interval = terms.interval
        self.patience = min(PATIENCE, terms.lease / 2)
        self._subscribed = False
        self._asked = self._sure = Seconds(0.0)
        self._duty: Percent | None = None
        self._told: Heard | None = None
        self.stage = Stage.NEW
        self.due = Seconds(float("inf"))

    @property
    def answered(self) -> bool:
        """Whether the server has told a duty at all."""
        return self._duty is not None

    def begin(self, now: Seconds, *, subscribe: bool) -> Message:
        """Ask for the first time, and to be told of each change if ``subscribe``; returns what to send.

        Nothing can be under way on a new connection, so what comes is the answer.
        """
        self._subscribed = subscribe
        self._sure = now
        return self._ask(Request.SUBSCRIBE_PWM if subscribe else Request.GET_PWM, now)

    def received(self, request: Request, args: tuple[Any, ...], fans: Sequence[FanReport], now: Seconds) -> Turn:
        """The server sent ``request`` with ``args``. ``fans`` are reported if it is time to.

        :raises CorruptedDataError: that is no answer, or not to what was asked, or nothing was asked
        :raises FandConnectionResetError: the server says that it goes, or the conversation has ended already
        :raises FandTimeoutError: it comes instead of an answer that is overdue
        """
        try:
            return self._received(request, args, fans, now)
        except CommunicationError:
            self.stage = Stage.ENDED
            raise

    def tick(self, now: Seconds) -> Turn:
        """Time has passed and nothing has come: from :attr:`due` on, begin a round.

        :raises FandTimeoutError: an answer is overdue
        """
        return Turn() if now < self.due else Turn(self._overdue(now))

    def _received(self, request: Request, args: tuple[Any, ...], fans: Sequence[FanReport], now: Seconds) -> Turn:
        stage, say, heard, whole = self.stage, None, None, False
        if request is Request.DISCONNECT:
            why = reason(args)
            error = FandConnectionResetError("the server ended the connection" + (f": {why}" if why else ""))
            error.announced, error.reason = True, why
            raise error
        if stage is Stage.ENDED:
            raise FandConnectionResetError("the conversation has ended")
        if request is Request.SET_PWM and (stage is Stage.ASKED or (self._subscribed and stage is not Stage.NEW)):
            self._duty = self._checked(args)
            heard = Heard(self._duty, self._sure)
            if stage is Stage.ASKED:
                say = self._report(fans, now)
                whole = say is None
        elif request is Request.ACK and stage is Stage.REPORTED:
            whole = True
            self._rest()
            if self._sure < self._asked and self._duty is not None:
                self._sure = self._asked
                heard = Heard(self._duty, self._sure)
        elif stage is Stage.ASKED or stage is Stage.REPORTED:
            wanted = Request.SET_PWM if stage is Stage.ASKED else Request.ACK
            raise CorruptedDataError(f"the server answered by {request.name}, not {wanted.name}")
        else:
            raise CorruptedDataError(f"the server sent {request.name} without being asked")
        if say is None and now >= self.due:  # a server that pushes all the time leaves no quiet moment
            say = self._overdue(now)
        if heard == self._told:  # a server says the same all the while, and it is no younger for that
            heard = None
        elif heard is not None:
            self._told = heard
        return Turn(say, heard, whole)

    def _checked(self, args: tuple[Any, ...]) -> Percent:
        if len(args) != 2 or args[0] != self._shelf:
            raise CorruptedDataError("the server sent a duty that is not for this shelf")
        try:
            return percent(args[1])
        except ShelfPwmBadValue as error:
            raise CorruptedDataError(f"the server sent no duty: {error}") from error

    def _ask(self, question: Request, now: Seconds) -> Message:
        self._asked = now
        if not self._subscribed:  # nothing but the answer can come
            self._sure = now
        self._wait(Stage.ASKED, now)
        return question, (self._shelf,)

    def _report(self, fans: Sequence[FanReport], now: Seconds) -> Message | None:
        """The report of ``fans``, None if there is nothing to report.

        fand 0.1.1 takes one speed a shelf: it gets that of the slowest fan, and none where none is known.
        """
        if self._subscribed:
            self._wait(Stage.REPORTED, now)
            return Request.SET_FANS, (self._shelf, [_table(fan) for fan in fans])
        speeds = [fan.rpm for fan in fans if fan.rpm is not None]
        if speeds:
            self._wait(Stage.REPORTED, now)
            return Request.SET_RPM, (self._shelf, rounded(min(speeds)))
        self._rest()
        return None

    def _wait(self, stage: Stage, now: Seconds) -> None:
        self.stage = stage
        self.due = Seconds(now + self.patience)

    def _rest(self) -> None:
        self.stage = Stage.QUIET
        self.due = Seconds(self._asked + self._interval)

    def _overdue(self, now: Seconds) -> Message:
        if self.stage is Stage.QUIET:
            return self._ask(Request.GET_PWM, now)
        self.stage = Stage.ENDED
        self.due = Seconds(float("inf"))
        raise FandTimeoutError(f"no answer for {self.patience:g} s")


def _table(fan: FanReport) -> dict[str, object]:
    speed = None if fan.rpm is None else rounded(fan.rpm)
    duty = None if fan.duty is None else rounded(fan.duty)
    return {"name": fan.name, "rpm": speed, "duty": duty, "state": fan.state}
