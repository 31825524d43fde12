"""The whole fan client as a value: events in, what to drive and the next deadline out. Pure.

Several servers may ask for the same fans (two heads of one shelf): the greatest of their demands is driven (C3), and
a server that has never answered, or whose lease is over, asks for as much as it would alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from operator import is_
from typing import Final

from fand.fanclient import lease as leases
from fand.fanclient import output as outputs
from fand.fanclient.lease import Lease, State, Terms
from fand.fanclient.output import Limits, Output, Pace
from fand.units import FULL, Percent, Seconds

_GRAVEST: Final = (State.FAILSAFE, State.INIT, State.HOLD, State.RUN)
_GRAVITY: Final = {state: -place for place, state in enumerate(_GRAVEST)}


@dataclass(frozen=True, slots=True)
class Machine:
    """The leases of its servers and the outputs of its fans, each known by its place here, at one ``pace``."""

    leases: tuple[Lease, ...]
    outputs: tuple[Output, ...]
    pace: Pace
    leaving: bool = False

    @property
    def state(self) -> State:
        """EXIT, or else the gravest state of a lease."""
        if self.leaving:
            return State.EXIT
        return max((lease.state for lease in self.leases), key=_GRAVITY.__getitem__)

    @property
    def demand(self) -> Percent:
        """What all servers together need now."""
        return FULL if self.leaving else max(lease.demand for lease in self.leases)

    @property
    def deadline(self) -> Seconds:
        """When :func:`tick` has something to do next, or a write is due."""
        ends = [output.deadline(self.pace.interval) for output in self.outputs]
        ends += [lease.deadline for lease in self.leases if lease.deadline is not None]
        return Seconds(min(ends))

    def due(self, now: Seconds) -> list[int]:
        """The outputs to be written now."""
        return [] if self.leaving else [i for i, output in enumerate(self.outputs) if output.due <= now]


def start(terms: Terms, servers: int, limits: Iterable[Limits], interval: Seconds, now: Seconds) -> Machine:
    """A fan client that begins: every fan is about to be taken over at full speed.

    Its duty is written and verified again each ``interval``.
    """
    begun = tuple(outputs.begun(limit, now) for limit in limits)
    return Machine(tuple(Lease(terms) for _ in range(servers)), begun, Pace(interval, terms.lease))


def answer(machine: Machine, server: int, duty: Percent, asked: Seconds, now: Seconds) -> Machine:
    """``server`` said ``duty``, true at ``asked`` or later."""
    return _with_lease(machine, server, leases.answer(machine.leases[server], duty, asked, now), now)


def missed(machine: Machine, server: int, now: Seconds) -> Machine:
    """``server`` could not be asked, or did not answer as it must."""
    return _with_lease(machine, server, leases.missed(machine.leases[server], now), now)


def tick(machine: Machine, now: Seconds) -> Machine:
    """Time has passed."""
    ticked = tuple(leases.tick(lease, now) for lease in machine.leases)
    return _aimed(machine if _same(ticked, machine.leases) else replace(machine, leases=ticked), now)


def driven(machine: Machine, fan: int, output: Output) -> Machine:
    """What has become of ``fan`` by a write or a measurement."""
    held = machine.outputs
    if output is held[fan]:
        return machine
    return replace(machine, outputs=(*held[:fan], output, *held[fan + 1 :]))


def woken(machine: Machine, now: Seconds) -> Machine:
    """The host, or this process, has slept: every fan is written and verified at once."""
    return tick(replace(machine, outputs=tuple(outputs.woken(output, now) for output in machine.outputs)), now)


def leave(machine: Machine) -> Machine:
    """The fans are given back; nothing is driven from now on."""
    return replace(machine, leaving=True)


def _with_lease(machine: Machine, server: int, lease: Lease, now: Seconds) -> Machine:
    held = machine.leases
    if lease is held[server]:
        return _aimed(machine, now)
    return _aimed(replace(machine, leases=(*held[:server], lease, *held[server + 1 :])), now)


def _aimed(machine: Machine, now: Seconds) -> Machine:
    demand = machine.demand
    interval = machine.pace.interval
    aimed = tuple(outputs.aim(output, demand, now, interval) for output in machine.outputs)
    return machine if _same(aimed, machine.outputs) else replace(machine, outputs=aimed)


def _same(one: tuple[object, ...], other: tuple[object, ...]) -> bool:
    """Whether nothing of it has become another: most turns of a loop change nothing."""
    return all(map(is_, one, other))
