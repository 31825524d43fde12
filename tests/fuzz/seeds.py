"""What fuzzing begins with: frames as peers really send them, attacks, and events for each request."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from fand.wire import HEADER_SIZE, Request
from tests.fuzz.frames import PAYLOAD, STREAM
from tests.fuzz.values import CHARS
from tests.wire import attacks

RECORDED: Final = Path(__file__).parents[1] / "data" / "wire" / "frames-0.1.1.txt"
LONGEST_ATTACK: Final = 1000


def recorded() -> list[bytes]:
    """Every different frame recorded from fand 0.1.1."""
    lines = RECORDED.read_text("ascii").splitlines()
    return list(dict.fromkeys(bytes.fromhex(line.split("|")[3]) for line in lines))


def frames() -> Iterator[bytes]:
    """Inputs of the target ``frames``."""
    all_frames = recorded()
    for frame in all_frames:
        yield bytes((PAYLOAD | 7,)) + frame[HEADER_SIZE:]
    for split in (0, 1, 5, 100):
        yield bytes((STREAM | split,)) + b"".join(all_frames[:5]) + all_frames[7][:11]
    for payload in attacks.ALL.values():
        if len(payload) <= LONGEST_ATTACK:
            yield bytes((PAYLOAD | 3,)) + payload


def words() -> list[bytes]:
    """What stands in frames."""
    pieces = [attacks.PROTO, attacks.REQUEST, attacks.PING, attacks.GETATTR, attacks.DATETIME, attacks.TIMEZONE]
    pieces += [attacks.TIMEDELTA, attacks.HOUR, attacks.state(attacks.DAY), b"99F9", b"shelf1"]
    return pieces + [attacks.text(word.value) for word in Request] + [attacks.text(word.name) for word in Request]


# Events, as tests.fuzz.dispatch numbers them; the peer stands in the next four bits.
_PAYLOAD, _BYTES, _REQUEST, _LATER, _TORN, _FLOOD, _TIME = 0, 1, 2, 4, 5, 6, 7
_STOP, _READING, _READINGS, _READS, _CLOSE, _ANEW, _DONE, _RELOAD = range(8, 16)
_PEERS: Final = (0x00, 0x10, 0x20, 0x30)
_NUMBER: Final = {request: number for number, request in enumerate(Request)}
_OF_SHELF = 0x80


def events() -> Iterator[bytes]:
    """Inputs of the target ``dispatch``."""
    yield from _stories()
    for frame in recorded()[::7]:
        payload = frame[HEADER_SIZE : HEADER_SIZE + 255]
        yield bytes((_PAYLOAD, len(payload))) + payload
        yield bytes((_BYTES, min(len(frame), 255))) + frame[:255] + bytes((_BYTES, 8)) + frame[:8]
    for number in _NUMBER.values():
        for peer in _PEERS:
            asked = bytes((_OF_SHELF, 0))
            yield b"".join(bytes((_REQUEST | peer, number)) + form for form in (b"\0", asked, asked))
        for kind in range(16):
            yield bytes((_REQUEST, number, _OF_SHELF | 1, 0, kind, 3, 9, 255, 1)) * 2
        yield bytes((_TORN, number, _OF_SHELF, 0, 3, 1, _FLOOD, number, _OF_SHELF, 0, 70))


def _stories() -> Iterator[bytes]:
    fans, override = _NUMBER[Request.SET_FANS], _NUMBER[Request.SET_PWM_OVERRIDE]
    expire, subscribe = _NUMBER[Request.SET_PWM_EXPIRE], _NUMBER[Request.SUBSCRIBE_PWM]
    get, reload, ping = _NUMBER[Request.GET_PWM], _NUMBER[Request.RELOAD], _NUMBER[Request.PING]
    standing = bytes((_REQUEST, fans, _OF_SHELF | 1, 0, 8, 1, 0x24, 50))  # one fan at 0 rpm
    turning = bytes((_REQUEST, fans, _OF_SHELF | 1, 0, 8, 1, 0x28, 120))
    low = bytes((_REQUEST, override, _OF_SHELF | 1, 0, 1, 1))
    ask = bytes((_REQUEST, get, _OF_SHELF, 0))
    later = bytes((_TIME, 5))
    for peer in _PEERS:
        for of in (0, 1):
            yield bytes((_REQUEST | peer, fans, _OF_SHELF | 1, of, 8, 1, 0x28, 120)) + later + ask
            yield bytes((_REQUEST | peer, override, _OF_SHELF | 1, of, 1, 1)) + bytes((_DONE, 3)) + later + ask
    told = _NUMBER[Request.SET_TEMPERATURES]
    for peer in _PEERS:
        for form in (0, 1, 2, 4, 8, 9, 0x20):
            news = bytes((_REQUEST | peer, told, 1, 9, 2, form, 70, form ^ 1, 90, 0))
            yield news + later + news + ask
            yield bytes((_REQUEST | peer, told, 2, 9, 1, form, 70, 4, 4)) + later * 4 + ask
        yield bytes((_REQUEST | peer, told, 3, 9, 1, 0, 100, 4, 4, 2, 3)) * 4 + later + ask
    for form in range(0, 0x80, 9):
        yield bytes((_RELOAD, form)) + low + ask + bytes((_RELOAD, 0)) + later + ask
    yield (bytes((_ANEW | 0x10, 3)) + bytes((_ANEW, 1))) * 6 + later + ask
    for character in range(len(CHARS)):
        yield bytes((_REQUEST, fans, _OF_SHELF | 1, 0, 10, 3, 20, 1, character)) + later
    yield (standing + later) * 4 + ask + (turning + later) * 3 + ask
    yield low + bytes((_DONE, 3)) + ask + bytes((_READINGS, 100)) + ask + bytes((_READINGS, 60)) + ask
    yield low + bytes((_DONE, 0)) + ask + low + bytes((_DONE, 1))
    yield bytes((_REQUEST, expire, _OF_SHELF | 1, 0, 7, 1 | 15 << 3, 200)) + bytes((_DONE, 3)) + low + later + ask
    yield bytes((_REQUEST, subscribe, _OF_SHELF, 0)) + bytes((_READS,)) + bytes((_READINGS, 90)) * 3 + later
    yield bytes((_REQUEST, subscribe, _OF_SHELF, 0)) + later * 3 + bytes((_TIME, 7)) + standing
    yield bytes((_REQUEST, reload, 0)) + bytes((_RELOAD, 0x0F)) + bytes((_DONE, 3)) + bytes((_RELOAD, 0)) + ask
    yield bytes((_READING, 0x10, 0)) * 3 + ask + bytes((_TIME, 6)) + ask + bytes((_STOP, 2)) + ask
    yield (
        bytes((_LATER, ping, 0)) * 9
        + bytes((_FLOOD, get, _OF_SHELF, 0, 79))
        + bytes((_CLOSE,))
        + bytes((_ANEW, 1)) * 9
    )


def handshakes() -> Iterator[bytes]:
    """Inputs of the target ``handshake``: the client, and events as tests.fuzz.handshake numbers them."""
    exchange, ping, corrupt, time = 0, 7, 8, 9
    for client in range(7):
        yield bytes((client,))
        for flights in range(4):
            done = bytes((client, *(exchange,) * flights))
            yield done + bytes((ping, 2, exchange, exchange, corrupt, 4, 1, 2, 3, 4, exchange, exchange))
            for spoil in (
                b"\2\1\1",
                b"\2\x20\xff",
                b"\3\1",
                b"\3\x30",
                b"\4",
                b"\6\x05\x16\3\1",
                b"\x0a",
                b"\x0b",
                b"\x0c",
            ):
                yield done + spoil + bytes((exchange, ping, 0, exchange, exchange, time, 1, exchange))
            yield done + bytes((time, 3))
    for frame in (b"99F90001.", b"GET / HTTP/1.1\r\n\r\n", b"\x16\3\1\xff\xff", b"\x15\3\3\0\2\2\0"):
        yield bytes((0, 5, len(frame))) + frame + bytes((time, 1))


def records() -> list[bytes]:
    """What stands at the beginning of what TLS sends."""
    return [bytes((kind, 3, version)) for kind in range(0x14, 0x18) for version in (1, 3)] + [b"99F9", b"\1\0"]
