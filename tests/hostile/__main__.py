"""``make hostile``: thousands of hostile connections at once, and how long honest clients wait meanwhile."""

import argparse
import json
import resource
import tempfile
from pathlib import Path

from tests.hostile.live import attacked
from tests.hostile.secure import Secured
from tests.hostile.tide import Honest, Waits, most, tide


def report(waits: tuple[Waits, Waits], memory: int) -> None:
    """Print how long answers took, and the server's memory in KiB."""
    print(f"  fan clients  {waits[0]}\n  operator     {waits[1]}\n  server       {memory // 1024} MiB", flush=True)


def stand(folder: Path, known: Secured | None, count: int, fans: int, seconds: float) -> None:
    """Let a server stand a tide of ``count``; if it knows anybody, it speaks TLS."""
    folder.mkdir()
    with attacked(folder, known=known, most=2**30) as live:
        honest = Honest(live, fans)
        print("nobody else")
        report(honest.wait(2), live.memory())
        live.measure()
        with tide(live.port, count, None if known is None else known.folder) as process:
            print(f"{count} hostile connections{'' if known is None else ' where TLS is spoken'}")
            waits = honest.wait(seconds)
            report(waits, live.memory("VmHWM"))
            told = json.loads(process.communicate(timeout=60)[0])
        for what, figures in told.items():
            print(f"  {what}: " + ", ".join(f"{value} {name}" for name, value in figures.items()))
        assert live.server.process.poll() is None, "the server has ended"
        honest.close()


parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
parser.add_argument("--connections", type=int, default=10_000)
parser.add_argument("--fans", type=int, default=20, help="fan clients, connected before")
parser.add_argument("--seconds", type=float, default=20, help="how long they ask, one after the other")
parser.add_argument("--only", choices=("plain", "tls"), help="at one port, not at both")
args = parser.parse_args()
count = min(args.connections, most())
if count < args.connections:
    print(f"the descriptors of a process here suffice for {count} connections only; see ulimit -Hn")
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
with tempfile.TemporaryDirectory() as name:
    if args.only != "tls":
        stand(Path(name, "plain"), None, count, args.fans, args.seconds)
    if args.only != "plain":
        stand(Path(name, "tls"), Secured(Path(name, "known")), count, args.fans, args.seconds)
