"""The end of a program, and what its beginning has in common with the others: options, logging, the PID file.

A program ends when :func:`terminate` is called, from any thread or from a signal handler. That wakes every
:func:`sleep`, makes :func:`terminating` true and runs what was given to :func:`when_terminate`. Loops look at
:func:`terminating` and leave; ``main`` ends with :func:`sys_exit`.
"""

import _thread
import atexit
import errno
import os
import sys
import threading
from collections.abc import Callable, Sequence
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Final, NoReturn, ParamSpec, TypeVar

from fand import __version__

if TYPE_CHECKING:
    import argparse
    from pathlib import Path
    from types import FrameType

__all__ = [
    "default_signal_handler",
    "parse_args",
    "sleep",
    "sys_exit",
    "terminate",
    "terminating",
    "when_terminate",
]

_P = ParamSpec("_P")
_R = TypeVar("_R")

DEFAULT_PORT: Final = 9999
PATIENCE: Final = 10.0
"""Seconds that the end of the program waits for handlers that another thread is running."""


class Termination:
    """The end of one program: the flag, the error to end with, the handlers, those who sleep.

    A signal handler may call :meth:`begin` and :meth:`terminate` whatever it interrupted: neither waits for a lock.
    """

    def __init__(self) -> None:
        self.error: str | None = None
        self.begun = False
        self._handlers: list[Callable[[], object]] = []
        self._running = threading.RLock()
        # Its put is safe in a signal handler, which threading.Event.set is not.
        self._wake: SimpleQueue[None] = SimpleQueue()
        self._pid = 0

    def when(self, handler: Callable[[], object]) -> None:
        """Have ``handler`` run at the end; at once if that has begun."""
        if not self._pid:
            self._pid = os.getpid()
            atexit.register(self._at_exit)
        self._handlers.append(handler)
        if self.begun:
            self._run(0)

    def begin(self, error: str | None = None) -> None:
        """Set the flag and wake the sleepers. The first error given stays."""
        if self.error is None:
            self.error = error
        if not self.begun:
            self.begun = True
            self._wake.put(None)

    def terminate(self, error: str | None = None) -> None:
        """Begin, and run the handlers that nobody runs yet."""
        self.begin(error)
        self._run(0)

    def terminate_aside(self) -> None:
        """Begin, and have another thread run the handlers: for signal handlers."""
        self.begin()
        try:
            # threading.Thread takes locks that the interrupted code may hold.
            _thread.start_new_thread(self._run, (0,))
        except RuntimeError:  # no thread to be had, or the interpreter is ending: finish() runs them
            pass

    def finish(self) -> None:
        """Begin if it has not, run all handlers, and wait for those that another thread is running."""
        self.begin()
        self._run(PATIENCE)

    def sleep(self, secs: float) -> None:
        """Sleep ``secs`` seconds, or until the end begins."""
        try:
            self._wake.get(timeout=min(max(secs, 0.0), threading.TIMEOUT_MAX))
        except Empty:
            return
        self._wake.put(None)  # for the next sleeper

    def _run(self, patience: float) -> None:
        """Run each handler once, the last added first: what was built on others goes before them."""
        while self._running.acquire(timeout=patience):
            try:
                self._drain()
            finally:
                self._running.release()
            if not self._handlers:  # one may have been added by somebody who found us at it
                return

    def _drain(self) -> None:
        while True:
            try:
                handler = self._handlers.pop()
            except IndexError:
                return
            try:
                handler()
            except Exception:
                import logging  # noqa: PLC0415 - a seventh of the whole run of fanctl

                logging.getLogger(__name__).exception("%r failed while the program was terminating", handler)

    def _at_exit(self) -> None:
        if os.getpid() == self._pid:  # not in a forked child: its parent goes on
            self.finish()


_end: Final = Termination()


def terminate(error: str | None = None) -> None:
    """End the program: set the flag, wake the sleepers, run the handlers of :func:`when_terminate`.

    Calling it again does no more, but an ``error`` is kept if there was none before. It may be called from any
    thread and from a signal handler; there :func:`default_signal_handler` is better, because it leaves the handlers
    to another thread.

    :param error: what the program fails with; :func:`sys_exit` prints it
    """
    _end.terminate(error)


def sys_exit() -> NoReturn:
    """Terminate if that has not been done, and exit: with status 0, or with the error's text on stderr and status 1.

    Handlers that another thread is running are waited for, 10 seconds at most.

    :raises SystemExit: always
    """
    _end.finish()
    sys.exit(_end.error)


def terminating() -> bool:
    """Tell whether the program is terminating.

    :returns: True from the first call of :func:`terminate` on, or the end of the program
    """
    return _end.begun


def when_terminate(function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> Callable[_P, _R]:
    """Have ``function`` called with these arguments when the program terminates, and give it back.

    :param function: what to call; it may be called in any thread
    :returns: ``function``

    It is called once: by :func:`terminate`, or when the program ends without it, or now if the program is
    terminating already. The function added last is called first. One that raises is logged and does not keep the
    others from being called.

    It can be used as a decorator::

        @when_terminate
        def say_goodbye() -> None:
            print("goodbye")
    """
    _end.when(partial(function, *args, **kwargs))
    return function


def sleep(secs: float) -> None:
    """Sleep until the program terminates, or for a time if that is shorter.

    :param secs: seconds; of 0 or less it returns at once
    """
    _end.sleep(secs)


def default_signal_handler(sig: int, frame: "FrameType | None") -> None:  # noqa: ARG001 - the signature of a handler
    """Terminate the program: install it for SIGTERM and SIGINT with :func:`signal.signal`.

    It sets the flag and wakes the sleepers; the handlers, which may use the network, run in a thread of their own.
    """
    _end.terminate_aside()


def parse_args(
    parser: "argparse.ArgumentParser",
    argv: Sequence[str] | None = None,
    *,
    port: int | None = DEFAULT_PORT,
    aside: bool = False,
) -> "argparse.Namespace":
    """Add the options that all programs have, parse, and set up logging and the PID file accordingly.

    The options are ``-V -a -p -v -q -l -P``; ``address`` is None unless given. Errors that the user made end the
    program as those of :mod:`argparse` do: one sentence on stderr, status 2.

    :param parser: the program's own; its options are kept
    :param argv: what to parse instead of the command line
    :param port: what ``port`` is unless given; None lets the program look into its configuration
    :param aside: whether a thread of its own writes the log, so that a program with better things to do never waits
        for who reads it
    """
    parser.add_argument("-V", "--version", action="version", version=f"%(prog)s {__version__}")
    parser.add_argument("-a", "--address", type=_address, help="address of the server")
    parser.add_argument("-p", "--port", type=_port, default=port, help=f"port of the server ({DEFAULT_PORT})")
    parser.add_argument("-v", "--verbose", action="count", default=0, help="log each step too, -vv everything")
    parser.add_argument("-q", "--quiet", action="store_true", help="log nothing but what ends the program")
    parser.add_argument("-l", "--logfile", metavar="FILE", help="log to this file instead of stderr")
    parser.add_argument("-P", "--pidfile", metavar="FILE", help="write the process id to this file while running")
    args = parser.parse_args(argv)
    from fand import logs  # noqa: PLC0415 - not for fanctl unless it is given options

    try:
        logs.set_up(None if args.quiet else args.verbose, args.logfile, aside=aside)
    except OSError as error:
        parser.error(f"cannot write to the log file {args.logfile}: {error.strerror}")
    if args.pidfile is not None:
        from pathlib import Path  # noqa: PLC0415 - a twentieth of the whole run of fanctl

        try:
            _take_pidfile(Path(args.pidfile))
        except OSError as error:
            parser.error(f"cannot take the PID file {args.pidfile}: {error.strerror}")
    return args


def help_formatter(prog: str) -> "argparse.HelpFormatter":
    """For the help of a program that stays: as wide as the terminal, 80 columns where there is none.

    The width that argparse would find by itself takes the import of shutil, and of all that this needs, whenever an
    option is added; and they would stay in memory as long as the program.
    """
    from argparse import HelpFormatter  # noqa: PLC0415 - whoever gets here has argparse, others need not wait for it

    try:
        columns = int(os.environ.get("COLUMNS", "0") or 0) or os.get_terminal_size(1).columns
    except (ValueError, OSError):
        columns = 80
    return HelpFormatter(prog, width=max(columns, 20) - 2)


def _address(text: str) -> str:
    """A host as people write it, an IPv6 address in brackets or not, or the path of a Unix socket; whether it exists
    the resolver will tell.
    """
    from argparse import ArgumentTypeError  # noqa: PLC0415 - whoever gets here has argparse, others need not wait for it

    host = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if host.count(":") == 1 and not host.startswith("/"):
        raise ArgumentTypeError(f"{text[:60]!r} is no host; give the port with -p")
    if not host.strip() or not host.isprintable():
        raise ArgumentTypeError(f"{text[:60]!r} is neither an IP address nor a host name")
    return host


def _port(text: str) -> int:
    from argparse import ArgumentTypeError  # noqa: PLC0415 - whoever gets here has argparse, others need not wait for it

    if not (text.isdecimal() and int(text[:6]) <= 0xFFFF):
        raise ArgumentTypeError(f"{text[:60]!r} is not a port, a number from 0 to 65535")
    return int(text)


def _take_pidfile(path: "Path") -> None:
    """Write our process id to ``path`` and keep the file locked while we run; at the end it is removed.

    A file left behind by a crash is not locked, whatever process has that id by now, and is taken over.

    :raises OSError: it cannot be written, or another process holds it
    """
    import fcntl  # noqa: PLC0415 - only where there is a PID file

    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(file, 20).decode("ascii", "replace").strip()
        os.close(file)
        raise FileExistsError(errno.EEXIST, f"process {holder} is running and holds it") from None
    os.ftruncate(file, 0)
    os.write(file, b"%d\n" % os.getpid())
    when_terminate(_leave_pidfile, file, path)


def _leave_pidfile(file: int, path: "Path") -> None:
    path.unlink(missing_ok=True)
    os.close(file)
