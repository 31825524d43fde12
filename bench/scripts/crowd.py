"""Thousands of clients in one process, cheap enough not to be what is measured.

``crowd.py ask|hear SETTINGS``, SETTINGS a file of JSON. Connects all, says ``there``; does its work each time a line
comes on standard input, and prints what it found as JSON; ends with its input. By TLS where the variables
FAND_TLS_... name certificates. The frames that it sends come ready made:

``ask``: every client asks each ``interval`` seconds for ``seconds``, at times fixed beforehand, while so many
``newcomers`` connect, ask once and leave.

``hear``: every client subscribes; ``changes`` are told by an operator's connection, each when the one before has
reached everybody.
"""

import errno
import json
import os
import resource
import select
import socket
import ssl
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

NEVER = 30.0
"""Seconds that count as the wait of who is not served at all."""

HOSTS = [f"127.0.0.{number}" for number in range(2, 42)]


class Crowd:
    """All clients of this process; those who stay are known by their number."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.port: int = settings["port"]
        self.frames = [bytes.fromhex(frame) for frame in settings["frames"]]
        self.epoll = select.epoll()
        self.context = context()
        self.socks = [self.connect(number) for number in range(settings["count"])]
        self.places = {sock.fileno(): number for number, sock in enumerate(self.socks)}
        for sock in self.socks:
            sock.setblocking(False)
            self.epoll.register(sock.fileno(), select.EPOLLIN)

    def bound(self, number: int) -> socket.socket:
        """A socket of one of many hosts: one alone has too few ports."""
        sock = socket.socket()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT, see ip(7)
        sock.bind((HOSTS[number % len(HOSTS)], 0))
        return sock

    def connect(self, number: int) -> socket.socket:
        """One who has come."""
        sock = self.bound(number)
        sock.connect(("127.0.0.1", self.port))
        return sock if self.context is None else self.context.wrap_socket(sock, server_hostname="localhost")

    def frame(self, number: int) -> bytes:
        """What this one asks."""
        return self.frames[number % len(self.frames)]

    def take(self, sock: socket.socket) -> bytes:
        """What has come; nothing if that is no whole record.

        :raises ConnectionError: the server does not serve it any more
        """
        try:
            data = sock.recv(65536)
        except (BlockingIOError, ssl.SSLWantReadError):
            return b""
        if not data or b"disconnect" in data:
            said = data.decode("ascii", "backslashreplace") if data else "without a word"
            raise ConnectionError(f"the server ended the connection of {sock.getsockname()}: {said}")
        return data


class Newcomer:
    """Connects, asks, is answered, leaves; ``took`` is how long that was, :data:`NEVER` if it was sent away."""

    def __init__(self, crowd: Crowd, number: int) -> None:
        self.began = time.monotonic()
        self.took: float | None = None
        self.crowd = crowd
        self.asked = False
        self.frame = crowd.frame(number)
        sock = crowd.bound(number)
        sock.setblocking(False)
        if (status := sock.connect_ex(("127.0.0.1", crowd.port))) not in (0, errno.EINPROGRESS):
            raise SystemExit(f"a newcomer could not connect: {os.strerror(status)}")
        if crowd.context is not None:
            sock = crowd.context.wrap_socket(sock, server_hostname="localhost", do_handshake_on_connect=False)
        self.sock = sock
        crowd.epoll.register(sock.fileno(), select.EPOLLOUT)

    def go_on(self) -> None:
        """It is readable or writable."""
        try:
            if self._served():
                self._leave(time.monotonic() - self.began)
        except (ConnectionError, ssl.SSLError):
            self._leave(NEVER)

    def _leave(self, took: float) -> None:
        self.took = took
        self.crowd.epoll.unregister(self.sock.fileno())
        self.sock.close()

    def _served(self) -> bool:
        """Do the next step; whether the answer has come."""
        if not self.asked:
            try:
                if isinstance(self.sock, ssl.SSLSocket):
                    self.sock.do_handshake()
                self.sock.send(self.frame)
            except ssl.SSLWantReadError:
                self.crowd.epoll.modify(self.sock.fileno(), select.EPOLLIN)
                return False
            except ssl.SSLWantWriteError:
                return False
            self.asked = True
            self.crowd.epoll.modify(self.sock.fileno(), select.EPOLLIN)
            return False
        return bool(self.crowd.take(self.sock))


def ask(crowd: Crowd, settings: dict[str, Any]) -> dict[str, Any]:
    """Ask and be answered; times count from when the question was due, so that our own delays count too."""
    count, seconds = len(crowd.socks), settings["seconds"]
    step, pause = settings["interval"] / count, seconds / max(1, settings["newcomers"])
    due = [0.0] * count
    waits: list[float] = []
    late: list[float] = []
    came: list[float] = []
    newcomers: dict[int, Newcomer] = {}
    cpu, begin = time.process_time(), time.monotonic() + 0.1
    asked = answered = arrived = 0
    total = int(seconds / step)
    end = begin + seconds + NEVER
    while (answered < total or len(came) < settings["newcomers"]) and time.monotonic() < end:
        now = time.monotonic()
        while asked < total and begin + asked * step <= now:
            number = asked % count
            due[number] = begin + asked * step
            crowd.socks[number].send(crowd.frame(number))
            now = time.monotonic()
            late.append(now - due[number])
            asked += 1
        if arrived < settings["newcomers"] and begin + arrived * pause <= now:
            newcomer = Newcomer(crowd, arrived)
            newcomers[newcomer.sock.fileno()] = newcomer
            arrived += 1
        soon = begin + asked * step if asked < total else now + 0.1
        for file, _ in crowd.epoll.poll(max(0.0, min(soon, begin + arrived * pause) - now), 4096):
            place = crowd.places.get(file)
            if place is None:
                newcomer = newcomers[file]
                newcomer.go_on()
                if newcomer.took is not None:
                    del newcomers[file]
                    came.append(newcomer.took)
            elif crowd.take(crowd.socks[place]):
                waits.append(time.monotonic() - due[place])
                answered += 1
    waits += [NEVER] * (total - answered)
    came += [NEVER] * (settings["newcomers"] - len(came))
    return {
        "asked": total,
        "answered": answered,
        "waits": shares(waits),
        "late": shares(late),
        "came": sum(took < NEVER for took in came),
        "newcomers": shares(came),
        "cpu": (time.process_time() - cpu) / (time.monotonic() - begin),
    }


def hear(crowd: Crowd, settings: dict[str, Any]) -> list[dict[str, float]]:
    """Change the duty, and note when each has heard of it."""
    operator = crowd.connect(0)
    found = []
    for change, pushed in settings["changes"]:
        told, push = bytes.fromhex(change), bytes.fromhex(pushed)
        waits: list[float] = []
        missing = set(range(len(crowd.socks)))
        begin = time.monotonic()
        operator.sendall(told)
        while missing and time.monotonic() < begin + 30:
            for file, _ in crowd.epoll.poll(1.0, 4096):
                place = crowd.places[file]
                if push in crowd.take(crowd.socks[place]) and place in missing:
                    missing.discard(place)
                    waits.append(time.monotonic() - begin)
        if missing:
            raise SystemExit(f"{len(missing)} did not hear of a change")
        operator.recv(65536)
        found.append(shares(waits))
    return found


def shares(values: Sequence[float]) -> dict[str, float]:
    """Median, the time within which 99 of 100 were served, and the worst, in milliseconds."""
    ordered = sorted(values) or [0.0]
    places = {"median": len(ordered) // 2, "p99": int(len(ordered) * 0.99), "worst": len(ordered) - 1}
    return {name: 1000 * ordered[place] for name, place in places.items()}


def context() -> ssl.SSLContext | None:
    """TLS if it is wanted."""
    if "FAND_TLS_CERTIFICATE" not in os.environ:
        return None
    found = ssl.create_default_context(cafile=os.environ["FAND_TLS_AUTHORITY"])
    found.load_cert_chain(os.environ["FAND_TLS_CERTIFICATE"], os.environ["FAND_TLS_KEY"])
    return found


def main() -> None:
    """Come, and do as told."""
    kind, settings = sys.argv[1], json.loads(Path(sys.argv[2]).read_text())
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    begin = time.monotonic()
    crowd = Crowd(settings)
    if kind == "hear":
        for number, sock in enumerate(crowd.socks):
            sock.send(crowd.frame(number))
        missing = set(range(len(crowd.socks)))
        while missing:
            for file, _ in crowd.epoll.poll(30.0, 4096):
                place = crowd.places[file]
                if crowd.take(crowd.socks[place]):
                    missing.discard(place)
    print("there", time.monotonic() - begin, flush=True)
    for _ in sys.stdin:
        print(json.dumps((ask if kind == "ask" else hear)(crowd, settings)), flush=True)


main()
