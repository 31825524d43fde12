"""One checked question and answer, over one managed socket.

:func:`ask` sends a request and takes only the answer that belongs to it. :class:`Client` has a method for every
request, and lets only answers through that are what they should be.
"""

import socket
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from fand import communication as com
from fand.communication import Request
from fand.exceptions import (
    CommunicationError,
    CorruptedDataError,
    FandConnectionResetError,
    FandTimeoutError,
    SendReceiveError,
    UnpicklableError,
)
from fand.units import Percent, Rpm, Seconds, is_number, percent, rpm

_T = TypeVar("_T")

RELOAD_TIMEOUT: Final = Seconds(60.0)
"""A server needs 20 seconds at most for a reload, but another one may be under way."""

MOST_DEVICES: Final = 100_000
"""More devices in one shelf, or shelves on one server, than this are taken for a server gone wrong."""

_ANSWERS: Final = {
    Request.GET_PWM: Request.SET_PWM,
    Request.GET_RPM: Request.SET_RPM,
    Request.GET_SHELVES: Request.SET_SHELVES,
    Request.GET_STATUS: Request.SET_STATUS,
    Request.SUBSCRIBE_PWM: Request.SET_PWM,
}
_OF_A_SHELF: Final = frozenset({Request.SET_PWM, Request.SET_RPM, Request.SET_STATUS})


def ask(sock: socket.socket, request: Request, *args: Any) -> tuple[Any, ...]:
    """Send ``request`` and give the arguments of its answer.

    A ``GET_X`` is answered by ``SET_X``, about the same shelf if it was about one, and a command by ``ACK``. After
    any error but :exc:`~fand.exceptions.UnpicklableError` question and answer may be out of step: close the socket.

    :raises CommunicationError: as :func:`fand.communication.send` and :func:`fand.communication.recv`; the reason for
        which the server refused is in the text
    :raises CorruptedDataError: the answer belongs to another question
    """
    return _ask(sock, request, args, lambda _answer, _values: False)


def _ask(
    sock: socket.socket,
    request: Request,
    args: tuple[Any, ...],
    aside: Callable[[Request, tuple[Any, ...]], bool],
) -> tuple[Any, ...]:
    """See :func:`ask`; what does not belong to the question is offered to ``aside``."""
    expected = _ANSWERS.get(request, Request.ACK)
    try:
        com.send(sock, request, *args)
    except SendReceiveError:
        _raise_last_words(sock)
        raise
    while True:
        answer, values = com.recv(sock)
        if answer is expected and (expected not in _OF_A_SHELF or values[:1] == args[:1]):
            return values
        if not aside(answer, values):
            raise CorruptedDataError(
                f"the server answered {request.name} by {answer.name} that does not belong to it"
            )


def _raise_last_words(sock: socket.socket) -> None:
    """Raise what a server that is gone said before, if that is still to be read: it tells why it went."""
    try:
        sock.settimeout(0)
        while True:
            com.recv(sock)
    except FandConnectionResetError:
        raise
    except OSError:  # nothing is left to be read
        return


class Client:
    """A connection to the server at ``address`` and ``port``, as a context manager.

    After any :exc:`~fand.exceptions.CommunicationError` the connection is closed: question and answer could be out
    of step. Make a new client then.

    One thread at a time may use it.

    :raises CommunicationError: as :func:`fand.communication.connect`
    :raises TerminatingError: the program is terminating
    """

    def __init__(self, address: str, port: int) -> None:
        self._sock = com.connect(address, port)
        self._subscribed: str | None = None
        self._push: tuple[Any, ...] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Tell the server, and close. May be called twice."""
        com.reset_connection(self._sock)

    def ping(self) -> None:
        """Ask for a sign of life."""
        self._command(Request.PING)

    def shelves(self) -> list[str]:
        """The names of all shelves, in the order of the server's configuration."""
        names: list[str] = []
        more = True
        while more:
            page, more = self._ask(_shelves, Request.GET_SHELVES, *names[-1:])
            names += page
            if (more and not page) or len(names) > MOST_DEVICES:
                raise self._end("the list of shelves never ends")
        return names

    def pwm(self, shelf: str) -> Percent:
        """The duty of ``shelf`` now."""
        return self._ask(_duty, Request.GET_PWM, shelf)

    def rpm(self, shelf: str) -> Rpm:
        """The fan speed last reported for ``shelf``; 0 too if none is known."""
        return self._ask(_speed, Request.GET_RPM, shelf)

    def status(self, shelf: str) -> dict[str, Any]:
        """All about ``shelf``, as :doc:`/protocol` lays it out, with all its devices; ``next`` is None."""
        status = self._ask(_status, Request.GET_STATUS, shelf)
        devices = status["devices"]
        while (offset := status["next"]) is not None:
            page = self._ask(_status, Request.GET_STATUS, shelf, offset)
            if offset != len(devices) or not page["devices"] or len(devices) > MOST_DEVICES:
                raise self._end(f"the pages of shelf {shelf!r} do not follow one another")
            devices += page["devices"]
            status["next"] = page["next"]
        return status

    def report_rpm(self, shelf: str, speed: Rpm) -> None:
        """Report the fan speed of ``shelf``.

        :raises ShelfRpmBadValue: it is none
        """
        self._command(Request.SET_RPM, shelf, _short(rpm(speed)))

    def report_fans(self, shelf: str, fans: Sequence[Mapping[str, object]]) -> None:
        """Report every fan of ``shelf``: ``name``, ``rpm`` and ``duty``, None if unknown, and ``state``."""
        self._command(Request.SET_FANS, shelf, [dict(fan) for fan in fans])

    def override(self, shelf: str, duty: Percent | None) -> None:
        """Override the duty of ``shelf``; None ends the override.

        :raises ShelfPwmBadValue: the duty is none
        """
        self._command(Request.SET_PWM_OVERRIDE, shelf, None if duty is None else _short(percent(duty)))

    def expire(self, shelf: str, when: datetime | None) -> None:
        """Set when the override of ``shelf`` ends; a naive datetime is local time of the server, None is never."""
        self._command(Request.SET_PWM_EXPIRE, shelf, when)

    def reload(self) -> None:
        """Have the server read its configuration again, and go on under it if nothing is wrong with it.

        :raises FandConnectionResetError: something is wrong with it, which the text tells; all stays as it was
        """
        self._ask(_anything, Request.RELOAD, timeout=RELOAD_TIMEOUT)

    def subscribe(self, shelf: str) -> Percent:
        """The duty of ``shelf`` now; from now on :meth:`pushed` gives it, at every change and as a heartbeat.

        A client subscribes to one shelf.
        """
        duty = self._ask(_duty, Request.SUBSCRIBE_PWM, shelf)
        self._subscribed = shelf
        return duty

    def pushed(self, timeout: Seconds) -> Percent | None:
        """The newest duty of the subscription that this has not given yet; None if ``timeout`` seconds bring none."""
        if self._push is None:
            try:
                self._wait_at_most(timeout)
                request, values = com.recv(self._sock)
            except FandTimeoutError:
                return None
            except CommunicationError:
                self.close()
                raise
            if not self._put_aside(request, values):
                raise self._end(f"the server sent {request.name} that nobody asked for")
        values, self._push = self._push or (), None
        return self._checked(_duty, Request.SUBSCRIBE_PWM, values)

    def exchange(self, request: Request, *args: Any) -> tuple[Request, tuple[Any, ...]]:
        """Send ``request`` as it is, and give whatever comes next, unchecked: for trying a server out."""
        try:
            self._wait_at_most(com.TIMEOUT)
            com.send(self._sock, request, *args)
            return com.recv(self._sock)
        except UnpicklableError:  # nothing was sent
            raise
        except CommunicationError:
            self.close()
            raise

    def _put_aside(self, request: Request, values: tuple[Any, ...]) -> bool:
        """Keep what came for the subscription. Only the newest counts."""
        ours = request is Request.SET_PWM and values[:1] == (self._subscribed,)
        if ours:
            self._push = values
        return ours

    def _wait_at_most(self, timeout: float) -> None:
        try:
            self._sock.settimeout(timeout)
        except OSError as error:
            raise SendReceiveError("the connection to the server is closed") from error

    def _command(self, request: Request, *args: Any) -> None:
        self._ask(_anything, request, *args)

    def _ask(
        self, check: Callable[[tuple[Any, ...]], _T], request: Request, *args: Any, timeout: float = com.TIMEOUT
    ) -> _T:
        """Ask, and give what ``check`` makes of the answer."""
        try:
            self._wait_at_most(timeout)
            values = _ask(self._sock, request, args, self._put_aside)
        except UnpicklableError:  # nothing was sent
            raise
        except CommunicationError:
            self.close()
            raise
        return self._checked(check, request, values)

    def _checked(self, check: Callable[[tuple[Any, ...]], _T], request: Request, values: tuple[Any, ...]) -> _T:
        try:
            return check(values)
        except (ValueError, TypeError, LookupError) as error:
            raise self._end(f"the answer to {request.name} is not as it should be: {error}") from error

    def _end(self, fault: str) -> CorruptedDataError:
        """Close, and give the error to raise."""
        self.close()
        return CorruptedDataError(fault)


def _short(number: float) -> float:
    """A whole number as int, as fand 0.1.1 prints what it gets."""
    return int(number) if number == int(number) else number


# What an answer has to be. A check gives its value or raises ValueError, TypeError or LookupError.


def _anything(_values: tuple[Any, ...]) -> None:
    pass


def _duty(values: tuple[Any, ...]) -> Percent:
    return percent(values[1])


def _speed(values: tuple[Any, ...]) -> Rpm:
    return rpm(values[1])


def _shelves(values: tuple[Any, ...]) -> tuple[list[str], bool]:
    return _names(values[0]), _flag(values[1])


def _status(values: tuple[Any, ...]) -> dict[str, Any]:
    return _shelf({"certificates": [], **_of_type(dict)(values[1])})  # older servers have none


def _of_type(kind: type[_T]) -> Callable[[Any], _T]:
    def check(value: Any) -> _T:
        if type(value) is not kind:
            raise TypeError(f"{type(value).__name__} where {kind.__name__} belongs")
        return value

    return check


def _maybe(check: Callable[[Any], _T]) -> Callable[[Any], _T | None]:
    return lambda value: None if value is None else check(value)


def _each(check: Callable[[Any], _T]) -> Callable[[Any], list[_T]]:
    return lambda value: [check(item) for item in _of_type(list)(value)]


def _record(**checks: Callable[[Any], Any]) -> Callable[[Any], dict[str, Any]]:
    """A dict with these keys; more are let through, for servers newer than we are."""

    def check(value: Any) -> dict[str, Any]:
        record = dict(_of_type(dict)(value))
        for key, check in checks.items():
            if key not in record:
                raise LookupError(f"{key} is missing")
            record[key] = check(record[key])
        return record

    return check


def _finite(value: object) -> object:
    if not is_number(value):
        raise ValueError("a number belongs where there is none")
    return value


def _age(value: Any) -> object:
    if not is_number(value) or value < 0:
        raise ValueError("an age belongs where there is none")
    return value


_text: Final = _of_type(str)
_flag: Final = _of_type(bool)
_names: Final = _each(_text)
_shelf: Final = _record(
    duty=percent,
    reason=_text,
    demand=percent,
    faults=_each(_record(duty=percent, reason=_text)),
    alarms=_each(_record(sort=_text, subject=_text, reason=_text, since=_finite, state=_text)),
    override=_maybe(_record(percent=percent, until=_maybe(_finite))),
    rpm=_maybe(rpm),
    fans=_each(_record(name=_text, rpm=_maybe(rpm), duty=_maybe(percent), state=_text)),
    fans_age=_maybe(_age),
    client=_maybe(_record(address=_text, state=_text, age=_age)),
    devices=_each(
        _record(
            name=_text,
            kind=_text,
            position=_text,
            family=_maybe(_text),
            health=_text,
            celsius=_maybe(_finite),
            age=_maybe(_age),
            failure=_maybe(_text),
            optional=_flag,
        )
    ),
    certificates=_each(_record(whose=_text, until=_finite)),
    next=_maybe(_of_type(int)),
)
