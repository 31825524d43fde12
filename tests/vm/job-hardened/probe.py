"""What a process of a service may do: runs before the service itself, as its user and in its confinement.

Prints a line ``probe NAME: allowed`` or ``probe NAME: ENOENT``.
"""

import errno
import os
import socket
from pathlib import Path

from rigcheck import find_chip


def opened(path, flags):
    """Open a file, and no more."""
    os.close(os.open(path, flags))


def listening(family, address):
    """Listen at an address that nobody else has."""
    with socket.socket(family) as sock:
        sock.bind(address)
        sock.listen()


def made(folder):
    """Make a file."""
    path = Path(folder, "probe")
    path.touch()
    path.unlink()


CHIP = find_chip()
ATTEMPTS = {
    "read a SATA drive": lambda: opened("/dev/sda", os.O_RDONLY),
    "write a SATA drive": lambda: opened("/dev/sda", os.O_RDWR),
    "read an NVMe drive": lambda: opened("/dev/nvme0", os.O_RDONLY),
    "drive a fan": lambda: opened(CHIP / "pwm1", os.O_WRONLY),
    "set a limit of the fan chip": lambda: opened(CHIP / "temp1_max", os.O_WRONLY),
    "listen by TCP": lambda: listening(socket.AF_INET, ("127.0.0.1", 0)),
    "listen by a Unix socket": lambda: listening(socket.AF_UNIX, "\0probe"),
    "have a TCP socket": lambda: socket.socket().close(),
    "have a raw socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).close(),
    "set the host name": lambda: opened("/proc/sys/kernel/hostname", os.O_WRONLY),
    "read passwords": lambda: opened("/etc/shadow", os.O_RDONLY),
    "write in /etc": lambda: made("/etc"),
    "write in /var/lib": lambda: made("/var/lib/fand"),
    "become root": lambda: os.setuid(0),
    "keep state": lambda: made(os.environ["STATE_DIRECTORY"]),
}

for name, attempt in ATTEMPTS.items():
    try:
        attempt()
    except OSError as error:
        print(f"probe {name}: {errno.errorcode[error.errno or 0]}", flush=True)
    except KeyError:
        print(f"probe {name}: nowhere", flush=True)
    else:
        print(f"probe {name}: allowed", flush=True)
