"""The configuration: files to frozen values.

:func:`find` tells which file holds, :func:`load` reads it, :func:`to_toml` turns a fand.ini of fand 0.1.1 into a
fand.toml. What the values mean stands in :mod:`fand.config.values`, what the file may say in
:mod:`fand.config.tables`.
"""

from fand.config.access import user_id
from fand.config.address import split_address
from fand.config.find import find
from fand.config.kinds import Kinds
from fand.config.load import load, to_toml
from fand.config.values import (
    DEFAULT_PORT,
    AgentConfig,
    AllowConfig,
    ClientConfig,
    Config,
    DeviceConfig,
    FanConfig,
    LimitsConfig,
    ServerConfig,
    ShelfConfig,
    TachometerConfig,
)

__all__ = [
    "DEFAULT_PORT",
    "AgentConfig",
    "AllowConfig",
    "ClientConfig",
    "Config",
    "DeviceConfig",
    "FanConfig",
    "Kinds",
    "LimitsConfig",
    "ServerConfig",
    "ShelfConfig",
    "TachometerConfig",
    "find",
    "load",
    "split_address",
    "to_toml",
    "user_id",
]
