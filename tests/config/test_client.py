from pathlib import Path

import pytest

from fand.config import FanConfig, TachometerConfig
from fand.dispatch.peer import SILENCE
from fand.units import FULL, Percent, Seconds

from .hand_made import ChipFanSettings, ChipTachometerSettings, LineSettings, PwmSettings, faults, read

FAN = '[[client.fans]]\nname = "front"\nhwmon = "nct6798"\npwm = 2\n'


def client(head: str = "", fans: str = FAN) -> str:
    return f'[client]\nshelf = "s"\n{head}\n{fans}'


def fan(text: str) -> str:
    return f'[[client.fans]]\nname = "front"\n{text}\n'


def the_fan(text: str) -> FanConfig:
    config = read(client(fans=fan(text)))
    assert config.client is not None
    return config.client.fans[0]


def test_the_fan_client_asks_this_host_unless_told_otherwise() -> None:
    config = read(client())
    assert config.client is not None
    assert config.client.servers == (("localhost", 9999),)
    assert (config.client.interval, config.client.lease) == (Seconds(5), Seconds(20))
    assert config.client.failsafe == FULL


def test_everything_can_be_said() -> None:
    config = read(client('servers = ["a", "b:1"]\ninterval = 1\nlease = 2\nfailsafe = 70\nstate = "/var/lib/fand"'))
    assert config.client is not None
    assert config.client.servers == (("a", 9999), ("b", 1))
    assert (config.client.interval, config.client.lease) == (Seconds(1), Seconds(2))
    assert config.client.failsafe == Percent(70)
    assert config.client.state == Path("/var/lib/fand")


@pytest.mark.parametrize(
    ("head", "fault"),
    [
        ("servers = []", 'servers: is empty; name at least one, like "nas.example.org:9999"'),
        ('servers = "nas"', "servers: expected a list, not 'nas'"),
        ("servers = [1]", "servers[1]: expected text, not 1"),
        ('servers = ["a", "b:0"]', "servers[2]: port '0' of 'b:0' is not a number from 1 to 65535"),
        ('servers = ["a", "a:9999"]', "servers[2]: 'a:9999' is the same server as 'a'"),
        ("interval = 0", "interval: expected a number from 0.01 to 20, not 0"),
        ("lease = nan", "lease: nan is no number that can be used"),
        (
            "lease = 9",
            "lease: 9 s is shorter than two intervals of 5 s, so that one lost answer would end it; "
            "lengthen the lease or shorten the interval",
        ),
        ("failsafe = 0", "failsafe: expected a number above 0 and at most 100, not 0"),
        ("failsafe = 101", "failsafe: expected a number above 0 and at most 100, not 101"),
        ("failsafe = 19", "failsafe: 19 % is under the floor of 20 % of 'front'"),
        ('state = "here"', "state: 'here' is not an absolute path"),
        ("intervall = 1", ": unknown key 'intervall'; did you mean 'interval'?"),
    ],
)
def test_s11_a_faulty_client_is_told(head: str, fault: str) -> None:
    assert faults(client(head)) == [f"f: client.{fault}".replace(".:", ":")]


def test_s7_no_client_may_say_so_little_that_a_server_takes_it_for_silent() -> None:
    seldom = SILENCE / 2
    assert read(client(f"interval = {seldom}\nlease = 60")).client is not None
    assert faults(client(f"interval = {seldom + 1}\nlease = 60")) == [
        "f: client.interval: expected a number from 0.01 to 20, not 21.0"
    ]


def test_s11_a_client_has_a_shelf_and_fans() -> None:
    assert faults("[client]") == [
        "f: client: key 'shelf' is missing; it is text that is not empty",
        "f: client: key 'fans' is missing; it is a list",
    ]
    assert faults('[client]\nshelf = "a\\tb"\nfans = []') == [
        "f: client.shelf: 'a\\tb' contains a control character",
        "f: client.fans: is empty; describe at least one fan in [[client.fans]]",
    ]


def test_a_key_may_be_the_setting_of_one_kind_and_the_name_of_another() -> None:
    assert the_fan('hwmon = "nct6798"\npwm = 2').settings == ChipFanSettings("nct6798", 2)
    assert the_fan('pwm = "1f00098000.pwm"\nchannel = 2').settings == PwmSettings("1f00098000.pwm", 2)


def test_a_number_is_a_tachometer_of_the_same_chip() -> None:
    assert the_fan('hwmon = "x"\npwm = 2\ntachometer = 3').tachometer == TachometerConfig(
        "hwmon", ChipTachometerSettings("x", 3)
    )


def test_a_tachometer_may_be_anywhere() -> None:
    other = '{ hwmon = "y", fan = 1 }'
    assert the_fan(f'hwmon = "x"\npwm = 2\ntachometer = {other}').tachometer == TachometerConfig(
        "hwmon", ChipTachometerSettings("y", 1)
    )
    line = '{ gpiod = "gpiochip0", line = 17, pulses = 4 }'
    assert the_fan(f'pwm = "x"\ntachometer = {line}').tachometer == TachometerConfig(
        "gpiod", LineSettings("gpiochip0", 17, 4)
    )


def test_a_fan_has_its_floor() -> None:
    assert the_fan('pwm = "x"').floor == Percent(20)
    stopping = the_fan('pwm = "x"\nfloor = 0\nallow_stop = true')
    assert (stopping.floor, stopping.allow_stop) == (Percent(0), True)
    assert the_fan('pwm = "x"\nleast_rpm = 400\ntachometer = {gpiod = "x", line = 1}').least_rpm == 400


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('pwm = "x"\nfloor = 101', ".floor: expected a number from 0 to 100, not 101"),
        (
            'pwm = "x"\nleast_rpm = 400',
            ".least_rpm: nothing measures the fan; give its tachometer as well",
        ),
        (
            'pwm = "x"\nfloor = 0',
            ".floor: 0 would stop the fan; say allow_stop = true as well, or give a floor above 0",
        ),
        ('pwm = "x"\nallow_stop = 1', ".allow_stop: expected true or false, not 1"),
        ('pwm = "x"\nfrequncy = 1', ": unknown key 'frequncy'; did you mean 'frequency'?"),
        ("pwm = 1", ".pwm: expected text, not 1"),
        ('hwmon = "x"', ": key 'pwm' is missing; it is a whole number from 1 to 16"),
        ('hwmon = "x"\npwm = 0', ".pwm: expected a whole number from 1 to 16, not 0"),
        ("command = 3", ".command: expected a list, not 3"),
        ("", ": names no fan kind; give one of the keys command, hwmon, pwm"),
        (
            'pwm = "x"\ntachometer = 3',
            '.tachometer: 3 is for hwmon fans; give a table like { gpiod = "gpiochip0", line = 17 }',
        ),
        (
            'pwm = "x"\ntachometer = true',
            '.tachometer: expected a number or a table like { hwmon = "nct6798", fan = 2 }, not true',
        ),
        (
            'pwm = "x"\ntachometer = { line = 3 }',
            ".tachometer: names no tachometer kind; give one of the keys gpiod, hwmon",
        ),
        (
            'pwm = "x"\ntachometer = { gpiod = "c", line = "x", puls = 3 }',
            ".tachometer: unknown key 'puls'; did you mean 'pulses'?",
        ),
        ('hwmon = "x"\npwm = 1\ntachometer = 0', ".tachometer.fan: expected a whole number from 1 to 16, not 0"),
    ],
)
def test_s11_a_faulty_fan_is_told(text: str, fault: str) -> None:
    assert faults(client(fans=fan(text)))[0] == f"f: client.fans[1]{fault}"


@pytest.mark.parametrize("name", ["../x", ".x", "a/b", " x", "a\\u0000b"])
def test_s11_a_fan_has_a_name_that_can_name_a_file(name: str) -> None:
    (fault,) = faults(client(fans=f'[[client.fans]]\nname = "{name}"\npwm = "x"'))
    assert fault.startswith("f: client.fans[1].name: ")


def test_s11_a_fan_is_a_table_with_a_name() -> None:
    assert faults('[client]\nshelf = "s"\nfans = [3, { pwm = "x" }]') == [
        'f: client.fans[1]: expected a table like { name = "front", hwmon = "nct6798", pwm = 2 }, not 3',
        "f: client.fans[2]: key 'name' is missing; it is text that is not empty",
    ]


def test_s11_two_fans_have_two_names() -> None:
    assert faults(client(fans=fan('pwm = "x"') + fan('pwm = "y"'))) == [
        "f: client.fans: 2 fans are called 'front'; give each a name of its own"
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('hwmon = "x"\npwm = 2', 'hwmon = "x"\npwm = 2\ntachometer = 1'),
        ('pwm = "x"', 'pwm = "x"\nchannel = 0\nfrequency = 100.0'),
        ('pwm = "x"\ninverted = true', 'pwm = "x"'),
        ('command = ["set"]', 'command = ["set"]'),
    ],
)
def test_s11_the_same_output_is_driven_once(one: str, other: str) -> None:
    fans = fan(one) + fan(other).replace("front", "rear")
    assert faults(client(fans=fans)) == ["f: client.fans[2]: drives the same output as 'front'"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('hwmon = "x"\npwm = 2', 'hwmon = "x"\npwm = 3'),
        ('hwmon = "x"\npwm = 2', 'hwmon = "y"\npwm = 2'),
        ('pwm = "x"', 'pwm = "x"\nchannel = 1'),
        ('pwm = "x"', 'hwmon = "x"\npwm = 1'),
        ('command = ["set", "1"]', 'command = ["set", "2"]'),
    ],
)
def test_other_outputs_may_be_of_the_same_chip(one: str, other: str) -> None:
    config = read(client(fans=fan(one) + fan(other).replace("front", "rear")))
    assert config.client is not None
    assert [fan.name for fan in config.client.fans] == ["front", "rear"]


def test_s11_more_fans_than_a_server_takes_are_refused() -> None:
    fans = "".join(f'[[client.fans]]\nname = "{number}"\nhwmon = "c{number}"\npwm = 1\n' for number in range(65))
    head = '[client]\nshelf = "a"\nservers = ["nas"]\n'
    assert faults(head + fans) == [
        "f: client.fans: 65 are more than the 64 of one shelf; make it several shelves",
    ]
    config = read(head + fans.partition('name = "64"')[0].removesuffix("[[client.fans]]\n"))
    assert config.client is not None
    assert len(config.client.fans) == 64
