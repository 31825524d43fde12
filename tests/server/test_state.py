import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fand.control import Alarm, Override, Pending, Sort
from fand.control.override import DEFAULT_LIFE
from fand.dispatch import LATEST, Kept
from fand.server.state import Recalled, State, file_name, recall, state_of
from fand.units import Percent, Timestamp
from tests.dispatch.halls import WALL, at, hall, shelf

NOW = at(1000)
SOON = WALL + 5000

instants = st.floats(NOW.wall, LATEST, exclude_min=True).map(Timestamp)
ends = st.none() | instants
soon = st.none() | st.floats(NOW.wall, NOW.wall + DEFAULT_LIFE - 1, exclude_min=True).map(Timestamp)
overrides = st.builds(Override, st.floats(0, 100).map(Percent), ends, st.just(True)) | st.builds(
    Override, st.floats(0, 100).map(Percent), soon, st.just(False)
)
alarms = st.builds(
    Alarm, st.sampled_from(Sort), st.text(max_size=20), st.text(max_size=240), st.floats(1, LATEST).map(Timestamp)
)
kepts = st.builds(Kept, st.none() | overrides, st.none() | st.builds(Pending, ends), st.lists(alarms).map(tuple))


def read(text: str) -> Recalled:
    """What a server with shelf1 and shelf2 takes from a file with this text."""
    return recall(msgspec.json.decode(text, type=State), {"shelf1", "shelf2"}, NOW)


def of_shelf1(**kept: Any) -> Recalled:
    return read(json.dumps({"version": 1, "shelves": {"shelf1": kept, "shelf2": {"pending": {"until": None}}}}))


@given(kepts, kepts)
def test_s8_what_is_kept_comes_back_as_it_was(one: Kept, two: Kept) -> None:
    where = hall(shelf("shelf1"), shelf("shelf2"))
    for name, kept in (("shelf1", one), ("shelf2", two)):
        where.shelf(name).restore(kept)
    found = read(msgspec.json.encode(state_of(where)).decode())
    assert (found.faults, found.over) == ([], [])
    assert {name: kept for name, kept in (("shelf1", one), ("shelf2", two)) if kept != Kept()} == found.shelves


def test_a_hall_with_nothing_to_keep_is_a_short_file() -> None:
    assert msgspec.json.encode(state_of(hall())) == b'{"version":1,"shelves":{}}'


def test_the_file_is_legible_and_its_instants_are_instants() -> None:
    where = hall()
    alarm = Alarm(Sort.LOST, "a", "hdd a lost for 31 s", Timestamp(WALL))
    where.shelf("shelf1").restore(Kept(Override(Percent(60), Timestamp(SOON), given=True), None, (alarm,)))
    assert json.loads(msgspec.json.encode(state_of(where))) == {
        "version": 1,
        "shelves": {
            "shelf1": {
                "override": {"percent": 60, "until": SOON, "given": True},
                "alarms": [{"sort": "lost", "subject": "a", "reason": "hdd a lost for 31 s", "since": WALL}],
            }
        },
    }


def test_an_alarm_of_a_fan_with_a_long_name_comes_back_whole() -> None:
    reason = f"fan {'a' * 199}… was set by somebody else, and set back"
    one = shelf("one")
    one.restore(Kept(alarms=(Alarm(Sort.TAKEN, f"{'a' * 199}…", reason, Timestamp(WALL)),)))
    assert recall(state_of(hall(one)), ["one"], at(0)).shelves["one"] == one.kept


def test_s8_an_override_whose_instant_has_passed_stays_dead_and_is_told() -> None:
    found = of_shelf1(override={"percent": 60, "until": NOW.wall, "given": True})
    assert found.shelves["shelf1"] == Kept()
    assert found.over == ["shelf1: the override of 60 % ended at 2023-11-14 22:30:00+00:00"]


def test_s8_an_end_for_the_next_override_that_has_passed_is_for_none() -> None:
    assert of_shelf1(pending={"until": NOW.wall - 1}).shelves["shelf1"] == Kept()
    assert of_shelf1(pending={"until": NOW.wall + 1}).shelves["shelf1"].pending == Pending(Timestamp(NOW.wall + 1))


def test_what_was_kept_of_a_shelf_that_is_not_configured_any_more_is_dropped_and_told() -> None:
    found = read('{"version": 1, "shelves": {"shelf9": {"override": {"percent": 1, "until": null, "given": true}}}}')
    assert found.shelves == {}
    assert found.over == ["shelf9 is not configured any more: what was kept of it is dropped"]


GOOD = {"percent": 60, "until": SOON, "given": True}
ALARM = {"sort": "lost", "subject": "a", "reason": "r", "since": WALL}


@pytest.mark.parametrize(
    ("kept", "fault"),
    [
        ({"override": GOOD | {"percent": 500}}, "shelf1: override: Expected `float` <= 100.0 - at `$.percent`"),
        ({"override": GOOD | {"percent": -1}}, "shelf1: override: Expected `float` >= 0.0 - at `$.percent`"),
        ({"override": GOOD | {"percent": None}}, "shelf1: override: Expected `float`, got `null` - at `$.percent`"),
        ({"override": GOOD | {"percent": True}}, "shelf1: override: Expected `float`, got `bool` - at `$.percent`"),
        ({"override": GOOD | {"until": "never"}}, "shelf1: override: Expected `float | null`, got `str`"),
        ({"override": GOOD | {"until": 1e15}}, "shelf1: override: Expected `float` <= "),
        ({"override": GOOD | {"until": -5}}, "shelf1: override: Expected `float` > 0.0"),
        ({"override": {"percent": 60, "given": True}}, "shelf1: override: Object missing required field `until`"),
        ({"override": {"percent": 60, "until": None}}, "shelf1: override: Object missing required field `given`"),
        ({"override": 60}, "shelf1: override: Expected `object`, got `int`"),
        ({"pending": {}}, "shelf1: end of the next override: Object missing required field `until`"),
        ({"pending": {"until": False}}, "shelf1: end of the next override: Expected `float | null`"),
        ({"alarms": [ALARM | {"sort": "party"}]}, "shelf1: alarm: there is no sort 'party'"),
        ({"alarms": [ALARM | {"since": 0}]}, "shelf1: alarm: Expected `float` > 0.0"),
        ({"alarms": [ALARM | {"subject": None}]}, "shelf1: alarm: Expected `str`, got `null`"),
        ({"alarms": ["lost"]}, "shelf1: alarm: Expected `object`, got `str`"),
        ({"alarms": 7}, "shelf1: Expected `array`, got `int`"),
    ],
)
def test_a_value_that_cannot_be_is_left_out_and_told_and_the_others_count(kept: dict[str, Any], fault: str) -> None:
    rest = {"override": GOOD, "alarms": [ALARM]}
    merged = {**rest, **kept, "alarms": kept.get("alarms", [])}
    if isinstance(merged["alarms"], list):
        merged["alarms"] = [ALARM, *merged["alarms"]]
    found = of_shelf1(**merged)
    (told,) = found.faults
    assert told.startswith(fault)
    assert found.shelves["shelf2"] == Kept(pending=Pending(None))
    if "shelf1" in found.shelves:
        one = found.shelves["shelf1"]
        assert [alarm.sort for alarm in one.alarms] == [Sort.LOST]
        assert (one.override is None) is ("override" in kept)


def test_a_shelf_that_is_no_table_costs_itself_only() -> None:
    found = read('{"version": 1, "shelves": {"shelf1": [], "shelf2": {"pending": {"until": null}}}}')
    assert found.faults == ["shelf1: Expected `object`, got `array`"]
    assert list(found.shelves) == ["shelf2"]


@pytest.mark.parametrize("text", ['{"version": 2, "shelves": {}}', '{"shelves": {}}', '{"version": 1}', "{}"])
def test_a_file_of_another_version_is_none_of_ours(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        read(text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(["override", "pending", "alarms", "percent", "until", "given", "sort", "since"])


@given(st.dictionaries(KEYS, json_values | st.dictionaries(KEYS, json_values)))
def test_s8_whatever_the_file_says_an_override_is_in_range_and_alive(kept: dict[str, Any]) -> None:
    found = recall(State(1, {"shelf1": kept}), {"shelf1"}, NOW)
    override = found.shelves.get("shelf1", Kept()).override
    if override is not None:
        assert 0 <= override.percent <= 100
        assert override.until is None or NOW.wall < override.until <= LATEST
        assert not math.isnan(override.until or 0.0)


def test_each_configuration_has_a_file_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).parents[2] / "docs" / "server.rst").read_text()
    assert f"``{file_name(Path('/etc/fand.toml'))}``" in page
    assert file_name(Path("fand.toml")) == file_name(tmp_path / "fand.toml")
    paths = ["/etc/fand.toml", "/etc-fand.toml", "/etc/fand toml", "/etc/fand.ini", "/x" * 200, "/\udcff", "/ä"]
    names = {file_name(Path(path)) for path in paths}
    assert len(names) == len(paths)
    assert all(len(name.encode()) < 120 and name.isascii() for name in names)


def test_everything_that_is_kept_is_in_the_file() -> None:
    """A field that is added to these must find its way into the file."""
    assert [field.name for field in dataclasses.fields(Kept)] == ["override", "pending", "alarms"]
    assert [field.name for field in dataclasses.fields(Override)] == ["percent", "until", "given"]
    assert [field.name for field in dataclasses.fields(Pending)] == ["until"]
    assert [field.name for field in dataclasses.fields(Alarm)] == ["sort", "subject", "reason", "since"]
