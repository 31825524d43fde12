"""The decision of a shelf: demand of the temperatures, filters, faults, override, in this order.

1. In each family the hottest temperature (or, by choice, the mean) goes through the family's curve; the demand
   is the greatest of these and the floor. A device inside its failure budget, and a lost one too, counts with its
   last temperature; a sleeping one asks for nothing.
2. A rising demand is never delayed. For a falling one the temperature must first drop by the hysteresis, and the
   demand then falls no faster than the law allows.
3. Faults are not filtered: the duty is at least the greatest of theirs. When a fault is over, what it demanded falls
   as slowly as a demand does, so that one that comes and goes does not make the fans surge. The fault that a device
   has not answered since the start (S1) is over at once: there was nothing to cool.
4. An override replaces all this while it lives, but for the faults.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter, itemgetter
from typing import Final

from fand.control.alarm import Sort
from fand.control.device import Health, Track, Watch, health
from fand.control.law import FamilyLaw, ShelfLaw
from fand.control.override import Override, living
from fand.ports import Temperature
from fand.units import FULL, Celsius, Moment, Percent, Seconds, served

VALID: Final = Seconds(30.0)
"""No decision is served for longer than this without being taken anew ..."""
STANDING: Final = Seconds(5.0)
"""... for no longer than this while there is a fault, whose words tell the time ..."""
BRIEF: Final = Seconds(1.0)
"""... and than this while the duty falls, or an override waits for its end by a clock that may be set."""


@dataclass(frozen=True, slots=True)
class Device:
    """One device of a shelf as the law sees it: its name in the configuration, how it is watched, what it said."""

    name: str
    watch: Watch
    track: Track


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that demands a duty whatever the temperatures and the operator say.

    ``subject`` is the name of the device or fan that has it; empty where it is the whole shelf's.
    """

    duty: Percent
    sort: Sort
    reason: str
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Memory:
    """What the filters carry from one decision to the next, taken ``at``: the temperature that holds in each family,
    the filtered demand, and the duty that faults demand, or that is left of it since they are over; and whether
    these were falling then. Where they were not, the time since has hardly begun to lower them.
    """

    held: Mapping[str, Celsius] = field(default_factory=dict)
    demand: Percent = Percent(0.0)
    boost: Percent = Percent(0.0)
    falling: bool = False
    at: Seconds = Seconds(0.0)


@dataclass(frozen=True, slots=True)
class Decision:
    """The duty of a shelf and why.

    ``demand`` is what the temperatures ask for, filtered; ``override`` the one in force, even where a fault
    exceeds it. The decision may be served before ``valid_until``; at that instant it must be taken anew (S3).
    """

    duty: Percent
    reason: str
    demand: Percent
    faults: tuple[Fault, ...]
    override: Override | None
    valid_until: Seconds


def decide(
    law: ShelfLaw,
    devices: Sequence[Device],
    memory: Memory,
    override: Override | None,
    now: Moment,
    *,
    others: Sequence[Fault] = (),
) -> tuple[Decision, Memory]:
    """Decide the duty of one shelf at ``now``; returns the memory for its next decision too.

    ``others`` are the faults that are not of devices.
    """
    mono = now.mono
    survey = _survey(law, devices, mono)
    faults = (*others, *survey.faults) if others else tuple(survey.faults)
    asked, why, held = _demand(law, survey.families, memory.held)
    passed = max(0.0, mono - memory.at)
    fallen = law.fall * (passed if memory.falling else min(passed, STANDING))
    demand = Percent(max(asked, memory.demand - fallen))
    boost = Percent(max(0.0, memory.boost - fallen))
    current = None if override is None else living(override, now)
    duty = demand if demand > boost else boost
    if current is not None:
        duty, why = current.percent, _override_reason(current, now)
    elif duty > asked:
        slowly = "falling slowly" if demand >= boost else "falling slowly after a fault"
        why = f"{slowly} to {served(asked)} %: {why}"
    if faults:
        worst = max(faults, key=_DUTY)
        if worst.duty >= duty:
            duty, why = worst.duty, worst.reason
        boost = max(boost, *(fault.duty for fault in faults if fault.sort is not Sort.UNANSWERED), Percent(0.0))
    if boost <= asked:
        boost = Percent(0.0)
    falling = demand > asked or (boost > 0 and not faults)
    most = BRIEF if falling or current is not None else STANDING if faults else VALID
    until = _valid_until(survey.until, mono + most, current, now)
    return Decision(duty, why, demand, faults, current, until), Memory(held, demand, boost, falling, mono)


_DUTY: Final = attrgetter("duty")
_CELSIUS: Final = itemgetter(0)
_FRESH: Final = (Health.GOOD, Health.ASLEEP, Health.FAILING)

_Warm = tuple[Celsius, Device, Health]


@dataclass(slots=True)
class _Survey:
    """What the devices say: what is wrong with them, the temperatures of each family, and until when that holds."""

    faults: list[Fault]
    families: dict[str, list[_Warm]]
    until: Seconds | None


def _survey(law: ShelfLaw, devices: Sequence[Device], now: Seconds) -> _Survey:
    faults: list[Fault] = []
    families: dict[str, list[_Warm]] = {}
    until = None
    empty = True
    for device in devices:
        track, watch = device.track, device.watch
        last = track.last
        state = worth(law, device, now)
        if state in _FRESH and last is not None:
            deadline = watch.deadline(last)
            if until is None or deadline < until:
                until = deadline
        elif state is Health.ABSENT:
            continue
        else:
            faults.append(_lost(law, device, now))
        empty = False
        if not isinstance(last, Temperature):
            continue
        family = law.of(track.family)
        if family is None:
            whose = f"the shelf has no curve for family {track.family}" if track.family else "its family is not known"
            reason = f"{_title(device)} at {last.celsius:.1f} °C: {whose}"
            faults.append(Fault(FULL, Sort.UNCURVED, reason, device.name))
            continue
        assert track.family is not None
        warm = families.get(track.family)
        if warm is None:
            families[track.family] = warm = []
        warm.append((last.celsius, device, state))
        if family.critical is not None and last.celsius >= family.critical:
            reason = f"{_title(device)} at {last.celsius:.1f} °C, critical from {family.critical:g} °C"
            faults.append(Fault(FULL, Sort.CRITICAL, reason, device.name))
    if empty:
        reason = "no device is there, so that nothing is known of the shelf"
        faults.append(Fault(law.on_lost, Sort.EMPTY, reason))
    return _Survey(faults, families, until)


def worth(law: ShelfLaw, device: Device, now: Seconds) -> Health:
    """What ``device`` is worth at ``now`` in a shelf of ``law``.

    One that was critical when it fell silent is lost, though it may be absent otherwise: a sensor fails where it is
    too hot for it, and what nobody measures any more goes on to warm.
    """
    state, last = health(device.track, device.watch, now), device.track.last
    if state is Health.ABSENT and isinstance(last, Temperature):
        family = law.of(device.track.family)
        if family is not None and family.critical is not None and last.celsius >= family.critical:
            return Health.LOST
    return state


def _lost(law: ShelfLaw, device: Device, now: Seconds) -> Fault:
    track = device.track
    failure = f": {track.failure.reason}" if track.failure is not None else ""
    if track.last is None:
        return Fault(
            FULL, Sort.UNANSWERED, f"{_title(device)} has not answered since the start{failure}", device.name
        )
    return Fault(
        law.on_lost, Sort.LOST, f"{_title(device)} lost for {now - track.last.at:.0f} s{failure}", device.name
    )


def _demand(
    law: ShelfLaw, families: Mapping[str, Sequence[_Warm]], before: Mapping[str, Celsius]
) -> tuple[Percent, str, dict[str, Celsius]]:
    """What the temperatures ask for, why, and the temperature that holds in each family."""
    demand, winner, held = law.floor, None, {}
    for name, warm in families.items():
        family = law.of(name)
        assert family is not None
        celsius = _mean(warm) if family.average else max(warm, key=_CELSIUS)[0]
        last = before.get(name)
        counts = last if last is not None and last - family.hysteresis < celsius < last else celsius
        held[name] = counts
        asked = family.curve.duty(counts)
        if asked > demand:
            demand, winner = asked, (name, family, celsius, counts)
    if winner is None:
        return demand, f"floor {law.floor:g} %", held
    name, family, celsius, counts = winner
    why = _who(name, family, families[name], celsius)
    if counts != celsius:
        why = f"{why}, held at {counts:.1f} °C until {counts - family.hysteresis:.1f} °C"
    return demand, f"{why} on curve {family.name} -> {served(demand)} %", held


def _who(name: str, family: FamilyLaw, warm: Sequence[_Warm], celsius: Celsius) -> str:
    if family.average:
        return f"mean of {len(warm)} {name} at {celsius:.1f} °C"
    return f"{_title(max(warm, key=_CELSIUS)[1])} at {celsius:.1f} °C"


def _mean(warm: Sequence[_Warm]) -> Celsius:
    """The mean of the family. A lost device may raise it with what it said last, never lower it; so one more that is
    lost never lowers it either.
    """
    known = [celsius for celsius, _, state in warm if state is not Health.LOST]
    total, count = float(sum(known)), len(known)
    if count < len(warm):
        for celsius in sorted((celsius for celsius, _, state in warm if state is Health.LOST), reverse=True):
            if count and celsius * count <= total:
                break
            total, count = total + celsius, count + 1
    return Celsius(total / count)


def _valid_until(readings: Seconds | None, most: float, override: Override | None, now: Moment) -> Seconds:
    until = most if readings is None or most < readings else readings
    if override is not None and override.until is not None:
        until = min(until, now.mono + (override.until - now.wall))
    return Seconds(until)


def _override_reason(override: Override, now: Moment) -> str:
    if override.until is None:
        return f"override {served(override.percent)} % until removed"
    return f"override {served(override.percent)} % for another {_span(override.until - now.wall)}"


def _span(seconds: float) -> str:
    """A span of time with the two units that matter."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days = hours // 24
    if days >= 2:
        return f"{days} d {hours % 24} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _title(device: Device) -> str:
    return f"{device.track.family or 'device'} {device.name}"
