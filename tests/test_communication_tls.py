"""fand.communication over TLS, with a server of the ssl module at the other end."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import pytest

from fand import communication as com
from fand.communication import Request
from fand.exceptions import (
    ConnectionFailedError,
    CorruptedDataError,
    FandConnectionResetError,
    FandTimeoutError,
    SendReceiveError,
)
from fand.tls import Files
from fand.tls.contexts import server_context
from fand.tls.sockets import TlsSocket
from fand.wire import encode
from tests.certificates import Pki

HOST = "127.0.0.1"


class Site:
    """A listener, and what is done with each connection, in threads."""

    def __init__(self) -> None:
        self.listener = socket.create_server((HOST, 0))
        self.listener.settimeout(30)
        self.port: int = self.listener.getsockname()[1]
        self._pool = ThreadPoolExecutor(4)
        self._opened: list[socket.socket] = []

    def serve(self, act: Callable[[socket.socket], object], context: ssl.SSLContext | None = None) -> Future[object]:
        def one() -> object:
            sock, _ = self.listener.accept()
            sock.settimeout(30)
            self._opened.append(sock)
            if context is not None:
                sock = context.wrap_socket(sock, server_side=True)
                self._opened.append(sock)
            return act(sock)

        return self._pool.submit(one)

    def close(self) -> None:
        self._pool.shutdown()
        self.listener.close()
        for sock in self._opened:
            sock.close()


@pytest.fixture
def site() -> Iterator[Site]:
    here = Site()
    yield here
    here.close()


@pytest.fixture
def enrolled(pki: Pki, monkeypatch: pytest.MonkeyPatch) -> Files:
    """This host has a certificate, which the environment names."""
    files = pki.client("pi1")
    for name, path in zip(("CERTIFICATE", "KEY", "AUTHORITY"), files, strict=True):
        monkeypatch.setenv(f"FAND_TLS_{name}", path)
    return files


@pytest.fixture
def echo(pki: Pki, site: Site, enrolled: Files) -> Iterator[socket.socket]:
    """A connection by TLS to who answers a request by the same."""

    def act(sock: socket.socket) -> None:
        try:
            while True:
                request, args = com.recv(sock)
                com.send(sock, request, *args)
        except FandConnectionResetError:
            sock.close()

    site.serve(act, server_context(pki.server))
    sock = com.connect(HOST, site.port)
    yield sock
    com.reset_connection(sock)


class TestConversation:
    def test_it_is_encrypted(self, echo: socket.socket) -> None:
        assert isinstance(echo, TlsSocket)
        assert com.is_socket_open(echo)
        assert echo.gettimeout() == com.TIMEOUT
        com.send(echo, Request.GET_PWM, "shelf1")
        assert com.recv(echo) == (Request.GET_PWM, ("shelf1",))

    def test_a_long_frame(self, echo: socket.socket) -> None:
        com.send(echo, Request.GET_PWM, "x" * 60_000)
        assert com.recv(echo) == (Request.GET_PWM, ("x" * 60_000,))

    def test_several_threads(self, echo: socket.socket) -> None:
        """Two send, two receive, all at once; every frame comes whole."""
        total = 400

        def speak(sign: str) -> None:
            for _ in range(total // 2):
                com.send(echo, Request.GET_PWM, sign * 3000)

        def listen() -> list[str]:
            return [com.recv(echo)[1][0] for _ in range(total // 2)]

        with ThreadPoolExecutor(4) as pool:
            spoken = [pool.submit(speak, sign) for sign in "ab"]
            heard = [pool.submit(listen) for _ in range(2)]
            for task in spoken:
                task.result()
            words = sorted(word for task in heard for word in task.result())
        assert words == ["a" * 3000] * (total // 2) + ["b" * 3000] * (total // 2)

    def test_no_answer_yet(self, echo: socket.socket) -> None:
        echo.settimeout(0.01)
        with pytest.raises(FandTimeoutError, match="sent no whole frame"):
            com.recv(echo)
        echo.settimeout(20)
        com.send(echo, Request.PING)
        assert com.recv(echo) == (Request.PING, ())

    def test_the_end_reaches_who_waits(self, echo: socket.socket) -> None:
        begun = threading.Event()

        def wait() -> None:
            begun.set()
            with pytest.raises((SendReceiveError, FandConnectionResetError, FandTimeoutError)):  # it may be slow
                com.recv(echo)

        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(wait)
            begun.wait()
            com.reset_connection(echo)
            waiting.result()
        assert not com.is_socket_open(echo)


class TestEnd:
    def test_the_server_is_told(self, pki: Pki, site: Site, enrolled: Files) -> None:
        def act(sock: socket.socket) -> str:
            with pytest.raises(FandConnectionResetError) as caught:
                com.recv(sock)
            assert sock.recv(1) == b""  # and the connection ended as TLS has it
            return caught.value.reason

        heard = site.serve(act, server_context(pki.server))
        com.reset_connection(com.connect(HOST, site.port), "that is all")
        assert heard.result() == "that is all"

    def test_the_server_says_why(self, pki: Pki, site: Site, enrolled: Files) -> None:
        site.serve(lambda sock: com.send(sock, Request.DISCONNECT, "not today"), server_context(pki.server))
        sock = com.connect(HOST, site.port)
        with pytest.raises(FandConnectionResetError, match="ended the connection: not today"):
            com.recv(sock)
        com.reset_connection(sock)

    def test_the_server_just_goes(self, pki: Pki, site: Site, enrolled: Files) -> None:
        site.serve(lambda sock: sock.close(), server_context(pki.server))
        sock = com.connect(HOST, site.port)
        with pytest.raises(FandConnectionResetError, match="closed the connection without a notice"):
            com.recv(sock)
        com.reset_connection(sock)

    def test_a_record_that_left_in_part_is_the_last(
        self, pki: Pki, site: Site, enrolled: Files, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        gone = threading.Event()
        site.serve(lambda sock: gone.wait(30), server_context(pki.server))
        sock = com.connect(HOST, site.port)
        monkeypatch.setattr(TlsSocket, "_wait_for_room", lambda _: None)
        sock.settimeout(0)
        with pytest.raises(FandTimeoutError, match="took nothing"):
            _fill(sock)
        assert not com.is_socket_open(sock)
        with pytest.raises(SendReceiveError):
            com.send(sock, Request.PING)
        gone.set()


def _fill(sock: socket.socket) -> None:
    while True:
        com.send(sock, Request.GET_PWM, "x" * 60_000)


def _say(data: bytes, sock: socket.socket) -> None:
    sock.sendall(data)


class TestStrangers:
    def test_a_plain_server(self, site: Site, enrolled: Files) -> None:
        refusal = encode(Request.DISCONNECT, ("what arrived is TLS",))
        site.serve(partial(_say, refusal))
        with pytest.raises(ConnectionFailedError, match=f"no TLS with {HOST} port {site.port}: it does not speak"):
            com.connect(HOST, site.port)

    def test_a_plain_client(self, site: Site) -> None:
        alert = b"\x15\x03\x03\x00\x02\x02\x46"
        site.serve(partial(_say, alert))
        sock = com.connect(HOST, site.port)
        with pytest.raises(CorruptedDataError, match="is TLS, which only one of the two ends speaks"):
            com.recv(sock)
        com.reset_connection(sock)

    def test_who_closes_at_once(self, site: Site, enrolled: Files) -> None:
        site.serve(lambda sock: sock.shutdown(socket.SHUT_WR))
        with pytest.raises(ConnectionFailedError, match=r"no TLS with .*: it closed the connection"):
            com.connect(HOST, site.port)

    def test_who_says_nothing(self, site: Site, enrolled: Files, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(com, "TIMEOUT", 0.05)
        with pytest.raises(FandTimeoutError, match="did not finish the handshake of TLS"):
            com.connect(HOST, site.port)

    def test_another_name(self, pki: Pki, site: Site, enrolled: Files, monkeypatch: pytest.MonkeyPatch) -> None:
        resolve = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", lambda _, *rest: resolve(HOST, *rest))

        def act(sock: socket.socket) -> None:
            with pytest.raises(ssl.SSLError):
                server_context(pki.server).wrap_socket(sock, server_side=True)

        site.serve(act)
        with pytest.raises(ConnectionFailedError, match=r"not valid for 'other\.example\.org'"):
            com.connect("other.example.org", site.port)

    def test_a_name_that_no_certificate_has(
        self, site: Site, enrolled: Files, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        resolve = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", lambda _, *rest: resolve(HOST, *rest))
        with pytest.raises(ConnectionFailedError, match="no certificate has that name"):
            com.connect(".example.org", site.port)

    def test_a_server_that_refuses_us(self, pki: Pki, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        late = pki.issued("pi1", server=False, days=-0.5)

        def act(sock: socket.socket) -> None:
            with pytest.raises(ssl.SSLError):
                server_context(pki.server).wrap_socket(sock, server_side=True)

        site.serve(act)
        sock = com.dial(HOST, site.port, late)
        with pytest.raises(SendReceiveError, match="the certificate of this host has expired"):
            com.recv(sock)
        com.reset_connection(sock)


class TestFiles:
    def test_they_cannot_be_used(self, enrolled: Files, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FAND_TLS_KEY", "/nowhere")
        with pytest.raises(ConnectionFailedError, match=r"cannot connect to .*: /nowhere cannot be read"):
            com.connect(HOST, 9999)

    def test_they_are_not_all_named(self, enrolled: Files, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("FAND_TLS_KEY")
        with pytest.raises(ConnectionFailedError, match="variable FAND_TLS_KEY is missing"):
            com.connect(HOST, 9999)

    def test_a_signal_in_the_handshake_leaves_nothing_open(
        self, pki: Pki, site: Site, enrolled: Files, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupt(self: TlsSocket) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(TlsSocket, "handshake", interrupt)
        closed = site.serve(lambda sock: sock.recv(1))
        with pytest.raises(KeyboardInterrupt):
            com.connect(HOST, site.port)
        assert closed.result() == b""
