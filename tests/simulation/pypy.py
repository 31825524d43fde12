"""``pypy3 -m tests.simulation.pypy``: as ``python -m tests.simulation``, on PyPy, for which there is no msgspec."""

import sys

from tests.simulation.stand_in import install

if __name__ == "__main__":
    install()
    from tests.simulation.cli import main

    sys.exit(main())
