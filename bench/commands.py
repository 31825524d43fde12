"""How long ``fanctl get-pwm`` takes, from its start to its end."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Final

from bench import peers
from bench.configs import SHELF, THEIR_INI, steady
from bench.plan import Part, Plan, in_turn
from bench.processes import done, our_server, their_server
from bench.results import Goal, Outcome, Reached, Table, per_round

OURS: Final = "fand"
THEIRS: Final = "fand 0.1.1"
BARE: Final = "python -c pass"
SLIM: Final = "python -S -E -c pass"

GOALS: Final = (Goal("fanctl", "`fanctl get-pwm`, whole process, of what that of 0.1.1 takes", 0.8, "x"),)


def measure(plan: Plan) -> Outcome:
    """Each command in turn; the servers run all the while."""
    folder = plan.sub("commands")
    with ExitStack() as stack:
        ours = stack.enter_context(our_server(plan, steady())).port
        theirs = stack.enter_context(their_server(plan, THEIR_INI)).port

        def whole(command: Sequence[object]) -> float:
            begin = time.perf_counter()
            done(command, folder, plan.one)
            return (time.perf_counter() - begin) * 1000

        def get(port: int) -> list[object]:
            return ["-a", "127.0.0.1", "-p", port, "get-pwm", SHELF]

        found = in_turn(
            "ms",
            {
                THEIRS: lambda: whole([peers.program(peers.theirs(), "fanctl"), *get(theirs)]),
                OURS: lambda: whole([peers.program(peers.ours(), "fanctl"), *get(ours)]),
                BARE: lambda: whole([peers.ours(), "-c", "pass"]),
                SLIM: lambda: whole([peers.ours(), "-S", "-E", "-c", "pass"]),
            },
            6 * plan.rounds,
        )
    return Outcome(
        tables=(Table("fanctl get-pwm SHELF, whole process", tuple(found.values()), THEIRS),),
        reached={"fanctl": Reached(per_round(OURS, found[OURS], found[THEIRS]), reference=found[BARE])},
    )


PART: Final = Part(
    "commands",
    "fanctl",
    "The whole process, from its start to its end, on one processor with the server that it asks; Python alone "
    "beside it. Every program runs from a virtual environment that holds nothing else.",
    GOALS,
    measure,
)
