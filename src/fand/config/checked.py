"""Turn what a file says into typed values, naming every fault with its place.

msgspec does the typing and has the last word, but stops at its first fault. Here it is asked field by field, so
that a person sees all faults at once, each in the words of the file's format.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from math import isfinite
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, NewType, TypeVar, Union, get_args, get_origin

import msgspec

from fand.exceptions import ConfigError

T = TypeVar("T")

Entry = NewType("Entry", object)
"""What is not checked here but later, when it is known what it must be."""

_BAD: Final = object()
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_LARGEST: Final = 2**63
_WORDS: Final[Mapping[object, str]] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    list: "a list",
    tuple: "a list",
    dict: "a table",
}


class Faults:
    """The faults of one file, in the order in which they were found; and warnings, of what a server can do without.

    ``names`` translates places for a file of another format: a place in it, or the beginning of one, is shown as
    the text that it maps to.
    """

    def __init__(self, source: str, names: Mapping[str, str] | None = None) -> None:
        self._source = source
        self._names = names or {}
        self._lines: list[str] = []
        self._warnings: list[str] = []

    def add(self, place: str, text: str) -> None:
        """Note that ``text`` is wrong at ``place``; an empty place is the whole file. It becomes one line."""
        self._lines.append(self._line(place, text))

    def warn(self, place: str, text: str) -> None:
        """Note that ``text`` can hardly be meant so at ``place``, though nothing hangs on it. It becomes one line."""
        self._warnings.append(self._line(place, text))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is no fault."""
        return tuple(self._warnings)

    def _line(self, place: str, text: str) -> str:
        line = ": ".join(part for part in (self._source, self.named(place), text) if part)
        return " ".join(line.splitlines())

    def named(self, place: str) -> str:
        """``place`` in the words of the file's format."""
        known = [name for name in self._names if place == name or place.startswith((f"{name}.", f"{name}["))]
        return self._names[max(known, key=len)] if known else place

    def check(self) -> None:
        """:raises ConfigError: there are faults"""
        if self._lines:
            raise ConfigError(self._lines)


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file, such as ``shelves.shelf1.devices[2]``; the empty one is the whole file."""

    faults: Faults
    path: str = ""

    def __str__(self) -> str:
        return self.faults.named(self.path)

    def at(self, key: str | int) -> "Place":
        """The place of ``key`` in the table here, or of number ``key``, from 1, in the list here."""
        return Place(self.faults, under(self.path, key))

    def fault(self, text: str) -> None:
        """Note that ``text`` is wrong here."""
        self.faults.add(self.path, text)

    def warn(self, text: str) -> None:
        """Note that ``text`` can hardly be meant so here, though nothing hangs on it."""
        self.faults.warn(self.path, text)


def under(path: str, key: str | int) -> str:
    """The path of ``key`` in the table at ``path``, or of number ``key``, from 1, in the list there."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    shown = key if _BARE.fullmatch(key) else repr(key)
    return f"{path}.{shown}" if path else shown


def meant(word: str, known: Iterable[str]) -> str:
    """``; did you mean 'known'?`` if one of them is close to ``word``, else nothing."""
    from difflib import get_close_matches  # noqa: PLC0415 - only where something is wrong

    close = get_close_matches(word, sorted(known), 1)
    return f"; did you mean {close[0]!r}?" if close else ""


def shown(value: object) -> str:
    """``value`` as the file has it, cut short."""
    if isinstance(value, bool):
        return str(value).lower()
    try:
        text = repr(value) if isinstance(value, str | int | float | list | dict) else str(value)
    except ValueError:  # Python refuses to print an integer of thousands of digits
        return "a number beyond measure"
    return text if len(text) <= 60 else text[:57] + "..."


def checked(raw: object, kind: type[T], place: Place, also: Iterable[str] = ()) -> T | None:
    """Take ``raw`` as a value of ``kind``, noting every fault.

    With faults in optional fields only, the value comes without these fields, so that what depends on the others
    can be checked too; otherwise None. ``also`` are further keys that an unknown one may be a misspelling of.
    """
    mended = _mend(raw, kind, place, also)
    if mended is _BAD:
        return None
    try:
        return msgspec.convert(mended, kind)
    except msgspec.ValidationError as error:
        place.fault(str(error))
        return None


def _mend(raw: object, hint: Any, place: Place, also: Iterable[str] = ()) -> object:
    """``raw`` without the parts that have a fault; :data:`_BAD` if it cannot do without them."""
    bare = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    if get_origin(bare) in (Union, UnionType) and len(parts := set(get_args(bare)) - {NoneType}) == 1:
        (bare,) = parts  # it may be left out
    if bare is Entry:
        return raw
    origin = get_origin(bare)
    if isinstance(raw, dict) and isinstance(bare, type) and issubclass(bare, msgspec.Struct):
        return _mend_struct(raw, bare, place, also)
    if isinstance(raw, dict) and origin is dict:
        entries = {key: _mend(value, get_args(bare)[1], place.at(key)) for key, value in raw.items()}
        return {key: value for key, value in entries.items() if value is not _BAD}
    if isinstance(raw, list) and (origin is list or (origin is tuple and Ellipsis in get_args(bare))):
        item = get_args(bare)[0]
        items = [_mend(value, item, place.at(number)) for number, value in enumerate(raw, 1)]
        return _BAD if any(value is _BAD for value in items) else items
    return _leaf(raw, hint, place)


def _mend_struct(raw: Mapping[str, object], kind: type[msgspec.Struct], place: Place, also: Iterable[str]) -> object:
    fields = _fields(kind)
    mended: dict[str, object] = {}
    whole = True
    for key in raw:
        if key not in fields:
            place.fault(f"unknown key {key!r}{meant(key, {*fields, *also})}")
    for key, field in fields.items():
        if key in raw:
            value = _mend(raw[key], field.type, place.at(key))
            if value is not _BAD:
                mended[key] = value
            else:
                whole = whole and not field.required
        elif field.required:
            place.fault(f"key {key!r} is missing; it is {describe(field.type)}")
            whole = False
    return mended if whole else _BAD


@cache
def _fields(kind: type[msgspec.Struct]) -> Mapping[str, msgspec.structs.FieldInfo]:
    """The fields of ``kind`` by their names in the file; to work them out takes longer than to check a table."""
    return {field.encode_name: field for field in msgspec.structs.fields(kind)}


def _leaf(raw: object, hint: Any, place: Place) -> object:
    if not _measurable(raw):
        place.fault(f"{shown(raw)} is no number that can be used")
        return _BAD
    try:
        msgspec.convert(raw, hint)
    except msgspec.ValidationError as error:
        told = f" ({error})" if isinstance(raw, list | dict) else ""
        place.fault(f"expected {describe(hint)}, not {shown(raw)}{told}")
        return _BAD
    return raw


def _measurable(raw: object) -> bool:
    """No NaN, infinity or huge integer is anywhere in ``raw``."""
    if isinstance(raw, dict):
        return all(map(_measurable, raw.values()))
    if isinstance(raw, list):
        return all(map(_measurable, raw))
    if isinstance(raw, int):
        return abs(raw) < _LARGEST
    return not isinstance(raw, float) or isfinite(raw)


def describe(hint: Any) -> str:
    """What a value of this type is, in words: "a whole number from 1 to 65535"."""
    if isinstance(hint, NewType):
        return describe(hint.__supertype__)
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return describe(args[0]) + "".join(_range(note) for note in args[1:] if isinstance(note, msgspec.Meta))
    if origin is Literal:
        return " or ".join(f"'{arg}'" for arg in args)
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(describe(arg) for arg in args if arg is not NoneType))
    if hint is Any or hint is object:
        return "a value"
    return _WORDS.get(origin or hint, "a table")


def _range(meta: msgspec.Meta) -> str:
    if meta.ge is not None and meta.le is not None:
        return f" from {meta.ge:g} to {meta.le:g}"
    parts = [
        f" {word} {limit:g}"
        for word, limit in (("above", meta.gt), ("at least", meta.ge), ("under", meta.lt), ("at most", meta.le))
        if limit is not None
    ]
    if meta.min_length:
        parts.append(" that is not empty" if meta.min_length == 1 else f" of at least {meta.min_length}")
    return " and".join(parts)
