import errno
import socket
from pathlib import Path
from typing import Any

import pytest

from fand.exceptions import ListeningError
from fand.server import listening
from fand.server.listening import LOOPBACK, addresses, is_loopback, listen, shown


def found_as(*hosts: str) -> Any:
    """A resolver that finds these addresses for any name."""

    def getaddrinfo(*_args: object, **_options: object) -> list[tuple[Any, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, 0)) for host in hosts]

    return getaddrinfo


def failing(error: Exception) -> Any:
    def getaddrinfo(*_args: object, **_options: object) -> list[tuple[Any, ...]]:
        raise error

    return getaddrinfo


def close(sockets: list[socket.socket]) -> None:
    for sock in sockets:
        sock.close()


def test_the_usual_address_is_loopback_and_the_hosts_name_where_that_is_loopback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", found_as("127.0.1.1", "192.0.2.7", "127.0.0.1", "fe80::1%eth0"))
    assert addresses(None) == [*LOOPBACK, "127.0.1.1"]


@pytest.mark.parametrize("error", [socket.gaierror(socket.EAI_NONAME, "unknown"), UnicodeError("label too long")])
def test_a_host_whose_name_means_nothing_still_has_loopback(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", failing(error))
    assert addresses(None) == list(LOOPBACK)


def test_a_name_service_that_hangs_does_not_hold_up_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    release = threading.Event()

    def hang(*_args: object, **_options: object) -> list[tuple[Any, ...]]:
        release.wait(20)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    monkeypatch.setattr(listening, "_PATIENCE", 0.01)
    assert addresses(None) == list(LOOPBACK)
    release.set()


def test_a_name_is_every_address_that_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", found_as("192.0.2.7", "192.0.2.8", "192.0.2.7"))
    assert addresses("nas.example.org") == ["192.0.2.7", "192.0.2.8"]


def test_an_unknown_address_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", failing(socket.gaierror(-2, "Name or service not known")))
    with pytest.raises(ListeningError, match=r"^cannot listen on 'nowhere': no such address \(Name or service not"):
        addresses("nowhere")


@pytest.mark.parametrize("address", ["", "a" * 64 + ".example.org", "..", "\udc80"])
def test_what_is_no_address_is_told(address: str) -> None:
    with pytest.raises(ListeningError):
        addresses(address)


@pytest.mark.parametrize(
    ("address", "answer"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("fe80::1%lo", False),
    ],
)
def test_loopback_is_told_from_the_rest(address: str, answer: bool) -> None:
    assert is_loopback(address) is answer


def test_all_addresses_get_the_same_port() -> None:
    sockets = listen(LOOPBACK, 0)
    ports = {sock.getsockname()[1] for sock in sockets}
    names = [shown(sock) for sock in sockets]
    close(sockets)
    assert len(ports) == 1
    assert names == [f"127.0.0.1:{ports.copy().pop()}", f"[::1]:{ports.pop()}"]


def test_a_port_in_use_is_told_and_nothing_stays_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ListeningError, match=f"port {port} of 127.0.0.1 is in use; stop"):
            listen(["::1", "127.0.0.1"], port)
        close(listen(["::1"], port))


def test_a_port_can_be_taken_again_at_once() -> None:
    sockets = listen(["127.0.0.1"], 0)
    port = sockets[0].getsockname()[1]
    sockets[0].setblocking(True)
    with socket.create_connection(("127.0.0.1", port)), sockets[0].accept()[0]:
        close(sockets)
    close(listen(["127.0.0.1"], port))


def test_a_client_whose_host_is_gone_is_found_out_within_minutes() -> None:
    (listening_,) = listen(["127.0.0.1"], 0)
    listening_.setblocking(True)
    with listening_, socket.create_connection(listening_.getsockname()), listening_.accept()[0] as client:
        assert client.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        idle, gap, times = (
            client.getsockopt(socket.IPPROTO_TCP, option)
            for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        )
        assert idle + gap * times <= 180
        assert 0 < client.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) <= 180_000


def test_a_free_port_that_is_taken_on_the_next_address_is_not_insisted_on(monkeypatch: pytest.MonkeyPatch) -> None:
    bound, tries = listening._bound, []

    def unlucky(host: str, port: int) -> socket.socket:
        if host == "::1":
            tries.append(port)
            if len(tries) < 3:
                raise OSError(errno.EADDRINUSE, "in use")
        return bound(host, port)

    monkeypatch.setattr(listening, "_bound", unlucky)
    sockets = listen(LOOPBACK, 0)
    close(sockets)
    assert (len(sockets), len(tries)) == (2, 3)


def test_bad_luck_without_end_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def unlucky(_host: str, _port: int) -> socket.socket:
        raise OSError(errno.EADDRINUSE, "in use")

    monkeypatch.setattr(listening, "_bound", unlucky)
    with pytest.raises(ListeningError, match="in use"):
        listen(LOOPBACK, 0)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (errno.EACCES, "no permission to listen on port 80 of 127.0.0.1; choose one above 1023 with -p"),
        (errno.EADDRNOTAVAIL, "cannot listen on 127.0.0.1: this host has no such address"),
        (errno.ENOBUFS, "cannot listen on port 80 of 127.0.0.1: full"),
    ],
)
def test_what_the_system_refuses_is_told(number: int, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_host: str, _port: int) -> socket.socket:
        raise OSError(number, "full")

    monkeypatch.setattr(listening, "_bound", refuse)
    with pytest.raises(ListeningError, match=f"^{text}$"):
        listen(["127.0.0.1"], 80)


def test_a_family_that_the_host_lacks_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    bound = listening._bound

    def without_six(host: str, port: int) -> socket.socket:
        if ":" in host:
            raise OSError(errno.EADDRNOTAVAIL, "no IPv6")
        return bound(host, port)

    monkeypatch.setattr(listening, "_bound", without_six)
    sockets = listen(LOOPBACK, 0)
    close(sockets)
    assert len(sockets) == 1
    with pytest.raises(ListeningError, match="no such address"):
        listen(["::1", "::2"], 0)


def test_an_address_that_is_not_this_hosts_is_told() -> None:
    with pytest.raises(ListeningError, match=r"cannot listen on 192.0.2.1: this host has no such address"):
        listen(["192.0.2.1"], 0)


def test_a_unix_socket_is_shown_by_its_path(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(tmp_path / "fand.sock"))
        assert shown(sock) == str(tmp_path / "fand.sock")


@pytest.mark.parametrize(
    ("host", "told"),
    [
        ("192.0.2.7", "192.0.2.7:9999"),
        ("::1", "[::1]:9999"),
        ("::ffff:192.0.2.7", "192.0.2.7:9999"),
        ("::ffff:1", "[::ffff:1]:9999"),
        ("fe80::1%eth0", "[fe80::1%eth0]:9999"),
    ],
)
def test_an_address_is_told_as_people_write_it(host: str, told: str) -> None:
    assert listening.place((host, 9999, 0, 0)) == told
