"""Which file is the configuration."""

from collections.abc import Mapping
from pathlib import Path

from fand.exceptions import ServerNoConfigError

VARIABLE = "FAND_CONFIG"
NAMES = ("fand.toml", "fand.ini")


def find(explicit: str | None, environ: Mapping[str, str], cwd: Path, etc: Path = Path("/etc")) -> Path:
    """The configuration file: ``explicit`` (option ``-c``), else the variable ``FAND_CONFIG``, else the first of
    ``./fand.toml``, ``./fand.ini``, ``/etc/fand.toml`` and ``/etc/fand.ini`` that exists.

    A relative path starts at ``cwd``. An empty variable is as good as none.

    :raises ServerNoConfigError: there is none, or not where the option or the variable says
    """
    for named, by in ((explicit, "by option -c"), (environ.get(VARIABLE) or None, f"by the variable {VARIABLE}")):
        if named is not None:
            path = cwd / named
            if not named or not path.exists():
                raise ServerNoConfigError(f"No configuration file {named!r}, which is named {by}")
            return path
    places = [folder / name for folder in (cwd, etc) for name in NAMES]
    for path in places:
        if path.is_file():
            return path
    listed = ", ".join(str(path) for path in places)
    raise ServerNoConfigError(
        f"No configuration file found: none of {listed}; name one with -c FILE or in the variable {VARIABLE}"
    )
