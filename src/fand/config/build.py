"""From the tables of a file to the configuration: what the parts must be to one another (rule S11)."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from fand.config.checked import Faults, Place, meant
from fand.config.kinds import Kinds
from fand.config.values import Config

TABLES = ("server", "curves", "shelves", "client", "agent", "tls")


def build(document: dict[str, Any], path: Path, kinds: Kinds, faults: Faults) -> Config:
    """The configuration that ``document``, in the shape of a fand.toml, describes.

    :raises ConfigError: it falls short; every fault is named
    """
    file = Place(faults)
    for key in document:
        if key not in TABLES:
            file.fault(f"unknown key {key!r}{meant(key, TABLES)}")
    server = client = agent = None
    if not {"server", "curves", "shelves"}.isdisjoint(document):
        from fand.config.server import server_config  # noqa: PLC0415 - each program reads what is for it

        server = server_config(document, kinds, file)
    if "client" in document:
        from fand.config.client import client_config  # noqa: PLC0415

        client = client_config(document["client"], kinds, file.at("client"))
    if "agent" in document:
        from fand.config.agent import agent_config  # noqa: PLC0415

        agent = agent_config(document["agent"], kinds, file.at("agent"))
    tls = None
    if "tls" in document:
        from fand.config.tls import read_tls  # noqa: PLC0415

        tls = read_tls(document["tls"], file.at("tls"))
    if client is not None:
        client = replace(client, tls=tls)
    if agent is not None:
        agent = replace(agent, tls=tls)
    if server is None and {"client", "agent"}.isdisjoint(document):
        file.fault("describes nothing; give a shelf in [shelves.NAME], a [client] or an [agent]")
    faults.check()
    return Config(path, server, client, agent, faults.warnings)
