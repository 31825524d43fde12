"""fand 0.1.1's server as it is, which also prints the port it listens on. Runs on the old fand's Python."""

import socket


class Socket(socket.socket):
    """A socket that says when it listens."""

    def listen(self, *args):  # type: ignore[no-untyped-def]
        """Listen, then say so."""
        super().listen(*args)
        print(self.getsockname()[1], flush=True)


socket.socket = Socket  # type: ignore[misc]

from fand.server import main  # noqa: E402 - after the socket

main()
