"""The command ``fand pki``: the certificates by which servers and clients know one another.

The authority is a folder, which may be the server's own. Certificates go to other hosts as bundles through a pipe::

    fand pki client pi1 --role report --shelf shelf1 | ssh pi1 sudo fand pki accept
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from fand.exceptions import ConfigError, FandError

FOLDER: Final = "/etc/fand/pki"
DAYS: Final = 730
AUTHORITY_DAYS: Final = 7300

ROLES: Final = ("read", "report", "control")


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``fand pki`` with the arguments ``argv`` (None: those of the process); returns the exit status."""
    args = _parser().parse_args(argv)
    try:
        _run(args)
    except FandError as error:
        sys.stderr.writelines(f"fand pki: {fault}\n" for fault in str(error).splitlines())
        return 1
    except OSError as error:
        sys.stderr.write(f"fand pki: the operating system refuses: {error}\n")
        return 1
    return 0


def _run(args: argparse.Namespace) -> None:
    if args.command == "accept":
        from fand.pki.accept import accept  # noqa: PLC0415 - a Pi that accepts makes none, and needs no library for it

        accept(sys.stdin, args.folder, args.group)
        return
    try:
        from fand.pki.commands import COMMANDS  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "cryptography":
            raise
        raise ConfigError(
            [f"`{args.command}` needs the Python library cryptography: pip install 'fand[pki]'"]
        ) from None
    COMMANDS[args.command](args)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fand pki", description=__doc__.splitlines()[0].partition(": ")[2])
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    init = _command(commands, "init", "make the authority that signs all others")
    init.add_argument("--name", help="what it is called; for people")
    init.add_argument("--group", help="the group of the server's user, which may read what the server needs")
    _days(init, AUTHORITY_DAYS)

    server = _command(commands, "server", "make the certificate of a server")
    server.add_argument("names", nargs="+", metavar="NAME", help="host names and addresses that clients reach it by")
    server.add_argument(
        "--elsewhere", action="store_true", help="for another host: as a bundle, like those of clients"
    )
    _days(server, DAYS)

    client = _command(commands, "client", "make the certificate of a client, and print it as a bundle")
    client.add_argument("name", metavar="NAME", help="what the server is to know it by")
    client.add_argument("--role", action="append", required=True, choices=ROLES, help="what it may do; repeatable")
    client.add_argument("--shelf", action="append", help="for this shelf only; repeatable")
    _days(client, DAYS)

    bundle = _command(commands, "bundle", "print once more what a host needs")
    bundle.add_argument("name", metavar="NAME")

    _command(commands, "list", "show all certificates and when they end")

    renew = _command(commands, "renew", "make certificates anew, with new keys; without a name, those that end soon")
    renew.add_argument("name", metavar="NAME", nargs="?")
    renew.add_argument("--authority", action="store_true", help="the authority itself, with its old key")
    renew.add_argument("--days", type=_whole, default=None, help=f"how long they are valid ({DAYS})")

    revoke = _command(commands, "revoke", "no longer let a client in")
    revoke.add_argument("name", metavar="NAME")

    accept = commands.add_parser("accept", help="on the other host: take a bundle from the standard input")
    accept.add_argument("--folder", type=Path, help="where to; without it, where fand looks for it")
    accept.add_argument("--group", help="the group of the client's or server's user, which may read it")
    return parser


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, about: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=about, description=f"{about[0].upper()}{about[1:]}.")
    parser.add_argument("--folder", type=Path, default=Path(FOLDER), help=f"the authority's folder ({FOLDER})")
    return parser


def _days(parser: argparse.ArgumentParser, default: int) -> None:
    parser.add_argument("--days", type=_whole, default=default, help=f"how long it is valid ({default})")


def _whole(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text[:6]) <= 36500:
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is not a number of days from 1 to 36500")
    return int(text)
