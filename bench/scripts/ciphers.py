"""What OpenSSL keeps for one client of a server: ``ciphers.py FOLDER CERTIFICATE KEY COUNT``, the
server's files as ``fand pki`` makes them, and the client's.

So many connections are made in memory, each with its handshake, a question and an answer, and the servers' ends are
kept. Prints KiB for each: for clients that show no certificate, and for such that show one.
"""

import ssl
import sys
from pathlib import Path

Ends = list[tuple[ssl.SSLObject, ssl.MemoryBIO, ssl.MemoryBIO]]


def shaken(server: ssl.SSLContext, client: ssl.SSLContext) -> tuple[ssl.SSLObject, ssl.MemoryBIO, ssl.MemoryBIO]:
    """The server's end of one connection."""
    up, down, to_client, to_server = (ssl.MemoryBIO() for _ in range(4))
    ours = server.wrap_bio(up, down, server_side=True)
    theirs = client.wrap_bio(to_client, to_server, server_hostname="localhost")
    for end in (theirs, ours, theirs, ours):
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            pass
        up.write(to_server.read())
        to_client.write(down.read())
    theirs.write(bytes(60))
    up.write(to_server.read())
    assert ours.read(16_384) == bytes(60)
    ours.write(bytes(60))
    down.read()
    return ours, up, down


def resident() -> int:
    """KiB of this process."""
    return int(Path("/proc/self/status").read_text().split("VmRSS:")[1].split()[0])


def each(server: ssl.SSLContext, client: ssl.SSLContext, count: int, kept: Ends) -> float:
    """KiB for one of so many, all of which are ``kept``."""
    kept += [shaken(server, client) for _ in range(50)]
    before = resident()
    kept += [shaken(server, client) for _ in range(count)]
    return (resident() - before) / count


def main(folder: Path, certificate: str, key: str, count: int) -> None:
    """Print both."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    server.load_verify_locations(folder / "authority.pem")
    server.num_tickets = 0
    client = ssl.create_default_context(cafile=str(folder / "authority.pem"))
    client.load_cert_chain(certificate, key)
    kept: Ends = []
    stranger = each(server, client, count, kept)
    server.verify_mode = ssl.CERT_REQUIRED
    print(stranger, each(server, client, count, kept))


main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]))
