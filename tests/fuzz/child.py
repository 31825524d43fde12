"""``python -m tests.fuzz.child TARGET OPTIONS``: libFuzzer on one target, whose code tells where it goes."""

import importlib
import sys

import atheris


def main() -> None:
    """Fuzz; does not return."""
    name, options = sys.argv[1], sys.argv[2:]
    with atheris.instrument_imports(include=["fand"]):
        targets = importlib.import_module("tests.fuzz.targets")
    # libFuzzer starts itself anew by its first argument, when it merges
    atheris.Setup([f"{sys.executable} -m tests.fuzz.child {name}", *options], targets.TARGETS[name].check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
