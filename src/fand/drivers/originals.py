"""What hardware was set to before fand took it over: kept on disk until it has been given back.

A fan client that is killed cannot give anything back. The next one finds the file and knows what the hardware was
set to before all this, instead of taking "manual", which the killed one had set, for the hardware's own.
"""

import logging
import os
import re
import tempfile
from pathlib import Path
from typing import Final, Generic, TypeVar

import msgspec

_log: Final = logging.getLogger(__name__)

T = TypeVar("T", bound=msgspec.Struct)


class Original(Generic[T]):
    """The file for one piece of hardware.

    ``key`` names the hardware, the same from boot to boot. A folder that cannot be read or written never keeps a
    fan from being driven: it is logged, and the original is known only as long as this process lives.
    """

    def __init__(self, folder: Path, key: str, kind: type[T]) -> None:
        self._path = folder / (re.sub(r"[^A-Za-z0-9._:-]+", "_", key)[-200:] + ".json")
        self._kind = kind

    def load(self) -> T | None:
        """What an earlier run has kept and not given back; None if there is no such thing."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=self._kind)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError) as error:
            _log.warning("Cannot use %s, which says how the hardware was found: %s", self._path, error)
            return None

    def save(self, value: T) -> None:
        """Keep ``value``, so that it outlives a power failure."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._replace(msgspec.json.encode(value) + b"\n")
        except OSError as error:
            _log.warning(
                "Cannot keep in %s how the hardware was found (%s): after a crash it will be left at full speed "
                "instead; give the fan client a state folder that it can write",
                self._path,
                error.strerror or error,
            )

    def forget(self) -> None:
        """The hardware has been given back."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            _log.warning("Cannot remove %s: %s", self._path, error.strerror or error)

    def _replace(self, data: bytes) -> None:
        handle, beside = tempfile.mkstemp(dir=self._path.parent, prefix=".", suffix=".new")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(handle)
            Path(beside).replace(self._path)
        except OSError:
            Path(beside).unlink(missing_ok=True)
            raise
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
