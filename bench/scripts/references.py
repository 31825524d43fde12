"""What the machine can do at most: servers that answer each frame of one size by a fixed frame of another.

``references.py thread|asyncio|uvloop ASK ANSWER [TLSFOLDER]``: prints its port, then serves; ASK is the size, ANSWER
the frame (hexadecimal). With the certificates of a server by TLS (asyncio and uvloop only).
"""

import asyncio
import socket
import ssl
import sys
from pathlib import Path


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
    """The least that an event loop needs."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self.transport.write(self.answer)


async def loop(answer: bytes, context: "ssl.SSLContext | None") -> None:
    """Serve by the event loop that runs."""
    server = await asyncio.get_running_loop().create_server(lambda: Echo(answer), "127.0.0.1", 0, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def certified(folder: Path) -> ssl.SSLContext:
    """What shows the certificate of a fand server and asks for one, as that does."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    context.load_verify_locations(folder / "authority.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    return context


if __name__ == "__main__":
    kind, ask, answer = sys.argv[1], int(sys.argv[2]), bytes.fromhex(sys.argv[3])
    context = certified(Path(sys.argv[4])) if len(sys.argv) > 4 else None
    if kind == "thread":
        thread(ask, answer)
    elif kind == "asyncio":
        asyncio.run(loop(answer, context))
    else:
        import uvloop

        uvloop.run(loop(answer, context))
