"""The real fand 0.1.1 under every Python at hand, each in a virtual environment of its own.

The environments are made on demand from the package index and kept in ``.cache/peers``.
"""

import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache" / "peers"
SCRIPTS = Path(__file__).parent / "scripts"
RELEASE = "fand==0.1.1"
PACKAGES = (RELEASE, "gpiozero", "psutil", "pySMART")
MINORS = range(7, 14)


def pythons() -> dict[str, Path]:
    """Every CPython of 3.7 to 3.13 on PATH, in /usr/bin or in pyenv, by its full version."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates = sorted(pyenv.glob("versions/3.*/bin/python"))
    folders = (*os.environ.get("PATH", "").split(os.pathsep), "/usr/bin")
    for folder in dict.fromkeys(folders):
        # a shim of pyenv is no interpreter; what it stands for is listed already
        if Path(folder) != pyenv / "shims":
            candidates += [Path(folder) / f"python3.{minor}" for minor in MINORS]
    found: dict[str, Path] = {}
    for candidate in candidates:
        version = _version(candidate)
        if version is not None:
            found.setdefault(version, candidate)
    return dict(sorted(found.items(), key=lambda item: [int(part) for part in item[0].split(".")]))


def _version(python: Path) -> str | None:
    """``3.X.Y`` where ``python`` is one that fand 0.1.1 runs on."""
    if not os.access(python, os.X_OK):
        return None
    answer = subprocess.run([python, "--version"], capture_output=True, text=True, check=False).stdout
    match = re.fullmatch(r"Python (3\.(\d+)\.\d+)\s*", answer)
    return match[1] if match and int(match[2]) in MINORS else None


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Only one process at a time is in here."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@dataclass(frozen=True)
class Peer:
    """fand 0.1.1 in its own environment."""

    python: Path

    def command(self, script: str, *args: object) -> list[str]:
        """The command line that runs one of our scripts on the peer's side."""
        # -I: neither this folder nor PYTHONPATH may put our own package before the peer's
        return [str(self.python), "-I", str(SCRIPTS / script), *map(str, args)]

    def fand(self, *args: object) -> list[str]:
        """The command line of the peer's own program."""
        return [str(self.python), "-I", "-m", "fand", *map(str, args)]


def make(version: str, python: Path) -> Peer:
    """The peer for one Python, made unless it is there; skips, saying why, where it cannot be made."""
    folder = CACHE / version
    complete = folder / "complete"
    wanted = "\n".join(PACKAGES)
    with _locked(CACHE / f"{version}.lock"):
        if not complete.exists() or complete.read_text() != wanted:
            shutil.rmtree(folder, ignore_errors=True)
            _or_skip(f"no virtual environment for Python {version}", [python, "-m", "venv", folder])
            install: list[str | Path] = [
                folder / "bin/python",
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
            ]
            _or_skip(f"{RELEASE} is not to be had for Python {version}", [*install, "--retries", "1", *PACKAGES])
            complete.write_text(wanted)
    return Peer(folder / "bin/python")


def example_ini(peer: Peer) -> Path:
    """The example configuration that the source distribution of fand 0.1.1 carries."""
    folder = CACHE / "sdist"
    with _locked(CACHE / "sdist.lock"):
        if not list(folder.glob("*.tar.gz")):
            options = ("--quiet", "--no-deps", "--no-binary", ":all:", "--dest", folder)
            _or_skip(f"{RELEASE} cannot be downloaded", [peer.python, "-m", "pip", "download", *options, RELEASE])
        (archive,) = folder.glob("*.tar.gz")
        unpacked = folder / archive.name.removesuffix(".tar.gz")
        if not unpacked.exists():
            shutil.unpack_archive(archive, folder, filter="data")
    return unpacked / "config" / "fand.ini.example"


def _or_skip(what: str, command: Sequence[str | Path]) -> None:
    """Run ``command``, or skip the test with its last words."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        words = done.stdout.strip().splitlines() or [f"status {done.returncode}"]
        pytest.skip(f"{what}: {words[-1]}")
