import tomllib
from pathlib import Path

from fand.drivers.found import choice, table
from fand.drivers.sysfs import Chip


def test_a_table_is_toml_whatever_the_values() -> None:
    values: dict[str, str | int | float] = {"drive": 'a"b\\c\n\x7f\x01é', "input": 3, "scale": 0.001}
    assert tomllib.loads(f"x = {table(**values)}") == {"x": values}
    assert table(drive="S1") == '{ drive = "S1" }'


def test_a_chip_is_chosen_by_its_name_unless_another_has_it() -> None:
    one, twin, other = (Chip(name, Path(), f"/sys/devices/{n}") for n, name in enumerate(("a", "a", "b")))
    there = [one, twin, other]
    assert [choice(chip, there) for chip in there] == ["/sys/devices/0", "/sys/devices/1", "b"]
