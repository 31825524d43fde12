"""What is said of devices alike in a shelf and in an agent; the rest is in test_server.py and test_agent.py."""

from fand.config.checked import Faults, Place
from fand.config.devices import DeviceReader

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
