"""How fast a device can cool, by its family (rule S5).

Without any power a body at ``T`` in air at ``A`` cools as ``A + (T - A) exp(-t / tau)``; power only slows it down.
The air is taken as -20 °C here, below which no reading counts. Real air is far warmer, and that is the margin:
between a drive at 45 °C and air at 22 the slope is a third of what is allowed.

* **hdd**: 500 J/K over at most 0.92 W/K make 9 minutes, for a 3.5-inch drive at full flow (:mod:`fand.sim.plant` has
  the reckoning). A 2.5-inch one of 0.1 kg and 0.016 m2, 70 J/K over 0.4 W/K, has 3; the margin covers it.
* **ssd**: a case of 50 g and 0.016 m2, 45 J/K over 0.4 W/K, has 2 minutes. The sensor sits at the controller, which
  is warmer than the case while it works and loses that in less: 30 seconds.
* **nvme**: a board of 8 g, 7 J/K over 0.2 W/K, has 35 seconds, its controller fewer, and its composite temperature
  may be another sensor's from one reading to the next (the NVM Express base specification leaves to the vendor how
  it is made): 10 seconds.
* Any other: a processor's core loses 30 K in a second, and of an unknown family nothing is known. Any drop may be.
"""

from collections.abc import Mapping
from math import exp
from typing import Final

from fand.control.plausible import LOWEST
from fand.ports import Temperature
from fand.units import Celsius, Seconds

TIME_CONSTANTS: Final[Mapping[str, Seconds]] = {"hdd": Seconds(540.0), "ssd": Seconds(30.0), "nvme": Seconds(10.0)}
"""Of the families that take their time."""

GRAIN: Final = Celsius(2.0)
"""What two readings may differ by while the temperature is the same: each is a whole degree, and unsteady."""


def possible(before: Temperature, after: Temperature, family: str | None) -> bool:
    """Whether a device of ``family`` that was ``before`` can have cooled to ``after``."""
    drop = before.celsius - after.celsius
    tau = TIME_CONSTANTS.get(family) if family is not None else None
    if drop <= GRAIN or tau is None:
        return True
    return drop - GRAIN <= (before.celsius - LOWEST) * (1 - exp(-max(0.0, after.at - before.at) / tau))


def alike(one: Temperature, other: Temperature, family: str | None) -> bool:
    """Whether two readings, ``one`` first, can both be true: nothing here warms up faster than it can cool."""
    if other.celsius > one.celsius:
        return possible(Temperature(other.celsius, one.at), Temperature(one.celsius, other.at), family)
    return possible(one, other, family)
