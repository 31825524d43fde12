"""fand-clientrpi on gpiozero's mock pins, which prints each level that its PWM pin gets.

Runs either fand, on Python 3.7 or newer. Arguments: those of fand-clientrpi.
"""

import importlib

from gpiozero import Device
from gpiozero.pins.mock import MockFactory, MockPWMPin


class Pin(MockPWMPin):  # type: ignore[misc]
    """A pin that says what it is set to."""

    def _set_state(self, value):  # type: ignore[no-untyped-def]
        super()._set_state(value)
        print("level", round(float(self.state), 3), flush=True)


Device.pin_factory = MockFactory(pin_class=Pin)

clientrpi = importlib.import_module("fand.clientrpi")  # after the pins

# 0.1.1 asks once a minute otherwise
vars(clientrpi)["SLEEP_TIME"] = 0.2

clientrpi.main()
