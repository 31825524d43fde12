from pathlib import Path

import pytest

from fand.control import Linear, Step
from fand.exceptions import DriverError
from fand.units import Celsius, Percent, Seconds

from .hand_made import HandMadeKinds, faults, read

CURVES = """
[curves.drives]
points = [[30, 20], [50, 100]]
[curves.room]
points = [[20, 20], [35, 100]]
"""


def shelf(devices: str = '{ drive = "S1" }', curves: str = 'hdd = "drives"', more: str = "", name: str = "s") -> str:
    return f"{CURVES}\n[shelves.{name}]\ncurves = {{ {curves} }}\ndevices = [{devices}]\n{more}\n"


def curve(text: str) -> list[str]:
    return faults(shelf() + "[curves.x]\n" + text)


# where it listens


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "localhost", "nas.example.org"])
def test_loopback_and_names_need_no_leave(address: str) -> None:
    config = read(f'[server]\naddress = "{address}"\nport = 1\n' + shelf())
    assert config.server is not None
    assert (config.server.address, config.server.port, config.server.plain) == (address, 1, False)


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.1"])
def test_s11_any_other_address_is_open_only_if_the_file_says_so(address: str) -> None:
    (fault,) = faults(f'[server]\naddress = "{address}"\n' + shelf())
    assert fault.startswith(f"f: server.address: {address} can be reached from outside")
    assert "plain = true" in fault
    config = read(f'[server]\naddress = "{address}"\nplain = true\n' + shelf())
    assert config.server is not None
    assert config.server.plain


def test_s11_faults_of_the_server_are_told() -> None:
    text = '[server]\naddress = "a b"\nport = 0\nplain = "yes"\nadress = 1\n'
    assert faults(text + shelf()) == [
        "f: server: unknown key 'adress'; did you mean 'address'?",
        "f: server.port: expected a whole number from 1 to 65535, not 0",
        "f: server.plain: expected true or false, not 'yes'",
        "f: server.address: 'a b' is neither an IP address nor a host name",
    ]


# what it keeps, whom it tells


def test_state_and_command_are_taken_as_they_stand() -> None:
    config = read('[server]\nstate = "/srv/fand"\non_alarm = ["notify", "--level", ""]\n' + shelf())
    assert config.server is not None
    assert config.server.state == Path("/srv/fand")
    assert config.server.on_alarm == ("notify", "--level", "")


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ('state = "fand"', "state: 'fand' is not an absolute path"),
        ("state = 7", "state: expected text, not 7"),
        ('on_alarm = [""]', 'on_alarm: names no program; give it and its arguments, like ["/usr/local/bin/notify"]'),
        ('on_alarm = ["a", "b\\u0000"]', "on_alarm: a word cannot contain the character NUL"),
        ('on_alarm = "notify -v"', "on_alarm: expected a list, not 'notify -v'"),
        ("on_alarm = [1]", "on_alarm[1]: expected text, not 1"),
    ],
)
def test_s11_a_state_or_a_command_that_can_never_be_is_refused(line: str, fault: str) -> None:
    assert faults(f"[server]\n{line}\n" + shelf()) == [f"f: server.{fault}"]


# curves


def test_a_curve_is_linear_unless_it_says_step() -> None:
    config = read(shelf(curves='hdd = "drives", ssd = "x"') + '[curves.x]\nkind = "step"\npoints = [[0, 1]]')
    assert config.server is not None
    families = config.server.shelves[0].law.families
    assert isinstance(families["hdd"].curve, Linear)
    assert isinstance(families["ssd"].curve, Step)


def test_s11_a_curve_that_falls_is_refused() -> None:
    assert curve("points = [[30, 20], [40, 10]]") == [
        "f: curves.x.points: point 2: the duty falls from 20 to 10; a curve must not fall"
    ]


def test_s11_a_step_curve_without_a_point_at_the_bottom_is_refused() -> None:
    assert curve('kind = "step"\npoints = [[30, 20]]') == [
        "f: curves.x.points: has no point at the bottom; begin at 0 °C or below, not at 30"
    ]


@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "1e999", "0x" + "f" * 5000])
def test_s11_a_curve_with_what_is_no_number_is_refused(number: str) -> None:
    for points in (f"[{number}, 20]", f"[30, {number}]"):
        (fault,) = curve(f"points = [[10, 10], {points}]")
        assert "is no number that can be used" in fault
    for key in ("critical", "hysteresis"):
        (fault,) = curve(f"points = [[10, 10]]\n{key} = {number}")
        assert fault.startswith(f"f: curves.x.{key}: ")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("points = []", "curves.x.points: has no points; give at least one, like [30, 25]"),
        ("points = [[1, 2, 3]]", "curves.x.points: point 1 [1.0, 2.0, 3.0] is not a pair of numbers, like [30, 25]"),
        ("points = [30, 25]", "curves.x.points[1]: expected a list, not 30"),
        ('points = [["a", 25]]', "curves.x.points[1][1]: expected a number, not 'a'"),
        ("", "curves.x: key 'points' is missing; it is a list"),
        ("points = [[1, 2]]\nkind = 'bend'", "curves.x.kind: expected 'linear' or 'step', not 'bend'"),
        ("points = [[1, 2]]\ncombine = 'min'", "curves.x.combine: expected 'max' or 'average', not 'min'"),
        ("points = [[1, 2]]\nhysteresis = -1", "curves.x.hysteresis: expected a number from 0 to 20, not -1"),
        ("points = [[1, 2]]\ncritical = 125", "curves.x.critical: 125 °C is no temperature between -20 and 125"),
        (
            "points = [[30, 2], [40, 9]]\ncritical = 30",
            "curves.x.critical: 30 °C is not above the first point, so that no point ever counts",
        ),
        ("points = [[1, 2]]\ncrit = 50", "curves.x: unknown key 'crit'; did you mean 'critical'?"),
    ],
)
def test_s11_a_faulty_curve_is_told(text: str, fault: str) -> None:
    first, *rest = curve(text)
    assert first == f"f: {fault}"
    assert all(fault.startswith("f: curves.x.points[") for fault in rest)


def test_a_critical_temperature_inside_the_curve_is_a_choice() -> None:
    config = read(shelf(curves='hdd = "x"') + "[curves.x]\npoints = [[30, 2], [60, 99]]\ncritical = 50")
    assert config.server is not None
    assert config.server.shelves[0].law.families["hdd"].critical == Celsius(50)


# shelves


def test_a_shelf_has_its_limits() -> None:
    config = read(shelf(more="floor = 25\non_lost = 80\non_stalled = 70\nfall = 120"))
    assert config.server is not None
    law = config.server.shelves[0].law
    assert (law.floor, law.on_lost, law.on_stalled, law.fall) == (Percent(25), Percent(80), Percent(70), Percent(2))


def test_shelves_stand_in_the_order_of_the_file() -> None:
    text = CURVES + "".join(
        f'[shelves.{name}]\ncurves = {{ hdd = "drives" }}\ndevices = [{{ drive = "{name}" }}]\n' for name in "cab"
    )
    config = read(text)
    assert config.server is not None
    assert [shelf.name for shelf in config.server.shelves] == ["c", "a", "b"]


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ("floor = 101", "shelves.s.floor: expected a number from 0 to 100, not 101"),
        ("on_lost = -1", "shelves.s.on_lost: expected a number from 0 to 100, not -1"),
        ("on_stalled = 101", "shelves.s.on_stalled: expected a number from 0 to 100, not 101"),
        ("on_stalled = 10", "shelves.s.on_stalled: 10 % is under the floor of 20 %"),
        ("on_lost = 10", "shelves.s.on_lost: 10 % is under the floor of 20 %"),
        ("floor = 70\non_lost = 60", "shelves.s.on_lost: 60 % is under the floor of 70 %"),
        ("fall = 0", "shelves.s.fall: expected a number above 0 and at most 6000, not 0"),
        ("fall = nan", "shelves.s.fall: nan is no number that can be used"),
        ("flor = 3", "shelves.s: unknown key 'flor'; did you mean 'floor'?"),
    ],
)
def test_s11_a_faulty_limit_is_told(more: str, fault: str) -> None:
    assert faults(shelf(more=more)) == [f"f: {fault}"]


def test_s11_a_shelf_without_devices_or_curves_is_refused() -> None:
    assert faults(shelf(devices="")) == ["f: shelves.s.devices: is empty; a shelf has at least one device"]
    assert faults(shelf(curves="")) == [
        'f: shelves.s.curves: is empty; give the curve of each family, like { hdd = "drives" }'
    ]
    assert faults(CURVES + "[shelves.s]") == [
        "f: shelves.s: key 'curves' is missing; it is a table",
        "f: shelves.s: key 'devices' is missing; it is a list",
    ]


def test_s11_a_curve_that_is_not_there_is_told() -> None:
    assert faults(shelf(curves='hdd = "drive", ssd = "zzz"')) == [
        "f: shelves.s.curves.hdd: there is no curve 'drive'; did you mean 'drives'?",
        "f: shelves.s.curves.ssd: there is no curve 'zzz'; describe it in [curves.zzz]",
    ]


def test_s11_a_misspelt_family_is_told() -> None:
    assert faults(shelf(curves='hdd = "drives", nvem = "drives"')) == [
        "f: shelves.s.curves: no device is of family 'nvem'; did you mean 'nvme'?"
    ]


def test_a_family_of_ones_own_may_have_any_name() -> None:
    own = '{ file = "/a", family = "hdds" }, { file = "/b", family = "nvme" }'
    assert read(shelf(own, 'hdds = "room", ssd = "drives", chassis = "room"')).server is not None


@pytest.mark.parametrize("name", ['" s"', '"a\\nb"', f'"{"x" * 201}"', '""'])
def test_s11_a_shelf_has_a_proper_name(name: str) -> None:
    (fault,) = faults(shelf(name=name))
    assert fault.startswith("f: shelves.")


# devices


def test_a_device_is_named_by_what_identifies_it_unless_it_says_so() -> None:
    config = read(shelf('{ drive = "S1" }, { drive = "S2", name = "boot", interval = 5 }'))
    assert config.server is not None
    first, second = config.server.shelves[0].devices
    assert (first.name, first.interval, first.timeout) == ("S1", Seconds(30), Seconds(5))
    assert (second.name, second.interval, second.timeout) == ("boot", Seconds(5), Seconds(5))


@pytest.mark.parametrize(
    ("device", "fault"),
    [
        ('{ drive = "S1", optinal = true }', ": unknown key 'optinal'; did you mean 'optional'?"),
        ('{ file = "/t", scael = 2 }', ": unknown key 'scael'; did you mean 'scale'?"),
        ('{ drive = "S1", position = 3 }', ".position: expected text, not 3"),
        ('{ drive = "S1", position = "a\\nb" }', ".position: 'a\\nb' contains a control character"),
        ('{ drive = "S1", optional = 1 }', ".optional: expected true or false, not 1"),
        ('{ drive = "S1", interval = 0 }', ".interval: expected a number from 0.01 to 3600, not 0"),
        ('{ drive = "S1", timeout = -5 }', ".timeout: expected a number from 0.01 to 3600, not -5"),
        ('{ drive = "S1", timeout = inf }', ".timeout: inf is no number that can be used"),
        ('{ drive = "S1", name = " " }', ".name: a name must not be empty"),
        ('{ drive = "S\\n1" }', ": 'S\\n1' contains a control character; give the device a name"),
        ('{ drive = "" }', ".drive: expected text that is not empty, not ''"),
        ("{ drive = 12 }", ".drive: expected text that is not empty, not 12"),
        ('{ file = "/t", scale = 0 }', ": scale 0 would make every temperature the same"),
        ('{ file = "/t", scale = nan }', ".scale: nan is no number that can be used"),
        ('"S1"', ": expected a table like { drive = \"SERIAL\" }, not 'S1'"),
        ("{}", ": names no sensor kind; give one of the keys cpu, drive, file, hwmon"),
        (
            '{ hwmom = "x" }',
            ": names no sensor kind; did you mean 'hwmon'?",
        ),
        (
            '{ drive = "S1", cpu = "auto" }',
            ": is of several sensor kinds at once (cpu, drive); give one entry for each",
        ),
        (
            '{ file = "/t", family = "air" }',
            ".family: the shelf has no curve for family 'air'; give it one in the shelf's curves, like { air = ... }",
        ),
        (
            '{ file = "/t", family = "hd" }',
            ".family: the shelf has no curve for family 'hd'; did you mean 'hdd'?",
        ),
    ],
)
def test_s11_a_faulty_device_is_told(device: str, fault: str) -> None:
    assert faults(shelf(f'{{ drive = "S0" }}, {device}')) == [f"f: shelves.s.devices[2]{fault}"]


def test_s11_a_faulty_entry_hides_no_other() -> None:
    assert len(faults(shelf("1, { file = 1 }, { optional = 1, drive = 2 }, { x = 1 }", more="floor = true"))) == 6


def test_s11_two_devices_of_a_shelf_have_two_names() -> None:
    assert faults(shelf('{ file = "/t" }, { file = "/t" }, { drive = "a", name = "/t" }')) == [
        "f: shelves.s.devices: 3 devices are called '/t'; give each a name of its own"
    ]
    assert read(shelf('{ file = "/t" }, { file = "/t", name = "again", scale = 2 }')).server is not None


def test_s11_a_drive_stands_in_one_place_only() -> None:
    text = shelf('{ drive = "S1", name = "a" }, { drive = "S1", name = "b" }')
    text += '[shelves.t]\ncurves = { hdd = "drives" }\ndevices = [{ drive = "s1" }]'
    told = "stands at shelves.s.devices[1] already; a drive sits in one place only"
    assert faults(text) == [
        f"f: shelves.s.devices[2]: drive S1 {told}",
        f"f: shelves.t.devices[1]: drive s1 {told}",
    ]


def test_a_sensor_of_the_room_may_serve_several_shelves() -> None:
    room = '{ hwmon = "nct6798", label = "SYSTIN" }, { cpu = "auto" }'
    text = shelf(room, 'air = "room"') + f'[shelves.t]\ncurves = {{ air = "room" }}\ndevices = [{room}]'
    assert read(text).server is not None


@pytest.mark.parametrize("error", [LookupError("no such thing"), ImportError("no module"), OSError("x")])
def test_s11_a_kind_that_cannot_be_had_is_told(error: Exception) -> None:
    kinds = HandMadeKinds({"bad": DriverError(*error.args) if isinstance(error, OSError) else error})
    assert faults(shelf("{ bad = 1 }"), kinds) == [
        f"f: shelves.s.devices[1]: sensor kind 'bad' cannot be used: {error.args[0]}"
    ]
