"""What of the shelves outlives the server: the values in its state file, and what a new server takes from them.

Instants are POSIX seconds, so that neither daylight saving nor another time zone moves them. Every value is checked
by itself when it is taken back: one that cannot be is left out and told, the others count.
"""

import re
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec

from fand.control import Alarm, Override, Pending, Sort, living
from fand.dispatch import LATEST, NOTHING_KEPT, Hall, Kept, shorten
from fand.units import Moment, Percent, Timestamp, served

T = TypeVar("T")

LONGEST_REASON: Final = 1000
"""Characters of an alarm's reason that are taken back; none that is kept is longer."""

_Instant = Annotated[float, msgspec.Meta(gt=0, le=LATEST)]


class SavedOverride(msgspec.Struct, frozen=True):
    """An override; ``until`` None is until it is removed, which must be said."""

    percent: Annotated[float, msgspec.Meta(ge=0, le=100)]
    until: _Instant | None
    given: bool


class SavedPending(msgspec.Struct, frozen=True):
    """The end of the next override."""

    until: _Instant | None


class SavedAlarm(msgspec.Struct, frozen=True):
    """An alarm; ``sort`` is a value of :class:`fand.control.Sort`."""

    sort: str
    subject: str
    reason: str
    since: _Instant


class SavedShelf(msgspec.Struct, frozen=True, omit_defaults=True):
    """One shelf; what there is not is left out. Each value is checked when it is taken back."""

    override: Any = None
    pending: Any = None
    alarms: list[Any] = []


class State(msgspec.Struct, frozen=True):
    """The whole file. A later fand that means something else by it writes another ``version``."""

    version: Literal[1]
    shelves: dict[str, Any]


@dataclass(slots=True)
class Recalled:
    """What a state file gives: the shelves by name, what could not be used, and what has come to its end."""

    shelves: dict[str, Kept] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    over: list[str] = field(default_factory=list)


def file_name(config: Path) -> str:
    """The name of the state file of the server whose configuration is ``config``; each configuration has its own."""
    path = str(config.absolute())
    readable = re.sub(r"[^A-Za-z0-9._]+", "-", path)[-80:].strip("-")
    return f"server-{readable}-{sha256(path.encode(errors='surrogateescape')).hexdigest()[:8]}.json"


def state_of(hall: Hall) -> State:
    """What is to be kept of ``hall``. A shelf of which there is nothing to keep is left out."""
    kept = ((name, shelf.kept) for name, shelf in hall.shelves.items())
    return State(1, {name: _saved(value) for name, value in kept if value is not NOTHING_KEPT})


def overrides_of(state: State) -> object:
    """What ``state`` says of overrides and their ends, equal where it says the same."""
    shelves: dict[str, Any] = msgspec.to_builtins(state.shelves)
    said = {
        name: [shelf.get(key) if isinstance(shelf, dict) else shelf for key in ("override", "pending")]
        for name, shelf in shelves.items()
    }
    return {name: values for name, values in said.items() if values != [None, None]}


def _saved(kept: Kept) -> SavedShelf:
    override, pending = kept.override, kept.pending
    return SavedShelf(
        None if override is None else SavedOverride(override.percent, override.until, override.given),
        None if pending is None else SavedPending(pending.until),
        [SavedAlarm(alarm.sort.value, alarm.subject, alarm.reason, alarm.since) for alarm in kept.alarms],
    )


def recall(state: State, shelves: Container[str], now: Moment) -> Recalled:
    """What of ``state`` counts at ``now`` for ``shelves``, the names of the configuration.

    What is kept of a shelf that is not configured any more is dropped: should one of its name come back, it begins
    anew.
    """
    found = Recalled()
    for name, raw in state.shelves.items():
        shown = shorten(name, 60)
        if name not in shelves:
            found.over.append(f"{shown} is not configured any more: what was kept of it is dropped")
            continue
        saved = _taken(raw, SavedShelf, shown, found)
        if saved is not None:
            override = _override(saved.override, shown, found, now)
            pending = _pending(saved.pending, shown, found, now)
            found.shelves[name] = Kept(override, pending, tuple(_alarms(saved.alarms, shown, found)))
    return found


def _override(raw: object, shelf: str, found: Recalled, now: Moment) -> Override | None:
    saved = None if raw is None else _taken(raw, SavedOverride, f"{shelf}: override", found)
    if saved is None:
        return None
    until = None if saved.until is None else Timestamp(saved.until)
    override = living(Override(Percent(saved.percent), until, saved.given), now)
    if override is None and until is not None:
        duty, when = served(saved.percent), datetime.fromtimestamp(until, UTC).isoformat(" ", "seconds")
        found.over.append(f"{shelf}: the override of {duty:g} % ended at {when}")
    return override


def _pending(raw: object, shelf: str, found: Recalled, now: Moment) -> Pending | None:
    saved = None if raw is None else _taken(raw, SavedPending, f"{shelf}: end of the next override", found)
    if saved is None or (saved.until is not None and saved.until <= now.wall):
        return None
    return Pending(None if saved.until is None else Timestamp(saved.until))


def _alarms(raws: list[Any], shelf: str, found: Recalled) -> Iterator[Alarm]:
    sorts = {sort.value: sort for sort in Sort}
    for raw in raws:
        saved = _taken(raw, SavedAlarm, f"{shelf}: alarm", found)
        if saved is None:
            continue
        if saved.sort in sorts:
            reason = shorten(saved.reason, LONGEST_REASON)
            yield Alarm(sorts[saved.sort], saved.subject, reason, Timestamp(saved.since))
        else:
            found.faults.append(f"{shelf}: alarm: there is no sort {shorten(saved.sort, 40)!r}")


def _taken(raw: object, kind: type[T], place: str, found: Recalled) -> T | None:
    """``raw`` as a ``kind``; None, and a fault is noted, if it is none."""
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        found.faults.append(f"{place}: {error}")
        return None
