"""A real server for fanctl to ask, and a scripted one for what a real one does not do."""

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from fand.fanctl import main
from fand.wire import Decoder, Request
from tests.server.processes import Server, running, write_shelf

Fanctl = Callable[..., tuple[int, str, str]]
Scripted = Callable[[bytes], int]


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """``shelf1`` has a drive at 32 degC, which asks for 35 %, and one asleep."""
    devices = ('{ fake = 32, name = "S1", position = "1,1" }', '{ fake = "asleep", name = "S2", position = "1,2" }')
    with running(write_shelf(tmp_path_factory.mktemp("fanctl"), *devices)) as server:
        with server.talk() as talk:
            talk.send(Request.SUBSCRIBE_PWM, "shelf1")
            while talk.reply()[1] != ("shelf1", 35):  # its first readings are to come
                pass
        yield server


@pytest.fixture
def fanctl(server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Fanctl]:
    """Run fanctl in this process against the real server: its exit status, stdout and stderr."""
    monkeypatch.setenv("FAND_SERVER", f"127.0.0.1:{server.port}")

    def run(*words: str) -> tuple[int, str, str]:
        status = main(words)
        return (status, *capsys.readouterr())

    yield run
    main(["set-pwm-override", "shelf1", "none"])


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    """Start a server that answers the first request of its first client by these bytes; gives its port."""
    with ExitStack() as stack, ThreadPoolExecutor() as pool:

        def start(answer: bytes) -> int:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            listener.settimeout(20)
            pool.submit(_serve, listener, answer)
            port: int = listener.getsockname()[1]
            return port

        yield start


def _serve(listener: socket.socket, answer: bytes) -> None:
    with listener.accept()[0] as sock:
        sock.settimeout(20)
        decoder = Decoder()
        while decoder.next() is None:
            decoder.feed(sock.recv(4096))
        sock.sendall(answer)
