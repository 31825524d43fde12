"""The standard output, for programs that print one text and end."""

import os
import sys
from contextlib import suppress

from fand.exceptions import FandError


def say(text: str) -> None:
    """Write ``text`` to the standard output at once; characters that its encoding lacks become question marks.

    :raises FandError: it cannot be written, because nobody reads it, its disk is full, or it was closed
    """
    out = sys.stdout
    if out is None:
        raise FandError("cannot write to the standard output: it is closed")
    encoding = out.encoding or "utf-8"
    try:
        out.write(text.encode(encoding, "replace").decode(encoding))
        out.flush()
    except OSError as error:
        # what is left in the buffer would be tried again, and fail again, when Python ends
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC), out.fileno())
        raise FandError(f"cannot write to the standard output: {error.strerror or error}") from None
