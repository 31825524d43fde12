"""Every error that fand raises on purpose: one tree, and each is also the builtin that it specialises.

::

    FandError
    |-- TerminatingError (RuntimeError)             the program is ending
    |-- CommunicationError                          something between two ends of a connection
    |   |-- SendReceiveError (ConnectionError)      the operating system failed to carry the data
    |   |-- ListeningError (ConnectionError)        a listening socket could not be had
    |   |-- ConnectionFailedError (ConnectionError) no connection to that address and port
    |   |-- CorruptedDataError (ConnectionError)    the peer sent what is not a fand frame
    |   |-- FandConnectionResetError (ConnectionResetError)  the peer closed, or said DISCONNECT
    |   |-- FandTimeoutError (TimeoutError)         nothing arrived, or left, in time
    |   `-- UnpicklableError (ValueError)           our own caller gave what the wire has no form for
    |-- RequestError (ValueError)                   a well-formed request that cannot be granted
    |   |-- AccessDeniedError                       the peer may not ask this
    |   |-- ShelfNotFoundError                      no shelf of that name
    |   |-- ShelfTemperatureBadValue                a temperature out of range
    |   |-- ShelfRpmBadValue                        a fan speed out of range
    |   |-- ShelfPwmBadValue                        a duty out of range
    |   `-- ShelfPwmExpireBadValue                  an expiry that is past, or not a date
    |-- ConfigError (ValueError)                    a configuration that falls short; names every fault
    |-- ServerNoConfigError (FileNotFoundError)     no configuration file where one was looked for
    |-- DriverError (OSError)                       a sensor or fan could not be taken, read or driven
    |   `-- GpioError                               the same, for pins
    `-- FanctlActionBadValue (ValueError)           no such fanctl action, or arguments it cannot use

Catch :exc:`CommunicationError` around a conversation, :exc:`FandError` around a program.
"""

from collections.abc import Iterable


class FandError(Exception):
    """Base of every error that fand raises on purpose."""


class TerminatingError(FandError, RuntimeError):
    """The program is terminating and takes on nothing new."""


class CommunicationError(FandError):
    """Base of the errors between two ends of a connection."""


class SendReceiveError(CommunicationError, ConnectionError):
    """The operating system failed to send or to receive."""


class ListeningError(CommunicationError, ConnectionError):
    """The server could not listen on its address and port."""


class ConnectionFailedError(CommunicationError, ConnectionError):
    """No connection could be made to the address and port."""


class CorruptedDataError(CommunicationError, ConnectionError):
    """The bytes received are not a frame of the fand protocol."""


class FandConnectionResetError(CommunicationError, ConnectionResetError):
    """The peer closed the connection, or announced that it does; ``announced`` tells which.

    ``reason`` is what it gave for that, empty if it gave none.
    """

    announced = False
    reason = ""


class FandTimeoutError(CommunicationError, TimeoutError):
    """The connection's time-out passed."""


class UnpicklableError(CommunicationError, ValueError):
    """A value has no form on the wire, or the frame would be too long. Nothing was sent."""


class RequestError(FandError, ValueError):
    """A well-formed request that cannot be granted; its text is what the peer is told."""


class AccessDeniedError(RequestError):
    """The peer may not ask this."""


class ShelfNotFoundError(RequestError):
    """No shelf has that name."""


class ShelfTemperatureBadValue(RequestError):
    """A temperature is not a number, or out of range."""


class ShelfRpmBadValue(RequestError):
    """A fan speed is not a number, or out of range."""


class ShelfPwmBadValue(RequestError):
    """A duty is not a number, or not from 0 to 100."""


class ShelfPwmExpireBadValue(RequestError):
    """The end of an override is past, or not a date."""


class ConfigError(FandError, ValueError):
    """A configuration falls short.

    ``faults`` holds one sentence for each fault, every one with its place.
    """

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


class ServerNoConfigError(FandError, FileNotFoundError):
    """No configuration file was found."""


class DriverError(FandError, OSError):
    """A sensor or a fan could not be taken, read or driven."""


class GpioError(DriverError):
    """A pin could not be taken, read or driven."""


class FanctlActionBadValue(FandError, ValueError):
    """There is no such fanctl action, or it cannot use its arguments."""
