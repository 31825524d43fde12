"""Word to the service manager: systemd's notification protocol, in the few lines of it that a daemon needs.

Where no manager asked for it (``NOTIFY_SOCKET`` unset) every call is silent and free. Source: sd_notify(3).
"""

import logging
import os
import socket
import time
from collections.abc import Mapping
from typing import Final

from fand.units import Seconds

_log = logging.getLogger(__name__)

READY: Final = "READY=1"
"""The service has started: it does its work from now on."""
ALIVE: Final = "WATCHDOG=1"
"""The service still does its work; without it for ``WatchdogSec=`` the manager restarts it."""
STOPPING: Final = "STOPPING=1"
"""The service has begun to end."""


def reloading() -> str:
    """The service has begun to read its configuration again; :data:`READY` tells that it has done so, or not.

    The time in it is of CLOCK_MONOTONIC, as ``Type=notify-reload`` of systemd.service(5) needs it.
    """
    return f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}"


def notify(state: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Tell the manager ``state``; True if it was told.

    A manager that cannot be reached is logged and otherwise ignored: it is no reason to stop driving fans.
    """
    path = environ.get("NOTIFY_SOCKET", "")
    if not path:
        return False
    address = "\0" + path[1:] if path.startswith("@") else path
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            sock.setblocking(False)
            sock.sendto(state.encode(), address)
    except OSError as error:
        _log.warning("cannot tell the service manager %s at %s: %s", state, path, error.strerror or error)
        return False
    return True


def watchdog(environ: Mapping[str, str] = os.environ) -> Seconds | None:
    """How often at least the manager wants :data:`ALIVE`; None where it keeps no watchdog on this process."""
    usec = environ.get("WATCHDOG_USEC", "")
    if not usec.isascii() or not usec.isdigit() or int(usec) == 0:
        return None
    pid = environ.get("WATCHDOG_PID", "")
    if pid and pid != str(os.getpid()):
        return None
    return Seconds(int(usec) / 1e6)
