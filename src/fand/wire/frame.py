"""Framing: from a stream of bytes, however it is split, to payloads and requests."""

import re
from typing import Any, Final

from fand.exceptions import CorruptedDataError
from fand.wire.decode import decode
from fand.wire.limits import HEADER_SIZE, MAGIC
from fand.wire.request import Request

_HEADER: Final = re.compile(MAGIC + rb"(?!0000)([0-9a-f]{4})")
_OPENING: Final = MAGIC + b"%04x"
_NO_HEADER: Final = (
    "what arrived does not begin with 99F9 and a length of four lower-case hexadecimal digits, not 0000"
)

_KEPT: Final = 256
"""Bytes of a frame that is remembered: the same few come again and again."""
_IMMUTABLE: Final = frozenset({type(None), bool, int, float, str})

_TLS: Final = (b"\x15", b"\x16")
"""How TLS begins (RFC 8446, 5.1): an alert or a handshake."""
_IS_TLS: Final = "what arrived is TLS, which only one of the two ends speaks"


def is_frame(data: bytes) -> bool:
    """Tell whether ``data`` is one frame, as far as its header goes: it begins and ends here."""
    size = len(data) - HEADER_SIZE
    return size > 0 and data[:HEADER_SIZE] == _OPENING % size


class Decoder:
    """Cuts a stream of bytes into frames and decodes them.

    What comes out depends on the bytes alone, not on how they were split. After a fault of framing nothing that
    follows can be trusted, so the same error is raised from then on. A fault inside one payload uses that payload up
    and no more.
    """

    __slots__ = ("_buffer", "_end", "_last", "_said")

    def __init__(self) -> None:
        self._last: bytes | None = None  # the last frame, if what it said cannot be changed by who was given it
        self._said: tuple[Request, tuple[Any, ...]] | None = None
        self._buffer = bytearray()
        self._end = HEADER_SIZE  # how much of the buffer is needed: the header, and once that is read, the frame

    @property
    def mid_frame(self) -> bool:
        """Whether bytes are held that were not given out: once :meth:`next` says None, a part of a frame."""
        return bool(self._buffer)

    @property
    def held(self) -> int:
        """How many bytes are held that were not given out."""
        return len(self._buffer)

    @property
    def missing(self) -> int:
        """How many bytes there are to the end of the header or of the frame, once :meth:`next` says None.

        Who reads no more than this leaves the next frame where it is: with the operating system, for ``select`` to
        see.
        """
        return self._end - len(self._buffer)

    def feed(self, data: bytes) -> None:
        """Take in what arrived."""
        self._buffer += data

    def take(self, data: bytes) -> tuple[Request, tuple[Any, ...]] | None:
        """Take in what arrived, and give what :meth:`next` gives; at once where the last frame comes again."""
        buffer, last = self._buffer, self._last
        buffer += data
        if last is None or not last.startswith(buffer):
            return self.next()
        held = len(buffer)
        if held < len(last):
            if held >= HEADER_SIZE:
                self._end = len(last)
            return None
        buffer.clear()
        self._end = HEADER_SIZE
        return self._said

    def next_frame(self) -> bytes | None:
        """Give the next whole frame, whose payload is not yet decoded, or None if more bytes are needed.

        :raises CorruptedDataError: this is no stream of fand frames
        """
        buffer = self._buffer
        held = len(buffer)
        if held < self._end:
            if 0 < held < HEADER_SIZE and buffer[: len(MAGIC)] != MAGIC[:held]:
                raise CorruptedDataError(_fault(buffer))
            return None
        if self._end == HEADER_SIZE:
            header = _HEADER.match(buffer)
            if header is None:
                raise CorruptedDataError(_fault(buffer))
            self._end += int(header[1], 16)
            if held < self._end:
                return None
        frame = bytes(buffer[: self._end])
        del buffer[: self._end]
        self._end = HEADER_SIZE
        return frame

    def next(self) -> tuple[Request, tuple[Any, ...]] | None:
        """Give the next whole request with its arguments, or None if more bytes are needed.

        :raises CorruptedDataError: this is no stream of fand frames, or the payload is not one of them
        """
        frame = self.next_frame()
        if frame is None:
            return None
        if frame == self._last:
            return self._said
        said = decode(frame[HEADER_SIZE:])
        if len(frame) <= _KEPT and all(type(arg) in _IMMUTABLE for arg in said[1]):
            self._last, self._said = frame, said
        return said


def _fault(data: bytearray) -> str:
    """What is wrong with ``data``, which is no header; the first byte decides."""
    return _IS_TLS if data.startswith(_TLS) else _NO_HEADER
