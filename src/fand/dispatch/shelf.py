"""The state of one shelf, and its decision."""

from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, replace
from math import inf
from typing import Final

from fand.control import (
    Alarm,
    Decision,
    Device,
    Event,
    Finding,
    Health,
    Memory,
    Override,
    Pending,
    ShelfLaw,
    Sort,
    Track,
    Watch,
    decide,
    end_at,
    health,
    observe,
    override_by,
    review,
)
from fand.dispatch.fans import FanReport, FanState, slowest
from fand.dispatch.peer import Peer
from fand.ports import Reading
from fand.units import Moment, Percent, Rpm, Seconds, Timestamp, served
from fand.wire import Request, encode

_NEVER: Final = Seconds(-inf)


@dataclass(frozen=True, slots=True)
class Slot:
    """The place of one device in its shelf. ``name`` is unique there; ``kind`` is its sensor driver."""

    name: str
    kind: str
    watch: Watch
    position: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """What of a shelf must outlive the server."""

    override: Override | None = None
    pending: Pending | None = None
    alarms: tuple[Alarm, ...] = ()


class Shelf:
    """One shelf: its devices, its override, its fans, and the duty that follows.

    ``pwm_frame`` is the encoded answer to GET_PWM; both it and the decision may be served while the monotonic
    clock is before ``valid_until``, and :meth:`decision` and :meth:`frame` see to that. ``subscribers`` maps those
    who want every change to the frame that each was last told. ``alarms`` are those that stood at the last
    :meth:`review`.
    """

    def __init__(self, name: str, law: ShelfLaw, slots: Iterable[Slot]) -> None:
        self.name = name
        self.slots = tuple(slots)
        self.override: Override | None = None
        self.pending: Pending | None = None
        self.fans: FanReport | None = None
        self.client: Peer | None = None
        self.subscribers: dict[Peer, bytes] = {}
        self.alarms: tuple[Alarm, ...] = ()
        self.valid_until = _NEVER
        self.pwm_frame = b""
        self._law = law
        self._devices = {slot.name: Device(slot.name, slot.watch, Track()) for slot in self.slots}
        self._memory = Memory()
        self._decision: Decision | None = None

    @property
    def devices(self) -> tuple[Device, ...]:
        """The devices in the order of their slots, with what they last said."""
        return tuple(self._devices.values())

    def observe(self, device: str, reading: Reading, family: str | None = None) -> None:
        """Take in one reading of the device called ``device``; ``family`` is what it is known to be, if it is."""
        known = self._devices[device]
        self._devices[device] = replace(known, track=observe(known.track, reading, family))
        self._change()

    def become(self, law: ShelfLaw, slots: Iterable[Slot], same: Container[str]) -> None:
        """Go on under another configuration.

        The devices named in ``same`` keep what they last said; any other has not answered yet (S1). All else stays:
        the override, the alarms, the fans, who is subscribed, and what the filters remember.
        """
        slots = tuple(slots)
        tracks = {slot.name: self._devices[slot.name].track if slot.name in same else Track() for slot in slots}
        devices = {slot.name: Device(slot.name, slot.watch, tracks[slot.name]) for slot in slots}
        self._law, self.slots, self._devices = law, slots, devices
        self._change()

    def decision(self, now: Moment) -> Decision:
        """The decision in force at ``now``, taken anew if anything changed or the last one has run out (S3)."""
        if self._decision is None or now.mono >= self.valid_until:
            decision, self._memory = decide(self._law, self.devices, self._memory, self.override, now)
            self.pwm_frame = encode(Request.SET_PWM, (self.name, served(decision.duty)))
            self._decision, self.valid_until = decision, decision.valid_until
        return self._decision

    def review(self, now: Moment) -> tuple[Event, ...]:
        """Bring :attr:`alarms` up to date; returns what became of them since the last time."""
        self.alarms, events = review(self.alarms, self._findings(now), self._undecided(now), now.wall)
        return events

    @property
    def kept(self) -> Kept:
        """What must outlive the server; equal as long as nothing of it changes."""
        return Kept(self.override, self.pending, self.alarms)

    def restore(self, kept: Kept) -> None:
        """Go on where a server before this one ended."""
        self.override, self.pending, self.alarms = kept.override, kept.pending, kept.alarms
        self._change()

    def frame(self, now: Moment) -> bytes:
        """The whole frame that answers GET_PWM at ``now``."""
        self.decision(now)
        return self.pwm_frame

    def set_override(self, duty: Percent | None, now: Moment) -> None:
        """Override the duty, or with None end the override."""
        if duty is None:
            self.override = None
        else:
            self.override = override_by(duty, self.override, self.pending, now)
            self.pending = None
        self._change()

    def set_override_end(self, until: Timestamp | None, now: Moment) -> None:
        """Set when the override ends: the one in force, else the next; None is never.

        :raises ShelfPwmExpireBadValue: that has passed
        """
        self.override, self.pending = end_at(until, self.override, now)
        self._change()

    def report_speed(self, speed: Rpm, peer: Peer, now: Seconds) -> None:
        """One speed for the whole shelf, from a client that knows no more."""
        self.fans, self.client = FanReport(speed, (), peer, now), peer

    def report_fans(self, fans: tuple[FanState, ...], peer: Peer, now: Seconds) -> None:
        """The state of each fan."""
        self.fans, self.client = FanReport(slowest(fans), fans, peer, now), peer

    def subscribe(self, peer: Peer, now: Moment) -> None:
        """``peer`` is told the duty now, and wants every change of it; only fan clients do."""
        self.subscribers[peer] = self.frame(now)
        self.client = peer

    def speed(self, now: Seconds) -> Rpm | None:
        """The speed of the fans, of several the slowest; None when it is unknown or long ago (S7)."""
        return None if self.fans is None or self.fans.stale(now) else self.fans.speed

    def _findings(self, now: Moment) -> Iterator[Finding]:
        """What is wrong now. A device that has not been asked yet is no alarm: S1 is at work."""
        for fault in self.decision(now).faults:
            device = self._devices.get(fault.subject)
            if fault.sort is not Sort.UNANSWERED or (device is not None and device.track.failure is not None):
                yield Finding(fault.sort, fault.subject, fault.reason)

    def _undecided(self, now: Moment) -> Callable[[Alarm], bool]:
        """An alarm of a server before this one stands until its device has given an answer."""
        waiting = {
            device.name for device in self.devices if health(device.track, device.watch, now.mono) is Health.WAITING
        }
        return lambda alarm: alarm.subject in waiting or (alarm.sort is Sort.EMPTY and bool(waiting))

    def _change(self) -> None:
        self.valid_until = _NEVER
