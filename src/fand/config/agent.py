"""The sensor agent's part of a file: what it reads, and whom it tells."""

from fand.config.address import server_addresses
from fand.config.checked import Place, checked
from fand.config.devices import DeviceReader
from fand.config.kinds import Kinds
from fand.config.names import name_fault
from fand.config.tables import AgentTable
from fand.config.values import AgentConfig
from fand.units import Seconds


def agent_config(raw: object, kinds: Kinds, place: Place) -> AgentConfig | None:
    """What ``raw``, the table ``[agent]``, says, its faults noted; None if too little is left of it."""
    table = checked(raw, AgentTable, place)
    if table is None:
        return None
    if table.name is not None and (fault := name_fault(table.name)):
        place.at("name").fault(fault)
    if not table.devices:
        place.at("devices").fault("is empty; an agent has at least one device")
    devices = DeviceReader(kinds).devices(table.devices, place.at("devices"), _check_family)
    for device in devices:
        if device.kind == "agent":
            place.at("devices").fault(f"{device.name} is reported by an agent already; let that one tell the servers")
    return AgentConfig(
        name="" if table.name is None else table.name,
        servers=server_addresses(table.servers, place.at("servers")),
        devices=devices,
        interval=Seconds(table.interval),
    )


def _check_family(family: str, place: Place) -> None:
    """Whether there is a curve for it, the server knows."""
    if fault := name_fault(family):
        place.fault(fault)
