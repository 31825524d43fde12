"""``python -m tests.soak``: see the package."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.soak.run import Soak


def main(argv: Sequence[str] | None = None) -> int:
    """Run the soak; the exit status is 0 only if nothing was violated and nothing grew."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description="Soak real fand processes in trouble.")
    parser.add_argument("--minutes", type=float, default=20.0, help="how long (20)")
    parser.add_argument("--seed", type=int, default=1, help="what the trouble is drawn from (1)")
    parser.add_argument("--calm", type=float, default=75.0, help="seconds without trouble before and after (75)")
    parser.add_argument("--keep", type=Path, help="a folder, new or empty, for logs and files; else they are removed")
    args = parser.parse_args(argv)
    if args.keep is not None:
        args.keep.mkdir(parents=True, exist_ok=True)
        return Soak(args.keep.resolve(), args.seed).run(args.minutes * 60, args.calm)
    with tempfile.TemporaryDirectory(prefix="fand-soak-") as folder:
        return Soak(Path(folder), args.seed).run(args.minutes * 60, args.calm)


if __name__ == "__main__":
    sys.exit(main())
