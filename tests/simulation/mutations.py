"""Deliberate bugs. Each switches off a rule, or a part of one, in the real code, and must be caught by an invariant.

A mutation that no seed catches tells that an invariant or a fault is missing.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import inf
from typing import Any, Final

import fand.control.decision as decisions
import fand.control.device as devices
import fand.control.override as overrides
import fand.dispatch.shelf as shelves
import fand.fanclient.lease as leases
import fand.fanclient.output as outputs
import fand.fanclient.redial as redials
import fand.fanclient.rotation as rotations
import fand.server.reloading as reloadings
import fand.server.saving as savings
import fand.server.watching as watchings
from fand.config import ServerConfig
from fand.control import Health, Override, Sort, Track
from fand.dispatch.fans import Fans
from fand.drivers.smartctl import Smartctl
from fand.fanclient.conversation import Conversation
from fand.fanclient.hardware import HostFan
from fand.fanclient.lease import Lease
from fand.fanclient.lease import State as Standing
from fand.fanclient.machine import Machine
from fand.notify import ALIVE
from fand.ports import Asleep, Failed, Temperature
from fand.server.connection import Connection
from fand.server.readers import Readers
from fand.server.state import State
from fand.units import Celsius, Percent, Seconds, Timestamp
from tests.simulation.clients import Link
from tests.simulation.engine import START
from tests.simulation.host import Host, Unit

Swap = tuple[Any, str, Callable[[Any], Any]]
"""A module or class, the name of something in it, and what makes the wrong one from the right one."""


@dataclass(frozen=True)
class Mutation:
    """One deliberate bug: the rule that it breaks, and what is wrong then."""

    name: str
    rule: str
    what: str
    swaps: tuple[Swap, ...]


@contextlib.contextmanager
def mutated(mutation: Mutation) -> Iterator[None]:
    """Within, the code has this bug."""
    before = [(owner, name, owner.__dict__[name]) for owner, name, _ in mutation.swaps]
    try:
        for (owner, name, make), (_, _, right) in zip(mutation.swaps, before, strict=True):
            setattr(owner, name, make(right))
        yield
    finally:
        for owner, name, right in before:
            setattr(owner, name, right)


def _always(value: Any) -> Callable[[Any], Any]:
    return lambda _right: value


def _giving(value: Any) -> Callable[[Any], Any]:
    """A function that does nothing and gives ``value``."""
    return lambda _right: lambda *_args, **_named: value


def _healthy(wrong: Health, taken_for: Health) -> Swap:
    def make(right: Any) -> Any:
        def health(*args: Any) -> Health:
            state: Health = right(*args)
            return taken_for if state is wrong else state

        return health

    return decisions, "health", make


def _decide(change: Callable[[dict[str, Any]], None]) -> Swap:
    """A decision taken from other arguments."""

    def make(right: Any) -> Any:
        def decide(law: Any, known: Any, memory: Any, override: Any, now: Any, *, others: Any = ()) -> Any:
            given = {"law": law, "known": known, "memory": memory, "override": override, "now": now, "others": others}
            change(given)
            return right(
                given["law"], given["known"], given["memory"], given["override"], given["now"], others=given["others"]
            )

        return decide

    return shelves, "decide", make


def _uncritical(given: dict[str, Any]) -> None:
    law = given["law"]
    given["law"] = replace(law, families={name: replace(one, critical=None) for name, one in law.families.items()})


def _averaged(given: dict[str, Any]) -> None:
    law = given["law"]
    given["law"] = replace(law, families={name: replace(one, average=True) for name, one in law.families.items()})


def _obeyed(right: Any) -> Any:
    """An override goes below any fault."""

    def decide(law: Any, known: Any, memory: Any, override: Any, now: Any, *, others: Any = ()) -> Any:
        decision, memory = right(law, known, memory, override, now, others=others)
        if decision.override is not None:
            decision = replace(decision, duty=decision.override.percent)
        return decision, memory

    return decide


def _slow_rise(right: Any) -> Any:
    """The demand rises no faster than it falls."""

    def decide(law: Any, known: Any, memory: Any, override: Any, now: Any, *, others: Any = ()) -> Any:
        decision, after = right(law, known, memory, override, now, others=others)
        most = memory.demand + law.fall * max(0.0, now.mono - memory.at)
        if memory.at and not decision.faults and decision.override is None and decision.duty > most:
            decision, after = replace(decision, duty=Percent(most)), replace(after, demand=Percent(most))
        return decision, after

    return decide


def _for_ever(right: Any) -> Any:
    def decide(*args: Any, **named: Any) -> Any:
        decision, memory = right(*args, **named)
        return replace(decision, valid_until=Seconds(inf)), memory

    return decide


def _zero_for_failure(right: Any) -> Any:
    def observe(track: Track, reading: Any, family: str | None = None) -> Track:
        if isinstance(reading, Failed):
            return Track(last=Temperature(Celsius(0.1), reading.at), family=family or track.family)
        result: Track = right(track, reading, family)
        return result

    return observe


def _asleep_for_failure(right: Any) -> Any:
    def observe(track: Track, reading: Any, family: str | None = None) -> Track:
        result: Track = right(track, Asleep(reading.at) if isinstance(reading, Failed) else reading, family)
        return result

    return observe


def _late(right: Any) -> Any:
    """A reading is as young as its answer, not as the question."""

    async def read(self: Any) -> Any:
        reading, family = await right(self)
        return replace(reading, at=self._clock.mono()), family

    return read


def _one_failure_ends(right: Any) -> Any:
    async def watch(self: Any, observe: Any, phase: Any) -> None:
        ended = False

        def once(reading: Any, family: Any) -> None:
            nonlocal ended
            if not ended:
                observe(reading, family)
            ended = ended or isinstance(reading, Failed)

        await right(self, once, phase)

    return watch


def _woken(right: Any) -> Any:
    def ask(self: Any, device: str, kind: Any, _nocheck: str, now: Any) -> Any:
        return right(self, device, kind, "never", now)

    return ask


def _one_at_a_time(right: Any) -> Any:
    def init(self: Any, *_args: Any) -> None:
        right(self, 1)

    return init


def _patient(right: Any) -> Any:
    async def call(self: Any, function: Any, _timeout: float) -> Any:
        return await right(self, function, 1e9)

    return call


def _inheriting(_right: Any) -> Any:
    """A new override ends when the one before it did, though that has passed."""

    def override_by(percent: Any, before: Any, _pending: Any, now: Any) -> Override:
        until = before.until if before is not None else Timestamp(now.wall + 86400.0)
        return Override(percent, until)

    return override_by


def _half_reloaded(right: Any) -> Any:
    """What is wrong with a configuration is left out, and the rest taken over."""

    def prepare(self: Any, before: Any) -> Any:
        loaded = right(self, before)
        return (ServerConfig(()), []) if isinstance(loaded, Exception) else loaded

    return prepare


def _let_through(right: Any) -> Any:
    """What a peer sends wrongly comes through to the event loop."""

    def work(self: Any, decoder: Any) -> None:
        while (payload := decoder.next_payload()) is not None:
            frame, _, _ = self._answer(payload)
            if frame is None:
                self._transport.close()
                return
            self._transport.write(frame)
        self._rest(decoder, True)

    del right
    return work


def _once_written(right: Any) -> Any:
    def wrote(output: Any, read: Any, resolution: Any, now: Any, pace: Any) -> Any:
        after = right(output, read, resolution, now, pace)
        return after if after.failures else replace(after, due=Seconds(inf))

    return wrote


def _fed_by_links(right: Any) -> Any:
    def received(self: Any, data: bytes) -> None:
        self._client._unit.tell(ALIVE)
        right(self, data)

    return received


def _least(_right: Any) -> property:
    return property(lambda self: Percent(100.0) if self.leaving else min(lease.demand for lease in self.leases))


def _unaged(_right: Any) -> Any:
    return lambda lease, _now: lease


def _kept_over(right: Any) -> Any:
    """When the lease is over, the last duty is kept for good."""

    def aged(lease: Lease, now: Seconds) -> Lease:
        after: Lease = right(lease, now)
        return replace(after, demand=lease.demand) if after.state is Standing.FAILSAFE else after

    return aged


def _renewed_by_pushes(right: Any) -> Any:
    """Whatever comes makes the duty as young as now, however long it was under way."""

    def received(self: Any, request: Any, args: Any, fans: Any, now: Seconds) -> Any:
        turn = right(self, request, args, fans, now)
        return turn if turn.heard is None else turn._replace(heard=turn.heard._replace(sure=now))

    return received


def _stays_in_failsafe(right: Any) -> Any:
    def answer(lease: Lease, duty: Any, asked: Any, now: Any) -> Lease:
        return lease if lease.state is Standing.FAILSAFE else right(lease, duty, asked, now)

    return answer


def _gives_up(right: Any) -> Any:
    def ended(redial: Any, error: Any, interval: Any, now: Any, chance: Any, *, heard: bool) -> Any:
        after = right(redial, error, interval, now, chance, heard=heard)
        return replace(after, due=Seconds(now + 1e9)) if after.failures >= 2 else after

    return ended


def _wall_clock(_right: Any) -> Any:
    return lambda self: Seconds(self.wall() - 1_700_000_000.0 + START)


def _sleeping_clock(_right: Any) -> Any:
    return lambda self: Seconds(self.engine.now + START - self.manager.slept)


def _never_cleared(right: Any) -> Any:
    def review(before: Any, findings: Any, _undecided: Any, now: Any) -> Any:
        return right(before, findings, lambda _alarm: True, now)

    return review


def _no_alarm(*sorts: Sort) -> Swap:
    def make(right: Any) -> Any:
        def review(before: Any, findings: Any, undecided: Any, now: Any) -> Any:
            return right(before, [one for one in findings if one.sort not in sorts], undecided, now)

        return review

    return shelves, "review", make


def _first_only(right: Any) -> Any:
    """Of a family, the device that stands first counts, not the hottest."""

    def weigh(name: Any, family: Any, warm: Any) -> Any:
        return right(name, family, warm[:1])

    return weigh


def _unread(right: Any) -> Any:
    def written(self: Any, output: Any, pace: Any, now: Any) -> Any:
        """Nothing is read back."""
        self.take()
        self._fan.drive(output.duty)
        return outputs.wrote(output, output.duty, self._fan.resolution, now, pace)

    del right
    return written


def _no_failsafe(right: Any) -> Any:
    def init(self: Any, host: Any, name: str, make: Any, _after: Any, *args: Any) -> None:
        right(self, host, name, make, lambda _well: None, *args)

    return init


def _unsaved(_right: Any) -> Any:
    return lambda _hall: State(1, {})


MUTATIONS: Final = (
    Mutation(
        "unanswered",
        "S1",
        "a device that has not answered yet is ignored",
        (_healthy(Health.WAITING, Health.ABSENT),),
    ),
    Mutation("lost", "S2", "a device that is lost counts as if it were well", (_healthy(Health.LOST, Health.GOOD),)),
    Mutation("failures", "S2", "failed readings are not counted", ((devices, "FAILURES", _always(10**9)),)),
    Mutation("zero", "S2", "a failed reading is taken for 0 °C", ((shelves, "observe", _zero_for_failure),)),
    Mutation(
        "sleeper",
        "S2",
        "a failed reading is taken for a sleeping drive",
        ((shelves, "observe", _asleep_for_failure),),
    ),
    Mutation(
        "watch-ends",
        "S2",
        "a device is not asked again after a failure",
        ((watchings.Watcher, "watch", _one_failure_ends),),
    ),
    Mutation("for-ever", "S3", "a decision is served until something new is read", ((shelves, "decide", _for_ever),)),
    Mutation("young", "S3", "a slow reading is taken for one of now", ((watchings.Watcher, "read", _late),)),
    Mutation("critical", "S4", "critical temperatures are ignored", (_decide(_uncritical),)),
    Mutation("drop", "S5", "a drop that no drive can make counts at once", ((devices, "_doubted", _giving(None)),)),
    Mutation("slow-rise", "S5", "the duty rises as slowly as it falls", ((shelves, "decide", _slow_rise),)),
    Mutation("no-boost", "S6", "the shelf is not boosted when a fan stalls", ((Fans, "faults", _giving(())),)),
    Mutation(
        "no-stall",
        "S6",
        "the fan client finds no stall",
        ((rotations, "REPORTS", _always(10**9)), (Fans, "faults", _giving(()))),
    ),
    Mutation("silent", "S7", "a silent client is no alarm", ((shelves.Shelf, "silence", _giving(None)),)),
    Mutation(
        "endless", "S8", "an override without an end lasts for ever", ((overrides, "DEFAULT_LIFE", _always(1e9)),)
    ),
    Mutation("forgotten", "S8", "overrides are not kept on disk", ((savings, "state_of", _unsaved),)),
    Mutation(
        "inherited", "S8", "a new override inherits an end that has passed", ((shelves, "override_by", _inheriting),)
    ),
    Mutation("obeyed", "S8", "an override goes below a fault", ((shelves, "decide", _obeyed),)),
    Mutation(
        "hang",
        "S9",
        "a sensor that hangs is waited for, and keeps the others waiting",
        ((Readers, "call", _patient), (Readers, "__init__", _one_at_a_time)),
    ),
    Mutation("woken", "S10", "drives are asked whether they sleep or not", ((Smartctl, "ask", _woken),)),
    Mutation(
        "reload",
        "S11",
        "a bad configuration is taken over as far as it goes",
        ((reloadings.Reloading, "_prepare", _half_reloaded),),
    ),
    Mutation("let-through", "S12", "what a peer sends wrongly is not caught", ((Connection, "_work", _let_through),)),
    Mutation("once-written", "C1", "a duty is written only when it changes", ((outputs, "wrote", _once_written),)),
    Mutation("unread", "C1", "nothing is read back after a write", ((HostFan, "_written", _unread),)),
    Mutation(
        "no-failsafe", "C2", "nothing happens after the fan client was killed", ((Unit, "__init__", _no_failsafe),)
    ),
    Mutation("no-watchdog", "C2", "a process that hangs is left alone", ((Unit, "_look", _giving(None)),)),
    Mutation(
        "fed-by-links",
        "C2",
        "the watchdog is fed by a thread that drives nothing",
        ((Link, "received", _fed_by_links),),
    ),
    Mutation("least", "C3", "of several servers the least duty is driven", ((Machine, "demand", _least),)),
    Mutation("lease", "lease", "a lease never ends", ((leases, "_aged", _unaged),)),
    Mutation("kept", "lease", "the last duty is kept when the lease is over", ((leases, "_aged", _kept_over),)),
    Mutation(
        "renewed",
        "lease",
        "a push renews the lease, however old it is",
        ((Conversation, "received", _renewed_by_pushes),),
    ),
    Mutation("stays", "lease", "a failsafe never ends", ((leases, "answer", _stays_in_failsafe),)),
    Mutation(
        "gives-up", "lease", "after two failures the server is not tried again", ((redials, "ended", _gives_up),)
    ),
    Mutation("wall", "time", "deadlines are judged by the wall clock", ((Host, "mono", _wall_clock),)),
    Mutation("suspend", "time", "the time of a suspend does not count", ((Host, "mono", _sleeping_clock),)),
    Mutation("unpushed", "push", "a change of the duty is not pushed", ((Connection, "push", _giving(True)),)),
    Mutation(
        "first", "law", "the first device of a family counts, not the hottest", ((decisions, "_weigh", _first_only),)
    ),
    Mutation("average", "law", "the mean of a family counts everywhere", (_decide(_averaged),)),
    Mutation("never-cleared", "alarms", "an alarm never ends", ((shelves, "review", _never_cleared),)),
    Mutation("no-lost-alarm", "alarms", "a lost device is no alarm", (_no_alarm(Sort.LOST, Sort.UNANSWERED),)),
    Mutation("no-taken-alarm", "alarms", "a fan that somebody else sets is no alarm", (_no_alarm(Sort.TAKEN),)),
)


def named(name: str) -> Mutation:
    """The mutation of that name.

    :raises LookupError: there is none
    """
    for mutation in MUTATIONS:
        if mutation.name == name:
            return mutation
    raise LookupError(name)
