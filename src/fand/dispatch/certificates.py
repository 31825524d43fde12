"""Certificates whose end is near: who must renew what, and when."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from fand.units import Timestamp

DAY: Final = 86_400.0

SOON: Final = 30 * DAY
"""From so many seconds before its end a certificate is spoken of."""

_STAGES: Final = (0, 1, 3, 7, 14, 30)


@dataclass(frozen=True, slots=True)
class Certificate:
    """``whose`` certificate is valid ``until`` when; ``shelves`` are those that are lost with it, None is all."""

    whose: str
    until: Timestamp
    shelves: frozenset[str] | None = None


def near(certificates: Iterable[Certificate], now: Timestamp) -> list[Certificate]:
    """Those of ``certificates`` whose end is near or past at ``now``, the first to end in front."""
    return sorted((one for one in certificates if one.until - now <= SOON), key=lambda one: one.until)


def stage(certificate: Certificate, now: Timestamp) -> int | None:
    """How near the end is, in days, by steps: at each it is worth a word again. None: not near."""
    left = certificate.until - now
    return next((days for days in _STAGES if left <= days * DAY), None)
