"""Attacks on a server that speaks TLS: by whom it does not know, and by who may do little and asks for more."""

import socket
import ssl
import struct
from collections.abc import Iterator
from datetime import datetime
from typing import Final

import pytest

from fand.tls.faults import words
from fand.wire import Request, encode
from tests.hostile.attack import Attack, Play
from tests.hostile.flood import Manner, crowd
from tests.hostile.live import Live
from tests.hostile.secure import NAME, hello

PING: Final = encode(Request.PING, ())
OVERRIDE: Final = encode(Request.SET_PWM_OVERRIDE, ("shelf1", 0))
_PLAIN: Final = "this server speaks TLS, with clients that have a certificate from `fand pki client`"


def _plainly(data: bytes) -> Play:
    def play(live: Live) -> Iterator[None]:
        with live.stranger() as talk:
            talk.sock.sendall(data)
            yield
            assert talk.reply() == (Request.DISCONNECT, (_PLAIN,))
            assert talk.closed()

    return play


def _shown(name: str | None, alert: str, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> Play:
    """Shake hands with the certificate of ``name``, and be refused."""

    def play(live: Live) -> Iterator[None]:
        context = live.secured.context(name)
        context.minimum_version = context.maximum_version = version
        with live.stranger() as talk:
            with pytest.raises(ssl.SSLError) as caught:
                _shake_hands(context, talk.sock)
            yield
            assert words(caught.value) == alert

    return play


def _shake_hands(context: ssl.SSLContext, sock: socket.socket) -> None:
    with context.wrap_socket(sock, server_hostname=NAME) as tls:
        tls.sendall(OVERRIDE)  # the client is through before the server has seen its certificate
        tls.recv(1)


def _silent_end(data: bytes) -> Play:
    """Send ``data``; the server ends the connection, whatever it says of TLS before."""

    def play(live: Live) -> Iterator[None]:
        with live.stranger() as talk:
            talk.sock.sendall(data)
            yield
            assert _drained(talk.sock)

    return play


def _drained(sock: socket.socket) -> bool:
    """Read to the end, which may be a reset."""
    try:
        while sock.recv(65_536):
            pass
    except ConnectionResetError:
        pass
    return True


def _byte_by_byte(live: Live) -> Iterator[None]:
    with live.stranger() as talk:
        talk.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in hello()[:200]:
            talk.sock.sendall(bytes((byte,)))
        yield


def _reset(live: Live) -> Iterator[None]:
    for _ in range(50):
        talk = live.stranger()
        talk.sock.sendall(hello())
        talk.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        talk.sock.close()
    yield


def _half_done(live: Live) -> Iterator[None]:
    with crowd(live.port, 200, Manner(hello(), endless=False)) as there:
        there.until(lambda crowd: crowd.complete and crowd.heard > 0)
        yield


def _handshakes(live: Live) -> Iterator[None]:
    with crowd(live.port, 10, Manner(hello(), endless=False, leaves=True)) as there:
        for times in (1, 2):
            there.until(lambda crowd, least=100 * times: crowd.came >= least)  # type: ignore[misc]
            yield


def _broken(live: Live) -> Iterator[None]:
    """Bytes that are no TLS any more, behind the back of it."""
    with live.secured.talk(live.port, "operator") as talk:
        assert talk.ask(Request.PING) == (Request.ACK, ())
        raw = socket.socket(fileno=socket.dup(talk.sock.fileno()))
        with raw:
            raw.sendall(OVERRIDE)
            yield
            assert _drained(raw)


def _cut(live: Live) -> Iterator[None]:
    """An end of the network that is no end of TLS."""
    with live.secured.talk(live.port, "operator") as talk:
        talk.sock.sendall(OVERRIDE[:20])
        with socket.socket(fileno=socket.dup(talk.sock.fileno())) as raw:
            raw.shutdown(socket.SHUT_WR)
            yield


def _stranger(name: str, reason: str) -> Play:
    def play(live: Live) -> Iterator[None]:
        with live.secured.talk(live.port, name) as talk:
            talk.sock.sendall(OVERRIDE)
            yield
            assert talk.reply() == (Request.DISCONNECT, (reason,))

    return play


def _may_not(name: str, what: str, who: str, request: Request, *args: object, reason: str) -> Attack:
    """``who`` asks for what is not granted."""

    def play(live: Live) -> Iterator[None]:
        with live.secured.talk(live.port, who) as talk:
            assert talk.ask(Request.PING) == (Request.ACK, ())
            talk.send(request, *args)
            yield
            assert talk.reply() == (Request.DISCONNECT, (reason,))

    return Attack(f"role: {name}", what, f"refused: {reason}", play, tls=True)


def _requests() -> Iterator[Attack]:
    fan = {"name": "front", "rpm": 0, "duty": 0, "state": "fault"}
    reading = {"device": "sda", "state": "ok", "celsius": 20.0, "age": 0.0}
    asks: dict[Request, tuple[object, ...]] = {
        Request.SET_RPM: ("shelf1", 0),
        Request.SET_FANS: ("shelf1", [fan]),
        Request.SET_TEMPERATURES: ([reading],),
        Request.SET_PWM_OVERRIDE: ("shelf1", 0),
        Request.SET_PWM_EXPIRE: ("shelf1", datetime(2050, 1, 1)),
        Request.RELOAD: (),
    }
    reports = {Request.SET_RPM, Request.SET_FANS, Request.SET_TEMPERATURES}
    for request, args in asks.items():
        role = "report" if request in reports else "control"
        line, reason = f"Who may read asks for {request.name}.", f"{request.name} needs the role {role}"
        yield _may_not(f"a reader's {request.name}", line, "reader", request, *args, reason=reason)
        if request not in reports:
            line = f"A fan client, which may report, asks for {request.name}."
            yield _may_not(f"a reporter's {request.name}", line, "reporter", request, *args, reason=reason)
        else:
            line = f"Who may override, and not report, asks for {request.name}."
            yield _may_not(f"an operator's {request.name}", line, "warden", request, *args, reason=reason)
    for request, args in {
        Request.GET_PWM: (),
        Request.GET_RPM: (),
        Request.GET_STATUS: (),
        Request.GET_SHELVES: (),
        Request.SUBSCRIBE_PWM: (),
        Request.SET_RPM: (0,),
        Request.SET_FANS: ([fan],),
    }.items():
        for shelf in ("shelf2", "nowhere"):
            role = "report" if args else "read"
            reason = f"{request.name} needs the role {role} for shelf {shelf!r}"
            if request is Request.GET_SHELVES:
                reason = f"no shelf is called {shelf!r}"
            line = f"A fan client of shelf1 asks for {request.name} of {shelf}, " + (
                "another's." if shelf == "shelf2" else "which is not there: it is told no more than of another's."
            )
            yield _may_not(f"{request.name} of {shelf}", line, "reporter", request, shelf, *args, reason=reason)
    for shelf in ("shelf2", "nowhere"):
        reason = f"SET_PWM_OVERRIDE needs the role control for shelf {shelf!r}"
        line = f"Who may override shelf1 overrides {shelf}."
        request = Request.SET_PWM_OVERRIDE
        yield _may_not(f"SET_PWM_OVERRIDE of {shelf}", line, "warden", request, shelf, 0, reason=reason)
    line, reason = (
        "Who may override one shelf has the server reload.",
        "RELOAD needs the role control for all shelves",
    )
    yield _may_not("RELOAD of one shelf", line, "warden", Request.RELOAD, reason=reason)


def _sees_its_own(live: Live) -> Iterator[None]:
    with live.secured.talk(live.port, "reporter") as talk:
        yield
        assert talk.ask(Request.GET_SHELVES) == (Request.SET_SHELVES, (["shelf1"], False))


def _others_devices(live: Live) -> Iterator[None]:
    readings = [
        {"device": device, "state": "ok", "celsius": 20.0, "age": 0.0} for device in ("sda", "sdc", "X", "\x1b[2J\n")
    ]
    with live.secured.talk(live.port, "reporter") as talk:
        yield
        request, args = talk.ask(Request.SET_TEMPERATURES, readings, "nas2")
        assert request is Request.ACK
        assert len(args[0]) == len(readings), "none of them is taken"


ATTACKS: Final = tuple(
    Attack(name, line, outcome, play, limits, tls=True)
    for name, line, outcome, play, limits in [
        ("tls: a plain request", "A request without TLS.", f"refused: {_PLAIN}", _plainly(OVERRIDE), ""),
        ("tls: HTTP", "A web browser's request, without TLS.", f"refused: {_PLAIN}", _plainly(b"GET / HTTP/1.1"), ""),
        (
            "tls: like TLS",
            "The first byte of TLS, and then nothing like it.",
            "refused by an alert of TLS",
            _silent_end(b"\x16" + bytes(range(1, 200))),
            "",
        ),
        (
            "tls: the longest record",
            "A handshake in a record that is longer than any.",
            "refused by an alert of TLS",
            _silent_end(b"\x16\x03\x01\xff\xff" + bytes(65_535)),
            "",
        ),
        (
            "tls: version 1.2",
            "A client with a good certificate that speaks no newer TLS than 1.2.",
            "refused by an alert of TLS: it does not speak TLS 1.3",
            _shown("operator", "it does not speak TLS 1.3", ssl.TLSVersion.TLSv1_2),
            "",
        ),
        (
            "tls: no certificate",
            "A client without a certificate, with a request behind the handshake.",
            "refused by an alert of TLS: it wants a certificate",
            _shown(None, "it wants a certificate, and this host has none"),
            "",
        ),
        (
            "tls: another authority",
            "A certificate with an operator's name, from an authority of the attacker's own.",
            "refused by an alert of TLS: not from its authority",
            _shown("foreign", "the certificate of this host is not from its authority"),
            "",
        ),
        (
            "tls: expired",
            "An operator's certificate that has expired.",
            "refused by an alert of TLS: expired",
            _shown("late", "by its clock, the certificate of this host has expired or is not valid yet"),
            "",
        ),
        (
            "tls: a server's certificate",
            "A server's certificate, from the right authority, shown by a client.",
            "refused by an alert of TLS: unsupported certificate",
            _shown("server", "it refuses: unsupported certificate"),
            "",
        ),
        (
            "tls: not allowed",
            "A good certificate whose name is not allowed anything.",
            "refused: nobody is not allowed to connect",
            _stranger("nobody", "nobody is not allowed to connect"),
            "",
        ),
        (
            "tls: a name that forges the log",
            "A good certificate whose name has escapes and a line like the log's in it.",
            "refused, without what cannot be printed",
            _stranger("forger", "x INFO fand.server.keeper:  [2J is not allowed to connect"),
            "",
        ),
        (
            "tls: stalled handshake",
            "A handshake that begins, and does not go on.",
            "dropped after ``handshake`` seconds",
            _silent_end(hello()[:50]),
            "handshake = 1",
        ),
        (
            "tls: handshake byte by byte",
            "The beginning of a handshake in packets of one byte.",
            "waited for, for ``handshake`` seconds",
            _byte_by_byte,
            "",
        ),
        ("tls: reset in the handshake", "Fifty handshakes that end by a reset.", "forgotten", _reset, ""),
        (
            "tls: two hundred half-done handshakes",
            "Two hundred clients begin to shake hands, and do not answer.",
            "waited for, for ``handshake`` seconds",
            _half_done,
            "",
        ),
        (
            "tls: a flood of handshakes",
            "Ten clients begin to shake hands, are gone, and come again.",
            "each in its turn; others are answered between",
            _handshakes,
            "",
        ),
        (
            "tls: plain bytes inside",
            "An operator's connection into which a third party puts a plain request.",
            "ended by an alert of TLS; the request is not read",
            _broken,
            "",
        ),
        (
            "tls: cut short",
            "An operator's connection that a third party ends within a request.",
            "closed; what was not whole is not taken",
            _cut,
            "",
        ),
        (
            "role: sees its own",
            "A fan client of shelf1 asks for the list of shelves.",
            "answered: shelf1 alone",
            _sees_its_own,
            "",
        ),
        (
            "role: others' devices",
            "A fan client of shelf1 reports temperatures of drives, under an agent's name.",
            "answered that none of them is taken",
            _others_devices,
            "",
        ),
    ]
) + tuple(_requests())
