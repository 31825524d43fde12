"""The settings of a shelf's law, as values."""

from collections.abc import Mapping
from dataclasses import dataclass

from fand.control.curve import Curve
from fand.units import FULL, Celsius, Percent


@dataclass(frozen=True, slots=True)
class FamilyLaw:
    """How the devices of one family ask for cooling.

    ``name`` is the curve's own, for reasons; at or above ``critical`` the shelf runs at full speed (S4);
    ``hysteresis`` is how far the temperature must fall before the demand follows; ``average`` takes the mean of
    the family instead of its hottest.
    """

    name: str
    curve: Curve
    critical: Celsius | None = None
    hysteresis: Celsius = Celsius(2.0)
    average: bool = False


@dataclass(frozen=True, slots=True)
class ShelfLaw:
    """How one shelf decides.

    ``floor`` is the least demand, ``on_lost`` the duty while a device is lost (S2), ``on_stalled`` that while a fan
    stands still or cannot be driven (S6), ``fall`` the fastest fall of the demand in percent a second.
    """

    families: Mapping[str, FamilyLaw]
    floor: Percent = Percent(20.0)
    on_lost: Percent = FULL
    on_stalled: Percent = FULL
    fall: Percent = Percent(1.0)

    def of(self, family: str | None) -> FamilyLaw | None:
        """The law of a family. An nvme drive follows the ssd curve where it has none of its own."""
        if family is None:
            return None
        law = self.families.get(family)
        return self.families.get("ssd") if law is None and family == "nvme" else law
