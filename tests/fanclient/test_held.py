from pathlib import Path

import pytest

from fand.config.values import FanConfig
from fand.drivers.fans import fake, hwmon, pwm
from fand.exceptions import DriverError
from fand.fanclient.held import Held, held, on_record, record
from fand.units import Percent

FANS = (
    FanConfig("front", "fake", fake.Settings("/run/duty", rpm="/run/rpm", max_rpm=1200)),
    FanConfig("rear", "hwmon", hwmon.Settings("nct6798", 2, tolerance=7)),
    FanConfig("lüfter 3", "pwm", pwm.Settings("1f00098000.pwm", 2, inverted=True)),
)


def test_what_is_on_record_says_how_to_drive_the_fan(tmp_path: Path) -> None:
    for fan in FANS:
        assert record(tmp_path, "shelf/1", fan.name).save(held("shelf/1", fan, Percent(90)))
    kept = list(on_record(tmp_path))
    assert {(each.shelf, each.failsafe) for each in kept} == {("shelf/1", 90)}
    found = sorted((each.config() for each in kept), key=lambda fan: fan.kind)
    assert found == list(FANS)
    record(tmp_path, "shelf/1", "rear").forget()
    assert {each.name for each in on_record(tmp_path)} == {"front", "lüfter 3"}


def test_names_that_look_the_same_as_files_have_files_of_their_own(tmp_path: Path) -> None:
    for name in ("fan 1", "fan_1", "fan?1"):
        record(tmp_path, "s", name).save(held("s", FanConfig(name, "fake", fake.Settings("/run/duty")), Percent(90)))
    assert len(list(on_record(tmp_path))) == 3


def test_where_nothing_was_kept_nothing_is_on_record(tmp_path: Path) -> None:
    assert list(on_record(tmp_path / "none")) == []


@pytest.mark.parametrize(
    ("kind", "settings", "text"),
    [("gone", {}, "no fan driver is called 'gone'"), ("hwmon", {"hwmon": "x"}, "missing required field `pwm`")],
)
def test_what_cannot_be_driven_any_more_is_told(kind: str, settings: dict[str, object], text: str) -> None:
    with pytest.raises(DriverError, match=text):
        Held("s", "front", kind, settings, 100).config()
