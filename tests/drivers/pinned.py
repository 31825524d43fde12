"""gpiozero on its mock pins, for tests of what drives or reads pins."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gpiozero
from gpiozero.pins.mock import MockFactory, MockPWMPin


@contextmanager
def mock_pins(factory: type[MockFactory] = MockFactory) -> Iterator[Any]:
    """Mock pins that can do PWM; ``factory`` may be a class derived from gpiozero's."""
    before = gpiozero.Device.pin_factory
    gpiozero.Device.pin_factory = pins = factory(pin_class=MockPWMPin)
    try:
        yield pins
    finally:
        pins.close()
        gpiozero.Device.pin_factory = before
