"""Deliberate bugs, each of which the simulation must catch: they show what it is worth.

A bug is a change of a few words in the source of the product, as a developer could make it by mistake. The changed
function is compiled and takes the place of the real one while the bug is applied, wherever it is already in use.

To be quick, the hunt for a bug draws only faults of the kinds that its rule is about, and many of them; all of these
kinds are drawn by every run of the simulation.
"""

import ast
import csv
import inspect
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from pkgutil import resolve_name
from textwrap import dedent
from types import CodeType, FunctionType
from typing import Any, Final

import msgspec
import pytest

from tests.simulation.plan import Fault, Plan, draw
from tests.simulation.run import Violation, play

SEEDS: Final = 20
"""Within so many seeds a bug must be caught, unless it says otherwise."""
HOURS: Final = 1.1
"""Simulated hours of each seed."""
STORM: Final = 1500.0
"""Seconds after which no fault begins any more, so that there is time to recover."""
PACE: Final = 16.0
"""Faults that befall a shelf in an hour, where they are of all kinds."""
APART: Final = 45.0
"""Seconds between two faults, where they are of certain kinds ..."""
LASTS: Final = 600.0
"""... which last no longer than this."""
CROWDED: Final = 3000.0
"""Faults an hour from which those of certain kinds are taken."""


@dataclass(frozen=True)
class Edit:
    """A change of what ``where`` names, like ``fand.control.device:health``.

    Of a function or a property, each text ``old`` becomes its ``new``; a constant, which is ``old``, becomes ``new``,
    and both are then expressions in its module.
    """

    where: str
    changes: tuple[tuple[str, str], ...]

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Make the changes for a while.

        :raises ValueError: the source has not such a text, or more than once
        """
        found: Any = resolve_name(self.where)
        function = found.fget if isinstance(found, property) else found
        if not isinstance(function, FunctionType):
            with self._constant(found):
                yield
            return
        real = function.__code__
        function.__code__ = self._compiled(function)
        try:
            yield
        finally:
            function.__code__ = real

    @contextmanager
    def _constant(self, real: object) -> Iterator[None]:
        place, _, name = self.where.partition(":")
        module = resolve_name(place)
        ((old, new),) = self.changes
        if eval(old, vars(module)) != real:
            raise ValueError(f"{self.where} is {real!r}, not {old}")
        setattr(module, name, eval(new, vars(module)))
        try:
            yield
        finally:
            setattr(module, name, real)

    def _compiled(self, function: FunctionType) -> CodeType:
        source = dedent(inspect.getsource(function))
        for old, new in self.changes:
            if source.count(old) != 1:
                raise ValueError(f"{self.where} has {source.count(old)} times the text {old!r}")
            source = source.replace(old, new)
        tree = ast.parse(source)
        definition = tree.body[0]
        assert isinstance(definition, ast.FunctionDef | ast.AsyncFunctionDef)
        definition.decorator_list = []
        space = dict(function.__globals__)
        exec(compile(tree, f"<{self.where}>", "exec", dont_inherit=True), space)
        changed: FunctionType = space[definition.name]
        return changed.__code__


def edit(where: str, *texts: str) -> Edit:
    """An edit of the texts, old and new in turn."""
    return Edit(where, tuple(zip(texts[::2], texts[1::2], strict=True)))


@dataclass(frozen=True)
class Mutation:
    """A bug: its ``name``, the ``rule`` that it breaks, what it does in one sentence, and the changes that make it.

    ``kinds`` are the faults that the hunt draws; None is all, and the empty tuple none at all. It is caught within
    ``seeds`` seeds; or, what no simulation of this kind can see, by ``test``, which must fail.
    """

    name: str
    rule: str
    sentence: str
    edits: tuple[Edit, ...]
    kinds: tuple[str, ...] | None = None
    seeds: int = SEEDS
    test: str | None = None

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Have the bug for a while."""
        with ExitStack() as stack:
            for change in self.edits:
                stack.enter_context(change.applied())
            yield

    def plan(self, seed: int) -> Plan:
        """The plan of ``seed`` in the hunt for this bug."""
        if self.kinds is None:
            plan = draw(seed, HOURS, PACE)
            return msgspec.structs.replace(plan, faults=tuple(fault for fault in plan.faults if fault.at < STORM))
        plan = draw(seed, HOURS, CROWDED if self.kinds else 0.0)
        faults: list[Fault] = []
        for fault in plan.faults:
            if fault.kind in self.kinds and fault.at < STORM and (not faults or fault.at >= faults[-1].at + APART):
                faults.append(msgspec.structs.replace(fault, lasts=min(fault.lasts, LASTS)))
        return msgspec.structs.replace(plan, faults=tuple(faults))


@dataclass(frozen=True)
class Catch:
    """What came of the hunt for the bug called ``name``: the seed at which it was caught, None if it was not.

    ``innocent`` is what the same seed violates without the bug: nothing, or it proves nothing.
    """

    name: str
    seed: int | None
    violation: Violation | None
    innocent: Violation | None = None


def hunt(mutation: Mutation, seeds: int | None = None) -> Catch:
    """Play seed after seed with the bug, ``seeds`` of them at most, until an invariant is violated."""
    if mutation.test is not None:
        return _tested(mutation, mutation.test)
    for seed in range(1, (seeds or mutation.seeds) + 1):
        with mutation.applied():
            violation = play(mutation.plan(seed)).violation
        if violation is not None:
            same = msgspec.structs.replace(mutation.plan(seed), seconds=violation.at + 1.0)
            return Catch(mutation.name, seed, violation, play(same).violation)
    return Catch(mutation.name, None, None)


def _tested(mutation: Mutation, test: str) -> Catch:
    with mutation.applied(), redirect_stdout(StringIO()):
        failed = pytest.main(["-q", "-p", "no:cacheprovider", "-p", "no:xdist", test]) == pytest.ExitCode.TESTS_FAILED
    return Catch(mutation.name, None, Violation("a test", test, 0.0) if failed else None)


COLUMNS: Final = ("bug", "rule", "what is wrong", "seeds", "caught by", "after")


def row(catch: Catch, mutation: Mutation) -> tuple[str, ...]:
    """A line of the table in docs/simulation.rst."""
    if catch.violation is None:
        return (mutation.name, mutation.rule, mutation.sentence, "", "", "")
    if mutation.test is not None:
        return (mutation.name, mutation.rule, mutation.sentence, "", mutation.test.partition("::")[2], "")
    minutes = f"{catch.violation.at / 60:.0f} min"
    return (mutation.name, mutation.rule, mutation.sentence, str(catch.seed), catch.violation.rule, minutes)


def write(path: Path, rows: Sequence[tuple[str, ...]]) -> None:
    """Save the table as CSV."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows)
