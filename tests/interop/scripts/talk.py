"""Ask what standard input lists, a request a line, and print the answers. Runs on the peer's Python: 3.7 or newer.

A line is a JSON list: the request's value and its arguments; a date is ``{"date": "ISO"}``.
"""

import datetime
import json
import sys

from fand.communication import Request, connect, recv, reset_connection, send
from fand.exceptions import FandConnectionResetError


def decoded(value):  # type: ignore[no-untyped-def]
    """A date where JSON has none."""
    return datetime.datetime.fromisoformat(value["date"]) if isinstance(value, dict) else value


sock = connect("127.0.0.1", int(sys.argv[1]))
try:
    for line in sys.stdin:
        name, *args = json.loads(line)
        send(sock, Request(name), *map(decoded, args))
        request, answer = recv(sock)
        print(json.dumps([request.value, *answer]))
    reset_connection(sock)
except FandConnectionResetError:
    print("disconnected")
    reset_connection(sock, notice=False)
