"""How many instructions the server's process carries out for one request, by callgrind; the kernel's are not counted.

Such counts hardly depend on what else the machine does.
"""

import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bench import peers
from bench.configs import SHELF, THEIR_INI, steady
from bench.plan import SCRIPTS, Part, Plan
from bench.processes import Started, listening, our_server, running, their_server
from bench.results import Figure, Outcome, Table
from fand.wire import Decoder, Request, encode

WARM: Final = 300
"""So many requests go before those that are counted."""

IDLE: Final = 6.0
"""Seconds of what the server does by itself, with the timers of a whole round; it is not counted for requests."""

FAN: Final = {"name": "front", "rpm": 900, "duty": 50, "state": "ok"}
GET_PWM: Final = "GET_PWM"

OURS: Final[Mapping[str, bytes]] = {
    GET_PWM: encode(Request.GET_PWM, (SHELF,)),
    "GET_RPM": encode(Request.GET_RPM, (SHELF,)),
    "PING": encode(Request.PING, ()),
    "SET_RPM": encode(Request.SET_RPM, (SHELF, 900)),
    "SET_FANS with one fan": encode(Request.SET_FANS, (SHELF, [FAN])),
    "GET_STATUS": encode(Request.GET_STATUS, (SHELF,)),
}
THEIRS: Final = (GET_PWM, "GET_RPM", "PING", "SET_RPM")


def measure(plan: Plan) -> Outcome:
    """Each server in turn, under valgrind."""
    if shutil.which("valgrind") is None or shutil.which("vgdb") is None:
        raise SystemExit("valgrind is not installed; on Debian: apt install valgrind")
    count = 300 if plan.quick else 1000
    folder = plan.sub("callgrind")
    watched = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/%p"]
    found: dict[str, float] = {}
    with our_server(plan, steady(), before=watched) as server:
        found |= {f"fand: {what}": _each(server, folder, frame, count) for what, frame in OURS.items()}
    with their_server(plan, THEIR_INI, before=watched) as server:
        found |= {f"fand 0.1.1: {what}": _each(server, folder, OURS[what], count) for what in THEIRS}
    answer = encode(Request.SET_PWM, (SHELF, 50))
    command = [*watched, peers.ours(), SCRIPTS / "references.py", "asyncio", len(OURS[GET_PWM]), answer.hex()]
    with running(command, folder, plan.one) as server:
        server.port = int(server.line())
        found["asyncio Protocol echo"] = _each(server, folder, OURS[GET_PWM], count, whole=len(answer))
    figures = tuple(Figure(what, "", (each,)) for what, each in found.items())
    return Outcome(tables=(Table("Instructions of one request", figures, f"fand 0.1.1: {GET_PWM}"),))


def _each(server: Started, folder: Path, frame: bytes, count: int, whole: int = 0) -> float:
    """Ask ``count`` times, each time after the answer; ``whole`` is the length of an answer that is no frame."""
    with listening(server.port) as sock:

        def ask() -> None:
            sock.sendall(frame)
            decoder, got = Decoder(), 0
            while got < whole if whole else decoder.next_frame() is None:
                data = sock.recv(65536)
                if not data:
                    raise SystemExit("the server ended the connection")
                got += len(data)
                if not whole:
                    decoder.feed(data)

        for _ in range(WARM):
            ask()
        _tell(server, "zero")
        begin = time.monotonic()
        time.sleep(IDLE)
        idle = _counted(server, folder) / (time.monotonic() - begin)
        begin = time.monotonic()
        for _ in range(count):
            ask()
        busy = time.monotonic() - begin
        return (_counted(server, folder) - idle * busy) / count


def _counted(server: Started, folder: Path) -> int:
    """How many instructions there were since the last time."""
    before = set(folder.iterdir())
    _tell(server, "dump")
    texts = [dump.read_text() for dump in set(folder.iterdir()) - before]
    return sum(int(text.split("\nsummary: ")[1].split()[0]) for text in texts if "\nsummary: " in text)


def _tell(server: Started, command: str) -> None:
    subprocess.run(["vgdb", f"--pid={server.pid}", command], check=True, capture_output=True)


PART: Final = Part(
    "instructions",
    "Instructions",
    "What one request costs the server's process in instructions, counted by callgrind while one client asks again "
    "and again; neither those of the kernel nor those of the server's own timers are. That of GET_PWM does not "
    "depend on the machine's mood; others do a little, for a server that has no time (and under callgrind it has a "
    "fiftieth) lets requests wait in line.",
    (),
    measure,
)
