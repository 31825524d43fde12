"""What fand costs while nothing happens: processor, memory, wake-ups."""

import time
from contextlib import AbstractContextManager, ExitStack
from typing import Final

from tests.drivers.tree import Tree

from bench import peers
from bench.configs import SHELF, THEIR_INI, steady, toml
from bench.plan import SCRIPTS, Part, Plan
from bench.processes import Started, our_server, passed, rooted, running, their_server
from bench.results import Figure, Goal, Outcome, Reached, Table
from bench.tree import flash

SHELVES: Final = 10
DRIVES: Final = 24

GOALS: Final = (
    Goal("cpu", "a server with 10 shelves of 24 drives, idle: of a processor", 0.5, "%"),
    Goal("memory", "the same: resident memory", 35.0, "MiB"),
    Goal("wakeups", "the same: wake-ups beyond its readings", 3.0, "/s"),
    Goal("client-cpu", "a fan client: of a processor", 0.1, "%"),
    Goal("client-memory", "a fan client: resident memory", 20.0, "MiB"),
)

CLIENT: Final = """
[client]
shelf = "{shelf}"
servers = ["127.0.0.1:{port}"]
[[client.fans]]
name = "front"
hwmon = "nct6798"
pwm = 1
tachometer = 1
"""


def measure(plan: Plan) -> Outcome:
    """All of them run at the same time, and are looked at for the same while."""
    with ExitStack() as stack:
        root = plan.sub("root")
        serials = flash(Tree(root), SHELVES * DRIVES)
        busy, still = (
            stack.enter_context(our_server(plan, _shelves(serials, more), script=rooted(root, "sensors.drive")))
            for more in ("", ", interval = 3600")
        )
        attended = stack.enter_context(our_server(plan, _shelves(serials, ""), script=rooted(root, "sensors.drive")))
        one = stack.enter_context(our_server(plan, steady()))
        client = stack.enter_context(fan_client(plan, one.port))
        for number in range(SHELVES):
            stack.enter_context(fan_client(plan, attended.port, f"shelf{number}"))
        theirs = stack.enter_context(their_server(plan, THEIR_INI))
        their_client = stack.enter_context(their_fan_client(plan, theirs.port))
        bare = stack.enter_context(running([peers.ours(), "-c", "input()"], root, plan.one, stdin=-1))
        named = {
            "server, 10 shelves of 24 drives": busy,
            "the same, each drive read once an hour": still,
            "the same, with 10 fan clients": attended,
            "fan client": client,
            "fand 0.1.1: server, 1 shelf of 1 device": theirs,
            "fand 0.1.1: fan client": their_client,
        }
        for server in (busy, still, attended):
            passed(server, (f"shelf{number}" for number in range(SHELVES)))
        time.sleep(1.0 if plan.quick else 20.0)  # the first readings are over, and the clients in their rounds
        rounds = [_watched(named, plan.window / 3) for _ in range(3)]
        cpu, wakeups = (
            [Figure(name, unit, tuple(each[name][place] for each in rounds)) for name in named]
            for place, unit in ((0, "%"), (1, "/s"))
        )
        memory = [Figure(name, "MiB", (each.memory(),)) for name, each in named.items()]
        memory.append(Figure("bare Python", "MiB", (bare.memory(),)))
    return Outcome(
        tables=(
            Table("Time, of one processor", tuple(cpu)),
            Table("Wake-ups of the main thread, readings included", tuple(wakeups)),
            Table("Resident memory", tuple(memory)),
        ),
        reached={
            "cpu": Reached(cpu[0]),
            "memory": Reached(memory[0], memory[4], memory[-1]),
            "wakeups": Reached(wakeups[1]),
            "client-cpu": Reached(cpu[3], cpu[5]),
            "client-memory": Reached(memory[3], memory[5], memory[-1]),
        },
    )


def fan_client(plan: Plan, port: int, shelf: str = SHELF) -> AbstractContextManager[Started]:
    """A fan client with one fan of a hwmon chip in a temporary tree, which nobody reads."""
    folder = plan.sub("client")
    Tree(folder / "root").chip(1, "nct6798", "platform/nct6775.656", pwm1=255, pwm1_enable=1, fan1_input=900)
    (folder / "fand.toml").write_text(CLIENT.format(shelf=shelf, port=port))
    script = rooted(folder / "root", "fans.hwmon", "tachometers.hwmon")
    return running([peers.ours(), *script, "client", "-c", "fand.toml"], folder, plan.other)


def their_fan_client(plan: Plan, port: int, shelf: str = SHELF) -> AbstractContextManager[Started]:
    """The fan client of fand 0.1.1 on mock pins, which prints what they are set to."""
    command = [peers.theirs(), SCRIPTS / "pins.py", shelf, "-a", "127.0.0.1", "-p", port]
    return running(command, plan.sub("client-0.1.1"), plan.other)


def _shelves(serials: list[str], more: str) -> str:
    return toml(
        {
            f"shelf{number}": [
                f'{{ drive = "{serial}", via = "kernel"{more} }}'
                for serial in serials[number * DRIVES : (number + 1) * DRIVES]
            ]
            for number in range(SHELVES)
        }
    )


def _watched(named: dict[str, Started], seconds: float) -> dict[str, tuple[float, float]]:
    """What each has used of a processor, in percent, and its wake-ups a second."""
    begin = {name: (each.cpu(), each.wakeups(), time.monotonic()) for name, each in named.items()}
    time.sleep(seconds)
    found = {}
    for name, each in named.items():
        cpu, wakeups, at = begin[name]
        passed = time.monotonic() - at
        found[name] = (100 * (each.cpu() - cpu) / passed, (each.wakeups() - wakeups) / passed)
    return found


PART: Final = Part(
    "idle",
    "Idle",
    "10 shelves of 24 solid-state drives whose temperatures the kernel shows (files in a temporary tree), at the "
    "default intervals. Wake-ups beyond readings are those of the same server whose drives are read once an hour. "
    "The fan client has one fan with a tachometer on a hwmon chip in a temporary tree.",
    GOALS,
    measure,
)
