"""What all tests share."""

import signal

from hypothesis import settings

# Time depends on the machine and its load, so it fails no test.
settings.register_profile("fand", deadline=None)
settings.load_profile("fand")

# Started in the background by a shell, the tests ignore SIGINT, and so would the programs that they interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
