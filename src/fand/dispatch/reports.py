"""What a sensor agent reports of its devices, taken apart and checked.

Clocks of two hosts have nothing to do with one another, so a report says how old a reading is, never when it was
taken. How long the report itself was under way cannot be seen from its arrival; a network that held it up would make
its readings look younger than they are. So it says as well how long ago the server's last answer came, before which
it cannot have been sent, and of the two the server believes what makes the reading older.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from fand.control import judge
from fand.dispatch.access import Role
from fand.dispatch.peer import Peer
from fand.dispatch.shown import line
from fand.exceptions import RequestError, ShelfTemperatureBadValue
from fand.ports import Asleep, Failed, Reading
from fand.units import Seconds, is_number, shown

MOST_REPORTS: Final = 256
"""So many readings go into one report at most; a longer list goes in several."""

OLDEST: Final = Seconds(7 * 86_400.0)
"""No reading is reported that is older."""

UNDER_WAY: Final = Seconds(1.0)
"""A report that does not tell how long ago the last answer came is taken to have been under way for so long."""

LONGEST_NAME: Final = 200
"""Characters of the name of an agent, of a device or of a family."""


@dataclass(frozen=True, slots=True)
class Report:
    """One reading of the device that its agent calls ``device``, with its family if that is known.

    It was taken at ``reading.at``, or later, but at ``latest`` at the latest.
    """

    device: str
    reading: Reading
    latest: Seconds
    family: str | None = None


def agent_name(peer: Peer, given: object) -> str:
    """The name under which ``peer`` reports: what it is known as, or else what it has ``given``.

    Who may control everything can report under any name; a user of this host goes by his own.

    :raises RequestError: that is no name, or it gave none
    """
    known = peer.who.removeprefix("user ")
    if known and (given is None or not peer.grant.may(Role.CONTROL, None)):
        return known
    if given is None:
        raise RequestError("whose readings these are is not said: give the agent's name")
    return _name(given, "the name of the agent")


def sent(since: object, answered: Seconds | None, now: Seconds) -> Seconds:
    """The earliest instant at which a report that came ``now`` can have been sent.

    Its sender says that ``since`` seconds had passed since it had the last answer, which left at ``answered``; None
    if it does not say.

    :raises RequestError: that is no time, or no answer went before
    """
    if since is None:
        return Seconds(now - UNDER_WAY)
    passed = _seconds(since, "the time since the last answer")
    if answered is None:
        raise RequestError("nothing was answered before, so that no time can have passed since")
    return Seconds(min(now, answered + passed))


def reports(value: object, earliest: Seconds, now: Seconds) -> tuple[Report, ...]:
    """Take what a peer sent as readings; it came ``now``, and was sent at ``earliest`` or later.

    :raises RequestError: not a list of at most 256 readings of different devices
    :raises ShelfTemperatureBadValue: a temperature among them is no number
    """
    if not isinstance(value, list) or len(value) > MOST_REPORTS:
        raise RequestError(f"the readings are not a list of at most {MOST_REPORTS}")
    found = tuple(_report(entry, earliest, now) for entry in value)
    if len({report.device for report in found}) < len(found):
        raise RequestError("two readings are of the same device")
    return found


def _report(value: object, earliest: Seconds, now: Seconds) -> Report:
    if not isinstance(value, dict) or not {"device", "state", "age"} <= value.keys():
        raise RequestError("a reading is a dict of device, state and age")
    device = _name(value["device"], "the name of a device")
    age = _seconds(value["age"], f"the age of {device}")
    family = None if value.get("family") is None else _name(value["family"], f"the family of {device}")
    reading = _reading(value, device, Seconds(earliest - age))
    return Report(device, reading, Seconds(now - age), family)


def _reading(value: Mapping[str, Any], device: str, at: Seconds) -> Reading:
    match value["state"]:
        case "ok":
            celsius = value.get("celsius")
            if not is_number(celsius):
                raise ShelfTemperatureBadValue(f"the temperature of {device}, {shown(celsius)}, is not a number")
            return judge(celsius, at)
        case "asleep":
            return Asleep(at)
        case "failed":
            reason = value.get("reason")
            if not isinstance(reason, str) or not (reason := line(reason)):
                raise RequestError(f"{device} has failed without a reason in words")
            return Failed(reason, at)
    raise RequestError(f"the state of {device} is none of ok, asleep, failed")


def _name(value: object, what: str) -> str:
    if not isinstance(value, str) or not (name := line(value, LONGEST_NAME)):
        raise RequestError(f"{what} is not a text")
    return name


def _seconds(value: object, what: str) -> Seconds:
    if not isinstance(value, int | float) or not is_number(value) or not 0 <= value <= OLDEST:
        raise RequestError(f"{what}, {shown(value)}, is not a number of seconds from 0 to {OLDEST:.0f}")
    return Seconds(value)
