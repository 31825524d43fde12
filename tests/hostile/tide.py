"""Thousands of hostile connections at once, of every manner, and how long honest clients wait meanwhile.

``python -m tests.hostile.tide PORT COUNT`` is the crowd, in a process of its own: it says ``there`` when all have
come, and goes, telling what it has done, when its standard input ends. Where the server speaks TLS, a third word is
the folder of :class:`~tests.hostile.secure.Secured`.
"""

import contextlib
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from fand.wire import Request, encode
from tests.child import Child
from tests.hostile.attack import frame
from tests.hostile.flood import Crowd, Manner
from tests.hostile.live import Live
from tests.hostile.secure import NAME, context, hello
from tests.wire.attacks import holding

HOSTS: Final = tuple(f"127.0.0.{number}" for number in range(2, 42))

Part = tuple[str, float, Manner]
"""What they do, how many of them do it, and how."""

STATUS: Final = encode(Request.GET_STATUS, ("shelf1",))

MANNERS: Final[tuple[Part, ...]] = (
    ("say nothing", 0.2, Manner(b"9", endless=False)),
    ("never end a frame", 0.2, Manner(b"99F9ffff" + bytes(60_000), endless=False)),
    ("ask without end", 0.2, Manner(encode(Request.PING, ()))),
    ("ask, and never read", 0.2, Manner(STATUS, reads=False)),
    ("send single bytes", 0.1, Manner(encode(Request.GET_RPM, ("shelf1",)), step=1)),
    ("are refused, and come again", 0.05, Manner(encode(Request.GET_PWM, ("nowhere",)))),
    ("attack, and come again", 0.05, Manner(frame(holding(b"cos\nsystem\n")))),
)


def by_tls(folder: Path) -> tuple[Part, ...]:
    """The same where the server speaks TLS; who may connect there is in ``folder``."""
    words = hello()
    known = Manner(b"", tls=context(folder, "reader"), name=NAME)
    foreign = replace(known, tls=context(folder, "foreign"))
    return (
        ("say nothing", 0.2, Manner(words[:1], endless=False)),
        ("never end their hello", 0.15, Manner(words[:-1], endless=False)),
        ("say hello, and no more", 0.15, Manner(words, endless=False)),
        ("say hello in single bytes, and again", 0.1, Manner(words, endless=False, step=1, leaves=True)),
        ("do not speak TLS, and come again", 0.1, Manner(encode(Request.PING, ()))),
        ("have a foreign certificate, and come again", 0.1, replace(foreign, data=STATUS)),
        ("may read, and ask without end", 0.05, replace(known, data=encode(Request.PING, ()))),
        ("may read, ask, and never read", 0.05, replace(known, data=STATUS, reads=False)),
        ("may read, and send records of one byte", 0.05, replace(known, data=STATUS, step=1)),
        ("may read, ask for more, and come again", 0.05, replace(known, data=encode(Request.RELOAD, ()))),
    )


SPARE: Final = 200
"""Descriptors that a process needs beside those of the crowd."""


def most() -> int:
    """How many connections a process here can have, at either end."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return min(limit, 2**20) // 2 - SPARE if limit < 4096 else min(limit, 2**20) - 2048


@contextlib.contextmanager
def tide(port: int, count: int, folder: Path | None = None) -> Iterator["subprocess.Popen[str]"]:
    """A crowd of so many, all of which have come; with ``folder``, where the server speaks TLS."""
    with Child(
        [
            sys.executable,
            "-m",
            "tests.hostile.tide",
            str(port),
            str(count),
            *([] if folder is None else [str(folder)]),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "there\n"
        yield process


@dataclass(frozen=True)
class Waits:
    """How long answers took, in seconds."""

    times: tuple[float, ...]

    def __str__(self) -> str:
        times = sorted(self.times)
        late = times[int(len(times) * 0.99)]
        return (
            f"{len(times):6} answers   median {1000 * statistics.median(times):7.1f} ms"
            f"   99 % {1000 * late:7.1f} ms   worst {1000 * times[-1]:7.1f} ms"
        )


class Honest:
    """Fan clients of ``live``, connected before the crowd comes, and an operator."""

    def __init__(self, live: Live, fans: int) -> None:
        self.fans = [live.honest("fan") for _ in range(fans)]
        self.operator = live.honest("operator")
        for number, fan in enumerate(self.fans):
            report = {"name": f"fan {number}", "rpm": 900, "duty": 35, "state": "ok"}
            assert fan.ask(Request.SET_FANS, "play", [report]) == (Request.ACK, ())

    def wait(self, seconds: float) -> tuple[Waits, Waits]:
        """Ask in turn for so many seconds, once each at least; how long fan clients waited, and the operator."""
        fans: list[float] = []
        operator: list[float] = []
        end = time.monotonic() + seconds
        while not operator or time.monotonic() < end:
            fans += [_time(lambda fan=fan: fan.ask(Request.GET_PWM, "play")) for fan in self.fans]  # type: ignore[misc]
            operator.append(_time(lambda: self.operator.ask(Request.GET_RPM, "play")))
        return Waits(tuple(fans)), Waits(tuple(operator))

    def close(self) -> None:
        for talk in (*self.fans, self.operator):
            talk.sock.close()


def _time(ask: Callable[[], tuple[Request, Any]]) -> float:
    begin = time.monotonic()
    request, _ = ask()
    assert request in (Request.SET_PWM, Request.SET_RPM)
    return time.monotonic() - begin


def main(port: int, count: int, folder: Path | None = None) -> None:
    """Be the crowd."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    parts = MANNERS if folder is None else by_tls(folder)
    crowds = [(what, Crowd(port, max(1, int(count * part)), manner, HOSTS)) for what, part, manner in parts]
    for _, one in crowds:
        one.start()
    for _, one in crowds:
        one.until(lambda crowd: crowd.complete)
    print("there", flush=True)
    sys.stdin.read()
    told = {}
    for what, one in crowds:
        one.end()
        told[what] = {"came": one.came, "let go": one.let_go, "sent": one.sent, "heard": one.heard}
        if folder is not None:
            told[what]["shook hands"] = one.shook_hands
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), *map(Path, sys.argv[3:]))
