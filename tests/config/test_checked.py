import datetime
import math
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta, Struct

from fand.config.checked import Entry, Faults, Place, checked, describe, meant, shown
from fand.exceptions import ConfigError
from fand.units import Celsius, Percent


class Inner(Struct, frozen=True, forbid_unknown_fields=True):
    size: Annotated[int, Meta(ge=1, le=9)]
    colour: Literal["red", "blue"] = "red"

    def __post_init__(self) -> None:
        if self.size == 4:
            raise ValueError("size 4 is never made")


class Outer(Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    duty: Percent = Percent(5.0)
    limit: Annotated[float | None, Meta(description="a limit")] = None
    words: tuple[str, ...] = ()
    pairs: list[tuple[float, str | float]] = []
    curves: dict[str, int] = {}
    inner: Inner | None = None
    later: Entry = Entry(None)


def faults_of(raw: object, kind: type = Outer) -> list[str]:
    faults = Faults("f")
    assert checked(raw, kind, Place(faults, "t")) is None or faults_listed(faults)
    return faults_listed(faults)


def faults_listed(faults: Faults) -> list[str]:
    try:
        faults.check()
    except ConfigError as error:
        return list(error.faults)
    return []


def test_a_table_without_a_fault_is_a_value() -> None:
    faults = Faults("f")
    raw = {"name": "n", "duty": 7, "words": ["a", "b"], "curves": {"x": 1}, "inner": {"size": 3}, "pairs": [[1, "b"]]}
    value = checked(raw, Outer, Place(faults))
    assert value == Outer("n", Percent(7.0), words=("a", "b"), curves={"x": 1}, inner=Inner(3), pairs=[(1.0, "b")])
    faults.check()


def test_the_fields_of_a_kind_are_worked_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    class Fresh(Struct, frozen=True):
        size: int = 1

    asked, fields = [], msgspec.structs.fields

    def counted(kind: type[Struct]) -> Any:
        asked.append(kind)
        return fields(kind)

    monkeypatch.setattr(msgspec.structs, "fields", counted)
    for size in range(3):
        assert checked({"size": size}, Fresh, Place(Faults("f"), "t")) == Fresh(size)
    assert asked == [Fresh]


def test_s11_every_fault_is_told_with_its_place() -> None:
    raw = {
        "duty": "x",
        "limit": True,
        "words": ["a", 1, None],
        "curves": {"x": 1, "y y": 2.5},
        "nam": "n",
        "qqqqq": 1,
    }
    assert faults_of(raw) == [
        "f: t: unknown key 'nam'; did you mean 'name'?",
        "f: t: unknown key 'qqqqq'",
        "f: t: key 'name' is missing; it is text",
        "f: t.duty: expected a number, not 'x'",
        "f: t.limit: expected a number, not true",
        "f: t.words[2]: expected text, not 1",
        "f: t.words[3]: expected text, not None",
        "f: t.curves.'y y': expected a whole number, not 2.5",
    ]


def test_what_depends_on_the_rest_can_still_be_checked() -> None:
    faults = Faults("f")
    value = checked({"name": "n", "duty": "x", "curves": {"x": 1, "y": None}}, Outer, Place(faults))
    assert value == Outer("n", curves={"x": 1})
    assert len(faults_listed(faults)) == 2


def test_without_what_is_required_there_is_no_value() -> None:
    faults = Faults("f")
    assert checked({"size": 0, "colour": "red"}, Inner, Place(faults)) is None
    assert checked({}, Inner, Place(faults)) is None
    assert checked("text", Inner, Place(faults)) is None
    assert faults_listed(faults) == [
        "f: size: expected a whole number from 1 to 9, not 0",
        "f: key 'size' is missing; it is a whole number from 1 to 9",
        "f: expected a table, not 'text'",
    ]


def test_a_fault_that_the_type_itself_finds_is_told() -> None:
    assert faults_of({"size": 4}, Inner) == ["f: t: size 4 is never made"]
    assert faults_of({"size": 1, "colour": "green"}, Inner) == ["f: t.colour: expected 'red' or 'blue', not 'green'"]


def test_a_fault_inside_a_pair_is_told_in_its_own_words() -> None:
    (fault,) = faults_of({"name": "n", "pairs": [[1, "a"], [1]]})
    assert fault.startswith("f: t.pairs[2]: expected a list, not [1] (")
    (fault,) = faults_of({"name": "n", "inner": {"size": 99}})
    assert fault == "f: t.inner.size: expected a whole number from 1 to 9, not 99"


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 10**400, -(2**63)], ids=range(5))
def test_s11_no_nan_infinity_or_huge_number_passes(number: float) -> None:
    for raw in ({"duty": number}, {"limit": number}, {"pairs": [[number, "x"]]}, {"pairs": [[1, number]]}):
        (fault,) = faults_of({"name": "n", **raw})
        assert "no number that can be used" in fault
        assert len(fault) < 120
    (fault,) = faults_of({"name": "n", "inner": {"size": number}})
    assert "no number that can be used" in fault


def test_what_is_checked_later_is_passed_on() -> None:
    faults = Faults("f")
    value = checked({"name": "n", "later": math.inf}, Outer, Place(faults))
    assert value is not None
    assert value.later == math.inf


def test_a_place_can_be_shown_in_the_words_of_another_format() -> None:
    faults = Faults("f", {"a.b": "[b]", "a.b.c[2]": "line 2"})
    place = Place(faults).at("a").at("b")
    for there in (place, place.at("c").at(1), place.at("c").at(2), place.at("c").at(2).at("d"), place.at("c").at(22)):
        there.fault("x")
    Place(faults).at("a").at("bb").fault("x")
    Place(faults).fault("x")
    assert faults_listed(faults) == [
        "f: [b]: x",
        "f: [b]: x",
        "f: line 2: x",
        "f: line 2: x",
        "f: [b]: x",
        "f: a.bb: x",
        "f: x",
    ]
    assert str(place) == "[b]"


def test_a_guess_is_made_only_when_it_is_close() -> None:
    assert meant("optinal", ["optional", "position"]) == "; did you mean 'optional'?"
    assert meant("x", ["optional", "position"]) == ""


@pytest.mark.parametrize(
    ("hint", "words"),
    [
        (bool, "true or false"),
        (int, "a whole number"),
        (Celsius, "a number"),
        (Annotated[int, Meta(ge=1, le=65535)], "a whole number from 1 to 65535"),
        (Annotated[float, Meta(gt=0, le=6000)], "a number above 0 and at most 6000"),
        (Annotated[float, Meta(ge=2)], "a number at least 2"),
        (Annotated[float, Meta(lt=2)], "a number under 2"),
        (Annotated[str, Meta(min_length=1)], "text that is not empty"),
        (Annotated[str, Meta(min_length=2)], "text of at least 2"),
        (float | None, "a number"),
        (float | str, "a number or text"),
        (Literal["max", "average"], "'max' or 'average'"),
        (list[str], "a list"),
        (tuple[str, ...], "a list"),
        (dict[str, int], "a table"),
        (Inner, "a table"),
        (Any, "a value"),
        (object, "a value"),
    ],
)
def test_a_type_is_described_in_words(hint: object, words: str) -> None:
    assert describe(hint) == words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        ("x", "'x'"),
        (1.5, "1.5"),
        (datetime.date(2024, 2, 1), "2024-02-01"),
        (10**5000, "a number beyond measure"),
        ([10**5000], "a number beyond measure"),
    ],
    ids=range(6),
)
def test_a_value_is_shown_as_the_file_has_it(value: object, text: str) -> None:
    assert shown(value) == text


def test_a_long_value_is_cut() -> None:
    assert len(shown("x" * 1000)) == 60


leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.dates()
trees = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)
fields = st.dictionaries(
    st.sampled_from(["name", "duty", "limit", "words", "pairs", "curves", "inner", "size", "colour"]), trees
)


@given(trees | fields)
def test_s11_whatever_the_file_says_becomes_a_value_or_faults(raw: object) -> None:
    for kind in (Inner, Outer):
        faults = Faults("f")
        value = checked(raw, kind, Place(faults, "t"))
        assert (value is not None) or faults_listed(faults)
        assert all(fault.startswith("f: t") and "\n" not in fault for fault in faults_listed(faults))
