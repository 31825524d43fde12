"""From a payload to a request and its arguments.

A payload is a pickle, and a pickle is a program for a machine with a stack. This is that machine with everything
taken out that the vocabulary does not need: the few globals are tokens of our own, nothing is imported, and the only
calls are those that ``_reduce`` spells out. Whatever the bytes, the work and the memory are in proportion to their
number, and what comes out is of the vocabulary.

Peers write three dialects, all read here: protocol 3 with ``GLOBAL`` and ``BINPUT`` (Python 3.6 and 3.7); protocol 4
with ``STACK_GLOBAL`` and ``MEMOIZE`` (3.8 and later), a request being its class called with its value; and the same
with ``getattr(Request, name)`` (3.11.0 to 3.11.4), which is accepted for requests by name and for nothing else.
"""

import struct
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from fand.exceptions import CorruptedDataError
from fand.wire.encode import HEADS, REQUEST_GLOBAL, encode
from fand.wire.limits import HEADER_SIZE, INT_BYTES, MAX_DEPTH, MAX_PAYLOAD
from fand.wire.opcodes import (
    APPEND,
    APPENDS,
    BINBYTES,
    BINFLOAT,
    BINGET,
    BININT,
    BININT1,
    BININT2,
    BINPUT,
    BINUNICODE,
    EMPTY_DICT,
    EMPTY_LIST,
    EMPTY_TUPLE,
    FRAME,
    GLOBAL,
    LONG1,
    LONG_BINGET,
    MARK,
    MEMOIZE,
    NEWFALSE,
    NEWTRUE,
    NONE,
    PROTO,
    REDUCE,
    SETITEM,
    SETITEMS,
    SHORT_BINBYTES,
    SHORT_BINUNICODE,
    STACK_GLOBAL,
    STOP,
    TUPLE,
    TUPLE1,
    TUPLE2,
    TUPLE3,
)
from fand.wire.request import Request


class _Token:
    """What stands on the stack for a global. It leads nowhere, and cannot leave :func:`decode`."""

    __slots__ = ()


_REQUEST: Final = _Token()
_GETATTR: Final = _Token()
_DATETIME: Final = _Token()
_TIMEZONE: Final = _Token()
_TIMEDELTA: Final = _Token()
_GLOBALS: Final = {
    ("fand.communication", "Request"): _REQUEST,
    ("builtins", "getattr"): _GETATTR,
    ("datetime", "datetime"): _DATETIME,
    ("datetime", "timezone"): _TIMEZONE,
    ("datetime", "timedelta"): _TIMEDELTA,
}
_BY_VALUE: Final = {request.value: request for request in Request}
_BY_NAME: Final = {request.name: request for request in Request}
_ALONE: Final = {encode(request, ())[HEADER_SIZE:]: (request, ()) for request in Request}
"""Requests without arguments, as we write them ourselves."""
_BY_HEAD: Final = {head: request for request, head in HEADS.items()}
_SIZE_AT: Final = len(REQUEST_GLOBAL) + 1  # in a head: the size of the request's value

_DATETIME_ARGS: Final = ((bytes,), (bytes, timezone))
_TIMEZONE_ARGS: Final = ((timedelta,), (timedelta, str))

_CONSTANTS: Final = {NONE: None, NEWTRUE: True, NEWFALSE: False, EMPTY_TUPLE: ()}
_NUMBERS: Final = {
    BININT1: struct.Struct("<B"),
    BININT2: struct.Struct("<H"),
    BININT: struct.Struct("<i"),
    BINFLOAT: struct.Struct(">d"),
}
_U32: Final = struct.Struct("<I")
_U64: Final = struct.Struct("<Q")
_DATE: Final = struct.Struct(">HBBBBBBH")

_SCALARS: Final = frozenset({type(None), bool, int, float, str, bytes, datetime, Request})
_CONTAINERS: Final = frozenset({tuple, list, dict})


def decode(payload: bytes) -> tuple[Request, tuple[Any, ...]]:
    """Read one payload.

    :raises CorruptedDataError: it is not the pickle of a request with a tuple of arguments, all of the vocabulary
    """
    if (alone := _ALONE.get(payload)) is not None:
        return alone
    if len(payload) > MAX_PAYLOAD:
        raise CorruptedDataError(f"a payload of {len(payload)} bytes; the longest has {MAX_PAYLOAD}")
    try:
        result = _run(payload)
    except IndexError:
        raise CorruptedDataError("the payload ends too early, or takes from where it has put nothing") from None
    except UnicodeDecodeError:
        raise CorruptedDataError("a text of the payload is not UTF-8") from None
    except struct.error:
        raise CorruptedDataError("the payload ends too early") from None
    if (
        type(result) is not tuple
        or len(result) != 2
        or type(result[0]) is not Request
        or type(result[1]) is not tuple
    ):
        raise CorruptedDataError("the payload is not a request with a tuple of arguments")
    for arg in result[1]:
        if type(arg) not in _SCALARS:
            _check(arg, 2)
    return result


def _check(value: Any, depth: int) -> None:
    """Let only containers of the vocabulary pass, nested at most :data:`MAX_DEPTH` deep."""
    kind = type(value)
    if kind not in _CONTAINERS:
        raise CorruptedDataError("a value of the payload is not of the vocabulary")
    if depth > MAX_DEPTH:
        raise CorruptedDataError(f"the payload nests deeper than {MAX_DEPTH}")
    for item in value.values() if kind is dict else value:
        if type(item) not in _SCALARS:
            _check(item, depth + 1)


# One loop without calls for what every frame holds, the most frequent first: this is where a busy server spends its
# time. Bounds are not checked where they are crossed: a slice that is too short leaves no opcode to go on with, which
# is an IndexError.
def _run(data: bytes) -> Any:  # noqa: PLR0912, PLR0915
    """Run the payload as a pickle and give what it leaves.

    Lists and dicts are filled only while on top of the stack, and no container is read back from the memo: values
    form a tree that is no larger than the payload.
    """
    at = _start(data)
    stack: list[Any] = []
    below: list[list[Any]] = []  # the stacks under each mark
    memo: list[Any] = []
    # A request as we write it ourselves is known by its bytes. No valid payload is too short for this look.
    head_end = at + _SIZE_AT + data[at + _SIZE_AT] + 3
    request = _BY_HEAD.get(data[at:head_end])
    if request is not None:
        stack.append(request)
        at = head_end
    while True:
        opcode = data[at]
        at += 1
        if opcode == SHORT_BINUNICODE:
            start = at + 1
            at = start + data[at]
            stack.append(data[start:at].decode())
        elif opcode in _NUMBERS:
            number = _NUMBERS[opcode]
            stack += number.unpack_from(data, at)
            at += number.size
        elif opcode in _CONSTANTS:
            stack.append(_CONSTANTS[opcode])
        elif opcode == MEMOIZE:
            memo.append(stack[-1])
        elif opcode == TUPLE2:
            last = stack.pop()
            stack.append((stack.pop(), last))
        elif opcode == STOP:
            break
        elif opcode == MARK:
            if len(below) == MAX_DEPTH:
                raise CorruptedDataError(f"the payload nests deeper than {MAX_DEPTH}")
            below.append(stack)
            stack = []
        elif opcode == SETITEMS:
            items, stack = stack, below.pop()
            _update(stack[-1], items)
        elif opcode == EMPTY_DICT:
            stack.append({})
        elif opcode == APPENDS:
            items, stack = stack, below.pop()
            _extend(stack[-1], items)
        elif opcode == EMPTY_LIST:
            stack.append([])
        elif opcode == TUPLE1:
            stack.append((stack.pop(),))
        elif opcode == REDUCE:
            args = stack.pop()
            stack.append(_reduce(stack.pop(), args))
        elif opcode == STACK_GLOBAL:
            name = stack.pop()
            stack.append(_global(stack.pop(), name))
        elif opcode == BINPUT:
            if data[at] != len(memo):
                raise CorruptedDataError(f"memo index {data[at]} where {len(memo)} comes next")
            at += 1
            memo.append(stack[-1])
        elif opcode == SHORT_BINBYTES:
            start = at + 1
            at = start + data[at]
            stack.append(data[start:at])
        elif opcode == BINUNICODE:
            start = at + 4
            at = start + _U32.unpack_from(data, at)[0]
            stack.append(data[start:at].decode())
        elif opcode == BINBYTES:
            start = at + 4
            at = start + _U32.unpack_from(data, at)[0]
            stack.append(data[start:at])
        elif opcode == BINGET:
            stack.append(_recall(memo, data[at]))
            at += 1
        elif opcode == LONG_BINGET:
            stack.append(_recall(memo, _U32.unpack_from(data, at)[0]))
            at += 4
        elif opcode == GLOBAL:
            start = _line(data, at)
            after = _line(data, start)
            stack.append(_global(data[at : start - 1].decode(), data[start : after - 1].decode()))
            at = after
        elif opcode == TUPLE3:
            stack[-3:] = ((stack[-3], stack[-2], stack[-1]),)
        elif opcode == LONG1:
            start = at + 1
            at = start + data[at]
            if at - start > INT_BYTES:
                raise CorruptedDataError(f"an integer of {at - start} bytes; the longest has {INT_BYTES}")
            stack.append(int.from_bytes(data[start:at], "little", signed=True))
        elif opcode == TUPLE:
            items, stack = stack, below.pop()
            stack.append(tuple(items))
        elif opcode == APPEND:
            _extend(stack[-2], (stack.pop(),))
        elif opcode == SETITEM:
            last = stack.pop()
            _update(stack[-2], (stack.pop(), last))
        else:
            raise CorruptedDataError(f"opcode 0x{opcode:02x} at byte {at - 1} of the payload is not of the wire")
    if at != len(data) or len(stack) != 1 or below:
        raise CorruptedDataError("the payload holds more than one request")
    return stack[0]


def _start(data: bytes) -> int:
    """Check the opening, and give where the first value begins.

    A pickler writes PROTO first and, from protocol 4 on, one FRAME for all of so short a pickle.
    """
    if data[0] != PROTO or not 2 <= data[1] <= 5:
        raise CorruptedDataError("the payload is not a pickle of protocol 2 to 5")
    if data[2] != FRAME:
        return 2
    at = 3 + _U64.size
    if data[1] < 4 or _U64.unpack_from(data, 3)[0] != len(data) - at:
        raise CorruptedDataError("the payload's own length is wrong")
    return at


def _line(data: bytes, at: int) -> int:
    """Give where the line after this one begins."""
    end = data.find(b"\n", at)
    if end < 0:
        raise CorruptedDataError("the payload ends too early")
    return end + 1


def _global(module: Any, name: Any) -> _Token:
    token = _GLOBALS.get((module, name)) if type(module) is str and type(name) is str else None
    if token is None:
        raise CorruptedDataError("the payload names a global that is not of the wire")
    return token


def _recall(memo: list[Any], index: int) -> Any:
    value = memo[index]
    if type(value) in _CONTAINERS:
        raise CorruptedDataError("the payload holds one container in two places")
    return value


def _extend(target: Any, items: Iterable[Any]) -> None:
    if type(target) is not list:
        raise CorruptedDataError("the payload appends to what is not a list")
    target.extend(items)


def _update(target: Any, items: Sequence[Any]) -> None:
    """Take keys and values by turns. Only a str is ever hashed."""
    if type(target) is not dict or len(items) % 2:
        raise CorruptedDataError("the payload sets items of what is not a dict, or half of one")
    pairs = iter(items)
    for key, value in zip(pairs, pairs, strict=True):
        if type(key) is not str or key in target:
            raise CorruptedDataError("a dict of the payload has a key that is not a text, or the same twice")
        target[key] = value


def _reduce(function: Any, args: Any) -> Any:
    """The only calls there are."""
    kinds = tuple(map(type, args)) if type(args) is tuple else None
    result: Any = None
    if function is _REQUEST and kinds == (str,):
        result = _BY_VALUE.get(args[0])
    elif function is _GETATTR and kinds == (_Token, str) and args[0] is _REQUEST:
        result = _BY_NAME.get(args[1])
    elif function is _DATETIME and kinds in _DATETIME_ARGS:
        result = _datetime(*args)
    elif function is _TIMEZONE and kinds in _TIMEZONE_ARGS:
        result = _timezone(*args)
    elif function is _TIMEDELTA and kinds == (int, int, int):
        result = _timedelta(*args)
    if result is None:
        raise CorruptedDataError(
            "the payload makes a call that is not of the wire, or gives it what it does not take"
        )
    return result


def _datetime(state: bytes, zone: timezone | None = None) -> datetime | None:
    """From the ten bytes of a pickled datetime, each field checked: the class itself would take any bytes."""
    if len(state) != _DATE.size:
        return None
    year, month, day, hour, minute, second, high, low = _DATE.unpack(state)
    try:
        return datetime(year, month & 0x7F, day, hour, minute, second, high << 16 | low, zone, fold=month >> 7)
    except ValueError:
        return None


def _timezone(offset: timedelta, *name: str) -> timezone | None:
    try:
        return timezone(offset, *name)
    except ValueError:  # a whole day or more
        return None


def _timedelta(days: int, seconds: int, microseconds: int) -> timedelta | None:
    """An offset from UTC in the one form that timedelta is pickled in. Anything longer has no place on the wire."""
    if days not in {-1, 0} or not 0 <= seconds < 86_400 or not 0 <= microseconds < 1_000_000:
        return None
    return timedelta(days, seconds, microseconds)
