"""A fan client from its configuration: threads, signals, and the order of the end."""

import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

from fand import util
from fand.clock import Naps, SystemClock
from fand.config.values import ClientConfig, FanConfig
from fand.exceptions import FandError
from fand.fanclient import machine as machines
from fand.fanclient.crew import Crew
from fand.fanclient.events import Board, Post, Stop, Woken
from fand.fanclient.hardware import HostFan
from fand.fanclient.held import held, record
from fand.fanclient.lease import Terms
from fand.fanclient.link import Link
from fand.fanclient.loop import Loop
from fand.fanclient.output import Limits
from fand.notify import watchdog
from fand.stored import state_folder
from fand.units import Seconds

_log = logging.getLogger(__name__)

SIGNALS: Final = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGALRM,
)
"""What ends a fan client. By default all but the first two would end it with the fans as they are: a terminal was
closed, or somebody pressed Ctrl-\\ or took it for another program."""

PATIENCE: Final = Seconds(10.0)
"""A fan whose hardware has not done what it was asked by then counts as one that failed, and the others go on."""

PAUSES: Final = (signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)
"""What a terminal stops programs by, such as Ctrl-Z: the fans would stay as they are, so it is ignored."""


def run(program: str, config: Callable[[], ClientConfig]) -> int:
    """Run a fan client as the program of that name, and return its exit status.

    What the user can mend is told on stderr, a sentence for each fault.
    """
    try:
        serve(config())
    except FandError as error:
        sys.stderr.writelines(f"{program}: {fault}\n" for fault in str(error).splitlines())
        return 1
    except KeyboardInterrupt:  # before the fans were taken over
        sys.stderr.write(f"{program}: interrupted\n")
        return 1
    except Exception:  # noqa: BLE001 - told with its traceback: nobody outside can be to blame
        _log.exception("%s ends by a fault of its own; the fans were given back", program)
        return 1
    return 0


def serve(config: ClientConfig, environ: Mapping[str, str] = os.environ) -> None:
    """Drive the fans of ``config`` until a signal of :data:`SIGNALS` comes, or :func:`fand.util.terminate` is called.

    However it ends, the fans are given back first and the servers are told after. No server and no network can hold
    that up: the links' threads are not waited for. The main thread must call it, for the sake of the signals.

    :raises DriverError: none of the fans can be taken over
    """
    clock = SystemClock()
    terms = Terms(config.interval, config.lease, config.failsafe)
    fans = [_host_fan(config, fan, config.state or state_folder("client", environ)) for fan in config.fans]
    limits = [Limits(fan.floor, fan.allow_stop, fan.least_rpm) for fan in config.fans]
    asserted, hands = assert_interval(config.interval, watchdog(environ)), Crew(PATIENCE)
    machine = machines.start(terms, len(config.servers), limits, asserted, clock.mono())
    post, board = Post(), Board()
    links = [
        Link(place, server, config.shelf, terms, post=post, board=board, clock=clock, tls=config.tls)
        for place, server in enumerate(config.servers)
    ]
    util.when_terminate(post.put, Stop())

    def begin() -> None:
        for link in links:
            link.start()

    with _signals(post):
        try:
            Loop(machine, fans, board, clock=clock, hands=hands).run(post, begin, Naps(clock.mono).slept)
        finally:
            for link in links:
                link.stop()


def assert_interval(interval: Seconds, alive: Seconds | None) -> Seconds:
    """How often every duty is written again: each ``interval``, and thrice in a watchdog's ``alive`` seconds."""
    return interval if alive is None else Seconds(min(interval, alive / 3))


def _host_fan(config: ClientConfig, fan: FanConfig, state: Path) -> HostFan:
    return HostFan(
        fan, state, record=(record(state, config.shelf, fan.name), held(config.shelf, fan, config.failsafe))
    )


@contextmanager
def _signals(post: Post) -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of a handler
        post.put(Stop())

    # who started it to survive one of them, as nohup(1) does, is obeyed
    ends = [number for number in SIGNALS if number in SIGNALS[:2] or signal.getsignal(number) is not signal.SIG_IGN]

    def wake(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of a handler
        post.put(Woken())

    before = {number: signal.signal(number, stop) for number in ends}
    before[signal.SIGCONT] = signal.signal(signal.SIGCONT, wake)
    before |= {number: signal.signal(number, signal.SIG_IGN) for number in PAUSES}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
