"""The command line of fanctl: its options, the way to the server, the answer in print."""

import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fand.client import Client
from fand.exceptions import CommunicationError, ConnectionFailedError, FanctlActionBadValue
from fand.fanctl.actions import ACTIONS, call
from fand.util import DEFAULT_PORT, parse_args

if TYPE_CHECKING:
    from argparse import ArgumentParser

_OF_NAMES: Final = str.maketrans("", "", ".-_")
"""Takes away what a host name or an IPv4 address has besides letters and digits."""

_EPILOG: Final = """\
Without -a, the server is the one that the variable FAND_SERVER names, as HOST
or HOST:PORT; without that, the one on this host. A HOST that begins with /
is the path of a Unix socket, without a port.

Exit status: 0 it worked, 1 it failed, 2 it was asked for wrongly.
"""


class Options(NamedTuple):
    """A command line: the action and its arguments, where the server is if that was said, and how to print."""

    action: str
    args: Sequence[str]
    address: str | None = None
    port: int | None = None
    json: bool = False


def run(argv: Sequence[str], environ: Mapping[str, str] = os.environ) -> None:
    """Do what the command line ``argv`` says and print the answer.

    :raises FanctlActionBadValue: there is no such action, or it cannot use its arguments; nobody was asked
    :raises FandError: it did not work
    :raises SystemExit: by argparse, for an option that is wrong or that ends the program
    """
    options = parse(argv)
    action, ask = call(options.action, options.args)
    with _connect(*server(options, environ.get("FAND_SERVER", ""))) as client:
        answer = ask(client)
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # a name in an alphabet that the terminal lacks is no failure
    if options.json:
        import json  # noqa: PLC0415 - not for everybody

        print(json.dumps(answer, default=str))
    else:
        action.show(answer)


def parse(argv: Sequence[str]) -> Options:
    """Take a command line apart, and set up what its options ask for.

    :raises SystemExit: by argparse
    """
    if (plain := _plain(argv)) is not None:
        return plain
    args = parse_args(_parser(), argv, port=None)
    return Options(args.action, args.args, args.address, args.port, args.json)


def _plain(argv: Sequence[str]) -> Options | None:
    """A command line without options, but for those that say where the server is, ahead of the action.

    Nothing in it needs argparse, a quarter of the run; whatever else there is, and whatever is wrong, does: None.
    """
    where: dict[str, str | None] = {"-a": None, "-p": None}
    words = argv
    while len(words) > 2 and words[0] in where:
        where[words[0]], words = words[1], words[2:]
    address, port = where.values()
    if not words or any(word.startswith("-") for word in words):
        return None
    if address is not None and not (address[:1].isalnum() and address.translate(_OF_NAMES).isalnum()):
        return None
    if port is not None and not (port.isdecimal() and int(port[:6]) <= 0xFFFF):
        return None
    return Options(words[0], words[1:], address, None if port is None else int(port))


def _parser() -> "ArgumentParser":
    import argparse  # noqa: PLC0415

    class Parser(argparse.ArgumentParser):
        """Takes options before, between and after the words of an action, which argparse calls intermixed."""

        def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
            return self.parse_intermixed_args(args, namespace)

    lines = [f"  {' '.join((name, *action.words))}\n      {action.about}" for name, action in ACTIONS.items()]
    parser = Parser(
        prog="fanctl",
        usage="%(prog)s [OPTIONS] ACTION [ARGUMENTS]",
        description="Ask and command a fand server.",
        epilog="\n".join(("actions:", *lines, "", _EPILOG)),
        # of a fixed width: to ask for that of the terminal costs the import of shutil, even where no help is wanted
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, width=80),
    )
    parser.add_argument("action", metavar="ACTION", help="what to do; see below")
    parser.add_argument("args", metavar="ARGUMENTS", nargs="*", default=[], help="what the action needs")
    parser.add_argument("--json", action="store_true", help="print the answer as JSON, for programs")
    return parser


def server(options: Options, variable: str) -> tuple[str | None, int]:
    """Address (None: this host) and port of the server.

    ``variable`` is what FAND_SERVER says: ``HOST``, ``HOST:PORT``, ``[IPv6]:PORT``, the path of a Unix socket, or
    nothing.

    :raises FanctlActionBadValue: it is none of these
    """
    if options.address is not None or not variable:
        return options.address, DEFAULT_PORT if options.port is None else options.port
    if variable.startswith("/") and variable.isprintable():
        return variable, DEFAULT_PORT
    host, colon, port = variable.rpartition(":")
    if not colon or (":" in host and not host.endswith("]")):
        host, port = variable, str(DEFAULT_PORT)
    host = host.removeprefix("[").removesuffix("]")
    if not host or not host.isprintable() or not port.isdecimal() or int(port[:6]) > 0xFFFF:
        raise FanctlActionBadValue(f"FAND_SERVER is {variable[:60]!r}; it has to be like 'nas.example.org:9999'")
    return host, int(port) if options.port is None else options.port


def _connect(address: str | None, port: int) -> Client:
    """:raises CommunicationError: the server cannot be reached"""
    try:
        return Client("localhost" if address is None else address, port)
    except ConnectionFailedError as error:
        if address is None and (client := _connect_by_name(port)) is not None:
            return client
        why = error.__cause__
        if not isinstance(why, ConnectionRefusedError):
            raise
        host = address or "localhost"
        where = host if host.startswith("/") else f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        raise ConnectionFailedError(
            f"no connection to {where}: {why.strerror}; is fand-server running there?"
        ) from error


def _connect_by_name(port: int) -> Client | None:
    """Connect to the address that this host's name has: a server of fand 0.1.1 listens there only."""
    import socket  # noqa: PLC0415 - seldom needed here

    try:
        return Client(socket.gethostname(), port)
    except CommunicationError:
        return None
