"""The sizes of the format, the same in both directions."""

from typing import Final

MAGIC: Final = b"99F9"
"""What every frame begins with."""

HEADER_SIZE: Final = 8
"""Bytes before the payload: the magic, then the payload's length as four lower-case hexadecimal digits."""

MAX_PAYLOAD: Final = 0xFFFF
"""The longest payload, in bytes."""

MAX_DEPTH: Final = 8
"""How deep containers may nest; the tuple of arguments is the first level."""

INT_BYTES: Final = 8
"""Integers are signed and at most this wide: from -2**63 to 2**63 - 1."""
