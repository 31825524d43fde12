"""``python -m tests.fuzz.child TARGET OPTIONS``: libFuzzer on one target, whose code tells where it goes."""

import importlib
import sys
from typing import Final

import atheris

UNWATCHED: Final = {"dispatch": ("fand.wire",), "handshake": ("fand.wire", "fand.pki")}
"""By target, packages in which new code does not count: it is for another target, and would take most time."""


def main() -> None:
    """Fuzz; does not return."""
    name, options = sys.argv[1], sys.argv[2:]
    for package in UNWATCHED.get(name, ()):
        importlib.import_module(package)
    with atheris.instrument_imports(include=["fand"]):
        targets = importlib.import_module("tests.fuzz.targets")
    # libFuzzer starts itself anew by its first argument, when it merges
    atheris.Setup([f"{sys.executable} -m tests.fuzz.child {name}", *options], targets.TARGETS[name].check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
