from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gpiozero
import msgspec
import pytest
from gpiozero.pins.mock import MockFactory, MockPWMPin

from fand.drivers.fans import gpio
from fand.exceptions import GpioError, ShelfPwmBadValue
from fand.ports import Fan, FanKind
from fand.units import FULL, Percent, percent
from tests.drivers.pinned import mock_pins

NOWHERE = Path("/nowhere")


class LGPIOFactory(MockFactory):  # type: ignore[misc]
    """The mock under the name of the real one."""

    __module__ = "gpiozero.pins.lgpio"


class PiGPIOFactory(LGPIOFactory):
    __module__ = "gpiozero.pins.pigpio"


class NativeFactory(LGPIOFactory):
    __module__ = "gpiozero.pins.native"


@pytest.fixture
def pins() -> Iterator[Any]:
    with mock_pins() as factory:
        yield factory


def fan(**keys: Any) -> gpio.GpioFan:
    return gpio.open_fan(msgspec.convert({"gpio": 18} | keys, gpio.Settings), "front", NOWHERE)


def states(pin: MockPWMPin) -> list[float]:
    return [round(state.state, 6) for state in pin.states]


def test_it_is_a_fan_kind(pins: Any) -> None:
    kind: FanKind = gpio
    opened: Fan = kind.open_fan(gpio.Settings(18), "front", NOWHERE)
    assert 18 not in pins.pins  # not touched yet
    with opened:
        assert opened.duty() == FULL
        assert pins.pin(18).function == "output"


def test_the_pin_has_the_duty_at_25_khz(pins: Any) -> None:
    with fan() as opened:
        pin = pins.pin(18)
        assert pin.frequency == 25_000
        for duty, state in ((30, 0.3), (29.2, 0.3), (0.001, 0.01), (0, 0), (100, 1)):
            opened.drive(Percent(duty))
            assert pin.state == pytest.approx(state)
            assert opened.duty() == pytest.approx(state * 100)
            assert 0 <= opened.duty() - duty <= opened.resolution


def test_inverted_wiring(pins: Any) -> None:
    with fan(inverted=True, frequency=100) as opened:
        pin = pins.pin(18)
        assert pin.frequency == 100
        assert (pin.state, opened.duty()) == (0.0, FULL)
        opened.drive(Percent(30))
        assert pin.state == pytest.approx(0.7)
        assert opened.duty() == pytest.approx(30)
    assert states(pin)[-2:] == [0.7, 0.0]


@pytest.mark.parametrize("inverted", [False, True])
def test_lgpio_which_cuts_off_to_whole_percent_gets_each_of_them(pins: Any, inverted: bool) -> None:
    with fan(inverted=inverted) as opened:
        for duty in range(101):
            opened.drive(Percent(duty))
            whole = int(pins.pin(18).state * 100)
            assert (100 - whole if inverted else whole) == duty


def test_it_is_left_at_full_speed_before_the_pin_is_let_go(pins: Any) -> None:
    with fan() as opened:
        opened.drive(Percent(40))
    pin = pins.pin(18)
    assert states(pin)[-3:] == [0.4, 1.0, 0.0]
    assert pin.function == "input"
    opened.__exit__(None, None, None)  # once more is as good


def test_an_exception_inside_passes(pins: Any) -> None:
    with pytest.raises(ShelfPwmBadValue), fan() as opened:
        opened.drive(percent(101))
    assert pins.pin(18).function == "input"


def test_it_can_be_taken_again(pins: Any) -> None:
    opened = fan()
    for _ in range(2):
        with opened:
            opened.drive(Percent(40))
            assert opened.duty() == pytest.approx(40)


@pytest.mark.parametrize(
    ("factory", "keys", "message"),
    [
        (LGPIOFactory, {}, r"25000 Hz, but LGPIOFactory cannot go beyond 10000: .*kernel's PWM .* frequency = 10000"),
        (LGPIOFactory, {"frequency": 10001}, "10001 Hz"),
        (PiGPIOFactory, {}, "PiGPIOFactory cannot go beyond 8000"),
        (NativeFactory, {"frequency": 1}, "NativeFactory has no PWM: .*kernel's PWM"),
    ],
)
def test_what_a_pin_factory_cannot_do_is_refused_before_the_pin_is_touched(
    factory: type[MockFactory], keys: dict[str, Any], message: str
) -> None:
    with mock_pins(factory) as pins:
        with pytest.raises(GpioError, match=message):
            fan(**keys)
        assert not pins.pins


def test_what_it_can_do_is_done() -> None:
    with mock_pins(LGPIOFactory) as pins, fan(frequency=10_000):
        assert pins.pin(18).frequency == 10_000


def test_a_pin_in_use_or_unknown_is_told(pins: Any) -> None:
    with fan(), pytest.raises(GpioError, match=r"cannot drive Fan front \(pin 18\): .*in use"):
        fan().__enter__()
    with pytest.raises(GpioError, match="99"):
        fan(gpio=99).__enter__()


def test_without_the_pin_there_is_no_duty(pins: Any) -> None:
    opened = fan()
    with pytest.raises(GpioError, match="was not taken over"):
        opened.drive(Percent(50))
    with pytest.raises(GpioError, match="was not taken over"):
        opened.duty()


class Broken(MockPWMPin):  # type: ignore[misc]
    """Raises what no gpiozero error is, or drops what is set."""

    mood: str = ""

    def _set_state(self, value: float) -> None:
        if self.mood == "raise":
            raise AssertionError("lgpio says no")
        if self.mood != "drop":
            super()._set_state(value)


def test_handed_over_the_pin_is_let_go_and_driven_it_is_taken_again(pins: Any) -> None:
    with fan() as opened:
        opened.drive(Percent(40))
        opened.hand_over()
        opened.hand_over()
        assert pins.pin(18).function == "input"
        with pytest.raises(GpioError, match="was not taken over"):
            opened.duty()
        opened.drive(Percent(40))
        assert (opened.duty(), opened.stolen(), opened.rivals()) == (40, None, ())


def test_a_pin_that_cannot_even_be_let_go_is_told(pins: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pins.pin_class = Broken

    def stuck(self: object) -> None:
        raise AssertionError("lgpio never says yes")

    with fan() as opened, monkeypatch.context() as patched:
        patched.setattr(Broken, "mood", "raise")
        patched.setattr(gpiozero.PWMOutputDevice, "close", stuck)
        with pytest.raises(GpioError, match="lgpio says no"):
            opened.hand_over()


def test_a_library_that_fails_is_told_and_the_pin_let_go(
    pins: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pins.pin_class = Broken
    with fan() as opened:
        monkeypatch.setattr(Broken, "mood", "drop")
        with pytest.raises(GpioError, match="40 % was set, but it reads 100 %"):
            opened.drive(Percent(40))
        monkeypatch.setattr(Broken, "mood", "raise")
        with pytest.raises(GpioError, match="lgpio says no"):
            opened.drive(Percent(40))
    assert "could not be set to full speed" in caplog.text
    assert pins.pin(18).function == "input"


def test_without_any_factory_opening_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpiozero.Device, "pin_factory", None)
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "nonsense")
    with pytest.raises(GpioError, match="nonsense"):
        fan()


@pytest.mark.parametrize(
    "keys",
    [
        {"gpio": -1},
        {"gpio": ""},
        {"gpio": "a\0b"},
        {"frequency": 0},
        {"frequency": float("nan")},
        {"inverted": 1},
        {"pwm": 1},
    ],
)
def test_bad_settings_are_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        fan(**keys)
