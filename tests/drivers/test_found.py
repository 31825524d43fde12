import tomllib

from fand.drivers.found import table


def test_a_table_is_toml_whatever_the_values() -> None:
    values: dict[str, str | int | float] = {"drive": 'a"b\\c\n\x7f\x01é', "input": 3, "scale": 0.001}
    assert tomllib.loads(f"x = {table(**values)}") == {"x": values}
    assert table(drive="S1") == '{ drive = "S1" }'
