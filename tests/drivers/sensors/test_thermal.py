import shutil
from typing import Any

import msgspec
import pytest

from fand.drivers.sensors import thermal
from fand.ports import Failed, Temperature
from fand.units import Celsius, Seconds
from tests.drivers.tree import Tree

NOW = Seconds(5.0)


def settings(**keys: Any) -> thermal.Settings:
    return msgspec.convert(keys, thermal.Settings)


def zone(tree: Tree, number: int, kind: str, millidegrees: object) -> None:
    tree.put(f"sys/class/thermal/thermal_zone{number}/type", f"{kind}\n")
    tree.put(f"sys/class/thermal/thermal_zone{number}/temp", f"{millidegrees}\n")


def test_a_zone_by_its_type_wherever_it_is(tree: Tree) -> None:
    sensor = thermal.open_sensor(settings(thermal="soc-thermal"), tree.root)
    assert sensor.read(NOW) == Failed("no thermal zone of type 'soc-thermal' (there are: none)", NOW)
    zone(tree, 0, "acpitz", 27800)
    assert sensor.read(NOW) == Failed("no thermal zone of type 'soc-thermal' (there are: acpitz)", NOW)
    zone(tree, 1, "soc-thermal", 51000)
    assert sensor.read(NOW) == Temperature(Celsius(51.0), NOW)
    assert sensor.family == "cpu"
    assert thermal.open_sensor(settings(thermal="acpitz"), tree.root).family == "air"
    sensor.close()


def test_of_equal_zones_the_hottest_counts_and_none_may_be_missing(tree: Tree) -> None:
    for number, millidegrees in enumerate((40000, 45000, 42000)):
        zone(tree, number, "tsens", millidegrees)
    sensor = thermal.open_sensor(settings(thermal="tsens"), tree.root)
    assert sensor.read(NOW) == Temperature(Celsius(45.0), NOW)
    zone(tree, 1, "tsens", "N/A")
    assert isinstance(sensor.read(NOW), Failed)
    shutil.rmtree(tree.root / "sys/class/thermal/thermal_zone1")
    assert sensor.read(NOW) == Failed("1 of 3 zones of type 'tsens' are gone", NOW)


@pytest.mark.parametrize("keys", [{"thermal": ""}, {"thermal": "thermal_zone3"}, {"thermal": "x", "label": "y"}, {}])
def test_settings_that_fall_short_are_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        settings(**keys)


def test_the_title_is_the_type() -> None:
    assert thermal.title(settings(thermal="soc-thermal")) == "soc-thermal"


def test_what_is_detected(tree: Tree) -> None:
    zone(tree, 0, "acpitz", "N/A")
    zone(tree, 1, "gpu-thermal", 51000)
    zone(tree, 2, "gpu-thermal", 52000)
    zone(tree, 3, "cpu-thermal", 52000)
    silent, hottest = thermal.detect(tree.root)
    assert (silent.line, silent.ready) == ('{ thermal = "acpitz", family = "air" }', False)
    assert silent.comment.startswith("thermal zone acpitz: no reading: ")
    assert (hottest.line, hottest.ready) == ('{ thermal = "gpu-thermal", family = "air" }', True)
    assert hottest.comment == "thermal zone gpu-thermal: 52.0 °C"
