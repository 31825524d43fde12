"""From a request and its arguments to a frame.

The payload is a pickle of protocol 4 that every Python since 3.4 reads. Two things are fixed whatever Python writes
it: a :class:`~fand.wire.Request` is its class called with its value, and nothing is memoised, so that equal
requests are equal bytes.
"""

import struct
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from fand.exceptions import UnpicklableError
from fand.wire import opcodes as op
from fand.wire.limits import INT_BYTES, MAGIC, MAX_DEPTH, MAX_PAYLOAD
from fand.wire.request import Request

_U32: Final = struct.Struct("<BI")
_U16: Final = struct.Struct("<BH")
_I32: Final = struct.Struct("<Bi")
_F64: Final = struct.Struct(">Bd")
_DATE: Final = struct.Struct(">HBBBBB")

_START: Final = struct.Struct("<4s4sBBBQ")
"""Magic, length, then what opens the payload: PROTO 4 and FRAME with the length of the rest."""
_OPENING: Final = _START.size - 8


def encode(request: Request, args: tuple[object, ...]) -> bytes:
    """Write the whole frame of ``request`` and its ``args``.

    The types are taken exactly: a subclass, such as an ``IntEnum`` or a NumPy float, would reach the peer as
    something else. An aware datetime is sent as the same instant at a fixed offset from UTC.

    :raises UnpicklableError: a value has no form on the wire, or the frame would be too long
    """
    if type(request) is not Request or type(args) is not tuple:
        raise UnpicklableError(f"{_shown(request)} with {_shown(args)} is not a Request with a tuple of arguments")
    out = bytearray(HEADS[request])
    _put_tuple(out, args, 1)
    out += _END
    size = _OPENING + len(out)
    if size > MAX_PAYLOAD:
        raise UnpicklableError(f"{request.name} needs {size} bytes, and a frame holds {MAX_PAYLOAD}; send less")
    return _START.pack(MAGIC, b"%04x" % size, op.PROTO, 4, op.FRAME, len(out)) + out


def _refuse(_out: bytearray, value: object, _depth: int) -> None:
    raise UnpicklableError(f"a value of type {type(value).__name__} has no form on the wire")


def _put_none(out: bytearray, _value: None, _depth: int) -> None:
    out.append(op.NONE)


def _put_bool(out: bytearray, value: bool, _depth: int) -> None:
    out.append(op.NEWTRUE if value else op.NEWFALSE)


def _put_int(out: bytearray, value: int, _depth: int) -> None:
    if 0 <= value <= 0xFF:
        out.append(op.BININT1)
        out.append(value)
    elif 0 <= value <= 0xFFFF:
        out += _U16.pack(op.BININT2, value)
    elif -(2**31) <= value < 2**31:
        out += _I32.pack(op.BININT, value)
    elif (size := (~value if value < 0 else value).bit_length() // 8 + 1) <= INT_BYTES:
        out += bytes((op.LONG1, size)) + value.to_bytes(size, "little", signed=True)
    else:
        raise UnpicklableError(f"an integer of {value.bit_length()} bits is too large for the wire")


def _put_float(out: bytearray, value: float, _depth: int) -> None:
    out += _F64.pack(op.BINFLOAT, value)


def _put_str(out: bytearray, value: str, _depth: int) -> None:
    try:
        data = value.encode()
    except UnicodeEncodeError as error:
        raise UnpicklableError("a text with a lone surrogate has no form on the wire") from error
    if len(data) <= 0xFF:
        out.append(op.SHORT_BINUNICODE)
        out.append(len(data))
        out += data
    else:
        _put_sized(out, op.BINUNICODE, data)


def _put_bytes(out: bytearray, value: bytes, _depth: int) -> None:
    if len(value) <= 0xFF:
        out += bytes((op.SHORT_BINBYTES, len(value))) + value
    else:
        _put_sized(out, op.BINBYTES, value)


def _put_sized(out: bytearray, opcode: int, data: bytes) -> None:
    if len(data) > MAX_PAYLOAD:
        raise UnpicklableError(_TOO_LONG)
    out += _U32.pack(opcode, len(data)) + data


def _put_datetime(out: bytearray, value: datetime, _depth: int) -> None:
    offset = value.utcoffset()
    out += _DATETIME
    month = value.month | value.fold << 7
    date = _DATE.pack(value.year, month, value.day, value.hour, value.minute, value.second)
    _put_bytes(out, date + value.microsecond.to_bytes(3, "big"), 0)
    if offset is None:
        out += bytes((op.TUPLE1, op.REDUCE))
    else:
        out += _TIMEZONE
        _put_offset(out, offset)
        out += bytes((op.TUPLE1, op.REDUCE, op.TUPLE2, op.REDUCE))


def _put_offset(out: bytearray, offset: timedelta) -> None:
    out += _TIMEDELTA
    for part in (offset.days, offset.seconds, offset.microseconds):
        _put_int(out, part, 0)
    out += bytes((op.TUPLE3, op.REDUCE))


def _put_request(out: bytearray, value: Request, _depth: int) -> None:
    out += HEADS[value]


def _put_tuple(out: bytearray, value: tuple[object, ...], depth: int) -> None:
    _enter(out, depth)
    size = len(value)
    if size > 3:
        out.append(op.MARK)
    for item in value:
        _PUT.get(type(item), _refuse)(out, item, depth + 1)
    out.append(_TUPLES[size] if size <= 3 else op.TUPLE)


@lru_cache(256)
def _key(key: str) -> bytes:
    """A key of a dict as it is written: the same few come again and again."""
    out = bytearray()
    _put_str(out, key, 0)
    return bytes(out)


def _put_list(out: bytearray, value: list[object], depth: int) -> None:
    _enter(out, depth)
    out.append(op.EMPTY_LIST)
    if value:
        out.append(op.MARK)
        for item in value:
            _PUT.get(type(item), _refuse)(out, item, depth + 1)
        out.append(op.APPENDS)


def _put_dict(out: bytearray, value: dict[object, object], depth: int) -> None:
    _enter(out, depth)
    out.append(op.EMPTY_DICT)
    if value:
        out.append(op.MARK)
        for key, item in value.items():
            if type(key) is not str:
                raise UnpicklableError(f"a dict with a key of type {type(key).__name__} has no form on the wire")
            out += _key(key)
            _PUT.get(type(item), _refuse)(out, item, depth + 1)
        out.append(op.SETITEMS)


def _enter(out: bytearray, depth: int) -> None:
    """Refuse what nests too deep, a container that holds itself among it, and what is already too long."""
    if depth > MAX_DEPTH:
        raise UnpicklableError(f"containers nested deeper than {MAX_DEPTH} have no form on the wire")
    if len(out) > MAX_PAYLOAD:
        raise UnpicklableError(_TOO_LONG)


def _shown(value: object) -> str:
    return value.name if type(value) is Request else f"a value of type {type(value).__name__}"


def _global(module: str, name: str) -> bytes:
    out = bytearray()
    _put_str(out, module, 0)
    _put_str(out, name, 0)
    out.append(op.STACK_GLOBAL)
    return bytes(out)


def _head(request: Request) -> bytes:
    out = bytearray(REQUEST_GLOBAL)
    _put_str(out, request.value, 0)
    return bytes(out) + bytes((op.TUPLE1, op.REDUCE))


_TOO_LONG: Final = f"the frame would be longer than {MAX_PAYLOAD} bytes; send less"

REQUEST_GLOBAL: Final = _global("fand.communication", "Request")
"""What every request begins with."""

HEADS: Final = {request: _head(request) for request in Request}
"""Every request as it is written."""

_END: Final = bytes((op.TUPLE2, op.STOP))
_TUPLES: Final = (op.EMPTY_TUPLE, op.TUPLE1, op.TUPLE2, op.TUPLE3)
_DATETIME: Final = _global("datetime", "datetime")
_TIMEZONE: Final = _global("datetime", "timezone")
_TIMEDELTA: Final = _global("datetime", "timedelta")

_PUT: Final[dict[type, Callable[[bytearray, Any, int], None]]] = {
    type(None): _put_none,
    bool: _put_bool,
    int: _put_int,
    float: _put_float,
    str: _put_str,
    bytes: _put_bytes,
    datetime: _put_datetime,
    Request: _put_request,
    tuple: _put_tuple,
    list: _put_list,
    dict: _put_dict,
}
