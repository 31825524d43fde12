"""Attacks by what one connection sends, or does not send, and how."""

import contextlib
import socket
import struct
from collections.abc import Iterator
from typing import Final

from fand.wire import Request, encode
from tests.hostile.attack import Attack, Play, frame, refused
from tests.hostile.live import Live
from tests.wire.attacks import holding

PING: Final = encode(Request.PING, ())
ACK: Final = encode(Request.ACK, ())
STATUS: Final = encode(Request.GET_STATUS, ("shelf1",))

_NO_FRAME: Final = (
    "what arrived does not begin with 99F9 and a length of four lower-case hexadecimal digits, not 0000"
)
_HELLO: Final = bytes.fromhex("160301002f0100002b0303") + bytes(32) + bytes.fromhex("00000213010100")

_STARTS: Final = {
    "HTTP": ("A web browser's request.", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    "TLS": ("The hello of a TLS client.", _HELLO),
    "SSH": ("The banner of an SSH client.", b"SSH-2.0-OpenSSH_9.2\r\n"),
    "zeros": ("64 KiB of zeros.", bytes(65_536)),
    "a bare pickle": ("A pickle without a frame around it.", holding(b"N")),
    "magic in lower case": ("A frame whose magic is in lower case.", b"99f9" + PING[4:]),
    "magic of another version": ("A frame with another magic.", b"98F9" + PING[4:]),
    "byte order mark": ("A frame behind a byte order mark.", b"\xef\xbb\xbf" + PING),
    "new line first": ("A frame behind an empty line.", b"\n" + PING),
    "length in upper case": ("A length with digits in upper case.", b"99F900AB" + bytes(0xAB)),
    "length of nothing": ("A frame with nothing in it.", b"99F90000"),
    "length with a sign": ("A length that int() would take: a sign.", b"99F9+02f" + PING[8:]),
    "length with a minus": ("A negative length.", b"99F9-001" + PING[8:]),
    "length with a prefix": ("A length that int() would take: 0x.", b"99F90x2f" + PING[8:]),
    "length with spaces": ("A length that int() would take: spaces.", b"99F9 2f " + PING[8:]),
    "length with an underscore": ("A length that int() would take: an underscore.", b"99F90_2f" + PING[8:]),
    "length of other digits": ("Digits of another script.", b"99F9" + "\u0664\u0667".encode() + PING[8:]),
    "length of letters": ("A length that is no number.", b"99F9zzzz" + PING[8:]),
    "length of NUL": ("A length of four zero bytes.", b"99F9\0\0\0\0" + PING[8:]),
    "length too short": (
        "A length that tells of fewer bytes than there are: the rest is taken for the next frame.",
        frame(holding(b"N"))[:7] + b"1" + holding(b"N"),
    ),
}


_OTHERS: Final = {
    "length too short": "the payload ends too early, or takes from where it has put nothing",
    "TLS": "what arrived is TLS, which only one of the two ends speaks",
}
"""Why some of these are refused, if not as no frame."""


def _start(name: str, line: str, data: bytes) -> Attack:
    reason = _OTHERS.get(name, _NO_FRAME)
    return refused(f"stream: {name}", line, data, reason)


def _after(name: str, line: str, last: bytes, reason: str) -> Attack:
    def play(live: Live) -> Iterator[None]:
        with live.stranger() as talk:
            talk.sock.sendall(PING * 3 + last + PING)
            yield
            assert [talk.reply() for _ in range(3)] == [(Request.ACK, ())] * 3
            assert talk.reply() == (Request.DISCONNECT, (reason,))
            assert talk.closed()

    return Attack(name, line, f"answered up to there, then refused: {reason}", play)


def _rest(name: str, line: str, begin: bytes, count: int = 1) -> Attack:
    """Something is left unfinished, and later finished: nothing was lost, and nothing held up."""

    def play(live: Live) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            talks = [stack.enter_context(live.stranger()) for _ in range(count)]
            for talk in talks:
                talk.sock.sendall(begin)
            yield

    return Attack(name, line, "waited for, for 30 seconds and with little memory; then refused", play)


def _reset(sock: socket.socket) -> None:
    """Close with a reset instead of an end."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def _byte_by_byte(live: Live) -> Iterator[None]:
    with live.stranger() as talk:
        talk.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in PING[:-1]:
            talk.sock.sendall(bytes((byte,)))
        yield
        talk.sock.sendall(PING[-1:])
        assert talk.reply() == (Request.ACK, ())


def _bytes_of_many(live: Live) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        talks = [stack.enter_context(live.stranger()) for _ in range(50)]
        for place in range(len(STATUS)):
            for talk in talks:
                talk.sock.sendall(STATUS[place : place + 1])
            if place == len(STATUS) // 2:
                yield
        assert all(talk.reply()[0] is Request.SET_STATUS for talk in talks)


def _close_in_frame(live: Live) -> Iterator[None]:
    for _ in range(50):
        with live.stranger() as talk:
            talk.sock.sendall(STATUS[:20])
    yield


def _reset_in_frame(live: Live) -> Iterator[None]:
    for _ in range(50):
        talk = live.stranger()
        talk.sock.sendall(STATUS + STATUS[:20])
        _reset(talk.sock)
    yield


def _half_open(live: Live) -> Iterator[None]:
    with live.stranger() as talk:
        talk.sock.sendall(PING)
        talk.sock.shutdown(socket.SHUT_WR)
        yield
        assert talk.reply() == (Request.ACK, ())
        assert talk.closed()


def _half_open_in_frame(live: Live) -> Iterator[None]:
    with live.stranger() as talk:
        talk.sock.sendall(PING[:20])
        talk.sock.shutdown(socket.SHUT_WR)
        yield
        assert talk.closed()


def _deaf_half_open(live: Live) -> Iterator[None]:
    with live.stranger() as talk:
        talk.sock.shutdown(socket.SHUT_RD)
        talk.sock.sendall(STATUS * 100)
        yield


def _urgent(live: Live) -> Iterator[None]:
    with live.stranger() as talk:
        talk.sock.sendall(PING)
        talk.sock.send(b"!", socket.MSG_OOB)
        yield
        assert talk.reply() == (Request.ACK, ())
        talk.sock.sendall(PING)
        assert talk.reply() == (Request.ACK, ())


def _never_reads(requests: int, count: int) -> Play:
    def play(live: Live) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            for _ in range(count):
                talk = stack.enter_context(live.stranger())
                talk.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                talk.sock.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    talk.sock.sendall(STATUS * requests)
            yield

    return play


def _reads_slowly(live: Live) -> Iterator[None]:
    with live.stranger() as talk:
        talk.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        talk.sock.sendall(PING * 50)
        for count in range(50 * len(ACK)):
            if count == 25 * len(ACK):
                yield
            assert talk.sock.recv(1) == ACK[count % len(ACK)].to_bytes(1, "big")


ATTACKS: Final = (
    *(_start(name, line, data) for name, (line, data) in _STARTS.items()),
    _after(
        "stream: good frames, then none",
        "Three good requests, then bytes that are no frame, then a good one again.",
        b"\0\0\0\0",
        _NO_FRAME,
    ),
    _after(
        "stream: good frames, then a bad payload",
        "Three good requests, then a payload that would run something, then a good one again.",
        frame(holding(b"cos\nsystem\n")),
        "the payload names a global that is not of the wire",
    ),
    _rest("stream: nothing at all", "Fifty connections that never say anything.", b"", 50),
    _rest("stream: one byte", "One byte of a frame, and no more.", b"9"),
    _rest("stream: the magic alone", "The first four bytes of a frame, and no more.", b"99F9"),
    _rest("stream: the header alone", "The header of the longest frame, and no more.", b"99F9ffff"),
    _rest(
        "stream: all but the last byte",
        "Two hundred connections send the longest frame but for its last byte.",
        b"99F9ffff" + bytes(65_534),
        200,
    ),
    Attack("stream: byte by byte", "A request in packets of one byte.", "answered when it is whole", _byte_by_byte),
    Attack(
        "stream: byte by byte, fifty at once",
        "Fifty connections send a request in packets of one byte, in turn.",
        "answered when they are whole",
        _bytes_of_many,
    ),
    Attack(
        "stream: end in mid-frame",
        "Fifty connections, one after the other, that end within a frame.",
        "forgotten",
        _close_in_frame,
    ),
    Attack(
        "stream: reset in mid-frame",
        "Fifty connections, one after the other, that are reset within a frame, answers unread.",
        "forgotten",
        _reset_in_frame,
    ),
    Attack(
        "stream: half-open", "The client ends its side, and goes on reading.", "answered, then closed", _half_open
    ),
    Attack(
        "stream: half-open in mid-frame",
        "The client ends its side within a frame, and goes on reading.",
        "closed",
        _half_open_in_frame,
    ),
    Attack(
        "stream: deaf",
        "The client asks, and has closed its side for reading.",
        "closed by the system",
        _deaf_half_open,
    ),
    Attack(
        "stream: urgent data",
        "A byte out of band between two requests.",
        "the byte is left out, the requests answered",
        _urgent,
    ),
    Attack(
        "stream: never reads",
        "Asks for a hundred thousand answers, and reads none.",
        "not read from any more; dropped after 30 seconds",
        _never_reads(100_000, 1),
    ),
    Attack(
        "stream: a hundred never read",
        "A hundred connections ask for thousands of answers, and read none.",
        "not read from any more; dropped after 30 seconds",
        _never_reads(5000, 100),
    ),
    Attack(
        "stream: reads byte by byte", "Reads its answers one byte at a time.", "answered as it reads", _reads_slowly
    ),
)
