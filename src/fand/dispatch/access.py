"""Who may do what: roles, and the shelves for which they are given."""

import enum
from dataclasses import dataclass
from typing import Final


class Role(enum.Enum):
    """What somebody may do; each of the last two includes the first."""

    __hash__ = object.__hash__  # an enum's own is a call in Python

    READ = "read"
    """See the state of shelves, and be told of their duty."""
    REPORT = "report"
    """Tell of fans and temperatures."""
    CONTROL = "control"
    """Override duties; with all shelves, have the server reload."""


_READ: Final = Role.READ  # in Python 3.11 an enum finds its members slowly; this is needed for every request


@dataclass(frozen=True, slots=True)
class Grant:
    """What one peer may do: in these roles, for these shelves; None is all that there are or will be."""

    roles: frozenset[Role]
    shelves: frozenset[str] | None = None

    def may(self, role: Role, shelf: str | None) -> bool:
        """Tell whether ``role`` is granted for ``shelf``; None is the server as a whole, which needs all shelves."""
        return self.plays(role) and (self.shelves is None or shelf in self.shelves)

    def plays(self, role: Role) -> bool:
        """Tell whether ``role`` is granted for any shelf at all."""
        return bool(self.roles) if role is _READ else role in self.roles

    def covers(self, other: "Grant") -> bool:
        """Tell whether all that ``other`` may do is granted here too."""
        if not other.roles:
            return True
        wide = self.shelves is None or (other.shelves is not None and other.shelves <= self.shelves)
        return wide and all(map(self.plays, other.roles))


ALL: Final = Grant(frozenset(Role))
"""Everything."""

NOTHING: Final = Grant(frozenset())
"""Nothing at all."""
