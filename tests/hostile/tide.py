"""Thousands of hostile connections at once, of every manner, and how long honest clients wait meanwhile.

``python -m tests.hostile.tide PORT COUNT`` is the crowd, in a process of its own: it says ``there`` when all have
come, and goes, telling what it has done, when its standard input ends.
"""

import contextlib
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from fand.wire import Request, encode
from tests.child import Child
from tests.hostile.attack import frame
from tests.hostile.flood import Crowd, Manner
from tests.hostile.live import Live
from tests.server.processes import Talk
from tests.wire.attacks import holding

HOSTS: Final = tuple(f"127.0.0.{number}" for number in range(2, 42))

MANNERS: Final[tuple[tuple[str, float, Manner], ...]] = (
    ("say nothing", 0.2, Manner(b"9", endless=False)),
    ("never end a frame", 0.2, Manner(b"99F9ffff" + bytes(60_000), endless=False)),
    ("ask without end", 0.2, Manner(encode(Request.PING, ()))),
    ("ask, and never read", 0.2, Manner(encode(Request.GET_STATUS, ("shelf1",)), reads=False)),
    ("send single bytes", 0.1, Manner(encode(Request.GET_RPM, ("shelf1",)), step=1)),
    ("are refused, and come again", 0.05, Manner(encode(Request.GET_PWM, ("nowhere",)))),
    ("attack, and come again", 0.05, Manner(frame(holding(b"cos\nsystem\n")))),
)
"""What they do, how many of them do it, and how."""

SPARE: Final = 200
"""Descriptors that a process needs beside those of the crowd."""


def most() -> int:
    """How many connections a process here can have, at either end."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return min(limit, 2**20) // 2 - SPARE if limit < 4096 else min(limit, 2**20) - 2048


@contextlib.contextmanager
def tide(port: int, count: int) -> Iterator["subprocess.Popen[str]"]:
    """A crowd of so many, all of which have come."""
    with Child(
        [sys.executable, "-m", "tests.hostile.tide", str(port), str(count)],
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
        self.fans = [Talk(live.port) for _ in range(fans)]
        self.operator = Talk(live.port)
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


def main(port: int, count: int) -> None:
    """Be the crowd."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    crowds = [(what, Crowd(port, max(1, int(count * part)), manner, HOSTS)) for what, part, manner in MANNERS]
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
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
