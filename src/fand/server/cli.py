"""The command ``fand-server``."""

import argparse
import asyncio
import logging
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from fand import drivers
from fand.clock import SystemClock
from fand.config import ServerConfig, find, load, to_toml
from fand.exceptions import ConfigError, FandError, ListeningError
from fand.server.check import check
from fand.server.daemon import Daemon, Sensors, open_sensors, raise_descriptor_limit
from fand.server.listening import addresses, is_loopback, listen, shown
from fand.util import parse_args

_log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``fand-server`` with the arguments ``argv`` (None: those of the process); returns the exit status."""
    args = parse_args(_parser(), argv, port=None)
    try:
        if args.convert is not None:
            _say(to_toml(Path(args.convert)))
            return 0
        path = find(args.config, os.environ, Path.cwd())
        config = load(path, drivers).server
        if config is None:
            raise ConfigError([f"{path}: describes no shelf; a server needs at least one [shelves.NAME]"])
        if args.check:
            _say(asyncio.run(_check(config)) + "\n")
            return 0
        return _serve(config, config.address if args.address is None else args.address, args.port, path)
    except FandError as error:
        for fault in str(error).splitlines():
            sys.stderr.write(f"fand-server: {fault}\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fand-server",
        description="Read the temperatures of every shelf's devices and serve the duty of its fans.",
    )
    parser.add_argument("-c", "--config", metavar="FILE", help="a fand.toml, or a fand.ini of fand 0.1.1")
    parser.add_argument(
        "--check",
        action="store_true",
        help="check the configuration, read every sensor once, print the duty of each shelf and why, and end",
    )
    parser.add_argument("--convert", metavar="INI", help="print this fand.ini as a fand.toml, and end")
    return parser


async def _check(config: ServerConfig) -> str:
    sensors = open_sensors(config)
    try:
        return await check(config, sensors, SystemClock())
    finally:
        for _, _, sensor in sensors:
            sensor.close()


def _serve(config: ServerConfig, address: str | None, port: int | None, path: Path) -> int:
    hosts = addresses(address)
    if not config.plain and (open_to := [host for host in hosts if not is_loopback(host)]):
        raise ListeningError(
            f"{open_to[0]} can be reached from outside, and nothing is encrypted or asks who it is; "
            f"say plain = true under [server] in {path} if everybody there may read and control"
        )
    sensors = open_sensors(config)
    sockets = listen(hosts, config.port if port is None else port)
    asyncio.run(_run(config, sensors, sockets))
    return 0


async def _run(config: ServerConfig, sensors: Sensors, sockets: Sequence[socket.socket]) -> None:
    def ready() -> None:
        where = [shown(sock) for sock in sockets]
        _log.info("serving %d shelves on %s", len(config.shelves), ", ".join(where))
        _say("".join(f"listening on {place}\n" for place in where))

    await Daemon(config, sensors, SystemClock(), raise_descriptor_limit()).run(sockets, ready)


def _say(text: str) -> None:
    """Write to stdout, which may have been closed: nothing depends on it."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        _log.warning("cannot write to the standard output: %s", error.strerror)
