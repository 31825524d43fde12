"""A typed value in a file that survives ``kill -9`` and a power failure at any instant.

The file is written beside its place, brought to the disk, and only then put there by one rename: whoever reads it
finds the value of before or that of now, never a part of either. What cannot be used when it is read is set aside, so
that somebody can look at it, and counts as absent. No trouble with the file or its folder reaches the caller as an
exception: it is logged when it starts, when it changes and when it ends.
"""

import errno
import logging
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Generic, TypeVar

import msgspec

from fand.exceptions import ConfigError

_log: Final = logging.getLogger(__name__)

T = TypeVar("T")

LARGEST: Final = 64 * 2**20
"""So many bytes are kept and read, enough for an alarm of each of 100,000 devices; a longer file is none of ours."""

MOST_ASIDE: Final = 10
"""So many files that could not be used are kept: the first ones, and the newest."""

_NEW: Final = ".new"


class Stored(Generic[T]):
    """The file at ``path``, which holds a ``kind`` as JSON.

    For the log, ``what`` names the value and ``loss`` says what follows when it cannot be kept. One process at a time
    may use it, and one thread at a time.
    """

    def __init__(self, path: Path, kind: type[T], *, what: str, loss: str) -> None:
        self._path = path
        self._kind = kind
        self._what = what
        self._loss = loss
        self._trouble: str | None = None

    def load(self) -> T | None:
        """What was saved last; None if there is nothing that can be used.

        A file that is damaged, of another kind, or not a plain file at all is set aside. A pipe is not waited for.
        """
        self._sweep()
        try:
            data = self._read()
        except FileNotFoundError:
            return None
        except _UnusableError as error:
            self._aside(str(error))
            return None
        except PermissionError as error:
            self._aside(_words(error))
            return None
        except OSError as error:
            _log.warning("Cannot read %s, which keeps %s: %s", self._path, self._what, _words(error))
            return None
        try:
            return msgspec.json.decode(data, type=self._kind)
        except (ValueError, RecursionError) as error:  # the first is the parent of all that msgspec raises
            self._aside(str(error))
            return None

    def save(self, value: T) -> bool:
        """Keep ``value``; returns whether it is on the disk, where it outlives a power failure."""
        try:
            data = msgspec.json.encode(value) + b"\n"
            if len(data) > LARGEST:
                raise _UnusableError(f"it would be longer than {LARGEST} bytes")
            make_folder(self._path.parent)
            self._replace(data)
        except (OSError, ValueError) as error:
            self._fail(error)
            return False
        if self._trouble is not None:
            _log.warning("%s is kept again: %s", self._path, self._what)
            self._trouble = None
        return True

    def forget(self) -> None:
        """There is nothing to keep any more."""
        try:
            self._path.unlink()
            _sync(self._path.parent)
        except FileNotFoundError:
            pass
        except OSError as error:
            _log.warning("Cannot remove %s: %s", self._path, _words(error))

    def copy_aside(self) -> None:
        """Keep the file as it is under another name too, for it holds what the next :meth:`save` would lose."""
        place = self._place_aside()
        try:
            os.link(self._path, place, follow_symlinks=False)
        except OSError as error:
            _log.warning("Cannot keep a copy of %s: %s", self._path, _words(error))
        else:
            _log.warning("%s is kept as it was as %s", self._path, place.name)

    def _fail(self, error: Exception) -> None:
        """Tell that nothing can be kept, unless that is known."""
        trouble = _words(error)
        if trouble != self._trouble:
            _log.warning("Cannot keep %s in %s (%s): %s", self._what, self._path, trouble, self._loss)
        self._trouble = trouble

    def _read(self) -> bytes:
        """The bytes of the file, without waiting for one that is a pipe.

        :raises _UnusableError: it is no plain file, or too long
        """
        if not stat.S_ISREG(self._path.lstat().st_mode):
            raise _UnusableError("it is not a plain file")
        handle = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
        with os.fdopen(handle, "rb") as file:
            data = file.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise _UnusableError(f"it is longer than {LARGEST} bytes")
        return data

    def _sweep(self) -> None:
        """Remove what a run that was killed had begun to write."""
        try:
            rests = [entry for entry in self._path.parent.iterdir() if self._is_rest(entry.name)]
        except OSError:  # told by those who need the folder
            return
        for rest in rests:
            _remove(rest)

    def _is_rest(self, name: str) -> bool:
        return name.startswith(f".{self._path.name}.") and name.endswith(_NEW)

    def _aside(self, reason: str) -> None:
        place = self._place_aside()
        try:
            self._path.rename(place)
        except OSError as error:
            where = f"it cannot be set aside either: {_words(error)}"
        else:
            where = f"it is set aside as {place.name}"
        _log.warning("Cannot use %s, which keeps %s: %s; %s", self._path, self._what, reason, where)

    def _place_aside(self) -> Path:
        places = [self._path.with_name(f"{self._path.name}.bad{number}") for number in range(1, MOST_ASIDE + 1)]
        return next((place for place in places if not os.path.lexists(place)), places[-1])

    def _replace(self, data: bytes) -> None:
        folder = self._path.parent
        beside = folder / f".{self._path.name}.{os.urandom(8).hex()}{_NEW}"
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(handle)
            beside.replace(self._path)
        except OSError:
            _remove(beside)
            raise
        _sync(folder)


class _UnusableError(ValueError):
    """What is there, or would be, is not what it should be."""


def state_folder(table: str, environ: Mapping[str, str] = os.environ) -> Path:
    """Where state is kept unless ``state`` in ``table`` of the configuration says otherwise.

    That is what systemd gives (``StateDirectory=``), else ``/var/lib/fand`` for root, else the user's own folder for
    state (XDG base directory specification).

    :raises ConfigError: this user has no folder of his own
    """
    if given := environ.get("STATE_DIRECTORY", "").partition(":")[0]:
        return Path(given)
    if os.geteuid() == 0:
        return Path("/var/lib/fand")
    own = environ.get("XDG_STATE_HOME", "")
    if own.startswith("/"):
        return Path(own) / "fand"
    try:
        return Path.home() / ".local/state/fand"
    except RuntimeError:
        fault = f"user {os.geteuid()} has no home to keep state in; set HOME, or state under [{table}]"
        raise ConfigError([fault]) from None


def make_folder(folder: Path) -> None:
    """Make ``folder`` and those above it, for nobody else to look into, so that they outlive a power failure."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    _sync(folder.parent)


def _sync(folder: Path) -> None:
    """Bring to the disk which files ``folder`` has."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems do it unasked, and refuse to be asked
            raise
    finally:
        os.close(handle)


def _remove(path: Path) -> None:
    """Remove ``path`` if that is possible: the next start tries again."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        _log.debug("cannot remove %s: %s", path, _words(error))


def _words(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
