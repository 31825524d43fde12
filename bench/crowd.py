"""Ten thousand fan clients of one server, and thousands that are told of a change."""

import contextlib
import json
import resource
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from bench import peers
from bench.certificates import Certified
from bench.configs import SHELF, THEIR_INI, toml
from bench.plan import SCRIPTS, Part, Plan
from bench.processes import Started, done, listening, our_server, running, their_server
from bench.results import Figure, Goal, Outcome, Reached, Table
from fand.wire import Request, encode

BARE: Final = "OpenSSL alone, the client's certificate verified"

SHELVES: Final = 100
SPARE: Final = 2500
"""Descriptors beside those of the clients that stay: the server's own, and those of newcomers."""

GOALS: Final = (
    Goal(
        "wait", "10,000 fan clients asking every 5 s, while 1,000 more come and leave: 99 % answered within", 50, "ms"
    ),
    Goal("memory", "the same: server memory for each", 12, "KiB"),
    Goal("pushed", "5,000 subscribed clients get a changed duty: 99 % within", 100, "ms"),
    Goal("wait, TLS", "10,000 fan clients by TLS: 99 % answered within", 50, "ms"),
    Goal("memory, TLS", "the same: server memory for each", 12, "KiB"),
    Goal("pushed, TLS", "5,000 subscribed clients by TLS get a changed duty: 99 % within", 100, "ms"),
)


def measure(plan: Plan) -> Outcome:
    """Plain and by TLS, on each event loop that the server uses."""
    known = Certified(plan.sub("tls"))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = 300 if plan.quick else 10_000
    most = min(wanted, hard - SPARE)
    if most < wanted:
        print(f"descriptors for {most} clients only: the goals are not shown; see ulimit -Hn")
    kept = _kept(plan, known, 100 if plan.quick else 500)
    tables = [kept]
    reached: dict[str, Reached] = {}
    for what, python, tls in (
        ("asyncio, plain", peers.ours(), None),
        ("asyncio, TLS", peers.ours(), known),
        ("uvloop, plain", peers.on_uvloop(), None),
        ("uvloop, TLS", peers.on_uvloop(), known),
    ):
        asked = _asking(plan, most, python, tls)
        if asked is None:
            continue
        told = _hearing(plan, most // 2, python, tls)
        tables += [
            Table(f"{most:,} fan clients each asking every 5 s, {what}", tuple(asked.values())),
            Table(f"{most // 2:,} subscribed clients, {what}", told),
        ]
        if most < wanted or "uvloop" in what:  # the goals are about the loop that everybody has
            continue
        if tls is None:
            served = Figure("clients served at once by fand 0.1.1", "", (_theirs(plan),))
            reached["wait"] = Reached(asked["p99"], served)
            reached["memory"], reached["pushed"] = Reached(asked["memory"]), Reached(told[1])
            tables.append(Table("How many clients fand 0.1.1 answers at the same time", (served,)))
        else:
            bare = next(figure for figure in kept.figures if figure.what == BARE)
            reached["wait, TLS"], reached["pushed, TLS"] = Reached(asked["p99"]), Reached(told[1])
            reached["memory, TLS"] = Reached(asked["memory"], reference=bare)
    return Outcome(tables=tuple(tables), reached=reached)


@contextlib.contextmanager
def crowd(
    plan: Plan, kind: str, settings: Mapping[str, Any], environ: Mapping[str, str] | None = None
) -> Iterator[tuple[Started, dict[str, float]]]:
    """The clients, from when all are in, and what that took."""
    folder = plan.sub("crowd")
    (folder / "settings.json").write_text(json.dumps(settings))
    command = [peers.ours(), SCRIPTS / "crowd.py", kind, "settings.json"]
    with running(command, folder, plan.other, environ, stdin=-1) as clients:
        yield clients, json.loads(clients.line())


def go(clients: Started) -> Any:
    """Have them do their work; returns what they found."""
    assert clients.process.stdin is not None
    clients.process.stdin.write("go\n")
    clients.process.stdin.flush()
    return json.loads(clients.line())


def asking(port: int, count: int, shelves: Sequence[str], seconds: float, newcomers: int) -> dict[str, Any]:
    """The settings of a crowd that asks for the duty every 5 s."""
    frames = [encode(Request.GET_PWM, (shelf,)).hex() for shelf in shelves]
    return {
        "port": port,
        "count": count,
        "frames": frames,
        "interval": 5,
        "seconds": seconds,
        "newcomers": newcomers,
    }


def _server(plan: Plan, shelves: int, python: Path, tls: Certified | None) -> Any:
    named = {f"shelf{number}": ["{ fake = 30, interval = 60 }"] for number in range(1, shelves + 1)}
    return our_server(plan, toml(named, server=tls.server if tls else ""), python=python)


def _asking(plan: Plan, count: int, python: Path, tls: Certified | None) -> dict[str, Figure] | None:
    """What is found of clients that ask; None if the server runs on another event loop than is wanted."""
    seconds = 10.0 if plan.quick else 30.0
    environ = tls.environ if tls else None
    with _server(plan, SHELVES, python, tls) as server:
        if (python == peers.on_uvloop()) != server.has_loaded(peers.UVLOOP):
            return None
        time.sleep(1)
        alone, before = server.memory(), server.cpu()
        shelves = [f"shelf{number}" for number in range(1, SHELVES + 1)]
        settings = asking(server.port, count, shelves, seconds, count // 10)
        with crowd(plan, "ask", settings, environ) as (clients, came):
            welcome = server.cpu() - before
            before, begin = server.cpu(), time.monotonic()
            found = go(clients)
            spent = (server.cpu() - before) / (time.monotonic() - begin)
            memory = server.memory()
    waits, newcomers, late = found["waits"], found["newcomers"], found["late"]
    return {
        "median": Figure("wait for an answer, median", "ms", (waits["median"],)),
        "p99": Figure("wait for an answer, 99 % within", "ms", (waits["p99"],)),
        "worst": Figure("wait for an answer, the longest", "ms", (waits["worst"],)),
        "late": Figure("of that the load generator asks late, 99 % within", "ms", (late["p99"],)),
        "answered": Figure("answers", "", (found["answered"],)),
        "missed": Figure("questions without an answer", "", (found["asked"] - found["answered"],)),
        "turned": Figure("newcomers that were not served", "", (count // 10 - found["came"],)),
        "newcomers": Figure("newcomers: from connecting to the answer, 99 % within", "ms", (newcomers["p99"],)),
        "memory": Figure("server memory for each client", "KiB", (1024 * (memory - alone) / count,)),
        "cpu": Figure("the server's time on its processor", "%", (100 * spent,)),
        "welcome": Figure("the server's time for letting one in", "ms", (1000 * welcome / count,)),
        "half": Figure("after a restart: until half of them were answered", "s", (came["half"],)),
        "came": Figure("after a restart: until all of them were answered", "s", (came["seconds"],)),
        "again": Figure("after a restart: times that one of them had to come again", "", (came["tries"] - count,)),
        "own": Figure("the load generator's time on the other processor", "%", (100 * found["cpu"],)),
    }


def _kept(plan: Plan, known: Certified, count: int) -> Table:
    """What is kept for each client by TLS: by us, by the least server on each loop, by OpenSSL alone."""
    ask = encode(Request.GET_PWM, (SHELF,))
    settings = {"count": count, "frames": [ask.hex()]}

    def grown(server: Started) -> float:
        before = server.memory()
        with crowd(plan, "ask", {**settings, "port": server.port}, known.environ):
            return 1024 * (server.memory() - before) / count

    def ours(python: Path) -> float:
        with _server(plan, 1, python, known) as server:
            time.sleep(1)
            return grown(server)

    def echo(python: Path, kind: str) -> float:
        command = [python, SCRIPTS / "references.py", kind, len(ask), ask.hex(), known.folder]
        with running(command, plan.sub("reference"), plan.one) as server:
            server.port = int(server.line())
            return grown(server)

    alone = [peers.ours(), SCRIPTS / "ciphers.py", known.folder, known.client.certificate, known.client.key, count]
    stranger, shown = map(float, done(alone, plan.sub("ciphers"), plan.one).split())
    loops = {"asyncio": peers.ours(), "uvloop": peers.on_uvloop()}
    found = {
        **{f"fand, {loop}": ours(python) for loop, python in loops.items()},
        BARE: shown,
        "OpenSSL alone, no certificate asked for": stranger,
        **{f"{loop} Protocol echo": echo(python, loop) for loop, python in loops.items()},
    }
    return Table(
        f"Memory for one client by TLS, of {count:,}",
        tuple(Figure(what, "KiB", (value,)) for what, value in found.items()),
        words="OpenSSL alone is its own objects and two buffers in memory, without a socket or anything of ours: "
        "more than twice the 12 KiB of the goal. By massif of valgrind (OpenSSL 3.0) 7.4 KiB are the "
        "object of a connection itself, 3.1 the two buffers, which keep the size of the longest message of the "
        "handshake, 1.9 the states of two ciphers; 10 are the client's certificate and that of its authority, which "
        "clients send along, with their keys; the rest are many small parts.",
    )


def _hearing(plan: Plan, count: int, python: Path, tls: Certified | None) -> tuple[Figure, ...]:
    duties = range(60, 60 + (3 if plan.quick else 20))
    with _server(plan, 1, python, tls) as server:
        changes = [
            (encode(Request.SET_PWM_OVERRIDE, (SHELF, duty)).hex(), encode(Request.SET_PWM, (SHELF, duty)).hex())
            for duty in duties
        ]
        settings = {
            "port": server.port,
            "count": count,
            "frames": [encode(Request.SUBSCRIBE_PWM, (SHELF,)).hex()],
            "changes": changes,
        }
        with crowd(plan, "hear", settings, tls.environ if tls else None) as (clients, _):
            before = server.cpu()
            found = go(clients)
            spent = (server.cpu() - before) / len(changes)
    return (
        Figure("a changed duty is heard, median", "ms", tuple(each["median"] for each in found)),
        Figure("a changed duty is heard, 99 % within", "ms", tuple(each["p99"] for each in found)),
        Figure("a changed duty is heard by the last", "ms", tuple(each["worst"] for each in found)),
        Figure("the server's time on its processor for a change", "ms", (1000 * spent,)),
    )


def _theirs(plan: Plan) -> float:
    """How many clients fand 0.1.1 answers while those before stay connected."""
    ask = encode(Request.PING, ())
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(their_server(plan, THEIR_INI))
        for served in range(100):
            sock = stack.enter_context(listening(server.port))
            sock.settimeout(5)
            sock.sendall(ask)
            try:
                sock.recv(65536)
            except TimeoutError:
                return served
    return 100


PART: Final = Part(
    "crowd",
    "Connections",
    "The server has one processor, the load generator another: one process that asks by bare sockets, from 40 "
    "addresses of the loopback network. Waits count from the time at which a question was due, so what the "
    "generator is late counts as the server's; who is not served counts as 30 s. A changed duty is an "
    "operator's override; it counts as heard when the generator has read it, which is one socket after the "
    "other. Memory is that of the process, resident; the kernel's buffers are not in it. After a restart all come "
    "within a moment, by TLS with their hellos ready; who is sent away comes again after 1 to 10 s, as fan clients "
    "do. Then the generator, which shakes hands for all of them, has as much to do as the server.",
    GOALS,
    measure,
)
