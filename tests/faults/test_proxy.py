"""The proxy itself: each fault is what it is said to be, and the same seed is the same fault."""

import socket
import threading
from collections.abc import Callable, Iterator
from random import Random

import pytest

from tests.fanclient.processes import until
from tests.faults.proxy import NONE, Faults, Network, Proxy, corrupted

TEXT = b"".join(b"%04d" % number for number in range(1000))


class Echo:
    """A server that sends back what it gets, and keeps what each connection said."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.said: list[bytearray] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self._listener.getsockname()[1]

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.said.append(bytearray())
            threading.Thread(target=self._echo, args=(sock, self.said[-1]), daemon=True).start()

    def _echo(self, sock: socket.socket, said: bytearray) -> None:
        with sock:
            try:
                while data := sock.recv(65536):
                    said += data
                    sock.sendall(data)
            except OSError:
                return


@pytest.fixture
def echo() -> Iterator[Echo]:
    echo = Echo()
    yield echo
    echo.close()


@pytest.fixture
def network() -> Iterator[Network]:
    with Network(7) as network:
        yield network


Call = Callable[[Faults], socket.socket]


@pytest.fixture
def proxy(network: Network, echo: Echo) -> Proxy:
    return network.proxy(echo.address)


@pytest.fixture
def call(proxy: Proxy) -> Iterator[Call]:
    """Connect through the proxy, which has those faults."""
    made: list[socket.socket] = []

    def connect(faults: Faults) -> socket.socket:
        become(proxy, faults)
        made.append(socket.create_connection(proxy.address, 30))
        return made[-1]

    yield connect
    for sock in made:
        sock.close()


def become(proxy: Proxy, faults: Faults) -> None:
    proxy.faults = faults
    until(lambda: proxy.faults == faults)


def heard(sock: socket.socket, size: int = len(TEXT)) -> bytes:
    got = b""
    while len(got) < size and (data := sock.recv(65536)):
        got += data
    return got


@pytest.mark.parametrize(
    "faults",
    [NONE, Faults(split=1), Faults(split=7, delay=0.0001), Faults(coalesce=0.01)],
    ids=["none", "split", "split and delay", "coalesce"],
)
def test_what_only_delays_loses_nothing(call: Call, proxy: Proxy, faults: Faults) -> None:
    sock = call(faults)
    for start in range(0, len(TEXT), 100):
        sock.sendall(TEXT[start : start + 100])
    assert heard(sock) == TEXT
    if faults.split:
        assert proxy.counts["split"] > 0
    if faults.coalesce:
        assert proxy.counts["coalesce"] > 0


@pytest.mark.parametrize(("to_server", "to_client"), [(True, False), (False, True)])
def test_a_fault_may_be_of_one_direction(
    call: Call, proxy: Proxy, echo: Echo, to_server: bool, to_client: bool
) -> None:
    sock = call(Faults(corrupt=1, to_server=to_server, to_client=to_client))
    sock.sendall(TEXT)
    got = heard(sock)
    assert (echo.said[0] != TEXT) == to_server
    assert (got != echo.said[0]) == to_client


def test_the_end_of_a_connection_is_passed_on_after_its_bytes(call: Call, proxy: Proxy) -> None:
    sock = call(NONE)
    sock.sendall(TEXT)
    sock.shutdown(socket.SHUT_WR)
    assert heard(sock, 10**6) == TEXT


def test_a_corrupted_byte_is_one_byte() -> None:
    for seed in range(100):
        bad = corrupted(TEXT, Random(seed))
        assert len(bad) == len(TEXT)
        assert sum(one != other for one, other in zip(bad, TEXT, strict=True)) == 1
    assert corrupted(TEXT, Random(3)) == corrupted(TEXT, Random(3))


def test_corruption_reaches_the_other_end(call: Call, proxy: Proxy, echo: Echo) -> None:
    sock = call(Faults(corrupt=1))
    sock.sendall(TEXT)
    assert len(heard(sock)) == len(TEXT)
    assert echo.said[0] != TEXT
    assert proxy.counts["corrupt"] >= 2


def test_a_truncated_connection_is_reset(call: Call, proxy: Proxy, echo: Echo) -> None:
    sock = call(Faults(truncate=1))
    sock.sendall(TEXT)
    with pytest.raises(ConnectionResetError):
        heard(sock)
    assert proxy.counts["truncate"] == 1
    assert all(len(said) < len(TEXT) for said in echo.said)


def test_a_half_open_connection_stays_silent_and_the_next_one_is_as_good_as_new(
    call: Call, proxy: Proxy, echo: Echo
) -> None:
    sock = call(NONE)
    sock.sendall(b"one")
    assert heard(sock, 3) == b"one"
    become(proxy, Faults(hold=True))
    sock.sendall(b"two")
    until(lambda: proxy.counts["hold"] > 0)
    other = call(NONE)
    other.sendall(b"three")
    assert heard(other, 5) == b"three"
    sock.setblocking(False)
    with pytest.raises(BlockingIOError):
        sock.recv(10)
    assert echo.said[0] == b"one"


def test_a_partition_holds_everything_up_and_loses_nothing(call: Call, proxy: Proxy, echo: Echo) -> None:
    old = call(NONE)
    old.sendall(b"one")
    assert heard(old, 3) == b"one"
    new = call(Faults(partition=True))
    old.sendall(b"two")
    new.sendall(b"three")
    until(lambda: proxy.counts["partition"] >= 2)
    assert (len(echo.said), echo.said[0]) == (1, b"one")
    proxy.faults = NONE
    assert (heard(old, 3), heard(new, 5)) == (b"two", b"three")


def test_a_duplicate_says_everything_twice_and_hears_it_once(call: Call, proxy: Proxy, echo: Echo) -> None:
    sock = call(Faults(duplicate=True))
    sock.sendall(TEXT)
    assert heard(sock) == TEXT
    until(lambda: len(echo.said) == 2 and echo.said[0] == echo.said[1] == TEXT)


def test_who_is_refused_is_reset(call: Call, proxy: Proxy, echo: Echo) -> None:
    with pytest.raises(ConnectionResetError):
        heard(call(Faults(refuse=True)))
    assert echo.said == []


def test_without_a_server_a_connection_is_reset(call: Call, echo: Echo) -> None:
    echo.close()
    with pytest.raises(ConnectionResetError):
        heard(call(NONE))


def test_all_connections_can_be_cut(call: Call, proxy: Proxy) -> None:
    socks = [call(NONE) for _ in range(3)]
    for sock in socks:
        sock.sendall(b"one")
        assert heard(sock, 3) == b"one"
    proxy.cut()
    for sock in socks:
        with pytest.raises(ConnectionResetError):
            heard(sock)
