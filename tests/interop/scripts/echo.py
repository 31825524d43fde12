"""Send back each frame that comes, until the peer says DISCONNECT. Runs on the peer's Python: 3.7 or newer."""

import sys

from fand.communication import connect, recv, reset_connection, send
from fand.exceptions import FandConnectionResetError

sock = connect("127.0.0.1", int(sys.argv[1]))
try:
    while True:
        request, args = recv(sock)
        send(sock, request, *args)
except FandConnectionResetError:
    print("disconnected")
    reset_connection(sock, notice=False)
