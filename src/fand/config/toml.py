"""Read the text of a fand.toml."""

import re
import tomllib
from typing import Any

from fand.exceptions import ConfigError


def parse(text: str, source: str) -> dict[str, Any]:
    """The tables of a TOML text; ``source`` names it in messages.

    :raises ConfigError: it is not TOML; the fault names line and column
    """
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ConfigError([f"{source}: is nested too deeply"]) from None
    except ValueError as error:
        if not isinstance(error, tomllib.TOMLDecodeError):
            raise ConfigError([f"{source}: has a number of too many digits"]) from None
        told = str(error)
        where = re.fullmatch(r"(.*) \(at (.*)\)", told, re.DOTALL)
        raise ConfigError([f"{source}: {where[2]}: {where[1]}" if where else f"{source}: {told}"]) from None
