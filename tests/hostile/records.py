"""Attacks by records of TLS that no library would send, and by parts of them."""

import contextlib
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from fand.wire import Request, encode
from tests.hostile.attack import Attack, Play
from tests.hostile.flood import Manner, crowd
from tests.hostile.live import Live
from tests.hostile.secure import NAME, hello
from tests.server.processes import Talk
from tests.tls.forged import Forger

PING: Final = encode(Request.PING, ())


class Forged:
    """A connection of ``name``, who sends records of his own making; ``sock`` is what he sends them by."""

    def __init__(self, live: Live, name: str) -> None:
        context = live.secured.context(name)
        with tempfile.NamedTemporaryFile() as keys:
            context.keylog_filename = keys.name
            self.talk = Talk(live.port)
            self.talk.sock = context.wrap_socket(self.talk.sock, server_hostname=NAME)
            self.make = Forger(Path(keys.name))
        self.sock = socket.socket(fileno=socket.dup(self.talk.sock.fileno()))

    def close(self) -> None:
        self.sock.close()
        self.talk.sock.close()


@contextlib.contextmanager
def _forged(live: Live, count: int) -> Iterator[list[Forged]]:
    with contextlib.ExitStack() as stack:
        there = []
        for _ in range(count):
            one = Forged(live, "reader")
            stack.callback(one.close)
            there.append(one)
        yield there


def _answered(one: Forged) -> bool:
    one.sock.sendall(one.make.record(PING))
    return one.talk.reply() == (Request.ACK, ())


def _other_keys(*, asks: bool) -> Play:
    """Change the keys, again and again; what is asked then is answered."""

    def play(live: Live) -> Iterator[None]:
        with _forged(live, 30) as there:
            for _ in range(2):
                made = [b"".join(one.make.other_keys(asks=asks) for _ in range(300)) for one in there]
                for one, data in zip(there, made, strict=True):
                    one.sock.sendall(data)
                yield
            assert all(map(_answered, there))

    return play


def _single_bytes(live: Live) -> Iterator[None]:
    with _forged(live, 10) as there:
        for _ in range(2):
            for one in there:
                one.sock.sendall(b"".join(one.make.record(PING[at : at + 1]) for at in range(len(PING))))
            yield
        for one in there:
            assert [one.talk.reply() for _ in range(2)] == 2 * [(Request.ACK, ())]


def _parts(live: Live) -> Iterator[None]:
    with _forged(live, 100) as there:
        for one in there:
            one.sock.sendall(one.make.record(bytes(16_000))[:-1])
        yield


def _hellos(data: slice, count: int) -> Play:
    """So many begin a handshake, and go no further."""

    def play(live: Live) -> Iterator[None]:
        words = hello()[data]
        with crowd(live.port, count, Manner(words, endless=False)) as there:
            there.until(lambda crowd: crowd.complete and crowd.sent >= count * len(words))
            yield

    return play


def _announced(live: Live) -> Iterator[None]:
    with crowd(live.port, 100, Manner(b"\x16\x03\x01\x00\x04\x01\x01\xff\xff", endless=False)) as there:
        there.until(lambda crowd: crowd.let_go >= 100)
        yield


ATTACKS: Final = (
    Attack(
        "tls: a part of a hello, of many",
        "A thousand connections send half a hello, and nothing more.",
        "let go after 10 seconds; the cipher is not asked before the hello is whole",
        _hellos(slice(100), 1000),
        tls=True,
    ),
    Attack(
        "tls: a long hello is announced",
        "A hundred connections begin a hello of 131,071 bytes, for which OpenSSL would make room, and come again.",
        "refused each time: its hello is longer than the record",
        _announced,
        tls=True,
    ),
    Attack(
        "tls: parts of records",
        "A hundred clients that may read send all of the longest record but its last byte.",
        "counted as held; refused after 30 seconds",
        _parts,
        tls=True,
    ),
    Attack(
        "tls: records of one byte",
        "Ten clients that may read send each byte of their requests in a record of its own.",
        "answered in turn",
        _single_bytes,
        tls=True,
    ),
    Attack(
        "tls: other keys without end",
        "Thirty clients that may read change their keys, again and again, and ask nothing.",
        "taken in by turn; others are answered between",
        _other_keys(asks=False),
        tls=True,
    ),
    Attack(
        "tls: other keys are asked for without end",
        "Thirty clients that may read change their keys, and have the server change its own, again and again.",
        "taken in by turn; others are answered between",
        _other_keys(asks=True),
        tls=True,
    ),
)
