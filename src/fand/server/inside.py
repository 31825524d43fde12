"""What a :class:`Connection` takes for the network where TLS is spoken."""

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fand.server.encrypted import Encrypted


class Inside(asyncio.Transport):
    """The transport of a connection inside ``outside``, which encrypts.

    There are as many as clients, so it holds no more than that: neither attributes of its own nor those of asyncio.
    """

    __slots__ = ("_outside",)

    def __init__(self, outside: "Encrypted") -> None:  # asyncio's own makes a dict that nobody asks for anything
        self._outside = outside

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """See :meth:`Encrypted.extra_info`."""
        return self._outside.extra_info(name, default)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send ``data``, encrypted."""
        self._outside.write(bytes(data))

    def write_eof(self) -> None:
        """Say that nothing more is sent, by TLS and by the network; nothing more is heard either."""
        self._outside.say_goodbye()
        self._outside.network.write_eof()

    def can_write_eof(self) -> bool:
        """It is always possible."""
        return True

    def close(self) -> None:
        """Say so, and close once what was sent has left."""
        self._outside.say_goodbye()
        self._outside.network.close()

    def abort(self) -> None:
        """Close without a word."""
        self._outside.network.abort()

    def is_closing(self) -> bool:
        """Whether the network is."""
        return self._outside.network.is_closing()

    def pause_reading(self) -> None:
        """Read nothing more."""
        self._outside.pause()

    def resume_reading(self) -> None:
        """Read again, when it is this client's turn."""
        self._outside.resume()

    def is_reading(self) -> bool:
        """Whether what comes is taken in."""
        return self._outside.reads

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Those of the network: what is encrypted leaves, or waits there."""
        self._outside.network.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        """Bytes that the network has yet to take."""
        return self._outside.network.get_write_buffer_size()
