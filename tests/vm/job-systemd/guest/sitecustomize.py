"""Gives the fan client a way to crash: SIGRTMIN raises in its main thread, wherever that is."""

import signal


def _crash(number, frame):
    raise RuntimeError("crashed on purpose")


signal.signal(signal.SIGRTMIN, _crash)
