"""Payloads that aim at whoever decodes them: by name, each with its bytes. All must be refused as corrupt."""

import struct
from typing import Final

PROTO = b"\x80\x04"
REQUEST = b"\x8c\x12fand.communication\x8c\x07Request\x93"
PING = REQUEST + b"\x8c\x04ping\x85R"
GETATTR = b"\x8c\x08builtins\x8c\x07getattr\x93"
DATETIME = b"\x8c\x08datetime\x8c\x08datetime\x93"
TIMEZONE = b"\x8c\x08datetime\x8c\x08timezone\x93"
TIMEDELTA = b"\x8c\x08datetime\x8c\x09timedelta\x93"
HOUR = TIMEDELTA + b"K\x00M\x10\x0eK\x00\x87R"
DAY = b"\x07\xee\x0c\x1d\x01\x01;\x00\x00\x00"


def text(value: str) -> bytes:
    """A str of up to 255 bytes."""
    return b"\x8c" + bytes((len(value.encode()),)) + value.encode()


def state(fields: bytes) -> bytes:
    """Bytes of up to 255."""
    return b"C" + bytes((len(fields),)) + fields


def holding(value: bytes) -> bytes:
    """The payload of a PING whose one argument is what ``value`` leaves."""
    return PROTO + PING + value + b"\x85\x86."


def _int32(*numbers: int) -> bytes:
    return b"".join(b"J" + struct.pack("<i", number) for number in numbers)


CALLS: Final = {
    "os.system by GLOBAL": holding(b"cos\nsystem\n" + text("true") + b"\x85R"),
    "os.system by STACK_GLOBAL": holding(text("os") + text("system") + b"\x93" + text("true") + b"\x85R"),
    "eval": holding(b"cbuiltins\neval\n" + text("1") + b"\x85R"),
    "import of a module of ours": holding(b"cfand.util\nterminate\n)R"),
    "import of a module that is not there": holding(b"cfand_nothing\nx\n"),
    "dotted name": holding(text("fand.communication") + text("Request.PING") + b"\x93"),
    "INST": holding(b"(" + text("true") + b"ios\nsystem\n"),
    "OBJ": holding(b"(" + REQUEST + text("ping") + b"o"),
    "NEWOBJ": holding(REQUEST + text("ping") + b"\x85\x81"),
    "NEWOBJ_EX": holding(REQUEST + text("ping") + b"\x85}\x92"),
    "EXT1": holding(b"\x82\x01"),
    "EXT2": holding(b"\x83\x01\x00"),
    "EXT4": holding(b"\x84\x01\x00\x00\x00"),
    "PERSID": holding(b"Pname\n"),
    "BINPERSID": holding(text("name") + b"Q"),
    "call of a member": holding(PING + text("ping") + b"\x85R"),
    "call of a str": holding(text("ping") + text("ping") + b"\x85R"),
    "call of what is not there": PROTO + b")R.",
    "call with a list": holding(REQUEST + b"]" + text("ping") + b"aR"),
    "call with None": holding(REQUEST + b"NR"),
    "the global itself": holding(REQUEST),
    "getattr itself": holding(GETATTR),
    "a global inside a list": holding(b"](" + REQUEST + b"e"),
    "a global inside a dict": holding(b"}(" + text("key") + REQUEST + b"u"),
}

REQUESTS: Final = {
    "unknown value": holding(REQUEST + text("reboot") + b"\x85R"),
    "name in place of the value": holding(REQUEST + text("PING") + b"\x85R"),
    "member in place of the value": holding(REQUEST + PING + b"\x85R"),
    "number": holding(REQUEST + b"K\x01\x85R"),
    "no value": holding(REQUEST + b")R"),
    "list, which has no hash": holding(REQUEST + b"]\x85R"),
    "functional API of enum": holding(REQUEST + text("New") + text("A") + b"\x85\x86R"),
    "functional API of enum with a list": holding(REQUEST + text("New") + b"](" + text("A") + b"e\x86R"),
    "getattr of an unknown name": holding(GETATTR + REQUEST + text("REBOOT") + b"\x86R"),
    "getattr of a value": holding(GETATTR + REQUEST + text("ping") + b"\x86R"),
    **{
        f"getattr of {name}": holding(GETATTR + REQUEST + text(name) + b"\x86R")
        for name in ["__class__", "__init__", "mro", "_member_map_", "_value2member_map_", "__dict__", "name", ""]
    },
    "getattr with a default": holding(GETATTR + REQUEST + text("PING") + b"N\x87R"),
    "getattr of a member": holding(GETATTR + PING + text("PING") + b"\x86R"),
    "getattr of getattr": holding(GETATTR + GETATTR + text("__self__") + b"\x86R"),
    "getattr of a str": holding(GETATTR + text("x") + text("PING") + b"\x86R"),
    "getattr of datetime": holding(GETATTR + DATETIME + text("max") + b"\x86R"),
    "getattr by a number": holding(GETATTR + REQUEST + b"K\x01\x86R"),
    "getattr of Python 2": holding(b"c__builtin__\ngetattr\n" + REQUEST + text("PING") + b"\x86R"),
    "BUILD on a member, by a dict": holding(PING + b"}(" + text("_value_") + text("disconnect") + b"ub"),
    "BUILD on a member, by slots": holding(PING + b"N}" + text("_name_") + text("x") + b"s\x86b"),
    "BUILD on the class": holding(REQUEST + b"}" + text("PING") + b"Nsb"),
}

MEMORY: Final = {
    "LONG_BINPUT with a huge index": holding(b"Nr\xff\xff\xff\x7f"),
    "LONG_BINPUT with the next index": holding(b"Nr\x00\x00\x00\x00"),
    "BINPUT out of turn": holding(b"Nq\xff"),
    "PUT with a huge index": holding(b"Np2147483647\n"),
    "BINGET of nothing": holding(b"h\x00"),
    "BINGET beyond": holding(b"N\x94h\x01"),
    "LONG_BINGET beyond": holding(b"N\x94j\xff\xff\xff\xff"),
    "GET": holding(b"N\x94g0\n"),
    "BYTEARRAY8 with a huge size": holding(b"\x96\xff\xff\xff\xff\xff\x00\x00\x00"),
    "BINBYTES8 with a huge size": holding(b"\x8e\xff\xff\xff\xff\xff\x00\x00\x00"),
    "BINUNICODE8 with a huge size": holding(b"\x8d\xff\xff\xff\xff\xff\x00\x00\x00"),
    "BINBYTES with a huge size": holding(b"B\xff\xff\xff\xff"),
    "BINUNICODE with a huge size": holding(b"X\xff\xff\xff\xff"),
    "BINSTRING with a huge size": holding(b"T\xff\xff\xff\x7f"),
    "SHORT_BINBYTES beyond the end": PROTO + b"C\xffx.",
    "SHORT_BINUNICODE beyond the end": PROTO + b"\x8c\xffx.",
    "FRAME with a huge size": PROTO + b"\x95\xff\xff\xff\xff\xff\xff\xff\x7f" + holding(b"N")[2:],
    "60,000 empty dicts": PROTO + b"}" * 60_000 + b".",
    "60,000 empty lists kept in the memo": PROTO + b"]\x94" * 30_000 + b".",
    "30,000 marks": PROTO + b"(" * 60_000 + b".",
    "a list in itself": holding(b"]\x94h\x00a"),
    "a billion laughs": holding(
        b"](NNNNNNNNNNe"
        + b"\x94"
        + b"".join(b"](" + b"h" + bytes((index,)) + (b"h" + bytes((index,))) * 9 + b"e\x94" for index in range(200))
    ),
    "one tuple in two places": holding(b"N\x85\x94h\x00\x86"),
    "one dict in two places": holding(b"}\x94h\x00\x86"),
}

DEPTH: Final = {
    "60,000 tuples, one in another": holding(b")" + b"\x85" * 60_000),
    "15,000 tuples in a dict's key": holding(b"})" + b"\x85" * 15_000 + b"Ns"),
    "lists, one in another": holding(b"]" * 30_000 + b"a" * 29_999),
    "dicts, one in another": holding((b"}" + text("k")) * 9 + b"N" + b"s" * 9),
    "nine levels": holding(b")" + b"\x85" * 7 + b"\x85"),
    "marks, one in another": holding(b"(" * 9 + b"t" * 9),
    "nested arguments of a call": holding(REQUEST + b")" + b"\x85" * 60_000 + b"R"),
}

NUMBERS: Final = {
    "LONG1 of 9 bytes": holding(b"\x8a\x09" + b"\xff" * 8 + b"\x7f"),
    "LONG1 of 255 bytes": holding(b"\x8a\xff" + b"\x7f" * 255),
    "LONG4 of 60,000 bytes": holding(b"\x8b" + struct.pack("<i", 60_000) + b"\x7f" * 60_000),
    "LONG of 60,000 digits": holding(b"L" + b"9" * 60_000 + b"L\n"),
    "INT of 60,000 digits": holding(b"I" + b"9" * 60_000 + b"\n"),
    "FLOAT of 60,000 digits": holding(b"F" + b"9" * 60_000 + b"\n"),
}

DATES: Final = {
    "timedelta overflow": holding(TIMEDELTA + _int32(999_999_999, 86_400, 0) + b"\x87R"),
    "timedelta underflow": holding(TIMEDELTA + _int32(-(2**31), -1, -1) + b"\x87R"),
    "timedelta far too long": holding(TIMEDELTA + b"\x8a\x08" + b"\xff" * 7 + b"\x7f" + _int32(0, 0) + b"\x87R"),
    "timedelta of floats": holding(TIMEDELTA + (b"G" + struct.pack(">d", 1e300)) * 3 + b"\x87R"),
    "timedelta of a NaN": holding(TIMEDELTA + (b"G" + struct.pack(">d", float("nan"))) * 3 + b"\x87R"),
    "timedelta of booleans": holding(TIMEDELTA + b"\x88\x88\x88\x87R"),
    "timedelta of one": holding(TIMEDELTA + b"K\x01\x85R"),
    "timedelta of a day": holding(
        DATETIME + state(DAY) + TIMEZONE + TIMEDELTA + _int32(1, 0, 0) + b"\x87R\x85R\x86R"
    ),
    "timedelta of 86,400 s": holding(TIMEDELTA + _int32(0, 86_400, 0) + b"\x87R"),
    "timedelta of -1 s": holding(TIMEDELTA + _int32(0, -1, 0) + b"\x87R"),
    "timedelta of 1,000,000 us": holding(TIMEDELTA + _int32(0, 0, 1_000_000) + b"\x87R"),
    "timedelta alone": holding(HOUR),
    "timezone alone": holding(TIMEZONE + HOUR + b"\x85R"),
    "timezone of -24 h": holding(TIMEZONE + TIMEDELTA + _int32(-1, 0, 0) + b"\x87R\x85R"),
    "timezone of a number": holding(TIMEZONE + b"K\x01\x85R"),
    "timezone with a name that is none": holding(TIMEZONE + HOUR + b"N\x86R"),
    "timezone of nothing": holding(TIMEZONE + b")R"),
    "datetime of nothing": holding(DATETIME + b")R"),
    "datetime of numbers": holding(DATETIME + b"M\xee\x07K\x01K\x01\x87R"),
    "datetime of a text": holding(DATETIME + text("0123456789") + b"\x85R"),
    "datetime of 9 bytes": holding(DATETIME + state(DAY[:9]) + b"\x85R"),
    "datetime of 11 bytes": holding(DATETIME + state(DAY + b"\0") + b"\x85R"),
    "datetime of the year 0": holding(DATETIME + state(b"\0\0" + DAY[2:]) + b"\x85R"),
    "datetime of the year 65535": holding(DATETIME + state(b"\xff\xff" + DAY[2:]) + b"\x85R"),
    "datetime of the month 0": holding(DATETIME + state(DAY[:2] + b"\0" + DAY[3:]) + b"\x85R"),
    "datetime of the month 13": holding(DATETIME + state(DAY[:2] + b"\x0d" + DAY[3:]) + b"\x85R"),
    "datetime of the day 200": holding(DATETIME + state(DAY[:3] + b"\xc8" + DAY[4:]) + b"\x85R"),
    "datetime of February 29th, 2030": holding(DATETIME + state(DAY[:2] + b"\x02" + DAY[3:]) + b"\x85R"),
    "datetime of 25 o'clock": holding(DATETIME + state(DAY[:4] + b"\x19" + DAY[5:]) + b"\x85R"),
    "datetime of 0xffffff us": holding(DATETIME + state(DAY[:7] + b"\xff\xff\xff") + b"\x85R"),
    "datetime with a zone that is None": holding(DATETIME + state(DAY) + b"N\x86R"),
    "datetime with a zone that is a text": holding(DATETIME + state(DAY) + text("UTC") + b"\x86R"),
    "date": holding(text("datetime") + text("date") + b"\x93" + state(DAY[:4]) + b"\x85R"),
}

SHAPE: Final = {
    "nothing": b"",
    "PROTO alone": PROTO,
    "no PROTO": holding(b"N")[2:],
    "protocol 0": b"\x80\x00" + holding(b"N")[2:],
    "protocol 1": b"\x80\x01" + holding(b"N")[2:],
    "protocol 6": b"\x80\x06" + holding(b"N")[2:],
    "PROTO twice": PROTO + holding(b"N"),
    "FRAME before protocol 4": b"\x80\x03\x95" + struct.pack("<Q", len(holding(b"N")) - 2) + holding(b"N")[2:],
    "FRAME too short": PROTO + b"\x95" + struct.pack("<Q", len(holding(b"N")) - 3) + holding(b"N")[2:],
    "FRAME too long": PROTO + b"\x95" + struct.pack("<Q", len(holding(b"N")) - 1) + holding(b"N")[2:],
    "FRAME cut short": PROTO + b"\x95\x01\x02",
    "FRAME in the middle": holding(b"\x95\x03\0\0\0\0\0\0\0N"),
    "trailing byte": holding(b"N") + b"\0",
    "two pickles": holding(b"N") + holding(b"N"),
    "no STOP": holding(b"N")[:-1],
    "STOP at once": PROTO + b".",
    "STOP inside a mark": PROTO + PING + b")\x86(" + PING + b")\x86.",
    "more than one value": PROTO + b"N" + holding(b"N")[2:],
    "a request alone": PROTO + PING + b".",
    "a tuple of one": PROTO + PING + b"\x85.",
    "a tuple of three": PROTO + PING + b")N\x87.",
    "a list in place of the pair": PROTO + b"](" + PING + b")e.",
    "arguments in a list": PROTO + PING + b"]\x86.",
    "None in place of arguments": PROTO + PING + b"N\x86.",
    "a text in place of the request": PROTO + text("ping") + b")\x86.",
    "the global in place of the request": PROTO + REQUEST + b")\x86.",
    "TUPLE1 of nothing": PROTO + b"\x85.",
    "TUPLE2 of one": PROTO + b"N\x86.",
    "TUPLE3 of two": PROTO + b"NN\x87.",
    "TUPLE2 reaching below the mark": PROTO + PING + b")N(N\x86t\x87.",
    "TUPLE without a mark": PROTO + b"Nt.",
    "APPENDS without a mark": PROTO + b"]Ne.",
    "SETITEMS without a mark": PROTO + b"}NNu.",
    "MEMOIZE of nothing": PROTO + b"\x94.",
    "BINPUT of nothing": PROTO + b"q\0.",
    "APPEND to a tuple": holding(b")Na"),
    "APPEND to a dict": holding(b"}Na"),
    "APPEND of nothing": PROTO + b"]a.",
    "APPENDS to a str": holding(text("x") + b"(Ne"),
    "APPENDS below nothing": PROTO + b"(Ne.",
    "SETITEM of a list": holding(b"]" + text("k") + b"Ns"),
    "SETITEM without a value": PROTO + b"}" + text("k") + b"s.",
    "SETITEMS of a tuple": holding(b")(" + text("k") + b"Nu"),
    "SETITEMS of a key without a value": holding(b"}(" + text("k") + b"u"),
    "a number for a key": holding(b"}K\x01Ns"),
    "bytes for a key": holding(b"}" + state(b"k") + b"Ns"),
    "a tuple for a key": holding(b"})Ns"),
    "a list for a key": holding(b"}](Ne" + b"Ns"),
    "a request for a key": holding(b"}" + PING + b"Ns"),
    "a key twice": holding(b"}(" + (text("k") + b"N") * 2 + b"u"),
    "a key twice, later": holding(b"}" + (text("k") + b"Ns") * 2),
    "a set": holding(b"\x8f"),
    "a frozenset": holding(b"(\x91"),
    "a bytearray": holding(b"\x96\x01\0\0\0\0\0\0\0x"),
    "DUP": holding(b"N2\x86"),
    "POP": holding(b"NN0"),
    "POP_MARK": holding(b"N(N1"),
    "STRING": holding(b"S'x'\n"),
    "UNICODE": holding(b"Vx\n"),
    "SHORT_BINSTRING": holding(b"U\x01x"),
    "NEXT_BUFFER": holding(b"\x97"),
    "READONLY_BUFFER": holding(b"N\x98"),
    "text that is not UTF-8": holding(b"\x8c\x01\xff"),
    "text with a lone surrogate": holding(b"\x8c\x03\xed\xa0\x80"),
    "text with an overlong form": holding(b"\x8c\x02\xc0\x80"),
    "long text that is not UTF-8": holding(b"X\x01\0\0\0\xff"),
    "GLOBAL that is not UTF-8": holding(b"c\xff\nx\n"),
    "GLOBAL without an end": PROTO + b"cos",
    "GLOBAL without a name": PROTO + b"cos\n",
    "STACK_GLOBAL of nothing": PROTO + b"\x93.",
    "STACK_GLOBAL of numbers": holding(b"K\x01K\x02\x93"),
    "STACK_GLOBAL of lists, which have no hash": holding(b"]]\x93"),
    "BININT cut short": PROTO + b"J\x01",
    "BINFLOAT cut short": PROTO + b"G\x01",
    "BINUNICODE cut short": PROTO + b"X\x01",
    "LONG1 cut short": PROTO + b"\x8a\x08\x01",
    "BINGET cut short": PROTO + b"N\x94h",
}

ALL: Final = {**CALLS, **REQUESTS, **MEMORY, **DEPTH, **NUMBERS, **DATES, **SHAPE}
