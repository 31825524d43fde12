"""The pickle opcodes of the wire, named as :mod:`pickletools` names them.

These and no others are written or read. Source: the standard library's ``pickletools`` module, protocols 2 to 5.
"""

from typing import Final

PROTO: Final = 0x80
FRAME: Final = 0x95
STOP: Final = 0x2E

NONE: Final = 0x4E
NEWTRUE: Final = 0x88
NEWFALSE: Final = 0x89
BININT: Final = 0x4A
BININT1: Final = 0x4B
BININT2: Final = 0x4D
LONG1: Final = 0x8A
BINFLOAT: Final = 0x47
SHORT_BINUNICODE: Final = 0x8C
BINUNICODE: Final = 0x58
SHORT_BINBYTES: Final = 0x43
BINBYTES: Final = 0x42

MARK: Final = 0x28
EMPTY_TUPLE: Final = 0x29
TUPLE1: Final = 0x85
TUPLE2: Final = 0x86
TUPLE3: Final = 0x87
TUPLE: Final = 0x74
EMPTY_LIST: Final = 0x5D
APPEND: Final = 0x61
APPENDS: Final = 0x65
EMPTY_DICT: Final = 0x7D
SETITEM: Final = 0x73
SETITEMS: Final = 0x75

GLOBAL: Final = 0x63
STACK_GLOBAL: Final = 0x93
REDUCE: Final = 0x52

BINPUT: Final = 0x71
MEMOIZE: Final = 0x94
BINGET: Final = 0x68
LONG_BINGET: Final = 0x6A
