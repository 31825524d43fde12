"""The command ``fand-client``: drives the fans of this host, as ``[client]`` in fand.toml describes them."""

import argparse
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from fand import drivers
from fand.config import DEFAULT_PORT, ClientConfig, find, load
from fand.exceptions import ConfigError
from fand.fanclient.failsafe import FAILSAFE, failsafe
from fand.fanclient.host import run
from fand.util import help_formatter, parse_args


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``fand-client`` with the arguments ``argv`` (None: those of the process); returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="fand-client",
        description="Drive the fans of this host as the servers of their shelf ask, and safely without them.",
        formatter_class=help_formatter,
    )
    parser.add_argument("-c", "--config", metavar="FILE", help="a fand.toml with a table [client]")
    parser.add_argument("--failsafe", action="store_true", help=FAILSAFE)
    args = parse_args(parser, argv, port=None, aside=True)
    carry_out = failsafe if args.failsafe else run
    return carry_out(parser.prog, lambda: configured(args.config, args.address, args.port))


def configured(config: str | None, address: str | None, port: int | None) -> ClientConfig:
    """What the configuration file says, whose servers ``address`` replaces, and whose servers' ports ``port`` does.

    :raises ServerNoConfigError: there is no file
    :raises ConfigError: it falls short, or describes no fan client
    """
    path = find(config, os.environ, Path.cwd())
    client = load(path, drivers).client
    if client is None:
        raise ConfigError([f"{path}: describes no fan client; add a table [client] and at least one [[client.fans]]"])
    if address is not None:
        return replace(client, servers=((address, DEFAULT_PORT if port is None else port),))
    if port is not None:
        return replace(client, servers=tuple((server, port) for server, _ in client.servers))
    return client
