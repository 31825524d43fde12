"""The command ``fand-agent``."""

import argparse
import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from fand import drivers, util
from fand.agent.check import check
from fand.agent.daemon import Daemon
from fand.clock import SystemClock
from fand.config import DEFAULT_PORT, AgentConfig, find, load
from fand.exceptions import ConfigError, FandError
from fand.notify import watchdog
from fand.output import say
from fand.sensing.readers import Readers
from fand.sensing.sensors import close_sensors, open_sensors


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``fand-agent`` with the arguments ``argv`` (None: those of the process); returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="fand-agent",
        description="Read the sensors of this host and report them to fand servers.",
        formatter_class=util.help_formatter,
    )
    parser.add_argument("-c", "--config", metavar="FILE", help="a fand.toml with a table [agent]")
    parser.add_argument("--check", action="store_true", help="read every sensor once, print what it says, and end")
    args = util.parse_args(parser, argv, port=None, aside=True)
    try:
        path = find(args.config, os.environ, Path.cwd())
        again = partial(configured, path, args.address, args.port)
        if not args.check:
            signal.signal(
                signal.SIGHUP, signal.SIG_IGN
            )  # it asks for a reload, which is too early now, then too late
        config = again()
        asyncio.run(_check(config) if args.check else _serve(config, again))
    except FandError as error:
        sys.stderr.writelines(f"fand-agent: {fault}\n" for fault in str(error).splitlines())
        return 1
    except OSError as error:
        sys.stderr.write(f"fand-agent: the operating system refuses: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("fand-agent: interrupted\n")
        return 1
    return 0


def configured(path: Path, address: str | None, port: int | None) -> AgentConfig:
    """What the file ``path`` says, whose servers ``address`` replaces, and whose servers' ports ``port`` does.

    :raises ServerNoConfigError: there is no file
    :raises ConfigError: it falls short, or describes no agent
    """
    agent = load(path, drivers).agent
    if agent is None:
        raise ConfigError([f"{path}: describes no agent; add a table [agent] with its devices"])
    if not agent.name:
        agent = replace(agent, name=socket.gethostname())
    if address is not None:
        return replace(agent, servers=((address, DEFAULT_PORT if port is None else port),))
    if port is not None:
        return replace(agent, servers=tuple((server, port) for server, _ in agent.servers))
    return agent


async def _check(config: AgentConfig) -> None:
    sensors = open_sensors((config,), what="agent")
    try:
        say(await check(sensors, SystemClock()))
    finally:
        await close_sensors(sensors, Readers())


async def _serve(config: AgentConfig, again: Callable[[], AgentConfig]) -> None:
    sensors = open_sensors((config,), what="agent")
    await Daemon(config, sensors, SystemClock(), Readers(), again, alive=watchdog()).run()
