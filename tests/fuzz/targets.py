"""The targets by name, each with what its fuzzing begins with."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from tests.fuzz import dispatch, frames, handshake, seeds


@dataclass(frozen=True, slots=True)
class Target:
    """``check`` raises where a promise is broken. ``seeds`` are inputs to begin with, ``words`` are bytes to put into
    them; none is longer than ``longest``.
    """

    check: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]
    words: Callable[[], Iterable[bytes]]
    longest: int


TARGETS: Final = MappingProxyType(
    {
        "frames": Target(frames.check, seeds.frames, seeds.words, 4096),
        "dispatch": Target(dispatch.check, seeds.events, seeds.words, 512),
        "handshake": Target(handshake.check, seeds.handshakes, seeds.records, 256),
    }
)
