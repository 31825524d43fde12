from typing import Any

import pytest

from fand.config.ini import parse
from fand.exceptions import ConfigError

EXAMPLE = """
# our own file in the shape of fand 0.1.1
[DEFAULT]
shelves = upper, lower
hdd_temps = 0: 20, 35: 35, 42: 100
ssd_temps = 0: 20, 62.5: 60, 70: 100
cpu_temps = 0: 30, 80: 100

[upper]
devices = WD-0001; front 1
          WD-0002; front 2 ; spare
\t  cpu; mainboard

[lower]
; this shelf is hot
devices = S2-0003; rear
hdd_temps = 0: 50, 40: 100
"""
HEAD = "[DEFAULT]\nshelves = s\nhdd_temps = 0: 20, 40: 100\n"
SHELF = "[s]\ndevices = S1; here\n"


def document(text: str) -> dict[str, Any]:
    return parse(text, "fand.ini")[0]


def faults(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text, "fand.ini")
    return list(caught.value.faults)


def points(text: str) -> Any:
    return document(f"[DEFAULT]\nshelves = s\nhdd_temps = {text}\n{SHELF}")["curves"]["hdd"]["points"]


def test_a_file_becomes_the_tables_of_a_toml_file() -> None:
    assert document(EXAMPLE) == {
        "server": {},
        "curves": {
            "hdd": {"kind": "step", "points": [[0, 20], [35, 35], [42, 100]]},
            "ssd": {"kind": "step", "points": [[0, 20], [62.5, 60], [70, 100]]},
            "cpu": {"kind": "step", "points": [[0, 30], [80, 100]]},
            "lower-hdd": {"kind": "step", "points": [[0, 50], [40, 100]]},
        },
        "shelves": {
            "upper": {
                "floor": 0,
                "curves": {"hdd": "hdd", "ssd": "ssd", "cpu": "cpu"},
                "devices": [
                    {"drive": "WD-0001", "position": "front 1"},
                    {"drive": "WD-0002", "position": "front 2"},
                    {"cpu": "auto", "position": "mainboard"},
                ],
            },
            "lower": {
                "floor": 0,
                "curves": {"hdd": "lower-hdd", "ssd": "ssd", "cpu": "cpu"},
                "devices": [{"drive": "S2-0003", "position": "rear"}],
            },
        },
    }


def test_each_place_has_its_name_in_the_file() -> None:
    _, names = parse(EXAMPLE, "fand.ini")
    assert names["curves.hdd"] == "[DEFAULT] hdd_temps"
    assert names["curves.lower-hdd"] == "[lower] hdd_temps"
    assert names["shelves.upper"] == "[upper]"
    assert names["shelves.upper.devices[3]"] == "[upper] devices: cpu"


def test_a_file_may_come_from_windows() -> None:
    assert document(EXAMPLE.replace("\n", "\r\n")) == document(EXAMPLE)


# temperatures


def test_points_are_sorted_and_numbers_written_as_people_do() -> None:
    assert points("40: 100, 0: 20,37.5:  62.5,") == [[0, 20], [37.5, 62.5], [40, 100]]
    assert points("0: 20,\n  40: 100,\n\n  50: 100") == [[0, 20], [40, 100], [50, 100]]


def test_the_same_point_twice_is_one_point() -> None:
    assert points("0: 20, 0.0: 20") == [[0, 20]]


@pytest.mark.parametrize("part", ["37", "37: x", "37: 30%", "37: 30: 40", ":", "37 = 30"])
def test_what_is_no_point_is_told(part: str) -> None:
    (fault,) = faults(HEAD.replace("40: 100", part) + SHELF)
    assert fault == f"fand.ini: [DEFAULT] hdd_temps: {part!r} is not a temperature and a percentage, like 37: 30"


def test_one_temperature_has_one_duty() -> None:
    assert faults(HEAD.replace("40: 100", "0: 30") + SHELF) == [
        "fand.ini: [DEFAULT] hdd_temps: 0 °C stands there twice, with 20 and 30 %"
    ]


def test_shelves_share_the_curve_that_they_do_not_override() -> None:
    text = "[DEFAULT]\nshelves = a, b\nhdd_temps = %(base)s\nbase = 0: 20\n[a]\ndevices = S1; x\n"
    tables = document(text + "[b]\ndevices = S2; x\nbase = 0: 30\n")
    assert tables["curves"] == {
        "hdd": {"kind": "step", "points": [[0, 20]]},
        "b-hdd": {"kind": "step", "points": [[0, 30]]},
    }
    assert tables["shelves"]["b"]["curves"] == {"hdd": "b-hdd"}


def test_a_default_that_makes_sense_in_the_shelf_only_is_the_shelfs() -> None:
    text = "[DEFAULT]\nshelves = a\nhdd_temps = %(base)s\n[a]\ndevices = S1; x\nbase = 0: 20\n"
    assert document(text)["shelves"]["a"]["curves"] == {"hdd": "a-hdd"}


def test_a_shelf_has_temperatures_of_some_family() -> None:
    assert faults("[DEFAULT]\nshelves = s\n" + SHELF) == [
        "fand.ini: [s]: has no temperatures; give hdd_temps, ssd_temps or cpu_temps"
    ]
    assert faults(HEAD + "[s]\ndevices = S1; x\n  cpu; y\n") == [
        "fand.ini: [s] cpu_temps: is missing, and the shelf has the device cpu"
    ]


# devices


def test_a_device_needs_no_position() -> None:
    tables = document(HEAD + "[s]\ndevices = S1;\n  S2\n\n  S3; a; b; c\n")
    assert tables["shelves"]["s"]["devices"] == [{"drive": "S1"}, {"drive": "S2"}, {"drive": "S3", "position": "a"}]


def test_a_device_needs_a_serial() -> None:
    (fault,) = faults(HEAD + "[s]\ndevices = ; there\n")
    assert fault == "fand.ini: [s] devices: '; there' has no serial before the semicolon"


@pytest.mark.parametrize("text", ["[s]\n", "[s]\ndevices =\n", "[s]\ndevices =  \n   \n"])
def test_a_shelf_has_devices(text: str) -> None:
    assert faults(HEAD + text) == [
        "fand.ini: [s] devices: is missing or empty; list the devices one a line, like SERIAL; where it sits"
    ]


# percent signs


@pytest.mark.parametrize(
    ("written", "meant"),
    [("50 %", "50 %"), ("50 %%", "50 %"), ("%(where)s 1", "rack 1"), ("100%", "100%"), ("%x", "%x")],
)
def test_a_percent_sign_is_itself_or_a_reference(written: str, meant: str) -> None:
    where = "where = rack\n" if "%(where)s" in written else ""
    tables = document(f"{HEAD}{where}[s]\ndevices = S1; {written}\n")
    assert tables["shelves"]["s"]["devices"] == [{"drive": "S1", "position": meant}]


def test_a_reference_to_nothing_is_told() -> None:
    (fault,) = faults(HEAD + "[s]\ndevices = S1; %(where)s\n")
    assert fault.startswith("fand.ini: [s] devices: ")
    assert "where" in fault
    assert "\n" not in fault
    (fault,) = faults(HEAD.replace("= s", "= %(where)s") + SHELF)
    assert fault.startswith("fand.ini: [DEFAULT] shelves: ")


# shelves and keys


def test_the_list_of_shelves_may_end_with_a_comma() -> None:
    assert list(document(HEAD.replace("= s", "= s,") + SHELF)["shelves"]) == ["s"]


def test_a_section_that_is_not_listed_is_no_shelf() -> None:
    assert list(document(HEAD + SHELF + "[retired]\ndevices = S9; x\n")["shelves"]) == ["s"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "[DEFAULT] shelves: is missing; list the sections that are shelves, like shelf1, shelf2"),
        (
            "[DEFAULT]\nshelves = ,\n",
            "[DEFAULT] shelves: is missing; list the sections that are shelves, like shelf1, shelf2",
        ),
        (HEAD + SHELF.replace("[s]", "[ss]"), "[DEFAULT] shelves: there is no section [s]; did you mean 'ss'?"),
        (HEAD, "[DEFAULT] shelves: there is no section [s]; describe the shelf"),
        (HEAD.replace("= s", "= s, s") + SHELF, "[DEFAULT] shelves: s is listed more than once"),
        (HEAD + "hdd_temp = 1\n" + SHELF, "[DEFAULT]: unknown key 'hdd_temp'; did you mean 'hdd_temps'?"),
        (HEAD + SHELF + "device = S2\n", "[s]: unknown key 'device'; did you mean 'devices'?"),
        (HEAD + SHELF + "plain = yes\n", "[s]: unknown key 'plain'"),
        (HEAD + "plain = maybe\n" + SHELF, "[DEFAULT] plain: expected yes or no, not 'maybe'"),
    ],
)
def test_s11_what_has_no_meaning_is_told(text: str, fault: str) -> None:
    assert faults(text) == [f"fand.ini: {fault}"]


def test_s11_every_fault_is_told() -> None:
    text = HEAD.replace("40", "x").replace("= s", "= s, t") + "pain = 1\n[s]\ndevice = a\n"
    assert len(faults(text)) == 5


@pytest.mark.parametrize(
    ("word", "value"), [("yes", True), ("true", True), ("1", True), ("No", False), ("off", False)]
)
def test_the_file_may_open_the_server(word: str, value: bool) -> None:
    assert document(f"{HEAD}plain = {word}\n{SHELF}")["server"] == {"plain": value}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("shelves = s\n", "line 1: comes before any section; begin with [DEFAULT]"),
        ("[DEFAULT]\nshelves\nx\n", "line 2: is neither a section nor key = value"),
        (HEAD + SHELF + SHELF, "line 6: section [s] stands there twice; join the two"),
        (HEAD + SHELF + "devices = S2\n", "line 6: [s] devices stands there twice"),
    ],
)
def test_what_is_no_ini_is_told_with_its_line(text: str, fault: str) -> None:
    assert faults(text)[0] == f"fand.ini: {fault}"


def test_every_line_that_is_no_ini_is_told() -> None:
    assert len(faults("[DEFAULT]\nshelves\nx\n")) == 2
