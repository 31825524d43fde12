"""The Unix socket that the server listens on for users of its host; its file is removed at the end."""

import logging
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from fand.exceptions import ListeningError
from fand.server.listening import BACKLOG

_log = logging.getLogger(__name__)

MODE: Final = 0o660
"""Its owner and group may connect. What each of them may do there, the configuration says."""


@contextmanager
def listening_at(path: Path) -> Iterator[socket.socket]:
    """A socket that listens at ``path``. What a server that was killed left there is replaced.

    :raises ListeningError: another server listens there, something else is there, or it cannot be made
    """
    if not hasattr(socket, "SO_PEERCRED"):
        raise ListeningError(f"cannot listen on {path}: this system does not tell who is at a Unix socket")
    try:
        _clear(path)
        sock, made = _bound(path)
    except ListeningError:
        raise
    except OSError as error:
        raise ListeningError(f"cannot listen on {path}: {_why(path, error)}") from error
    try:
        yield sock
    finally:
        sock.close()
        _remove(path, made)


def _clear(path: Path) -> None:
    """Remove what nobody listens at any more."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ListeningError(f"cannot listen on {path}: there is a file of another kind; choose another path")
    if _answers(path):
        raise ListeningError(f"{path} is in use; stop the program that has it, or choose another path")
    _log.info("%s is left from a server that was killed, and is replaced", path)
    path.unlink()


def _answers(path: Path) -> bool:
    """Whether somebody listens at ``path``."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.setblocking(False)
        try:
            sock.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except BlockingIOError:  # its queue is full
            return True
    return True


def _bound(path: Path) -> tuple[socket.socket, tuple[int, int]]:
    """A listening socket and what its file is known by. Nobody can connect before the file has its mode."""
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.bind(str(path))
        path.chmod(MODE)
        sock.listen(BACKLOG)
        sock.setblocking(False)
        return sock, _known_by(path.lstat())
    except BaseException:
        sock.close()
        raise


def _remove(path: Path, made: tuple[int, int]) -> None:
    """Remove the file, unless it is another server's by now."""
    try:
        if _known_by(path.lstat()) == made:
            path.unlink()
    except FileNotFoundError:
        pass
    except OSError as error:
        _log.warning("cannot remove %s: %s", path, error.strerror)


def _known_by(file: os.stat_result) -> tuple[int, int]:
    return file.st_dev, file.st_ino


def _why(path: Path, error: OSError) -> str:
    if not path.parent.is_dir():
        return f"there is no folder {path.parent}; make it, under systemd by RuntimeDirectory="
    return error.strerror or str(error)
