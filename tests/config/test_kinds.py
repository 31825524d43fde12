import fand.drivers
from fand.config import Kinds
from fand.config.checked import Faults, Place
from fand.config.kinds import choose

from .hand_made import FANS, SENSORS


def test_the_drivers_of_fand_are_a_registry() -> None:
    kinds: Kinds = fand.drivers
    assert "hwmon" in kinds.sensor_kinds()
    assert "hwmon" in kinds.fan_kinds()
    assert "hwmon" in kinds.tachometer_kinds()


def test_a_kind_is_told_by_its_key() -> None:
    place = Place(Faults("f"))
    assert choose("sensor", {"label": 1, "hwmon": 2}, SENSORS.keys(), SENSORS.__getitem__, place) == (
        "hwmon",
        SENSORS["hwmon"],
    )
    assert choose("fan", {"pwm": 1, "hwmon": 2}, FANS.keys(), FANS.__getitem__, place) == ("hwmon", FANS["hwmon"])
    place.faults.check()
