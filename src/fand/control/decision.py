"""The decision of a shelf: demand of the temperatures, filters, faults, override, in this order.

1. In each family the hottest temperature (or, by choice, the mean) goes through the family's curve; the demand
   is the greatest of these and the floor. A device inside its failure budget, and a lost one too, counts with its
   last temperature; a sleeping one asks for nothing.
2. A rising demand is never delayed. For a falling one the temperature must first drop by the hysteresis, and the
   demand then falls no faster than the law allows.
3. Faults are not filtered: the duty is at least the greatest of theirs.
4. An override replaces the demand while it lives, never a fault.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from fand.control.alarm import Sort
from fand.control.device import Health, Track, Watch, health
from fand.control.law import FamilyLaw, ShelfLaw
from fand.control.override import Override, living
from fand.ports import Temperature
from fand.units import FULL, Celsius, Moment, Percent, Seconds, served

VALID: Final = Seconds(1.0)
"""No decision is served for longer than this without being taken anew."""


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
    """What the filters carry from one decision to the next: the temperature that holds in each family, and the
    filtered demand with its time.
    """

    held: Mapping[str, Celsius] = field(default_factory=dict)
    demand: Percent | None = None
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
    states = [health(device.track, device.watch, now.mono) for device in devices]
    faults = (*others, *_faults(law, devices, states, now.mono))
    raw, why, held = _demand(law, devices, states, memory)
    demand = raw
    if memory.demand is not None and raw < memory.demand:
        slowed = memory.demand - law.fall * max(0.0, now.mono - memory.at)
        if slowed > raw:
            demand, why = Percent(slowed), f"falling slowly to {served(raw)} %: {why}"
    duty, reason = demand, why
    current = living(override, now)
    if current is not None:
        duty, reason = current.percent, _override_reason(current, now)
    if faults and (worst := max(faults, key=lambda fault: fault.duty)).duty >= duty:
        duty, reason = worst.duty, worst.reason
    decision = Decision(duty, reason, demand, faults, current, _valid_until(devices, states, current, now))
    return decision, Memory(held, demand, now.mono)


def _faults(law: ShelfLaw, devices: Sequence[Device], states: Sequence[Health], now: Seconds) -> tuple[Fault, ...]:
    faults = []
    for device, state in zip(devices, states, strict=True):
        track = device.track
        failure = f": {track.failure.reason}" if track.failure is not None else ""
        if state is Health.WAITING:
            reason = f"{_title(device)} has not answered since the start{failure}"
            faults.append(Fault(FULL, Sort.UNANSWERED, reason, device.name))
        elif state is Health.LOST and track.last is not None:
            reason = f"{_title(device)} lost for {now - track.last.at:.0f} s{failure}"
            faults.append(Fault(law.on_lost, Sort.LOST, reason, device.name))
        if not isinstance(track.last, Temperature) or state is Health.ABSENT:
            continue
        family = law.of(track.family)
        if family is None:
            whose = f"the shelf has no curve for family {track.family}" if track.family else "its family is not known"
            reason = f"{_title(device)} at {track.last.celsius:.1f} °C: {whose}"
            faults.append(Fault(FULL, Sort.UNCURVED, reason, device.name))
        elif family.critical is not None and track.last.celsius >= family.critical:
            reason = f"{_title(device)} at {track.last.celsius:.1f} °C, critical from {family.critical:g} °C"
            faults.append(Fault(FULL, Sort.CRITICAL, reason, device.name))
    if all(state is Health.ABSENT for state in states):
        reason = "no device is there, so that nothing is known of the shelf"
        faults.append(Fault(law.on_lost, Sort.EMPTY, reason))
    return tuple(faults)


def _demand(
    law: ShelfLaw, devices: Sequence[Device], states: Sequence[Health], memory: Memory
) -> tuple[Percent, str, dict[str, Celsius]]:
    families: dict[str, list[tuple[Celsius, Device, Health]]] = {}
    for device, state in zip(devices, states, strict=True):
        last = device.track.last
        if isinstance(last, Temperature) and device.track.family is not None and state is not Health.ABSENT:
            families.setdefault(device.track.family, []).append((last.celsius, device, state))
    demand, why, held = law.floor, f"floor {law.floor:g} %", {}
    for name, warm in families.items():
        family = law.of(name)
        if family is None:
            continue
        celsius, who = _weigh(name, family, warm)
        before = memory.held.get(name)
        if before is not None and before - family.hysteresis < celsius < before:
            who, celsius = f"{who}, held at {before:.1f} °C until {before - family.hysteresis:.1f} °C", before
        held[name] = celsius
        asked = family.curve.duty(celsius)
        if asked > demand:
            demand, why = asked, f"{who} on curve {family.name} -> {served(asked)} %"
    return demand, why, held


def _weigh(name: str, family: FamilyLaw, warm: Sequence[tuple[Celsius, Device, Health]]) -> tuple[Celsius, str]:
    if family.average:
        # a lost device may raise the mean with what it said last, never lower it
        known = [celsius for celsius, _, state in warm if state is not Health.LOST]
        mean = max(_mean([celsius for celsius, _, _ in warm]), _mean(known or [warm[0][0]]))
        return mean, f"mean of {len(warm)} {name} at {mean:.1f} °C"
    celsius, device, _ = max(warm, key=lambda entry: entry[0])
    return celsius, f"{_title(device)} at {celsius:.1f} °C"


def _mean(temperatures: Sequence[Celsius]) -> Celsius:
    return Celsius(sum(temperatures) / len(temperatures))


def _valid_until(
    devices: Sequence[Device], states: Sequence[Health], override: Override | None, now: Moment
) -> Seconds:
    ends = [now.mono + VALID]
    for device, state in zip(devices, states, strict=True):
        if state in (Health.GOOD, Health.ASLEEP, Health.FAILING) and device.track.last is not None:
            ends.append(device.watch.deadline(device.track.last))
    if override is not None and override.until is not None:
        ends.append(now.mono + (override.until - now.wall))
    return Seconds(min(ends))


def _override_reason(override: Override, now: Moment) -> str:
    if override.until is None:
        return f"override {served(override.percent)} % until removed"
    return f"override {served(override.percent)} % for another {_span(override.until - now.wall)}"


def _span(seconds: float) -> str:
    """A span of time with the two units that matter."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _title(device: Device) -> str:
    return f"{device.track.family or 'device'} {device.name}"
