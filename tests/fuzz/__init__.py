"""Coverage-guided fuzzing of what strangers reach: the frame decoder, and a server's connections.

A target is a function that takes any bytes and raises only where a promise is broken. atheris finds bytes that
reach new code (``make fuzz``); those worth keeping are in ``corpus/``, and ``make test`` plays them through the same
functions.
"""
