"""The other end of a connection, as far as the answers depend on it."""

from dataclasses import dataclass, field
from typing import Final

from fand.dispatch.access import ALL, Grant
from fand.units import Seconds

LEASE: Final = Seconds(20.0)
"""How long fan clients take a duty for good."""

SILENCE: Final = Seconds(2 * LEASE)
"""A fan client is silent when nothing has come from it for longer (rule S7)."""

OLD_SILENCE: Final = Seconds(150.0)
"""The same for a client that knows the nine old requests only: fand 0.1.1 comes once a minute."""


@dataclass(eq=False, slots=True)
class Peer:
    """One connection, made at ``since``. ``at`` is when its last request came; whoever receives it keeps that up to
    date. ``answered`` is when its last request was answered, ``gone`` tells that it has ended.

    ``address`` is that of a host and what tells its connections apart, a colon between. ``who`` is for people:
    ``pi1``, ``user fand-agent``, or empty where nobody is asked who he is; ``grant`` is what he may do.
    """

    address: str
    at: Seconds
    patience: Seconds = OLD_SILENCE
    who: str = ""
    grant: Grant = ALL
    since: Seconds = field(init=False)
    answered: Seconds | None = field(init=False, default=None)
    gone: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self.since = self.at

    def speaks_extensions(self) -> None:
        """It has used a request that only newer clients know, which come every few seconds."""
        self.patience = SILENCE

    def silent(self, now: Seconds) -> bool:
        """Tell whether it has not been heard of for longer than its kind may be."""
        return now - self.at > self.patience

    def follows(self, other: "Peer") -> bool:
        """Tell whether it may be the same client as ``other``, connected anew: it came from the same host later."""
        return self.since >= other.at and self.host == other.host

    @property
    def host(self) -> str:
        """What :attr:`address` is the address of."""
        return self.address.rpartition(":")[0]
