"""The fan client of fand 0.1.1 on gpiozero's mock pins, which prints each level that its PWM pin gets.

``pins.py SHELF -a ADDRESS -p PORT``, on the old fand's Python; otherwise as it is, with its minute between rounds.
"""

import importlib

from gpiozero import Device
from gpiozero.pins.mock import MockFactory, MockPWMPin


class Pin(MockPWMPin):  # type: ignore[misc]
    """A pin that says what it is set to."""

    def _set_state(self, value):  # type: ignore[no-untyped-def]
        super()._set_state(value)
        print(round(float(self.state) * 100, 3), flush=True)


Device.pin_factory = MockFactory(pin_class=Pin)
importlib.import_module("fand.clientrpi").main()  # after the pins
