"""``python -m fand.fanctl``."""

import sys

from fand.fanctl import main

if __name__ == "__main__":
    sys.exit(main())
