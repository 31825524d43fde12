"""The examples of docs/sensors.rst are settings that the kinds accept."""

import re
import textwrap
import tomllib
from pathlib import Path

import msgspec

from fand import drivers

PAGE = Path(__file__).parents[2] / "docs" / "sensors.rst"
GENERIC = {"name", "position", "optional", "family", "interval", "timeout"}


def test_every_example_is_accepted() -> None:
    blocks = re.findall(r"\.\. code-block:: toml\n\n((?:   .*\n|\n)+)", PAGE.read_text())
    tables = [tomllib.loads(textwrap.dedent(block)) for block in blocks]
    shelves = [table["shelves"]["shelf1"] if "shelves" in table else table for table in tables]
    devices = [device for shelf in shelves for device in shelf.get("devices", [])]
    assert len(devices) == 10
    for device in devices:
        own = {key: value for key, value in device.items() if key not in GENERIC}
        (kind,) = set(own) & set(drivers.sensor_kinds())
        msgspec.convert(own, drivers.sensor_kind(kind).Settings)


def test_every_kind_and_each_of_its_settings_is_described() -> None:
    text = PAGE.read_text()
    for name in drivers.sensor_kinds():
        assert f"\n``{name}``\n---" in text
        section = text.split(f"\n``{name}``\n---")[1].split("\n---")[0]
        for key in drivers.sensor_kind(name).Settings.__struct_fields__:  # type: ignore[attr-defined]
            assert re.search(rf"^``.*\b{key}\b.*``$", section, re.MULTILINE), (name, key)
