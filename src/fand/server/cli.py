"""The command ``fand-server``."""

import argparse
import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from fand import drivers
from fand.clock import SystemClock
from fand.config import ServerConfig, find, load, to_toml
from fand.exceptions import ConfigError, FandError, ListeningError
from fand.journal import ToJournal
from fand.logs import stderr_is_journal
from fand.output import say
from fand.sensing.readers import Readers
from fand.sensing.sensors import close_sensors, open_sensors
from fand.server.audit import LOGGER
from fand.server.check import check
from fand.server.daemon import Daemon, raise_descriptor_limit
from fand.server.listening import addresses, is_loopback, listen, shown
from fand.server.local import listening_at
from fand.server.loops import kind, new_loop
from fand.server.saving import StateFile, Store
from fand.stored import state_folder
from fand.util import help_formatter, parse_args

if TYPE_CHECKING:
    from fand.server.certificates import Certificates

_log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``fand-server`` with the arguments ``argv`` (None: those of the process); returns the exit status."""
    args = parse_args(_parser(), argv, port=None, aside=True)
    _set_up_audit(args)
    try:
        return _run(args)
    except FandError as error:
        for fault in str(error).splitlines():
            sys.stderr.write(f"fand-server: {fault}\n")
    except OSError as error:
        sys.stderr.write(f"fand-server: the operating system refuses: {error}\n")
    except KeyboardInterrupt:
        sys.stderr.write("fand-server: interrupted\n")
    return 1


def _run(args: argparse.Namespace) -> int:
    if args.convert is not None:
        say(to_toml(Path(args.convert)))
        return 0
    path = find(args.config, os.environ, Path.cwd())
    if args.check:
        config, warnings = _read(path)
        _hosts(config, args.address, path)
        _certificates(config)
        asyncio.run(_check(config))
        if warnings:
            raise ConfigError(warnings)
        return 0
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # it asks for a reload, which is too early now and then too late
    config = _load(path)
    hosts = _hosts(config, args.address, path)
    port = config.port if args.port is None else args.port
    with asyncio.Runner(loop_factory=partial(new_loop, os.environ)) as runner:
        runner.run(_serve(config, path, hosts, port, _certificates(config)))
    return 0


def _set_up_audit(args: argparse.Namespace) -> None:
    """Who commands is logged even where other steps are not; with fields where the log goes to the journal."""
    audit = logging.getLogger(LOGGER)
    if not args.quiet:
        audit.setLevel(logging.INFO)
    if args.logfile is None and stderr_is_journal():
        audit.addFilter(ToJournal("fand-server"))


def _certificates(config: ServerConfig) -> "Certificates | None":
    """What the server shows by ``config``.

    :raises ConfigError: it has a certificate that cannot be used: nobody is served without it
    """
    if config.tls is None:
        return None
    from fand.server.certificates import Certificates, shown  # noqa: PLC0415 - ssl is for who uses it

    return Certificates(shown(config.tls), SystemClock())


def _read(path: Path) -> tuple[ServerConfig, Sequence[str]]:
    """What ``path`` says of the server, and what of it can hardly be meant so.

    :raises FandError: it cannot be read, falls short, or says nothing of a server
    """
    config = load(path, drivers)
    if config.server is None:
        raise ConfigError([f"{path}: describes no shelf; a server needs at least one [shelves.NAME]"])
    return config.server, config.warnings


def _load(path: Path) -> ServerConfig:
    """The same, for a server: it had better drive its shelves than not start. What a check refuses is logged."""
    config, warnings = _read(path)
    for warning in warnings:
        _log.warning("%s", warning)
    return config


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fand-server",
        description="Read the temperatures of every shelf's devices and serve the duty of its fans.",
        formatter_class=help_formatter,
    )
    parser.add_argument("-c", "--config", metavar="FILE", help="a fand.toml, or a fand.ini of fand 0.1.1")
    parser.add_argument(
        "--check",
        action="store_true",
        help="check the configuration, read every sensor once, print the duty of each shelf and why, and end",
    )
    parser.add_argument("--convert", metavar="INI", help="print this fand.ini as a fand.toml, and end")
    return parser


def _hosts(config: ServerConfig, address: str | None, path: Path) -> list[str]:
    """The addresses to listen on; ``address`` is that of the command line.

    :raises ListeningError: there is no such address, or it is open to others and nobody has said that it may be
    """
    hosts = addresses(config.address if address is None else address)
    outside = [host for host in hosts if not is_loopback(host)]
    if outside and not config.plain and config.tls is None:
        word = "plain = yes under [DEFAULT]" if path.suffix == ".ini" else "plain = true under [server]"
        raise ListeningError(
            f"{outside[0]} can be reached from outside, and nothing is encrypted or asks who it is; "
            f"give [server.tls], or say {word} in {path} if everybody there may read and control"
        )
    return hosts


def _store(config: ServerConfig, path: Path) -> Store | None:
    """Where the server keeps its state; None if this user has no place for it."""
    try:
        return StateFile(config.state or state_folder("server"), path)
    except ConfigError as error:
        _log.warning("overrides and alarms are not kept: %s", error)
        return None


async def _check(config: ServerConfig) -> None:
    sensors = open_sensors(config.shelves)
    try:
        say(await check(config, sensors, SystemClock()))
    finally:
        await close_sensors(sensors, Readers())


def collect_seldom() -> None:
    """Have Python look for cycles after 20,000 new objects, not 700: readings come and go, and hardly any is in one.

    With 100,000 devices that was half of the processor's time, and a third of the first pass.
    """
    gc.set_threshold(20_000, 20, 10)


async def _serve(
    config: ServerConfig, path: Path, hosts: Sequence[str], port: int, certificates: "Certificates | None"
) -> None:
    collect_seldom()
    store = _store(config, path)
    with ExitStack() as files:
        sensors = open_sensors(config.shelves)
        try:
            sockets = listen(hosts, port)
            if config.socket is not None:
                sockets.append(files.enter_context(listening_at(config.socket)))
        except ListeningError:
            await close_sensors(sensors, Readers())
            raise

        def ready() -> None:
            where = [shown(sock) for sock in sockets]
            loop = kind(asyncio.get_running_loop())
            _log.info("serving %d shelves on %s by %s", len(config.shelves), ", ".join(where), loop)
            try:
                say("".join(f"listening on {place}\n" for place in where))
            except FandError as error:  # nobody reads it, and nothing depends on that
                _log.debug("%s", error)

        again, most = partial(_load, path), raise_descriptor_limit()
        daemon = Daemon(config, sensors, SystemClock(), most, again, store=store, certificates=certificates)
        await daemon.run(sockets, ready)
