import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fand.config import load, to_toml
from fand.config.convert import document_to_toml
from fand.config.ini import parse
from fand.exceptions import ConfigError, ServerNoConfigError

from .hand_made import HandMadeKinds
from .test_ini import EXAMPLE

words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)
numbers = st.integers(-10, 120) | st.floats(0, 120)
documents = st.fixed_dictionaries(
    {
        "server": st.sampled_from([{}, {"plain": True}, {"plain": False}]),
        "curves": st.dictionaries(
            words,
            st.fixed_dictionaries(
                {"kind": st.just("step"), "points": st.lists(st.tuples(numbers, numbers).map(list))}
            ),
        ),
        "shelves": st.dictionaries(
            words,
            st.fixed_dictionaries(
                {
                    "floor": st.just(0),
                    "curves": st.dictionaries(words, words),
                    "devices": st.lists(st.dictionaries(st.sampled_from(["drive", "cpu", "position"]), st.text())),
                }
            ),
        ),
    }
)


def reread(text: str) -> dict[str, Any]:
    return {"server": {}, "curves": {}, "shelves": {}, **tomllib.loads(text)}


@given(documents, words)
def test_what_is_written_is_read_again(document: dict[str, Any], title: str) -> None:
    assert reread(document_to_toml(document, title)) == document


inline = st.text("abcXYZ0189-_.%öß/\"'\\#=[]{} ", max_size=8).map(str.strip)
serials = st.text("ABCDEF0123456789-_\"'\\#%ö", min_size=1, max_size=8).filter(lambda text: text[0] not in "#")
temps = st.lists(
    st.tuples(st.integers(1, 124), st.integers(0, 100)), max_size=4, unique_by=lambda point: point[0]
).map(
    lambda some: ", ".join(
        f"{celsius}: {duty}"
        for celsius, duty in zip([0, *sorted(c for c, _ in some)], [0, *sorted(d for _, d in some)], strict=True)
    )
)


@st.composite
def inis(draw: st.DrawFn) -> str:
    names = draw(
        st.lists(
            st.text("abcXYZ 019-.", min_size=1, max_size=6).map(str.strip).filter(bool),
            min_size=1,
            max_size=3,
            unique=True,
        )
    )
    lines = ["[DEFAULT]", f"shelves = {', '.join(names)}", f"hdd_temps = {draw(temps)}", f"cpu_temps = {draw(temps)}"]
    lines += draw(st.sampled_from([[], ["plain = yes"], ["plain = off"]]))
    pool = draw(st.lists(serials, min_size=len(names), max_size=9, unique=True))
    for number, name in enumerate(names):
        devices = [f"{serial}; {draw(inline)}" for serial in pool[number :: len(names)]]
        lines += ["", f"[{name}]", f"devices = {devices[0]}", *(f"  {device}" for device in devices[1:])]
        lines += draw(st.sampled_from([[], ["  cpu; here"]]))
        lines += [f"{family}_temps = {draw(temps)}" for family in draw(st.sets(st.sampled_from(["hdd", "ssd"])))]
    return "\n".join(lines) + "\n"


@given(inis())
def test_a_converted_file_means_the_same(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.mktemp("converted")
    ini, toml = folder / "fand.ini", folder / "fand.toml"
    ini.write_text(text, encoding="utf-8")
    toml.write_text(to_toml(ini), encoding="utf-8")
    before, after = load(ini, HandMadeKinds()), load(toml, HandMadeKinds())
    assert before.server == after.server
    assert before.server is not None
    assert before.client is after.client is None


def test_the_text_is_for_people(tmp_path: Path) -> None:
    path = tmp_path / "fand.ini"
    path.write_text(EXAMPLE, encoding="utf-8")
    assert to_toml(path).splitlines()[:8] == [
        "# Converted from fand.ini, the configuration of fand 0.1.1.",
        "# docs/configuration.rst explains every key.",
        "",
        "# [°C, percent]: each duty holds up to the next temperature",
        "[curves.hdd]",
        'kind = "step"',
        "points = [[0, 20], [35, 35], [42, 100]]",
        "",
    ]
    assert to_toml(path).endswith(
        "\n[shelves.lower]\n"
        'curves = { hdd = "lower-hdd", ssd = "ssd", cpu = "cpu" }  # NVMe drives follow ssd\n'
        "floor = 0  # percent: fand 0.1.1 had no least duty; the usual one is 20\n"
        "devices = [\n"
        '  { drive = "S2-0003", position = "rear" },\n'
        "]\n"
    )


def test_only_a_fand_ini_can_be_converted(tmp_path: Path) -> None:
    (tmp_path / "fand.toml").write_text("[curves.a]\npoints = [[1, 2]]\n")
    with pytest.raises(ConfigError, match=r"fand\.toml: is no fand\.ini"):
        to_toml(tmp_path / "fand.toml")
    with pytest.raises(ServerNoConfigError):
        to_toml(tmp_path / "gone.ini")


def test_the_tables_of_an_ini_are_written_whole() -> None:
    document, _ = parse(EXAMPLE, "f")
    assert reread(document_to_toml(document, "t")) == document
