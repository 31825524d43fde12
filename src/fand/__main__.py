"""``fand SERVICE [OPTION ...]``: start one of fand's programs. Only the one chosen is imported."""

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Final

from fand import __version__

SERVICES: Final[Mapping[str, tuple[str, str]]] = {
    "server": ("fand.server", "read the sensors and serve the duty of every shelf"),
    "agent": ("fand.agent", "read the sensors of this host and report them to servers"),
    "client": ("fand.fanhost", "drive the fans of this host, as its configuration says"),
    "clientrpi": ("fand.clientrpi", "drive a fan from the pins of a Raspberry Pi"),
    "fanctl": ("fand.fanctl", "show and override the state of shelves"),
    "detect": ("fand.detect", "print the drives, sensors and fans of this host as a configuration"),
    "pki": ("fand.pki", "make the certificates by which servers and clients know one another"),
    "demo": ("fand.demo", "watch a simulated shelf"),
}
"""Service -> its module, whose ``main(argv)`` returns the exit status; and what it is for."""


def main(argv: Sequence[str] | None = None) -> int:
    """Start the service that the first of ``argv`` (None: the process's own) names; returns the exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words and words[0] in SERVICES:
        try:
            status: int | None = import_module(SERVICES[words[0]][0]).main(words[1:])
        except KeyboardInterrupt:  # before the service could look after it
            sys.stderr.write(f"fand {words[0]}: interrupted\n")
            return 1
        return status or 0
    if words and words[0] in ("-V", "--version"):
        return _print(f"fand {__version__}\n")
    if words and words[0] in ("-h", "--help"):
        return _print(_usage())
    fault = f"there is no service {words[0]!r}" if words else "which service?"
    sys.stderr.write(f"{_usage()}\nfand: {fault}\n")
    return 2


def _print(text: str) -> int:
    from fand.exceptions import FandError  # noqa: PLC0415 - no service needs them from here
    from fand.output import say  # noqa: PLC0415

    try:
        say(text)
    except FandError as error:
        sys.stderr.write(f"fand: {error}\n")
        return 1
    return 0


def _usage() -> str:
    lines = [f"  {name:<10} {purpose}" for name, (_, purpose) in SERVICES.items()]
    head = "usage: fand SERVICE [OPTION ...]\n\nservices:\n"
    return head + "\n".join(lines) + "\n\nfand SERVICE --help tells more.\n"


if __name__ == "__main__":
    sys.exit(main())
