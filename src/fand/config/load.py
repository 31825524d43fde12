"""Read a configuration file, of whichever format it is."""

import errno
import os
import re
from pathlib import Path

from fand.config import toml
from fand.config.build import build
from fand.config.checked import Faults
from fand.config.kinds import Kinds
from fand.config.values import Config
from fand.exceptions import ConfigError, ServerNoConfigError

LARGEST = 1 << 24
"""A longer file is no configuration: 100,000 devices, each on a line of its own, take less than half of it."""


def load(path: Path, kinds: Kinds) -> Config:
    """Read the configuration file ``path``: a fand.toml, or a fand.ini of fand 0.1.1.

    The format follows from the suffix, ``.toml`` or ``.ini``; else a section ``[DEFAULT]`` tells a fand.ini.

    :raises ServerNoConfigError: there is no such file
    :raises ConfigError: it cannot be read, or falls short; every fault is named with its place
    """
    source = str(path)
    text = _text(path)
    if _is_ini(path, text):
        from fand.config import ini  # noqa: PLC0415 - most have none

        document, names = ini.parse(text, source)
        return build(document, path, kinds, Faults(source, names))
    return build(toml.parse(text, source), path, kinds, Faults(source))


def to_toml(path: Path) -> str:
    """The text of a fand.toml that means the same as ``path``, a fand.ini of fand 0.1.1.

    :raises ServerNoConfigError: there is no such file
    :raises ConfigError: it cannot be read, or is no fand.ini
    """
    text = _text(path)
    if not _is_ini(path, text):
        raise ConfigError([f"{path}: is no fand.ini; only the configuration of fand 0.1.1 can be converted"])
    from fand.config import ini  # noqa: PLC0415 - only where one is converted
    from fand.config.convert import document_to_toml  # noqa: PLC0415

    document, _ = ini.parse(text, str(path))
    return document_to_toml(document, f"Converted from {path.name}, the configuration of fand 0.1.1.")


def _is_ini(path: Path, text: str) -> bool:
    if path.suffix in (".ini", ".toml"):
        return path.suffix == ".ini"
    return re.search(r"^\[DEFAULT\]", text, re.MULTILINE) is not None


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except FileNotFoundError:
        raise ServerNoConfigError(f"No configuration file {str(path)!r}") from None
    except OSError as error:
        remedy = "; fand must be allowed to read it" if error.errno in (errno.EACCES, errno.EPERM) else ""
        raise ConfigError([f"{path}: cannot be read: {os.strerror(error.errno or 0)}{remedy}"]) from None
    if len(data) > LARGEST:
        raise ConfigError([f"{path}: is longer than {LARGEST} bytes, which no configuration is"])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ConfigError([f"{path}: line {line}: is not UTF-8 text; save the file in that encoding"]) from None
