"""The records that a stream of TLS consists of (RFC 8446, 5.1), put together before the cipher sees any of them.

A cipher that is given part of a record makes room for the longest there is, and goes on to hold it; one that is given
many records at once takes them all. Here a part costs its bytes, and records are taken one by one.
"""

from typing import Final

HANDSHAKE: Final = 0x16
"""The first byte of whoever speaks TLS: that of a record which takes part in a handshake."""

ALERT: Final = 0x15
"""The first byte of a record by which the other end says what is wrong."""

_CLIENT_HELLO: Final = b"\x01"
"""The first byte of the message (RFC 8446, 4)."""

_TYPES: Final = range(0x14, 0x19)
_HEADER: Final = 5
_LONGEST: Final = _HEADER + 2**14 + 2048
"""Bytes of a record; TLS before 1.3 allows the most."""


class Records:
    """The records of one stream, in one direction."""

    __slots__ = ("_at", "_data")

    def __init__(self) -> None:
        self._data = b""
        self._at = 0

    @property
    def held(self) -> int:
        """So many bytes have come and not been taken."""
        return len(self._data) - self._at

    @property
    def whole(self) -> bool:
        """Whether there is a record to take."""
        return length(self._data, self._at) <= self.held

    def feed(self, data: bytes) -> None:
        """``data`` has come."""
        self._data = self._data[self._at :] + data
        self._at = 0

    def take(self) -> bytes:
        """The next record, nothing while it is not whole. What is no record comes as it is: the cipher refuses it."""
        begin, whole = self._at, len(self._data)
        end = begin + length(self._data, begin)
        if end > whole:
            return b""
        record = self._data[begin:end]
        if end == whole:
            self._data, self._at = b"", 0
        else:
            self._at = end
        return record


def length(data: bytes, at: int = 0) -> int:
    """Of the record that begins in ``data``; of its header, while that is not whole; of all, if it is no record."""
    held = len(data) - at
    if held and data[at] not in _TYPES:
        return held
    if held < _HEADER:
        return _HEADER
    size = _HEADER + int.from_bytes(data[at + 3 : at + _HEADER])
    return held if size > _LONGEST else size


def announces_more(record: bytes) -> bool:
    """Tell whether a hello begins in ``record`` that does not end there, as those of honest clients do.

    A cipher makes room at once for all that is announced.
    """
    hello = record[0] == HANDSHAKE and record[_HEADER : _HEADER + 1] == _CLIENT_HELLO
    return hello and int.from_bytes(record[_HEADER + 1 : _HEADER + 4]) > len(record) - _HEADER - 4
