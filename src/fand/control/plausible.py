"""From the number that a device gave to a reading: what cannot be true is a failure, never a temperature."""

from typing import Final

from fand.ports import Failed, Reading, Temperature
from fand.units import Celsius, Seconds, is_number, shown

LOWEST: Final = -20.0
HIGHEST: Final = 125.0


def judge(celsius: object, now: Seconds, *, drive: bool = False) -> Reading:
    """Take ``celsius`` as a reading at ``now``.

    None, NaN, infinity, what is no number, and anything not strictly between -20 and 125 degrees are
    :class:`Failed`. So is 0 or less from a ``drive``: drives and RAID controllers report 0 where they have no
    sensor, and 255 where it is not available.
    """
    if celsius is None:
        return Failed("gave no temperature", now)
    if not isinstance(celsius, int | float) or not is_number(celsius):
        return Failed(f"gave {shown(celsius)}, which is not a number", now)
    if not LOWEST < celsius < HIGHEST:
        return Failed(f"gave {celsius:.6g} °C, which cannot be", now)
    if drive and celsius <= 0:
        return Failed(f"gave {celsius:g} °C, which means that it has no reading", now)
    return Temperature(Celsius(float(celsius)), now)
