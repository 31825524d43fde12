"""What the machine can do at most: servers that answer each frame of one size by a fixed frame of another.

``python bench/references.py thread|asyncio ASK ANSWER``: prints its port, then serves one client after another.
"""

import asyncio
import socket
import sys


def thread(ask: int, answer: bytes) -> None:
    """The least that blocking sockets need."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            sock, _ = listener.accept()
            with sock:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                while len(sock.recv(65536)) == ask:
                    sock.sendall(answer)


class Echo(asyncio.Protocol):
    """The least that asyncio needs."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(self.answer)


async def loop(answer: bytes) -> None:
    """Serve by asyncio."""
    server = await asyncio.get_running_loop().create_server(lambda: Echo(answer), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    kind, ask, answer = sys.argv[1], int(sys.argv[2]), bytes(int(sys.argv[3]))
    if kind == "thread":
        thread(ask, answer)
    else:
        asyncio.run(loop(answer))
