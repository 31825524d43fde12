"""Sensor kind ``agent``: a device that a sensor agent reads, on another host or with other rights, and reports.

``{ agent = "nas2", device = "AD7E4EE5B03693D6" }``: nothing is asked here. What the agent reports lies in a mailbox
that the running server puts it into, and counts there as soon as it comes.
"""

from typing import Final

import msgspec

from fand.dispatch import Mailbox
from fand.drivers.text import named
from fand.ports import Failed, Reading
from fand.units import Seconds

INTERVAL: Final = Seconds(30.0)
"""How often there should be news of the device: the kinds that agents read are asked so often, or more often."""
TIMEOUT: Final = Seconds(5.0)


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``agent`` is the name of the agent, ``device`` what that one calls the device."""

    agent: str
    device: str

    def __post_init__(self) -> None:
        named("agent", self.agent, "the name of a sensor agent")
        named("device", self.device, "the name that the agent has for the device")


class AgentSensor:
    """See the module."""

    def __init__(self, settings: Settings) -> None:
        self.mailbox = Mailbox(settings.agent, settings.device)

    @property
    def family(self) -> str | None:
        """As the agent says."""
        return None if self.mailbox.last is None else self.mailbox.last.family

    def read(self, now: Seconds) -> Reading:
        """What was reported last. It may be old by now, and none is news because it is read."""
        last = self.mailbox.last
        if last is None:
            return Failed(f"agent {self.mailbox.agent} reports it, to a running server only", now)
        return last.reading

    def close(self) -> None:
        """Nothing is held open."""


def title(settings: Settings) -> str:
    """As the agent calls it."""
    return settings.device


def open_sensor(settings: Settings) -> AgentSensor:
    """A sensor with an empty mailbox."""
    return AgentSensor(settings)
