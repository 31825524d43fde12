"""What of msgspec the simulation needs, in Python alone: there is no msgspec for PyPy.

Only values that are used here count: it takes what the real one takes of a plan and of a server's state, and refuses
what that refuses, in other words. A test holds the two against each other.
"""

import dataclasses
import json as _json
import sys
import typing
from collections.abc import Callable, Mapping
from enum import Enum
from math import isfinite
from types import ModuleType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin


class ValidationError(ValueError):
    """A value is not of the type that it must be of."""


@dataclasses.dataclass(frozen=True)
class Meta:
    """What a value must be besides; the rest is for people."""

    gt: float | None = None
    ge: float | None = None
    lt: float | None = None
    le: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    description: str | None = None

    def holds(self, value: Any) -> bool:
        """Whether ``value`` is within the limits."""
        return (
            (self.gt is None or value > self.gt)
            and (self.ge is None or value >= self.ge)
            and (self.lt is None or value < self.lt)
            and (self.le is None or value <= self.le)
            and (self.min_length is None or len(value) >= self.min_length)
            and (self.max_length is None or len(value) <= self.max_length)
        )


class _Kind(type):
    """Makes a dataclass of each struct."""

    def __new__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any], **options: bool) -> Any:
        for key in body.get("__annotations__", {}):
            if isinstance(body.get(key), list | dict | set):
                body[key] = dataclasses.field(default_factory=type(body[key]))
        made: Any = super().__new__(cls, name, bases, body)
        if bases:
            frozen = options.pop("frozen", False)
            made = dataclasses.dataclass(frozen=frozen, kw_only=options.pop("kw_only", False))(made)
            made._options = options
        return made

    def __init__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any], **_options: bool) -> None:
        super().__init__(name, bases, body)


class Struct(metaclass=_Kind):
    """Base of all structs."""

    _options: dict[str, bool]


def to_builtins(value: Any) -> Any:
    """``value`` in dicts, lists and what JSON has."""
    if isinstance(value, Struct):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}  # type: ignore[arg-type]
        if value._options.get("omit_defaults"):
            defaults = {field.name: _default(field) for field in dataclasses.fields(value)}  # type: ignore[arg-type]
            fields = {name: one for name, one in fields.items() if one != defaults[name]}
        return {name: to_builtins(one) for name, one in fields.items()}
    if isinstance(value, Mapping):
        return {key: to_builtins(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [to_builtins(one) for one in value]
    return value.value if isinstance(value, Enum) else value


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def convert(raw: Any, kind: Any) -> Any:
    """``raw`` as a ``kind``.

    :raises ValidationError: it is none
    """
    origin = get_origin(kind)
    if kind is Any:
        return raw
    if hasattr(kind, "__supertype__"):
        return convert(raw, kind.__supertype__)
    if origin in _GENERIC:
        return _GENERIC[origin](raw, get_args(kind))
    if isinstance(kind, type) and issubclass(kind, Struct):
        return _struct(raw, kind)
    if kind is float and isinstance(raw, int) and not isinstance(raw, bool):
        return float(raw)
    if type(raw) is not kind or (kind is float and not isfinite(raw)):
        raise ValidationError(f"expected {kind}, not {raw!r}")
    return raw


def _annotated(raw: Any, args: tuple[Any, ...]) -> Any:
    value = convert(raw, args[0])
    if not all(meta.holds(value) for meta in args[1:]):
        raise ValidationError(f"{value!r} is out of range")
    return value


def _union(raw: Any, args: tuple[Any, ...]) -> Any:
    for kind in args:
        try:
            return convert(raw, kind)
        except ValidationError:
            pass
    raise ValidationError(f"{raw!r} is none of {args}")


def _literal(raw: Any, args: tuple[Any, ...]) -> Any:
    if not any(type(raw) is type(one) and raw == one for one in args):
        raise ValidationError(f"{raw!r} is none of {args}")
    return raw


def _dict(raw: Any, args: tuple[Any, ...]) -> Any:
    if not isinstance(raw, dict):
        raise ValidationError(f"{raw!r} is no object")
    return {convert(key, args[0]): convert(one, args[1]) for key, one in raw.items()}


def _list(raw: Any, args: tuple[Any, ...]) -> Any:
    if not isinstance(raw, list):
        raise ValidationError(f"{raw!r} is no array")
    return [convert(one, args[0]) for one in raw]


def _tuple(raw: Any, args: tuple[Any, ...]) -> Any:
    if not isinstance(raw, list):
        raise ValidationError(f"{raw!r} is no array")
    kinds = (args[0],) * len(raw) if args[-1] is Ellipsis else args
    if len(kinds) != len(raw):
        raise ValidationError(f"{raw!r} is not {len(kinds)} values")
    return tuple(convert(one, kind) for one, kind in zip(raw, kinds, strict=True))


def _struct(raw: Any, kind: Any) -> Any:
    if not isinstance(raw, dict):
        raise ValidationError(f"{raw!r} is no object")
    hints = typing.get_type_hints(kind, include_extras=True)
    found = {}
    for field in dataclasses.fields(kind):
        if field.name in raw:
            found[field.name] = convert(raw[field.name], hints[field.name])
        elif _default(field) is dataclasses.MISSING:
            raise ValidationError(f"{field.name} is missing")
    if kind._options.get("forbid_unknown_fields") and raw.keys() - found.keys():
        raise ValidationError(f"there is no {min(raw.keys() - found.keys())}")
    return kind(**found)


_GENERIC: Final[Mapping[Any, Callable[[Any, tuple[Any, ...]], Any]]] = {
    Annotated: _annotated,
    Union: _union,
    UnionType: _union,
    Literal: _literal,
    dict: _dict,
    list: _list,
    tuple: _tuple,
}


def encode(value: Any) -> bytes:
    """``value`` as JSON."""
    return _json.dumps(to_builtins(value), separators=(",", ":"), ensure_ascii=False).encode()


def decode(data: bytes, type: Any = Any) -> Any:  # noqa: A002 - its name there
    """The value that ``data`` is as JSON.

    :raises ValueError: it is none
    """
    return convert(_json.loads(data.decode()), type)


def layout(data: bytes, indent: int = 2) -> bytes:
    """The JSON ``data``, for people."""
    return _json.dumps(_json.loads(data), indent=indent, ensure_ascii=False).encode()


def install() -> None:
    """Let ``import msgspec`` give this."""
    this = sys.modules[__name__]
    structs = ModuleType("msgspec.structs")
    structs.__dict__.update(
        replace=dataclasses.replace, fields=dataclasses.fields, asdict=dataclasses.asdict, FieldInfo=dataclasses.Field
    )
    text = ModuleType("msgspec.json")
    text.__dict__.update(encode=encode, decode=decode, format=layout)
    this.__dict__.update(structs=structs, json=text)
    sys.modules.update({"msgspec": this, "msgspec.structs": structs, "msgspec.json": text})
