from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from fand.drivers.tachometers import gpio
from fand.exceptions import GpioError
from fand.ports import Tachometer, TachometerKind
from fand.units import Seconds
from tests.drivers.pinned import mock_pins


class Clock:
    """A clock that the test sets."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def pins() -> Iterator[Any]:
    with mock_pins() as factory:
        yield factory


def tachometer(clock: Clock, **keys: Any) -> gpio.GpioTachometer:
    return gpio.open_tachometer(msgspec.convert({"gpio": 17} | keys, gpio.Settings), clock)


def turn(pin: Any, clock: Clock, period: float, count: int) -> None:
    for _ in range(count):
        pin.drive_low()
        clock.now += period / 2
        pin.drive_high()
        clock.now += period / 2


def test_it_is_a_tachometer_kind(pins: Any) -> None:
    kind: TachometerKind = gpio
    opened: Tachometer = kind.open_tachometer(gpio.Settings(17))
    opened.close()
    opened.close()


def test_falling_edges_are_counted(pins: Any) -> None:
    clock = Clock()
    opened = tachometer(clock)
    pin = pins.pin(17)
    assert pin.pull == "up"
    assert opened.rpm(Seconds(clock.now)) is None
    turn(pin, clock, 0.02, 50)
    assert opened.rpm(Seconds(clock.now)) == pytest.approx(1500)
    turn(pin, clock, 0.01, 200)
    assert opened.rpm(Seconds(clock.now)) == pytest.approx(3000, rel=0.01)
    clock.now += 3
    assert opened.rpm(Seconds(clock.now)) == 0.0
    opened.close()


def test_the_hosts_own_sleep_is_no_standstill(pins: Any) -> None:
    clock = Clock()
    opened = tachometer(clock)
    for _ in range(2):
        turn(pins.pin(17), clock, 0.02, 50)
        assert opened.rpm(Seconds(clock.now + 86_400)) == pytest.approx(1500), "edges have a clock of their own"
    opened.close()


def test_other_fans_have_other_pulses(pins: Any) -> None:
    clock = Clock()
    opened = tachometer(clock, pulses=4)
    turn(pins.pin(17), clock, 0.02, 50)
    assert opened.rpm(Seconds(clock.now)) == pytest.approx(750)
    opened.close()


def test_a_resistor_may_do_for_the_pull_up(pins: Any) -> None:
    clock = Clock()
    pins.pin(17).drive_high()
    opened = tachometer(clock, pull_up=False)
    assert pins.pin(17).pull == "floating"
    turn(pins.pin(17), clock, 0.02, 50)
    assert opened.rpm(Seconds(clock.now)) == pytest.approx(1500)
    opened.close()


def test_a_pin_that_cannot_be_had_is_told(pins: Any) -> None:
    first = tachometer(Clock())
    with pytest.raises(GpioError, match=r"cannot count the pulses on pin 17: .*in use"):
        tachometer(Clock())
    first.close()


@pytest.mark.parametrize(
    "keys", [{"gpio": -1}, {"gpio": ""}, {"gpio": "a\0b"}, {"pulses": 0}, {"pulses": 101}, {"line": 1}]
)
def test_bad_settings_are_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        tachometer(Clock(), **keys)
