"""What the law demands, reckoned once more and apart from the product, from the true temperatures."""

from collections.abc import Sequence
from typing import Final

POINTS: Final = ((33.0, 25.0), (40.0, 100.0))
FLOOR: Final = 20.0
CRITICAL: Final = 50.0


def demand(celsius: Sequence[float]) -> float:
    """The duty in percent that drives at these temperatures need."""
    hottest = max(celsius)
    (cool, least), (warm, most) = POINTS
    if hottest >= min(warm, CRITICAL):
        return most
    return max(FLOOR, least, least + (most - least) * (hottest - cool) / (warm - cool))
