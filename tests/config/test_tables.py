import re
import tomllib
from pathlib import Path

import pytest

import fand.drivers
from fand.config import ini, load
from fand.config.values import ClientConfig, FanConfig, ServerConfig
from fand.control import FamilyLaw, Linear, ShelfLaw
from fand.exceptions import ConfigError
from fand.units import Celsius, Percent

from .hand_made import read
from .reference import PAGE, TABLES, shown, updated

TEXT = PAGE.read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    found = re.findall(rf"^\.\. code-block:: {language}\n\n((?:   .*\n|\n)+)", TEXT, re.MULTILINE)
    return [re.sub(r"^   ", "", block, flags=re.MULTILINE) for block in found]


def test_the_page_has_the_keys_of_every_table() -> None:
    assert sorted(shown(TEXT)) == sorted(TABLES)
    assert updated(TEXT) == TEXT, "run: python -m tests.config.reference"


def test_the_examples_of_the_page_are_configurations(tmp_path: Path) -> None:
    whole = [block for block in blocks("toml") if "devices" in block or "[client]" in block]
    assert len(whole) == 4
    for number, block in enumerate(whole):
        path = tmp_path / f"{number}.toml"
        path.write_text(block, encoding="utf-8")
        config = load(path, fand.drivers)
        assert config.server or config.client or config.agent
    for block in blocks("toml"):
        assert tomllib.loads(block)


def test_the_fand_ini_of_the_page_is_one(tmp_path: Path) -> None:
    (block,) = blocks("ini")
    ini.parse(block, "fand.ini")
    path = tmp_path / "fand.ini"
    path.write_text(block, encoding="utf-8")
    config = load(path, fand.drivers)
    assert config.server is not None
    assert [len(shelf.devices) for shelf in config.server.shelves] == [3, 1]


def test_the_faults_of_the_page_are_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = blocks("toml")[0].replace("[41, 100]", "[41, 40]").replace("optional", "optinal")
    Path("fand.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(Path("fand.toml"), fand.drivers)
    assert list(caught.value.faults) == blocks("text")[0].split("\n")[:2]


def test_the_defaults_of_the_file_are_those_of_the_values() -> None:
    config = read(
        '[curves.a]\npoints = [[1, 2]]\n[shelves.s]\ncurves = { hdd = "a" }\ndevices = [{ drive = "S" }]\n'
        '[client]\nshelf = "s"\n[[client.fans]]\nname = "f"\npwm = "x"\n'
    )
    assert config.server is not None
    assert config.client is not None
    (shelf,), (fan,) = config.server.shelves, config.client.fans
    curve = FamilyLaw("a", Linear(((Celsius(1), Percent(2)),)))
    assert config.server == ServerConfig((shelf,))
    assert shelf.law == ShelfLaw({"hdd": curve})
    assert fan == FanConfig("f", "pwm", fan.settings)
    assert config.client == ClientConfig("s", (("localhost", 9999),), (fan,))
