"""Thousands of clients in one process, cheap enough not to be what is measured.

``crowd.py ask|hear SETTINGS``, SETTINGS a file of JSON. All come at once, as after the server was restarted: who is
not let in comes again after a pause, as fan clients do. When all have been answered it says how that went; does its
work each time a line comes on standard input, and prints what it found as JSON; ends with its input. By TLS where the
variables FAND_TLS_... name certificates. The frames that it sends come ready made:

``ask``: every client asks each ``interval`` seconds for ``seconds``, at times fixed beforehand, while so many
``newcomers`` connect, ask once and leave.

``hear``: every client subscribes; ``changes`` are told by an operator's connection, each when the one before has
reached everybody.
"""

import errno
import heapq
import json
import os
import random
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

LONGEST = 240.0
"""Seconds after which who has not come will not come any more."""

HOSTS = [f"127.0.0.{number}" for number in range(2, 42)]


class Crowd:
    """All clients of this process; those who stay are known by their number."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.port: int = settings["port"]
        self.frames = [bytes.fromhex(frame) for frame in settings["frames"]]
        self.epoll = select.epoll()
        self.context = context()
        self.count: int = settings["count"]
        self.socks: list[Any] = []
        self.places: dict[int, int] = {}

    def come(self) -> dict[str, float]:
        """All come at once; what it took until each had been answered."""
        ready = [Newcomer(self, number, stays=True) for number in range(self.count)]
        begin = time.monotonic()
        due = [(begin, number, 0) for number in range(self.count)]
        coming: dict[int, tuple[Newcomer, int, int]] = {}
        there: dict[int, Any] = {}
        waits: list[float] = []
        tries = 0
        while len(there) < self.count:
            now = time.monotonic()
            while due and due[0][0] <= now:
                _, number, failures = heapq.heappop(due)
                one = Newcomer(self, number, stays=True) if failures else ready[number]
                one.come()
                coming[one.sock.fileno()] = one, number, failures
                tries += 1
            for file, _ in self.epoll.poll(max(0.0, due[0][0] - now) if due else 30.0, 4096):
                one, number, failures = coming[file]
                one.go_on()
                if one.took is None:
                    continue
                del coming[file]
                now = time.monotonic()
                if one.took < NEVER:
                    there[number] = one.sock
                    waits.append(now - begin)
                else:
                    heapq.heappush(due, (now + pause(failures + 1), number, failures + 1))
            if time.monotonic() > begin + LONGEST:
                raise SystemExit(f"{self.count - len(there)} did not get in within {LONGEST:g} s")
        for number in range(self.count):
            self.socks.append(sock := there[number])
            self.places[sock.fileno()] = number
            self.epoll.register(sock.fileno(), select.EPOLLIN)
        return {"seconds": time.monotonic() - begin, "half": shares(waits)["median"] / 1000, "tries": tries}

    def bound(self, number: int) -> socket.socket:
        """A socket of one of many hosts: one alone has too few ports."""
        sock = socket.socket()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT, see ip(7)
        sock.bind((HOSTS[number % len(HOSTS)], 0))
        return sock

    def connect(self, number: int) -> socket.socket:
        """One who has come, and waits for what he asks."""
        sock = self.bound(number)
        sock.connect(("127.0.0.1", self.port))
        return sock if self.context is None else self.context.wrap_socket(sock, server_hostname="localhost")

    def frame(self, number: int) -> bytes:
        """What this one asks."""
        return self.frames[number % len(self.frames)]

    def take(self, sock: Any) -> bytes:
        """What has come; nothing if that is no whole record.

        :raises ConnectionError: the server does not serve it any more
        """
        try:
            data: bytes = sock.recv(65536)
        except BlockingIOError:
            return b""
        if not data or b"disconnect" in data:
            said = data.decode("ascii", "backslashreplace") if data else "without a word"
            raise ConnectionError(f"the server ended a connection: {said}")
        return data


class Secure:
    """TLS over ``sock``, which does not block, as far as a crowd needs it. Its hello is ready at once: thousands of
    hosts do not wait for one another to make theirs.
    """

    def __init__(self, sock: socket.socket, context: ssl.SSLContext) -> None:
        self._sock = sock
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname="localhost")
        self.fileno, self.close = sock.fileno, sock.close
        self._go_on()

    def shakes_hands(self) -> bool:
        """Do the next step of the handshake; whether that is over."""
        if self._outgoing.pending:
            self._sock.sendall(self._outgoing.read())
            return False
        try:
            data = self._sock.recv(65536)
        except BlockingIOError:
            return False
        if not data:
            raise ConnectionError("the server ended a connection in the handshake")
        self._incoming.write(data)
        return self._go_on()

    def send(self, data: bytes) -> None:
        """Send ``data``, the first time with the end of the handshake."""
        self._tls.write(data)
        self._sock.sendall(self._outgoing.read())

    def recv(self, size: int) -> bytes:
        """What has come.

        :raises BlockingIOError: nothing whole
        """
        if not (data := self._sock.recv(size)):
            return b""
        self._incoming.write(data)
        parts = []
        try:
            while part := self._tls.read(size):
                parts.append(part)
        except ssl.SSLWantReadError:
            if not parts:
                raise BlockingIOError from None
        return b"".join(parts)

    def _go_on(self) -> bool:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True


class Newcomer:
    """Connects, asks, is answered, and leaves unless it ``stays``; ``took`` is how long that was, :data:`NEVER` if it
    was sent away.
    """

    def __init__(self, crowd: Crowd, number: int, *, stays: bool) -> None:
        self.stays = stays
        self.took: float | None = None
        self.crowd = crowd
        self.frame = crowd.frame(number)
        self.asked = False
        self.bare = crowd.bound(number)
        self.bare.setblocking(False)
        self.sock: Any = self.bare if crowd.context is None else Secure(self.bare, crowd.context)

    def come(self) -> None:
        """Connect."""
        self.began = time.monotonic()
        if (status := self.bare.connect_ex(("127.0.0.1", self.crowd.port))) not in (0, errno.EINPROGRESS):
            raise SystemExit(f"a newcomer could not connect: {os.strerror(status)}")
        self.crowd.epoll.register(self.bare.fileno(), select.EPOLLOUT)

    def go_on(self) -> None:
        """It is readable or writable."""
        try:
            if self._served():
                self._leave(time.monotonic() - self.began)
        except OSError:  # ssl.SSLError is one
            self._leave(NEVER)

    def _leave(self, took: float) -> None:
        self.took = took
        self.crowd.epoll.unregister(self.sock.fileno())
        if took == NEVER or not self.stays:
            self.sock.close()

    def _served(self) -> bool:
        """Do the next step; whether the answer has come."""
        if self.asked:
            return bool(self.crowd.take(self.sock))
        if status := self.bare.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(status, os.strerror(status))
        self.crowd.epoll.modify(self.bare.fileno(), select.EPOLLIN)
        if not isinstance(self.sock, Secure) or self.sock.shakes_hands():
            self.asked = True
            self.sock.send(self.frame)
        return False


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
            newcomer = Newcomer(crowd, arrived, stays=False)
            newcomer.come()
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


def pause(failures: int) -> float:
    """Seconds until a fan client comes again that failed so often in a row."""
    return random.uniform(1, min(10, 2**failures))


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
    crowd = Crowd(settings)
    print(json.dumps(crowd.come()), flush=True)
    for _ in sys.stdin:
        print(json.dumps((ask if kind == "ask" else hear)(crowd, settings)), flush=True)


main()
