"""Framing: from a stream of bytes, however it is split, to payloads and requests."""

import re
from typing import Any, Final

from fand.exceptions import CorruptedDataError
from fand.wire.decode import decode
from fand.wire.limits import HEADER_SIZE, MAGIC
from fand.wire.request import Request

_HEADER: Final = re.compile(MAGIC + rb"([0-9a-f]{4})")
_NO_HEADER: Final = (
    "what arrived does not begin with 99F9 and a length of four lower-case hexadecimal digits, not 0000"
)


class Decoder:
    """Cuts a stream of bytes into frames and decodes them.

    What comes out depends on the bytes alone, not on how they were split. After a fault of framing nothing that
    follows can be trusted, so the same error is raised from then on. A fault inside one payload uses that payload up
    and no more.
    """

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def mid_frame(self) -> bool:
        """Whether bytes are held that were not given out: once :meth:`next` says None, a part of a frame."""
        return bool(self._buffer)

    @property
    def missing(self) -> int:
        """How many bytes can be fed without reaching beyond the frame that has begun; 0 if one is complete.

        Who reads no more than this leaves the next frame where it is: with the operating system, for ``select`` to
        see.
        """
        held = len(self._buffer)
        if held < HEADER_SIZE:
            return HEADER_SIZE - held
        size = self._size()
        return 0 if size is None else max(0, HEADER_SIZE + size - held)

    def feed(self, data: bytes) -> None:
        """Take in what arrived."""
        self._buffer += data

    def next_payload(self) -> bytes | None:
        """Give the next whole payload, not yet decoded, or None if more bytes are needed.

        :raises CorruptedDataError: this is no stream of fand frames
        """
        buffer = self._buffer
        held = len(buffer)
        if held < HEADER_SIZE:
            if buffer[: len(MAGIC)] != MAGIC[:held]:
                raise CorruptedDataError(_NO_HEADER)
            return None
        size = self._size()
        if size is None:
            raise CorruptedDataError(_NO_HEADER)
        end = HEADER_SIZE + size
        if held < end:
            return None
        payload = bytes(buffer[HEADER_SIZE:end])
        del buffer[:end]
        return payload

    def next(self) -> tuple[Request, tuple[Any, ...]] | None:
        """Give the next whole request with its arguments, or None if more bytes are needed.

        :raises CorruptedDataError: this is no stream of fand frames, or the payload is not one of them
        """
        payload = self.next_payload()
        return None if payload is None else decode(payload)

    def _size(self) -> int | None:
        """The payload's length by the header, None if that is not a header or allows no payload."""
        header = _HEADER.match(self._buffer)
        return (int(header[1], 16) or None) if header else None
