"""``python -m tests.fuzz``: fuzz for a while, keep what was found, and tell how far it came."""

import argparse
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NoReturn

from tests.fuzz import corpus, figures
from tests.fuzz.targets import TARGETS

WORK: Final = Path(__file__).parents[2] / ".cache" / "fuzz"
OPTIONS: Final = ("-timeout=10", "-rss_limit_mb=600", "-print_final_stats=1")
"""An input that takes ten seconds, or a process of 600 MiB, is a broken promise as well."""
_CRASHES: Final = ("crash-*", "timeout-*", "oom-*")


def main(argv: Sequence[str] | None = None) -> int:
    """Fuzz, or replay; the exit status is 0 only if no promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzz what strangers reach.")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long, all targets together (10)")
    parser.add_argument("--target", choices=TARGETS, action="append", help="only this one")
    parser.add_argument("--work", type=Path, default=WORK, help="where to go on from, and to leave what is found")
    parser.add_argument("--replay", type=Path, help="only play this input, of the one --target")
    args = parser.parse_args(argv)
    names = args.target or list(TARGETS)
    if args.replay is not None:
        for name in names:
            TARGETS[name].check(args.replay.read_bytes())
        return 0
    signal.signal(signal.SIGTERM, _interrupt)
    crashes = 0
    try:
        for name in names:
            crashes += Run(name, args.work / name).fuzz(args.minutes * 60 / len(names))
    except KeyboardInterrupt:
        return 130
    return 1 if crashes else 0


def _interrupt(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


class Run:
    """Fuzzing of one target. ``work`` holds all inputs that ever reached something new, and those that broke
    anything; another run goes on from there.
    """

    def __init__(self, name: str, work: Path) -> None:
        self._name = name
        self._target = TARGETS[name]
        self._work = work
        self._inputs = work / "inputs"

    def fuzz(self, seconds: float, table: Path = figures.TABLE, kept: Path = corpus.FOLDER) -> int:
        """Fuzz for so long; returns how many promises were broken, 1 at most, for the first one ends it."""
        corpus.lay_out([*self._target.seeds(), *corpus.read(self._name, kept)], self._inputs)
        corpus.lay_out([path.read_bytes() for path in self._crashes()], self._inputs)
        words = self._work / "words"
        words.write_text("".join(_quoted(word) for word in self._target.words()))
        options = (f"-max_total_time={round(seconds)}", f"-dict={words}", f"-max_len={self._target.longest}")
        lines: list[str] = []
        started, interrupted = time.monotonic(), False
        with self._child(*options, f"-artifact_prefix={self._work}/", self._inputs) as child:
            assert child.stdout is not None
            try:
                lines.extend(child.stdout)
            except KeyboardInterrupt:
                interrupted = True
                child.send_signal(signal.SIGINT)
                lines += child.stdout
        found = figures.read(lines)
        broken = 0 if interrupted or child.returncode == 0 else 1
        spent = time.monotonic() - started
        day = datetime.now(UTC).date()
        figures.append(table, day, self._name, spent, figures.Figures(found.executions, found.edges, broken))
        print(f"{self._name}: {found.executions} executions, {found.edges} edges, {broken} crashes in {spent:.0f} s")
        if broken:
            print("".join(lines[-40:]))
            for path in self._crashes():
                print(f"play it again: python -m tests.fuzz --target {self._name} --replay {path}")
            return broken
        if interrupted:
            raise KeyboardInterrupt
        self._keep(kept)
        return 0

    def _keep(self, kept: Path) -> None:
        """Pack the smallest inputs that together reach all that was reached."""
        least = self._work / "least"
        if least.exists():
            for path in least.iterdir():
                path.unlink()
        least.mkdir(exist_ok=True)
        with self._child("-merge=1", least, self._inputs) as child:
            output = child.communicate()[0]
        if child.returncode:
            raise RuntimeError(f"the inputs could not be merged:\n{output}")
        packed = corpus.pack(corpus.gather(least))
        (kept / f"{self._name}.txt").write_bytes(packed)
        print(f"{self._name}: {len(packed.splitlines())} inputs kept, {len(packed)} bytes")

    def _crashes(self) -> list[Path]:
        return [path for pattern in _CRASHES for path in self._work.glob(pattern)]

    def _child(self, *options: str | Path) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.fuzz.child", self._name, *OPTIONS, *map(str, options)]
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        )


def _quoted(word: bytes) -> str:
    """``word`` as a line of a libFuzzer dictionary."""
    return '"' + "".join(f"\\x{byte:02x}" for byte in word) + '"\n'


if __name__ == "__main__":
    sys.exit(main())
