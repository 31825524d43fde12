"""What is said of devices alike in a shelf and in an agent; the rest is in test_server.py and test_agent.py."""

from fand.config.checked import Faults, Place
from fand.config.devices import DeviceReader
from fand.ports import SensorKind

from .hand_made import HandMadeKinds


def test_a_drive_sits_in_one_list_only() -> None:
    faults = Faults("f")
    reader, place = DeviceReader(HandMadeKinds()), Place(faults)
    first = reader.devices([{"drive": "A"}], place.at("one"), lambda _family, _place: None)
    reader.devices([{"drive": "a"}, {"cpu": "auto"}], place.at("two"), lambda _family, _place: None)
    assert [device.name for device in first] == ["A"]
    assert faults._lines == ["f: two[1]: drive a stands at one[1] already; a drive sits in one place only"]


def test_the_family_is_checked_where_it_stands() -> None:
    seen: list[tuple[str, str]] = []
    reader = DeviceReader(HandMadeKinds())
    entries = [{"cpu": "auto", "family": "air"}, {"cpu": "other"}]
    reader.devices(entries, Place(Faults("f"), "x"), lambda family, place: seen.append((family, str(place))))
    assert seen == [("air", "x[1].family")]


def test_a_kind_is_looked_up_once_however_many_devices_are_of_it() -> None:
    asked = []

    class Counting(HandMadeKinds):
        def sensor_kind(self, name: str) -> SensorKind:
            asked.append(name)
            return super().sensor_kind(name)

    reader, place = DeviceReader(Counting()), Place(Faults("f"))
    entries = [{"drive": "A"}, {"drive": "B"}, {"cpu": "auto"}]
    assert len(reader.devices(entries, place, lambda _family, _place: None)) == 3
    reader.devices([{"drive": "C"}], place, lambda _family, _place: None)
    assert asked == ["drive", "cpu"]
