"""A socket that encrypts, with the real ssl module at the other end, over socket pairs."""

import select
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from fand.tls import Files
from fand.tls.contexts import client_context, server_context
from fand.tls.faults import words
from fand.tls.sockets import NotTlsError, TlsSocket
from tests.certificates import Pki

NAME = "fans.example.org"

Ends = tuple[TlsSocket, ssl.SSLSocket]


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as threads:
        yield threads


@contextmanager
def _pair(timeout: float = 20) -> Iterator[tuple[socket.socket, socket.socket]]:
    ends = socket.socketpair()
    for end in ends:
        end.settimeout(timeout)
    with ends[0], ends[1]:
        yield ends


def _listen(sock: socket.socket, context: ssl.SSLContext) -> ssl.SSLSocket:
    return context.wrap_socket(sock, server_side=True)


@contextmanager
def _met(client: Files, server: Files, pool: ThreadPoolExecutor, name: str = NAME) -> Iterator[Ends]:
    with _pair() as (here, there):
        other: Future[ssl.SSLSocket] = pool.submit(_listen, there, server_context(server))
        with TlsSocket(here, client_context(client), name) as sock:
            sock.handshake()
            with other.result() as end:
                yield sock, end


@pytest.fixture
def ends(pki: Pki, pool: ThreadPoolExecutor) -> Iterator[Ends]:
    with _met(pki.client("pi1"), pki.server, pool) as both:
        yield both


def _fill(sock: socket.socket) -> None:
    while True:
        sock.send(b"x" * 16_384)


class TestBytes:
    def test_both_ways(self, ends: Ends) -> None:
        assert ends[0].send(b"question") == 8
        assert ends[1].recv(100) == b"question"
        ends[1].send(b"answer")
        assert ends[0].recv(3) == b"ans"
        assert ends[0].pending() == 3
        assert ends[0].recv(100) == b"wer"

    def test_many(self, ends: Ends, pool: ThreadPoolExecutor) -> None:
        data = bytes(range(256)) * 1000
        sent = pool.submit(ends[0].sendall, data)
        got = bytearray()
        while len(got) < len(data):
            got += ends[1].recv(65_536)
        sent.result()
        assert bytes(got) == data

    def test_into_a_buffer(self, ends: Ends) -> None:
        ends[1].sendall(b"answer")
        buffer = bytearray(4)
        assert ends[0].recv_into(buffer, 2) == 2
        assert ends[0].recv_into(buffer) == 4
        assert buffer == b"swer"

    def test_what_follows_is_in_sight_of_select(self, ends: Ends) -> None:
        ends[1].send(b"one")
        ends[1].send(b"two")
        assert ends[0].recv(100) == b"one"
        assert select.select([ends[0]], [], [], 0)[0]
        assert ends[0].recv(100) == b"two"
        assert not select.select([ends[0]], [], [], 0)[0]

    def test_the_certificate_is_shown(self, ends: Ends) -> None:
        shown = ends[1].getpeercert()
        assert shown is not None
        assert shown["subject"] == ((("commonName", "pi1"),),)
        assert ends[1].version() == "TLSv1.3"

    @pytest.mark.parametrize("method", ["recvfrom", "sendto", "sendmsg", "recvmsg", "dup"])
    def test_nothing_goes_past_it(self, ends: Ends, method: str) -> None:
        with pytest.raises(OSError, match="not used in this way"):
            getattr(ends[0], method)(b"x")


class TestTime:
    def test_nothing_comes(self, ends: Ends) -> None:
        ends[0].settimeout(0.01)
        with pytest.raises(TimeoutError):
            ends[0].recv(1)
        ends[0].settimeout(0)
        with pytest.raises(BlockingIOError):
            ends[0].recv(1)
        ends[0].settimeout(None)
        ends[1].send(b"now")
        assert ends[0].recv(9) == b"now"

    def test_a_record_in_bits_loses_nothing(self, pki: Pki, pool: ThreadPoolExecutor) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        server = server_context(pki.server).wrap_bio(incoming, outgoing, server_side=True)
        with _pair() as (here, there), TlsSocket(here, client_context(pki.client("pi1")), NAME) as sock:
            shaken = pool.submit(sock.handshake)
            while True:
                incoming.write(there.recv(65_536))
                try:
                    server.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    there.sendall(outgoing.read())
            there.sendall(outgoing.read())
            shaken.result()
            server.write(b"answer")
            record = outgoing.read()
            for place in range(len(record) - 1):
                there.sendall(record[place : place + 1])
                sock.settimeout(0)
                with pytest.raises(BlockingIOError):
                    sock.recv(100)
            there.sendall(record[-1:])
            sock.settimeout(20)
            assert sock.recv(100) == b"answer"

    def test_a_record_in_bits_does_not_last_for_ever(self, ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
        clock = iter((0.0, 21.0))
        monkeypatch.setattr("fand.tls.sockets.time.monotonic", lambda: next(clock))
        ends[1].send(b"answer")
        with pytest.raises(TimeoutError):
            ends[0].recv(100)
        monkeypatch.undo()
        assert ends[0].recv(100) == b"answer"

    def test_nothing_is_taken(self, ends: Ends) -> None:
        ends[0].settimeout(0.01)
        with pytest.raises(TimeoutError):
            _fill(ends[0])

    def test_a_record_that_left_in_part_is_the_last(self, ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(TlsSocket, "_wait_for_room", lambda _: None)
        ends[0].settimeout(0)
        with pytest.raises(BlockingIOError):
            _fill(ends[0])
        assert ends[0].cut
        with pytest.raises(BrokenPipeError, match="cut short"):
            ends[0].send(b"more")
        ends[0].shutdown(socket.SHUT_RDWR)

    def test_room_is_waited_for_without_an_end(self, ends: Ends) -> None:
        ends[0].settimeout(None)
        assert ends[0].send(b"x") == 1


class TestThreads:
    def test_who_waits_for_an_answer_keeps_nobody_from_sending(self, ends: Ends, pool: ThreadPoolExecutor) -> None:
        waits = [pool.submit(ends[0].recv, 1) for _ in range(2)]
        ends[0].send(b"question")
        assert ends[1].recv(100) == b"question"
        ends[1].send(b"a")
        ends[1].send(b"b")
        assert {wait.result() for wait in waits} == {b"a", b"b"}

    def test_all_at_once(self, ends: Ends, pool: ThreadPoolExecutor) -> None:
        """An echo; what two threads send comes whole, while a third receives."""
        total = 2 * 200 * 1000

        def echo() -> None:
            left = total
            while left:
                data = ends[1].recv(65_536)
                ends[1].sendall(data)
                left -= len(data)

        def speak(sign: bytes) -> None:
            for _ in range(200):
                ends[0].sendall(sign * 1000)

        def listen() -> bytes:
            got = bytearray()
            while len(got) < total:
                got += ends[0].recv(65_536)
            return bytes(got)

        echoed, spoken = pool.submit(echo), [pool.submit(speak, sign) for sign in (b"a", b"b")]
        heard = listen()
        for task in (echoed, *spoken):
            task.result()
        assert {heard[place : place + 1000] for place in range(0, total, 1000)} == {b"a" * 1000, b"b" * 1000}

    def test_the_end_reaches_who_waits(self, ends: Ends, pool: ThreadPoolExecutor) -> None:
        begun = threading.Event()

        def wait() -> bytes:
            begun.set()
            return ends[0].recv(1)

        waiting = pool.submit(wait)
        begun.wait()
        ends[0].shutdown(socket.SHUT_RDWR)
        assert waiting.result() == b""


class TestEnd:
    def test_the_other_end_is_told(self, ends: Ends) -> None:
        ends[0].shutdown(socket.SHUT_RDWR)
        ends[0].close()
        assert ends[1].recv(1) == b""  # without a farewell it would be an error

    def test_the_other_end_says_farewell(self, ends: Ends) -> None:
        ends[1].send(b"last")
        ends[1].setblocking(False)
        with pytest.raises(ssl.SSLWantReadError):
            ends[1].unwrap()
        assert ends[0].recv(100) == b"last"
        assert ends[0].recv(100) == b""

    def test_or_does_not(self, ends: Ends) -> None:
        ends[1].shutdown(socket.SHUT_RDWR)
        assert ends[0].recv(100) == b""

    def test_or_is_rude(self, ends: Ends) -> None:
        end = socket.socket(fileno=ends[1].detach())
        end.sendall(b"\x17\x03\x03\x00\x20" + b"?" * 32)
        with pytest.raises(ssl.SSLError):
            ends[0].recv(100)
        end.close()

    def test_twice(self, ends: Ends) -> None:
        ends[0].shutdown(socket.SHUT_RD)
        ends[0].shutdown(socket.SHUT_RDWR)
        ends[1].close()
        ends[0].shutdown(socket.SHUT_RDWR)
        ends[0].close()
        with pytest.raises(OSError, match="Bad file descriptor"):
            ends[0].send(b"x")


class TestHandshake:
    def _fails(self, client: Files, server: Files, pool: ThreadPoolExecutor, name: str = NAME) -> str:
        """Why the client does not agree."""
        with _pair() as (here, there):
            other = pool.submit(_listen, there, server_context(server))
            with TlsSocket(here, client_context(client), name) as sock, pytest.raises(ssl.SSLError) as caught:
                sock.handshake()
            with pytest.raises(ssl.SSLError):  # it was told
                other.result()
        return words(caught.value)

    def test_another_name(self, pki: Pki, pool: ThreadPoolExecutor) -> None:
        said = self._fails(pki.client("pi1"), pki.server, pool, "other.example.org")
        assert "certificate is not valid for 'other.example.org'" in said

    @pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1"])
    def test_names_of_its_own_host(self, pki: Pki, pool: ThreadPoolExecutor, name: str) -> None:
        with _met(pki.client("pi1"), pki.server, pool, name) as both:
            assert both[0].send(b"x") == 1

    def test_a_server_of_another_authority(self, pki: Pki, pool: ThreadPoolExecutor, tmp_path: object) -> None:
        other = Pki(tmp_path).server  # type: ignore[arg-type]
        assert "its certificate is not good" in self._fails(pki.client("pi1"), other, pool)

    def test_a_server_whose_time_is_over(self, pki: Pki, pool: ThreadPoolExecutor) -> None:
        late = pki.issued(NAME, server=True, days=-0.5)
        assert self._fails(pki.client("pi1"), late, pool) == "its certificate is not good: certificate has expired"

    def test_a_client_as_server(self, pki: Pki, pool: ThreadPoolExecutor) -> None:
        assert "unsuitable certificate purpose" in self._fails(pki.client("pi1"), pki.client("pi2"), pool)

    @pytest.mark.parametrize(
        ("kind", "said"),
        [
            ("late", "has expired or is not valid yet"),
            ("server", "it refuses: unsupported certificate"),
            ("stranger", "is not from its authority"),
        ],
    )
    def test_a_client_that_is_refused_hears_why(
        self, pki: Pki, pool: ThreadPoolExecutor, tmp_path: object, kind: str, said: str
    ) -> None:
        if kind == "late":
            files = pki.issued("pi1", server=False, days=-0.5)
        elif kind == "server":
            files = pki.server
        else:
            stranger = Pki(tmp_path).client("pi1")  # type: ignore[arg-type]
            files = stranger._replace(authority=pki.server.authority)
        with _pair() as (here, there):
            other = pool.submit(_listen, there, server_context(pki.server))
            with TlsSocket(here, client_context(files), NAME) as sock:
                sock.handshake()  # in TLS 1.3 the client is done before the server has seen its certificate
                with pytest.raises(ssl.SSLError) as caught:
                    sock.recv(1)
            with pytest.raises(ssl.SSLError):
                other.result()
        assert said in words(caught.value)

    @pytest.mark.parametrize("said", [b"99F90028", b"HTTP/1.1 400 Bad Request\r\n", b"\x00"])
    def test_it_does_not_speak_tls(self, pki: Pki, said: bytes) -> None:
        with _pair() as (here, there), TlsSocket(here, client_context(pki.client("pi1")), NAME) as sock:
            there.sendall(said)
            with pytest.raises(NotTlsError, match="does not speak TLS"):
                sock.handshake()

    def test_it_speaks_an_older_tls(self, pki: Pki, pool: ThreadPoolExecutor) -> None:
        context = server_context(pki.server)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
        with _pair() as (here, there):
            other = pool.submit(_listen, there, context)
            with (
                TlsSocket(here, client_context(pki.client("pi1")), NAME) as sock,
                pytest.raises(ssl.SSLError) as caught,
            ):
                sock.handshake()
            with pytest.raises(ssl.SSLError):
                other.result()
        assert words(caught.value) == "it does not speak TLS 1.3"

    def test_it_says_nothing(self, pki: Pki) -> None:
        with _pair(0.01) as (here, _), TlsSocket(here, client_context(pki.client("pi1")), NAME) as sock:
            with pytest.raises(TimeoutError):
                sock.handshake()

    def test_it_goes(self, pki: Pki) -> None:
        with _pair() as (here, there), TlsSocket(here, client_context(pki.client("pi1")), NAME) as sock:
            there.shutdown(socket.SHUT_WR)
            with pytest.raises(ssl.SSLEOFError):
                sock.handshake()

    def test_it_breaks_off(self, pki: Pki) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            here = socket.create_connection(listener.getsockname())
            with TlsSocket(here, client_context(pki.client("pi1")), NAME) as sock:
                there, _ = listener.accept()
                there.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                there.close()
                with pytest.raises(OSError):
                    sock.handshake()

    def test_a_context_that_cannot_be_used_leaves_the_socket(self, pki: Pki) -> None:
        with _pair() as (here, _):
            with pytest.raises(ValueError, match="server_hostname"):
                TlsSocket(here, client_context(pki.client("pi1")), "")
            assert here.fileno() >= 0
