"""What an attack on a server is, and what ought to become of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fand.wire import Request, encode
from tests.hostile.live import Live

Play = Callable[[Live], Iterator[None]]
"""Does it. While the attack stands it yields, and others are served; at the end it checks what is left to be seen of
the outcome.
"""


@dataclass(frozen=True)
class Attack:
    """One attack, by name. ``line`` says what is done, ``outcome`` what becomes of it; both stand in the docs.

    ``limits`` is ``[server.limits]`` of the server that it is done to; with ``tls``, one that speaks TLS.
    """

    name: str
    line: str
    outcome: str
    play: Play
    limits: str = ""
    tls: bool = False


def frame(payload: bytes) -> bytes:
    """``payload`` in a frame."""
    return b"99F9%04x" % len(payload) + payload


def refused(name: str, line: str, data: bytes, reason: str) -> Attack:
    """An attack that sends ``data``, and is told ``reason`` and disconnected."""

    def play(live: Live) -> Iterator[None]:
        with live.stranger() as talk:
            talk.sock.sendall(data)
            yield
            assert talk.reply() == (Request.DISCONNECT, (reason,))
            assert talk.closed()

    return Attack(name, line, f"refused: {reason}", play)


def asked(name: str, line: str, reason: str, request: Request, *args: object) -> Attack:
    """An attack by a request of the vocabulary, which is refused for ``reason``."""
    return refused(name, line, encode(request, args), reason)
