"""What may travel, as hypothesis makes it; and what it means for two values to be the same."""

import math
from datetime import datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st

from fand.wire import Request

texts = st.text(st.characters(exclude_categories=["Cs"]))
offsets = st.timedeltas(timedelta(hours=-24, microseconds=1), timedelta(hours=24, microseconds=-1))
datetimes = st.datetimes(timezones=st.none() | offsets.map(timezone), allow_imaginary=True) | st.datetimes().map(
    lambda when: when.replace(fold=1)
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | texts
    | st.binary()
    | datetimes
    | st.sampled_from(Request)
)


def _nest(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return (
        st.lists(inner, max_size=5)
        | st.lists(inner, max_size=5).map(tuple)
        | st.dictionaries(texts, inner, max_size=5)
    )


values = st.recursive(scalars, _nest, max_leaves=12)
# The tuple of arguments is the first level of eight; recursive() nests no deeper than its leaves double.
args = st.lists(values, max_size=4).map(tuple).filter(lambda args: depth(args) <= 8)
requests = st.sampled_from(Request)


def depth(value: Any) -> int:
    """How deep containers nest in ``value``."""
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(depth, value), default=0) if isinstance(value, tuple | list) else 0


def form(value: Any) -> Any:
    """A form of ``value`` that is equal for the same values only.

    It tells apart 1, 1.0 and True, keeps fold and the offset of a datetime, and NaN is NaN.
    """
    if isinstance(value, tuple | list):
        return type(value), [form(item) for item in value]
    if isinstance(value, dict):
        return dict, [(key, form(item)) for key, item in value.items()]
    if isinstance(value, float):
        return float, "nan" if math.isnan(value) else value.hex()
    if isinstance(value, datetime):
        return datetime, value.replace(tzinfo=None), value.fold, value.utcoffset()
    return type(value), value


def is_of_the_vocabulary(value: Any) -> bool:
    """Whether ``value`` is exactly of the types that may travel."""
    if type(value) in {tuple, list}:
        return all(map(is_of_the_vocabulary, value))
    if type(value) is dict:
        return all(type(key) is str for key in value) and all(map(is_of_the_vocabulary, value.values()))
    if type(value) is datetime:
        return value.tzinfo is None or type(value.tzinfo) is timezone
    if type(value) is int:
        return -(2**63) <= value < 2**63
    return type(value) in {type(None), bool, float, str, bytes, Request}
