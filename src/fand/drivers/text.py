"""Numbers that people and programs write."""

import re
from typing import Final

from fand.exceptions import DriverError

_NUMBER: Final = re.compile(r"[+-]?([0-9]{1,20}(\.[0-9]{0,20})?|\.[0-9]{1,20})([eE][+-]?[0-9]{1,2})?")


def named(key: str, value: str, what: str) -> None:
    """Refuse a setting that names nothing: one that is empty, or holds characters that no name has.

    :raises ValueError: it is one; ``what`` tells what to give
    """
    if not value.strip() or not value.isprintable():
        raise ValueError(f"{key}: give {what}")


def number(text: str) -> float:
    """The one decimal number that ``text`` is, space around it aside.

    :raises DriverError: it is something else, such as ``nan`` or two numbers
    """
    text = text.strip()
    if not text:
        raise DriverError("it is empty, where a number was expected")
    if not _NUMBER.fullmatch(text):
        raise DriverError(f"{shorten(text)!r} is not a number")
    return float(text)


def shorten(text: str, length: int = 60) -> str:
    """``text`` for a message: its first line, at most ``length`` characters."""
    line = text.strip().split("\n", 1)[0].strip()
    return line if len(line) <= length else line[: length - 3] + "..."
