import argparse
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fand.client import Client
from fand.clientrpi import configured, main, parser
from fand.config.values import ClientConfig
from fand.drivers.fans import gpio, pwm
from fand.drivers.tachometers import gpio as gpio_tachometer
from fand.drivers.tachometers import gpiod
from tests.drivers.test_pwmchips import PI4, PI5, device_tree, pwm_chip
from tests.drivers.tree import Tree
from tests.fanclient.parts import logging_kept
from tests.fanclient.processes import Program, Site, until

MOCK = {"GPIOZERO_PIN_FACTORY": "mock", "GPIOZERO_MOCK_PIN_CLASS": "mockpwmpin"}


def options(*argv: str) -> argparse.Namespace:
    with_common = parser()
    with_common.set_defaults(address=None, port=9999)
    return with_common.parse_args(argv)


def given(*argv: str, root: Path = Path("/nowhere")) -> ClientConfig:
    return configured(options(*argv), {}, root)


def test_without_options_it_is_as_it_was_in_fand_0_1_1() -> None:
    config = given()
    (fan,) = config.fans
    assert config.shelf == socket.gethostname()
    assert config.servers == (("localhost", 9999),)
    assert (fan.name, fan.kind, fan.settings) == ("gpio18", "gpio", gpio.Settings(gpio=18))
    assert fan.tachometer is not None
    assert fan.tachometer.settings == gpio_tachometer.Settings(gpio=17)
    assert (fan.floor, fan.allow_stop) == (20, False)


@pytest.mark.parametrize(
    ("argv", "fault"),
    [
        ([""], "NAME: a name must not be empty"),
        (["x" * 201], "NAME: .* is longer than 200 bytes"),
        (["s\udcff"], "NAME: .* contains bytes that are no text"),
        (["s", "-r", "18"], r"pin 18 cannot be that of the PWM wire \(-W\) and that of the tachometer wire \(-r\)"),
    ],
)
def test_what_cannot_be_meant_is_refused(argv: list[str], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        given(*argv)


def test_options_choose_the_pins_and_how_they_are_driven() -> None:
    config = given(
        "shelf1", "-W", "12", "-r", "4", "--frequency", "8000", "--inverted", "--pulses", "4", "--floor", "0"
    )
    (fan,) = config.fans
    assert config.shelf == "shelf1"
    assert fan.settings == gpio.Settings(gpio=12, frequency=8000, inverted=True)
    assert fan.tachometer is not None
    assert fan.tachometer.settings == gpio_tachometer.Settings(gpio=4, pulses=4)
    assert (fan.floor, fan.allow_stop) == (0, True)


@pytest.mark.parametrize(
    ("device", "pin", "properties", "channel"),
    [(PI5, "18", {"pins": b"gpio18\0"}, 2), (PI4, "13", {"brcm_pins": b"\0\0\0\x0d"}, 1)],
)
def test_the_kernels_pwm_is_used_where_the_pin_has_it(
    tmp_path: Path, device: str, pin: str, properties: dict[str, bytes], channel: int
) -> None:
    tree = Tree(tmp_path)
    pwm_chip(tree, 0, device)
    device_tree(tree, device, **properties)
    (fan,) = given("-W", pin, "--inverted", root=tree.root).fans
    chip = device.rpartition("/")[2]
    assert (fan.kind, fan.settings) == ("pwm", pwm.Settings(pwm=chip, channel=channel, inverted=True))
    (fan,) = configured(options("-W", pin), MOCK, tree.root).fans
    assert fan.kind == "gpio"  # who names a pin factory wants it


def test_chips_of_the_kernel_can_be_named() -> None:
    (fan,) = given("--pwm-chip", "1f00098000.pwm", "--pwm-channel", "3", "--rpm-chip", "pinctrl-rp1").fans
    assert (fan.name, fan.settings) == ("1f00098000.pwm-3", pwm.Settings(pwm="1f00098000.pwm", channel=3))
    assert fan.tachometer is not None
    assert (fan.tachometer.kind, fan.tachometer.settings) == ("gpiod", gpiod.Settings(gpiod="pinctrl-rp1", line=17))


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (["-W", "eighteen"], "'eighteen' is not a number from 0 up"),
        (["-W", "-1"], "'-1' is not a number from 0 up"),
        (["--floor", "101"], "PWM 101.0 is not a number from 0 to 100"),
        (["--floor", "low"], "'low' is not a number from 0 to 100"),
        (["--pulses", "0"], "pulses 0 is not from 1 to 100"),
        (["--frequency", "0"], "frequency 0.0 is not from 1 to 1000000 Hz"),
        (["--pwm-chip", ""], "give the device of a PWM chip"),
    ],
)
def test_a_wrong_option_is_a_sentence(capsys: pytest.CaptureFixture[str], argv: list[str], text: str) -> None:
    with logging_kept(), pytest.raises(SystemExit) as caught:
        main(argv)
    assert caught.value.code == 2
    assert text in capsys.readouterr().err


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path) as site:
        yield site


def test_it_drives_pins_as_the_server_asks(site: Site, tmp_path: Path) -> None:
    site.server()

    def fan() -> dict[str, Any]:
        with Client("127.0.0.1", site.port) as client:
            fans = client.status("shelf1")["fans"]
        return dict(fans[0]) if fans else {}

    where = ("-a", "127.0.0.1", "-p", str(site.port), "-v")
    with Program(tmp_path / "rpi.log", "clientrpi", "shelf1", *where, env=MOCK) as program:
        site.until(lambda: "RUN after INIT" in program.text)
        site.until(lambda: bool(fan()))
        assert fan()["name"] == "gpio18"
        assert program.end() == 0
        assert "EXIT after RUN" in program.text


def test_pins_that_cannot_be_had_are_a_sentence_and_no_success(tmp_path: Path) -> None:
    env = {"GPIOZERO_PIN_FACTORY": "none-such"}
    with Program(tmp_path / "rpi.log", "clientrpi", "shelf1", env=env) as program:
        until(lambda: program.process.poll() is not None)
        assert program.process.returncode == 1
        assert program.text.startswith("fand-clientrpi: fan gpio18: ")
        assert program.text.count("\n") == 1


def test_c2_a_pin_is_made_safe_when_no_client_drives_it_any_more(tmp_path: Path) -> None:
    env = MOCK | {"SERVICE_RESULT": "signal", "STATE_DIRECTORY": str(tmp_path)}
    with Program(tmp_path / "rpi.log", "clientrpi", "shelf1", "--failsafe", env=env) as program:
        until(lambda: program.process.poll() is not None)
        assert program.process.returncode == 0
        assert program.text == "fand-clientrpi: fan gpio18: set to the failsafe duty of 100 %\n"
