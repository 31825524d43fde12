"""fanctl: asks and commands a server from the command line.

Scripts run it many times a minute, and nearly all of its time goes into starting Python. So what only some actions
need is imported where it is needed, and the garbage collector, which has nothing to collect in so short a life,
is kept out of the way: together that is a third of the whole run.
"""

import gc
import os
import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run one action and give the exit status: 0 it worked, 1 it failed, 2 it was asked for wrongly.

    ``argv`` is the command line after the program's name; None takes that of the process, which ends after this.
    """
    if argv is None:
        gc.disable()
    try:
        return _main(sys.argv[1:] if argv is None else argv)
    except KeyboardInterrupt:
        return 130
    except OSError as error:  # all others are told by now: the answer could not be written
        if not isinstance(error, BrokenPipeError):
            print(f"fanctl: cannot write the answer: {error.strerror}", file=sys.stderr)
        # or Python tries again when it ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    finally:
        if argv is None:
            gc.freeze()  # or the interpreter, when it ends, looks through all that there is


def _main(argv: Sequence[str]) -> int:
    from fand.exceptions import FanctlActionBadValue, FandError  # noqa: PLC0415 - after the collector has stopped
    from fand.fanctl.command import run  # noqa: PLC0415

    try:
        run(argv)
        if sys.stdout is not None:  # it was not closed by whoever started us
            sys.stdout.flush()
    except FandError as error:
        print(f"fanctl: {error}", file=sys.stderr)
        return 2 if isinstance(error, FanctlActionBadValue) else 1
    return 0
