from pathlib import Path

import pytest

from tests.soak.zone import MEMORY, WORDS, Bay, Zone


@pytest.fixture
def zone(tmp_path: Path) -> Zone:
    zone = Zone("zone1", tmp_path)
    for fan in zone.fans:
        fan.duty_file.write_text("100\n")
    zone.advance(0.0, 0.2)
    return zone


def test_time_goes_by_in_the_shelf(zone: Zone) -> None:
    zone.load, zone.ambient = 1.0, 30.0
    for fan in zone.fans:
        fan.duty_file.write_text("20\n")
    before = zone.past[-1]
    for second in range(1, 60):
        zone.advance(second, 1.0)
    after = zone.past[-1]
    assert all(new > old for new, old in zip(after.celsius, before.celsius, strict=True))
    assert after.demand > before.demand
    assert float(zone.bays[0].path.read_text()) == pytest.approx(after.celsius[0], abs=0.01)
    assert float(zone.fans[0].rpm_file.read_text()) == pytest.approx(400, abs=2)


def test_the_past_is_kept_for_a_while(zone: Zone) -> None:
    for second in range(1, 200):
        zone.advance(second, 1.0)
    assert zone.past[0].at == 199 - MEMORY
    assert [truth.at for truth in zone.since(196.5)] == [196, 197, 198, 199]
    assert [truth.at for truth in zone.since(500)] == [199]


def test_what_befalls_a_sensor_shows_in_its_file_until_it_is_over(tmp_path: Path) -> None:
    for kind in ("fake", "file"):
        bay = Bay(kind, tmp_path / kind)
        for fault in bay.faults:
            bay.play(33)
            bay.suffer(fault)
            bay.play(44)
            text = bay.path.read_text().strip() if bay.path.exists() else None
            assert text == WORDS.get(fault, "33.00")
            if fault == "future":
                assert bay.path.stat().st_mtime == 4e9
            bay.suffer(None)
            bay.play(45)
            assert bay.path.read_text() == "45.00\n"
            assert bay.path.stat().st_mtime < 4e9


def test_a_fan_that_is_broken_can_be_neither_written_nor_read(zone: Zone) -> None:
    fan = zone.fans[0]
    fan.suffer("broken")
    fan.tamper(0)
    with pytest.raises(OSError):
        fan.duty_file.read_text()
    zone.advance(1, 1)
    assert fan.duty == 100
    fan.suffer(None)
    assert fan.duty_file.read_text() == "100\n"
    fan.tamper(20)
    zone.advance(2, 1)
    assert fan.duty == 20


def test_a_stalled_fan_stands_still(zone: Zone) -> None:
    zone.fans[0].suffer("stalled")
    zone.advance(1, 1)
    assert [fan.rpm_file.read_text() == "0\n" for fan in zone.fans] == [True, False]


def test_files_are_written_whole(zone: Zone) -> None:
    assert not list(zone.folder.glob(".*"))
