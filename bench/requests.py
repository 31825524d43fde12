"""How many requests a second one client has answered, on one processor with the server."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from bench import peers
from bench.certificates import Certified
from bench.configs import SHELF, THEIR_INI, steady, toml
from bench.plan import SCRIPTS, Part, Plan, in_turn
from bench.processes import done, listening, our_server, running, their_server
from bench.results import Figure, Goal, Outcome, Reached, Table, per_round
from fand.wire import Request, encode

ASK, ANSWER = encode(Request.GET_PWM, (SHELF,)), encode(Request.SET_PWM, (SHELF, 50))

OURS, OURS_UV, THEIRS = "fand, asyncio", "fand, uvloop", "fand 0.1.1"
BAYS = 24
ECHO, ECHO_UV, THREAD = "asyncio Protocol echo", "uvloop Protocol echo", "blocking thread echo"

GOALS = (
    Goal("asyncio", "GET_PWM by a bare socket, of what an asyncio echo reaches", 0.85, "x", most=False),
    Goal("uvloop", "the same on uvloop, of what a uvloop echo reaches", 0.85, "x", most=False),
    Goal("library", "`fand.communication` at both ends, of what that of 0.1.1 reaches", 2.0, "x", most=False),
    Goal("library-uvloop", "the same with a server on uvloop", 2.0, "x", most=False),
)


def measure(plan: Plan) -> Outcome:
    """All servers run from the start, and are asked in turn."""
    with ExitStack() as stack:
        known = Certified(plan.sub("tls"))
        folder = plan.sub("references")
        theirs = stack.enter_context(their_server(plan, THEIR_INI)).port

        def servers(config: str) -> dict[str, int]:
            """Ours on each loop, as far as it uses them: their ports."""
            there = {
                OURS: stack.enter_context(our_server(plan, config)),
                OURS_UV: stack.enter_context(our_server(plan, config, python=peers.on_uvloop())),
            }
            return {
                name: each.port for name, each in there.items() if each.has_loaded(peers.UVLOOP) == (name == OURS_UV)
            }

        def echo(python: Path, kind: str, tls: bool = False) -> int:
            command = [
                python,
                SCRIPTS / "references.py",
                kind,
                len(ASK),
                ANSWER.hex(),
                *([known.folder] if tls else []),
            ]
            return int(stack.enter_context(running(command, folder, plan.one)).line())

        ours, on_uvloop = peers.ours(), peers.on_uvloop()
        plain = servers(steady())
        bare = {name: partial(_bare, plan, port) for name, port in plain.items()}
        bare[THEIRS] = partial(_bare, plan, theirs, size=_answer(theirs))
        echoes = {ECHO: echo(ours, "asyncio"), ECHO_UV: echo(on_uvloop, "uvloop"), THREAD: echo(ours, "thread")}
        bare |= {name: partial(_bare, plan, port) for name, port in echoes.items()}
        whole = {name: partial(_library, plan, ours, port) for name, port in plain.items()}
        whole[THEIRS] = partial(_library, plan, peers.theirs(), theirs)
        whole |= {f"our client, {name}": partial(_library, plan, ours, port) for name, port in echoes.items()}
        secure = servers(steady(server=known.server))
        by_tls: dict[str, Callable[[], float]]
        by_tls = {name: partial(_bare, plan, port, environ=known.environ) for name, port in secure.items()}
        by_tls[ECHO] = partial(_bare, plan, echo(ours, "asyncio", True), environ=known.environ)
        by_tls[ECHO_UV] = partial(_bare, plan, echo(on_uvloop, "uvloop", True), environ=known.environ)
        by_tls["fand.communication, " + OURS] = partial(_library, plan, ours, secure[OURS], environ=known.environ)
        full = servers(toml({SHELF: [f'{{ fake = 30, name = "d{bay}", interval = 5 }}' for bay in range(BAYS)]}))
        states = {name: partial(_library, plan, ours, port, "status") for name, port in full.items()}
        sockets, library, tls, state = (in_turn("/s", each, plan.rounds) for each in (bare, whole, by_tls, states))
    return Outcome(
        tables=(
            Table("GET_PWM by a bare socket", tuple(sockets.values()), THEIRS),
            Table("GET_PWM, `fand.communication` at both ends", tuple(library.values()), THEIRS),
            Table("GET_PWM by TLS: a bare socket, and `fand.communication`", tuple(tls.values()), ECHO),
            Table(f"All that is known of a shelf of {BAYS} drives, by `fand.client`", tuple(state.values()), OURS),
        ),
        reached={
            **_held("asyncio", sockets, OURS, ECHO),
            **_held("uvloop", sockets, OURS_UV, ECHO_UV),
            **_held("library", library, OURS, THEIRS),
            **_held("library-uvloop", library, OURS_UV, THEIRS),
        },
    )


def _held(key: str, found: Mapping[str, Figure], ours: str, echo: str) -> dict[str, Reached]:
    if ours not in found:
        return {}
    theirs = per_round(THEIRS, found[THEIRS], found[echo]) if echo != THEIRS else None
    return {key: Reached(per_round(ours, found[ours], found[echo]), theirs)}


def _bare(plan: Plan, port: int, size: int = len(ANSWER), environ: Mapping[str, str] | None = None) -> float:
    command = [peers.ours(), SCRIPTS / "trips.py", "socket", port, SHELF, plan.seconds, ASK.hex(), size]
    return float(done(command, plan.sub("client"), plan.one, environ))


def _library(
    plan: Plan, python: Path, port: int, kind: str = "library", environ: Mapping[str, str] | None = None
) -> float:
    command = [python, SCRIPTS / "trips.py", kind, port, SHELF, plan.seconds]
    return float(done(command, plan.sub("client"), plan.one, environ))


def _answer(port: int) -> int:
    """How long the answer of 0.1.1 is, whose frames are not ours."""
    with listening(port) as sock:
        sock.sendall(ASK)
        return len(sock.recv(65536))


PART = Part(
    "requests",
    "Requests",
    "One client asks GET_PWM again as soon as it is answered. Client and server are pinned to one processor: the "
    "steadiest, for then no wake-up of another processor is measured. An echo answers frames of the same size "
    "without a look at them: what the event loop alone can do. Our client, beside echoes, shows how much of the "
    "second table is the client's: it reads a header and what follows it by two calls of the system, each after one "
    "that waits with a time-out, and never beyond a frame, so that `select` sees the next. Where it hardly reaches "
    "the target beside an asyncio echo, which does nothing, no server on that loop can be fast enough.",
    GOALS,
    measure,
)
