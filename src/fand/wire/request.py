"""The vocabulary of requests."""

import enum
from typing import Final


class Request(enum.Enum):
    """Enumeration of known requests.

    A question ``GET_X`` is answered by ``SET_X``, a command by ``ACK``. What the server will not do it answers
    with ``DISCONNECT`` and a reason, and closes.
    """

    # The public name; it is also the one that stands in every frame.
    __module__ = "fand.communication"

    # Members are looked up by what they are: an enum's own hash is a call in Python, for every table.
    __hash__ = object.__hash__

    #: Acknowledge a command
    ACK = "ack"
    #: Ask for an :attr:`ACK`
    PING = "ping"
    #: Announce the end of the connection: a reason, or None
    DISCONNECT = "disconnect"
    #: Ask for a :attr:`SET_PWM` with the duty of a shelf
    GET_PWM = "get_pwm"
    #: Give a duty: shelf, percent
    SET_PWM = "set_pwm"
    #: Ask for a :attr:`SET_RPM` with the fan speed of a shelf
    GET_RPM = "get_rpm"
    #: Give a fan speed: shelf, revolutions per minute
    SET_RPM = "set_rpm"
    #: Override the duty of a shelf: shelf, percent, or None to end the override
    SET_PWM_OVERRIDE = "set_pwm_override"
    #: Set when the override ends: shelf, datetime, or None for never
    SET_PWM_EXPIRE = "set_pwm_expire"

    #: Ask for a :attr:`SET_SHELVES`: optionally the name after which to go on
    GET_SHELVES = "get_shelves"
    #: Give the names of shelves in their order: a list, and whether there are more
    SET_SHELVES = "set_shelves"
    #: Ask for a :attr:`SET_STATUS`: shelf, and optionally the number of the first device to list
    GET_STATUS = "get_status"
    #: Give the whole state of a shelf: shelf, dict
    SET_STATUS = "set_status"
    #: Ask for a :attr:`SET_PWM` now, at every change and as a heartbeat: shelf
    SUBSCRIBE_PWM = "subscribe_pwm"
    #: Report the fans of a shelf: shelf, list of dicts
    SET_FANS = "set_fans"
    #: Report readings of sensors: list of dicts, and optionally the agent's name, and seconds since the last answer
    SET_TEMPERATURES = "set_temperatures"
    #: Have the server read its configuration again, and go on under it if nothing is wrong with it
    RELOAD = "reload"


def reason(args: tuple[object, ...]) -> str:
    """The reason that came with a DISCONNECT, fit for one line of a terminal; empty if none was given."""
    if not args or args[0] is None:
        return ""
    text = "".join(char if char.isprintable() else " " for char in str(args[0])[:_LONGEST_REASON])
    return text.strip()


_LONGEST_REASON: Final = 2000
