"""A folder of certificates and keys: who may read what in it, and files that are there whole or not at all."""

import grp
import os
import stat
import tempfile
from pathlib import Path
from typing import Final

from fand.exceptions import ConfigError

_LARGEST: Final = 1 << 20


class Folder:
    """The folder at ``path``.

    Nobody but its owner gets into it, unless it was given to a group: whoever runs the daemon that uses it. The group
    reads what is written with ``shared``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def make(self, group: str | None = None) -> None:
        """Make the folder if there is none, and open it to ``group``, if one is given.

        One that was open to everybody is closed.

        :raises ConfigError: that cannot be done
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if group is not None:
                os.chown(self.path, -1, grp.getgrnam(group).gr_gid)
                self.path.chmod(0o750)
            elif self.path.stat().st_mode & stat.S_IRWXO:
                self.path.chmod(0o700)
        except KeyError:
            raise ConfigError([f"there is no group {group!r} on this host"]) from None
        except OSError as error:
            raise ConfigError([f"{self.path}: {error.strerror}"]) from None

    def has(self, name: str) -> bool:
        """Tell whether there is a file ``name``.

        :raises ConfigError: this user may not know
        """
        try:
            (self.path / name).lstat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise ConfigError([f"{self.path / name}: {error.strerror}"]) from None
        return True

    def names(self, suffix: str) -> list[str]:
        """The names of all files with that suffix, without it."""
        try:
            return sorted(entry.name.removesuffix(suffix) for entry in self.path.iterdir() if entry.suffix == suffix)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise ConfigError([f"{self.path}: {error.strerror}"]) from None

    def read(self, name: str) -> str:
        """The text of the file ``name``.

        :raises ConfigError: it cannot be read
        """
        try:
            with (self.path / name).open("rb") as file:
                return file.read(_LARGEST).decode()
        except OSError as error:
            raise ConfigError([f"{self.path / name}: {error.strerror}"]) from None
        except UnicodeDecodeError:
            raise ConfigError([f"{self.path / name}: is no text"]) from None

    def write(self, name: str, text: str, *, shared: bool = False) -> None:
        """Have ``text`` in the file ``name``, whatever was there.

        :raises ConfigError: it cannot be written
        """
        try:
            above = self.path.stat()
            handle, beside = tempfile.mkstemp(dir=self.path, prefix=f".{name}.")
            try:
                with os.fdopen(handle, "w") as file:
                    if shared and above.st_mode & stat.S_IXGRP:
                        os.fchown(handle, -1, above.st_gid)
                        os.fchmod(handle, 0o640)
                    file.write(text)
                    file.flush()
                    os.fsync(handle)
                Path(beside).replace(self.path / name)
            except BaseException:
                Path(beside).unlink()
                raise
        except OSError as error:
            raise ConfigError([f"{self.path / name}: {error.strerror}"]) from None

    def remove(self, name: str) -> None:
        """Remove the file ``name``, if there is one.

        :raises ConfigError: it cannot be removed
        """
        try:
            (self.path / name).unlink(missing_ok=True)
        except OSError as error:
            raise ConfigError([f"{self.path / name}: {error.strerror}"]) from None
