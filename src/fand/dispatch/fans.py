"""What fan clients report of their fans."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final, NamedTuple

from fand.control import MOST_FANS, Condition, FanState, FanTrack, Fault, Finding, Sort, follow
from fand.dispatch.peer import Peer
from fand.dispatch.shown import line
from fand.exceptions import RequestError
from fand.units import Percent, Rpm, Seconds, percent, rpm

LONGEST_NAME: Final = 200
_ALL: Final = ""
"""The name of the one fan that fand 0.1.1 reports."""


class Fan(NamedTuple):
    """One fan: its last report, whose that was and when, and what all its reports amount to.

    ``peer`` is None for a fan that was in trouble when a server before this one ended, and not reported since.
    """

    state: FanState
    track: FanTrack
    peer: Peer | None
    at: Seconds

    def stale(self, now: Seconds) -> bool:
        """Tell whether the report is too old for its speed to be told as the present one."""
        return self.peer is None or now - self.at > self.peer.patience


class Fans:
    """The fans of one shelf, by name.

    A fan is forgotten when its client reports without it, or one that has come from the same host since its own fell
    silent. Until then a fan whose client is silent stays: it may be in trouble, and nobody has said that it is well.
    A client that comes again goes on where it was.
    """

    def __init__(self) -> None:
        self._fans: dict[str, Fan] = {}
        self._troubles: frozenset[tuple[str, Sort]] = frozenset()

    def report(self, states: Iterable[FanState], peer: Peer, served: Percent, now: Seconds) -> bool:
        """Take in the report of all fans of ``peer``; ``served`` is what the shelf was served at last.

        Tells whether :meth:`faults` or :meth:`findings` may have changed.

        :raises RequestError: these are too many for one shelf
        """
        fans = {name: fan for name, fan in self._fans.items() if not _left_by(fan, peer, now)}
        for state in states:
            last = self._fans.get(state.name)
            track = FanTrack() if last is None else last.track
            gap = last is not None and last.stale(now)
            duty = served if state.duty is None else state.duty
            fans[state.name] = Fan(state, follow(track, state, duty, now, gap=gap), peer, now)
        if len(fans) > MOST_FANS:
            raise RequestError(f"a shelf has at most {MOST_FANS} fans")
        before, self._fans, self._troubles = self._troubles, fans, _troubles(fans)
        return self._troubles != before

    def restore(self, sort: Sort, name: str) -> None:
        """The fan called ``name`` was in this trouble when a server before this one ended, and still is."""
        fan = self._fans.get(name)
        if fan is None:
            fan = Fan(FanState(name, None, None, Condition.OK), FanTrack(), None, Seconds(0.0))
        self._fans[name] = fan._replace(track=replace(fan.track, trouble=sort, well=None))
        self._troubles = _troubles(self._fans)

    @property
    def named(self) -> tuple[Fan, ...]:
        """Those that were reported one by one."""
        return tuple(fan for fan in self._fans.values() if fan.state.name != _ALL and fan.peer is not None)

    @property
    def reported(self) -> Seconds | None:
        """When the last report came; None if there was none."""
        return max((fan.at for fan in self._fans.values() if fan.peer is not None), default=None)

    def speed(self, now: Seconds) -> Rpm | None:
        """One speed for all: the lowest, for that is the one that matters. None when none is known."""
        lowest = None
        for fan in self._fans.values():
            speed = fan.state.rpm
            if speed is not None and (lowest is None or speed < lowest) and not fan.stale(now):
                lowest = speed
        return lowest

    def faults(self, duty: Percent) -> tuple[Fault, ...]:
        """What demands ``duty``: fans that are stalled or cannot be driven (S6)."""
        if not self._troubles:
            return ()
        return tuple(
            Fault(duty, fan.track.trouble, f"{_title(name)} {_WORDS[fan.track.trouble]}", name)
            for name, fan in self._fans.items()
            if fan.track.trouble is not None
        )

    def findings(self) -> tuple[Finding, ...]:
        """What else is to be known: fans that somebody else had set (C1)."""
        if not self._troubles:
            return ()
        return tuple(
            Finding(Sort.TAKEN, name, f"{_title(name)} was set by somebody else, and set back")
            for name, fan in self._fans.items()
            if fan.state.state is Condition.TAKEN
        )

    def unheard(self, client: Peer | None, now: Seconds) -> Iterator[Finding]:
        """The fans whose client has fallen silent (S7) while another one, ``client``, was heard last."""
        for name, fan in self._fans.items():
            peer = fan.peer
            if client is None or peer is None or peer is client or not peer.silent(now) or client.follows(peer):
                continue
            reason = f"{_title(name)} is no longer reported: its fan client {peer.address} is silent"
            yield Finding(Sort.SILENT, name, reason)


_WORDS: Final = {Sort.STALLED: "is stalled", Sort.FAULT: "cannot be driven"}


def _left_by(fan: Fan, peer: Peer, now: Seconds) -> bool:
    """Whether a report of ``peer`` without ``fan`` means that there is no such fan any more."""
    return fan.peer is None or fan.peer is peer or (fan.peer.silent(now) and peer.follows(fan.peer))


def _troubles(fans: Mapping[str, Fan]) -> frozenset[tuple[str, Sort]]:
    troubles = set()
    for name, fan in fans.items():
        if fan.track.trouble is not None:
            troubles.add((name, fan.track.trouble))
        if fan.state.state is Condition.TAKEN:
            troubles.add((name, Sort.TAKEN))
    return frozenset(troubles)


def _title(name: str) -> str:
    return f"fan {name}" if name != _ALL else "the fan"


def one_speed(speed: Rpm) -> FanState:
    """The report of a client that knows one speed for all fans."""
    return FanState(_ALL, speed, None, Condition.OK)


def fan_states(value: object) -> tuple[FanState, ...]:
    """Take what a peer sent as the fans of a shelf.

    :raises RequestError: not a list of at most 64 fans of different names, each a dict with name, rpm, duty and state
    """
    if not isinstance(value, list) or len(value) > MOST_FANS:
        raise RequestError(f"the fans are not a list of at most {MOST_FANS}")
    fans = tuple(_fan_state(fan) for fan in value)
    if len({fan.name for fan in fans}) < len(fans):
        raise RequestError("two fans have the same name")
    return fans


def _fan_state(value: object) -> FanState:
    if not isinstance(value, dict) or not {"name", "rpm", "duty", "state"} <= value.keys():
        raise RequestError("a fan is a dict of name, rpm, duty and state")
    name, state = value["name"], value["state"]
    if not isinstance(name, str) or not (name := line(name, LONGEST_NAME)):
        raise RequestError("the name of a fan is not a text")
    if not isinstance(state, str) or state not in _STATES:
        raise RequestError(f"the state of a fan is none of {', '.join(_STATES)}")
    speed = None if value["rpm"] is None else rpm(value["rpm"])
    duty = None if value["duty"] is None else percent(value["duty"])
    return FanState(name, speed, duty, _STATES[state])


_STATES: Final = {condition.value: condition for condition in Condition}
