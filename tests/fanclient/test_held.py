import errno
import fcntl
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
    kept = [each for _, each in on_record(tmp_path)]
    assert {(each.shelf, each.failsafe) for each in kept} == {("shelf/1", 90)}
    found = sorted((each.config() for each in kept), key=lambda fan: fan.kind)
    assert found == list(FANS)
    record(tmp_path, "shelf/1", "rear").forget()
    assert {each.name for _, each in on_record(tmp_path)} == {"front", "lüfter 3"}


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


def test_whether_the_client_lives_that_drives_it_is_known(tmp_path: Path) -> None:
    one, other = record(tmp_path, "s", "front"), record(tmp_path, "s", "front")
    assert not other.driven
    for _ in range(2):  # it may be put on record again
        one.save(held("s", FANS[0], Percent(90)))
        assert other.driven
    one.close()
    assert not other.driven
    one.save(held("s", FANS[0], Percent(90)))
    one.forget()
    assert not other.driven


def test_a_file_system_without_locks_keeps_records_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr(fcntl, "flock", refuse)
    kept = record(tmp_path, "s", "front")
    assert kept.save(held("s", FANS[0], Percent(90)))
    assert not kept.driven
    assert len(list(on_record(tmp_path))) == 1
