"""``make bench``: fand beside the real fand 0.1.1 and bare references, in turn within one run; medians and ratios.

Nothing here is a verdict: machines differ, and a busy one is slow. Ratios within one run are what counts.
"""

import argparse
import contextlib
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from fand.wire import Request, encode

ROOT = Path(__file__).parents[1]
HERE = Path(__file__).parent
PEER = ROOT / ".cache" / "bench-0.1.1"
SHELF = "shelf1"

OUR_TOML = """\
[curves.drives]
points = [[30, 50]]
[shelves.shelf1]
curves = { hdd = "drives" }
devices = [{ fake = 30 }]
[client]
shelf = "shelf1"
servers = ["127.0.0.1:PORT"]
[[client.fans]]
name = "front"
fake = "FOLDER/duty"
"""
THEIR_INI = """\
[DEFAULT]
shelves = shelf1
hdd_temps = 0: 50
ssd_temps = 0: 50
cpu_temps = 0: 50
[shelf1]
devices = cpu; host
"""


def peer() -> Path:
    """The Python of a venv with fand 0.1.1, made if need be."""
    python = PEER / "bin" / "python"
    if not (PEER / "complete").exists():
        shutil.rmtree(PEER, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", PEER], check=True)
        packages = ("fand==0.1.1", "psutil", "pySMART")
        subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *packages], check=True)
        (PEER / "complete").touch()
    return python


@contextlib.contextmanager
def running(command: list[object], folder: Path, cpus: set[int]) -> Iterator[subprocess.Popen[str]]:
    """Run a daemon, pinned to ``cpus``, until the block ends."""
    with subprocess.Popen(
        [str(part) for part in command],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cpus),
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def first_line(process: subprocess.Popen[str]) -> str:
    """What a daemon prints first."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def await_port(port: int) -> None:
    """Wait until somebody listens on ``port``, half a minute at most."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise SystemExit(f"nobody listens on port {port}")


def free_port() -> int:
    """A port that is free now, for 0.1.1, which cannot choose one."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def resident(process: subprocess.Popen[str]) -> float:
    """Resident memory in MiB."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def in_turn(contestants: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Each of them once a round, so that a machine whose speed drifts is fair to all."""
    results: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, contestant in contestants.items():
            results[name].append(contestant())
    return results


def table(title: str, unit: str, results: Mapping[str, list[float]], base: str) -> None:
    """Print medians, spreads, and ratios to ``base``."""
    print(f"\n{title}\n  {'':34}{'median':>10}{'lowest':>10}{'highest':>10}  {unit:5} ratio to {base}")
    beside = statistics.median(results[base])
    for name, values in results.items():
        median = statistics.median(values)
        spread = f"{min(values):>10.1f}{max(values):>10.1f}"
        print(f"  {name:34}{median:>10.1f}{spread}  {unit:5} {median / beside:.2f}")


def trips(python: object, kind: str, port: int, seconds: float, cpus: set[int], *frame: object) -> float:
    """Round trips a second of one client process."""
    command = [python, HERE / "trips.py", kind, port, SHELF, seconds, *frame]
    done = subprocess.run(
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        cwd=PEER,
        preexec_fn=lambda: os.sched_setaffinity(0, cpus),
    )
    return float(done.stdout)


def whole(command: list[object]) -> float:
    """Milliseconds of one whole process."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    begin = time.perf_counter()
    subprocess.run([str(part) for part in command], stdout=subprocess.DEVNULL, check=True, env=environ, cwd=PEER)
    return (time.perf_counter() - begin) * 1000


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured (%(default)s)")
    parser.add_argument("--seconds", type=float, default=1.0, help="how long round trips are counted (%(default)s)")
    args = parser.parse_args()
    old = peer()
    bin_folder = Path(sys.executable).parent
    cpus = {min(os.sched_getaffinity(0))}
    machine = f"{os.cpu_count()} processors of {platform.machine()}"
    print(f"fand beside fand 0.1.1 on Python {platform.python_version()}, {machine}")
    print("round trips: client and server pinned to one processor")
    ask, answer = encode(Request.GET_PWM, (SHELF,)), encode(Request.SET_PWM, (SHELF, 50))
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        (folder / "fand.ini").write_text(THEIR_INI)
        (folder / "fand.toml").write_text(OUR_TOML.replace("FOLDER", name).replace("PORT", "9999"))
        ours = stack.enter_context(
            running([bin_folder / "fand-server", "-c", "fand.toml", "-a", "127.0.0.1", "-p", 0], folder, cpus)
        )
        our_port = int(first_line(ours).rpartition(":")[2])
        (folder / "fand.toml").write_text(OUR_TOML.replace("FOLDER", name).replace("PORT", str(our_port)))
        their_port = free_port()
        theirs = stack.enter_context(
            running(
                [old, "-m", "fand", "server", "-c", "fand.ini", "-a", "127.0.0.1", "-p", their_port], folder, cpus
            )
        )
        await_port(their_port)
        echoes = {}
        for kind in ("thread", "asyncio"):
            echo = stack.enter_context(
                running([sys.executable, HERE / "references.py", kind, len(ask), len(answer)], folder, cpus)
            )
            echoes[kind] = int(first_line(echo))

        def bare(port: int, frame: bytes, size: int) -> float:
            return trips(sys.executable, "socket", port, args.seconds, cpus, frame.hex(), size)

        client = stack.enter_context(running([bin_folder / "fand-client", "-c", "fand.toml"], folder, cpus))
        results = in_turn(
            {
                "fand 0.1.1": lambda: bare(their_port, ask, len(_old_answer(their_port, ask))),
                "fand": lambda: bare(our_port, ask, len(answer)),
                "asyncio echo": lambda: bare(echoes["asyncio"], ask, len(answer)),
                "blocking thread echo": lambda: bare(echoes["thread"], ask, len(answer)),
            },
            args.rounds,
        )
        table("GET_PWM by a bare socket", "/s", results, "fand 0.1.1")
        results = in_turn(
            {
                "fand 0.1.1": lambda: trips(old, "library", their_port, args.seconds, cpus),
                "fand": lambda: trips(sys.executable, "library", our_port, args.seconds, cpus),
            },
            args.rounds,
        )
        table("GET_PWM, fand.communication at both ends", "/s", results, "fand 0.1.1")
        get = ["-a", "127.0.0.1", "-p"]
        results = in_turn(
            {
                "fand 0.1.1": lambda: whole([old.parent / "fanctl", *get, their_port, "get-pwm", SHELF]),
                "fand": lambda: whole([bin_folder / "fanctl", *get, our_port, "get-pwm", SHELF]),
                "python -c pass": lambda: whole([sys.executable, "-c", "pass"]),
            },
            4 * args.rounds,
        )
        table("fanctl get-pwm, whole process", "ms", results, "fand 0.1.1")
        memory = {"fand 0.1.1": [resident(theirs)], "fand": [resident(ours)], "fand-client": [resident(client)]}
        table("resident memory: servers, and our fan client", "MiB", memory, "fand 0.1.1")


def _old_answer(port: int, ask: bytes) -> bytes:
    """What 0.1.1 answers to ``ask``: its frames have another length than ours."""
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.sendall(ask)
        return sock.recv(65536)


if __name__ == "__main__":
    main()
