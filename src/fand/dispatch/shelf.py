"""The state of one shelf, and its decision."""

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, replace
from math import inf
from typing import Final

from fand.control import (
    Alarm,
    Decision,
    Device,
    Event,
    FanState,
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
from fand.dispatch.access import Role
from fand.dispatch.fans import Fans, one_speed
from fand.dispatch.peer import OLD_SILENCE, Peer
from fand.ports import Reading, Temperature
from fand.units import FULL, Moment, Percent, Rpm, Seconds, Timestamp, served
from fand.wire import Request, encode

_NEVER: Final = Seconds(-inf)

_OF_FANS: Final = frozenset({Sort.STALLED, Sort.FAULT})
_OF_DEVICES: Final = frozenset({Sort.UNANSWERED, Sort.LOST, Sort.CRITICAL, Sort.UNCURVED})


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


NOTHING_KEPT: Final = Kept()


class Shelf:
    """One shelf: its devices, its override, its fans, and the duty that follows.

    ``pwm_frame`` is the encoded answer to GET_PWM; both it and the decision may be served while the monotonic
    clock is before ``valid_until``, and :meth:`decision` and :meth:`frame` see to that. ``subscribers`` maps those
    who want every change to the frame that each was last told. ``alarms`` are those that stood at the last
    :meth:`review`. ``commanded`` tells whether somebody has set or ended the override, or set its end.
    """

    def __init__(self, name: str, law: ShelfLaw, slots: Iterable[Slot]) -> None:
        self.name = name
        self.slots = tuple(slots)
        self.override: Override | None = None
        self.pending: Pending | None = None
        self.fans = Fans()
        self.client: Peer | None = None
        self.subscribers: dict[Peer, bytes] = {}
        self.alarms: tuple[Alarm, ...] = ()
        self.commanded = False
        self.valid_until = _NEVER
        self.pwm_frame = b""
        self.law = law
        self._devices = {slot.name: Device(slot.name, slot.watch, Track()) for slot in self.slots}
        self._memory = Memory()
        self._decision: Decision | None = None
        self._begun: Seconds | None = None  # when the first decision was taken

    @property
    def devices(self) -> tuple[Device, ...]:
        """The devices in the order of their slots, with what they last said."""
        return tuple(self._devices.values())

    def observe(self, device: str, reading: Reading, family: str | None = None) -> None:
        """Take in one reading of the device called ``device``; ``family`` is what it is known to be, if it is."""
        known = self._devices[device]
        before, after = known.track, observe(known.track, reading, family)
        self._devices[device] = Device(device, known.watch, after)
        if not (_says_the_same(before, after) and self._rests_on(known)):
            self._change()

    def become(self, law: ShelfLaw, slots: Iterable[Slot], same: Container[str]) -> None:
        """Go on under another configuration.

        The devices named in ``same`` keep what they last said; any other has not answered yet (S1). All else stays:
        the override, the alarms, the fans, who is subscribed, and what the filters remember.
        """
        slots = tuple(slots)
        tracks = {slot.name: self._devices[slot.name].track if slot.name in same else Track() for slot in slots}
        devices = {slot.name: Device(slot.name, slot.watch, tracks[slot.name]) for slot in slots}
        self.law, self.slots, self._devices = law, slots, devices
        self._change()

    def decision(self, now: Moment) -> Decision:
        """The decision in force at ``now``, taken anew if anything changed or the last one has run out (S3)."""
        if self._decision is None or now.mono >= self.valid_until:
            if self._begun is None:
                self._begun = now.mono
            faults = self.fans.faults(self.law.on_stalled)
            decision, self._memory = decide(self.law, self.devices, self._memory, self.override, now, others=faults)
            self.override = decision.override  # what has ended does not come back when the wall clock is set back
            if (quiet := self.silence(now.mono)) is not None:
                decision = replace(decision, reason=f"{decision.reason}; {quiet}")
            if self._decision is None or decision.duty != self._decision.duty:
                self.pwm_frame = encode(Request.SET_PWM, (self.name, served(decision.duty)))
            self._decision = decision
            self.valid_until = Seconds(min(decision.valid_until, self._silent_from(now.mono)))
        return self._decision

    def review(self, now: Moment) -> tuple[Event, ...]:
        """Bring :attr:`alarms` up to date; returns what became of them since the last time."""
        self.alarms, events = self._reviewed(now)
        return events

    def alarms_at(self, now: Moment) -> tuple[Alarm, ...]:
        """The alarms that stand at ``now``, though the next :meth:`review` has yet to tell of them."""
        return self._reviewed(now)[0]

    def silence(self, now: Seconds) -> str | None:
        """Words for it if the fan client is silent at ``now``, or none has come since the start (S7)."""
        if self.client is not None:
            return f"fan client {self.client.address} is silent" if self.client.silent(now) else None
        waited = self._begun is not None and now - self._begun > OLD_SILENCE
        return "no fan client has come since the start" if waited else None

    @property
    def kept(self) -> Kept:
        """What must outlive the server; equal as long as nothing of it changes, :data:`NOTHING_KEPT` if nothing."""
        if self.override is None and self.pending is None and not self.alarms:
            return NOTHING_KEPT
        return Kept(self.override, self.pending, self.alarms)

    def restore(self, kept: Kept) -> None:
        """Go on where a server before this one ended: a fan that was in trouble still is (S6)."""
        self.override, self.pending, self.alarms = kept.override, kept.pending, kept.alarms
        for alarm in kept.alarms:
            if alarm.sort in _OF_FANS:
                self.fans.restore(alarm.sort, alarm.subject)
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
        self.commanded = True
        self._change()

    def set_override_end(self, until: Timestamp | None, now: Moment) -> None:
        """Set when the override ends: the one in force, else the next; None is never.

        :raises ShelfPwmExpireBadValue: that has passed
        """
        self.override, self.pending = end_at(until, self.override, now)
        self.commanded = True
        self._change()

    def report_speed(self, speed: Rpm, peer: Peer, now: Seconds) -> bool:
        """One speed for the whole shelf, from a client that knows no more; see :meth:`report_fans`."""
        return self.report_fans((one_speed(speed),), peer, now)

    def report_fans(self, fans: tuple[FanState, ...], peer: Peer, now: Seconds) -> bool:
        """The state of each fan; tells whether the duty or the alarms may have changed.

        :raises RequestError: these are too many fans for one shelf
        """
        duty = FULL if self._decision is None else self._decision.duty
        news = self.fans.report(fans, peer, duty, now) or self.silence(now) is not None
        self.client = peer
        if news:
            self._change()
        return news

    def subscribe(self, peer: Peer, now: Moment) -> None:
        """``peer`` is told the duty now, and wants every change of it. Who may report is taken for the fan client."""
        if peer.grant.may(Role.REPORT, self.name):
            if self.silence(now.mono) is not None:
                self._change()
            self.client = peer
        self.subscribers[peer] = self.frame(now)

    def speed(self, now: Seconds) -> Rpm | None:
        """The speed of the fans, of several the slowest; None when it is unknown or long ago (S7)."""
        return self.fans.speed(now)

    def _silent_from(self, now: Seconds) -> Seconds:
        """When the fan client will be silent if nothing is heard; never if it is so at ``now``."""
        if self.client is not None:
            end = Seconds(self.client.at + self.client.patience)
        else:
            end = Seconds(inf if self._begun is None else self._begun + OLD_SILENCE)
        return end if end >= now else Seconds(inf)

    def _rests_on(self, device: Device) -> bool:
        """Whether the decision in force was taken while what ``device`` had said last was fresh."""
        last = device.track.last
        return last is not None and self.valid_until <= device.watch.deadline(last)

    def _reviewed(self, now: Moment) -> tuple[tuple[Alarm, ...], tuple[Event, ...]]:
        findings = self._findings(now)
        if not (findings or self.alarms):
            return (), ()
        return review(self.alarms, findings, self._undecided(now), now.wall)

    def _findings(self, now: Moment) -> list[Finding]:
        """What is wrong now. A device that has not been asked yet is no alarm: S1 is at work."""
        findings = list(self.fans.findings())
        lost = {alarm.subject for alarm in self.alarms if alarm.sort is Sort.LOST}
        for fault in self.decision(now).faults:
            sort = fault.sort
            if sort is Sort.UNANSWERED:
                if self._devices[fault.subject].track.failure is None:
                    continue
                if fault.subject in lost:
                    sort = Sort.LOST  # as it was when a server before this one ended
            findings.append(Finding(sort, fault.subject, fault.reason))
        if (quiet := self.silence(now.mono)) is not None:
            findings.append(Finding(Sort.SILENT, "", quiet))
        else:
            findings += self.fans.unheard(self.client, now.mono)
        return findings

    def _undecided(self, now: Moment) -> Callable[[Alarm], bool]:
        """An alarm of a server before this one stands until something is heard that could tell."""
        waiting = {
            device.name for device in self.devices if health(device.track, device.watch, now.mono) is Health.WAITING
        }

        def undecided(alarm: Alarm) -> bool:
            if alarm.sort in _OF_DEVICES:
                return alarm.subject in waiting
            if alarm.sort is Sort.EMPTY:
                return bool(waiting)
            if alarm.sort is Sort.TAKEN:
                return self.fans.reported is None
            return alarm.sort is Sort.SILENT and self.client is None

        return undecided

    def _change(self) -> None:
        self.valid_until = _NEVER


def _says_the_same(before: Track, after: Track) -> bool:
    """Whether a device that answers has but said again what it said before."""
    return (
        isinstance(before.last, Temperature)
        and isinstance(after.last, Temperature)
        and before.last.celsius == after.last.celsius
        and before.failures == after.failures == 0
        and before.family == after.family
    )
