"""The corpus: inputs worth keeping, one a line, so that it is one small file a target and not a thousand."""

from base64 import b64decode, b64encode
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "corpus"
MOST: Final = 140_000
"""Bytes of one file."""


def read(target: str, folder: Path = FOLDER) -> list[bytes]:
    """The inputs that are kept for ``target``."""
    file = folder / f"{target}.txt"
    return [b64decode(line, validate=True) for line in file.read_bytes().splitlines()] if file.exists() else []


def pack(inputs: Iterable[bytes], most: int = MOST) -> bytes:
    """The file of these inputs, the shortest first; what would make it longer than ``most`` bytes is left out."""
    lines, size = [], 0
    for data in sorted(set(inputs), key=lambda data: (len(data), data)):
        line = b64encode(data) + b"\n"
        size += len(line)
        if size > most:
            break
        lines.append(line)
    return b"".join(lines)


def lay_out(inputs: Iterable[bytes], folder: Path) -> None:
    """Put each input into ``folder`` as a file of its own, as atheris wants them."""
    folder.mkdir(parents=True, exist_ok=True)
    for data in inputs:
        (folder / sha256(data).hexdigest()[:20]).write_bytes(data)


def gather(folder: Path) -> list[bytes]:
    """The inputs that lie in ``folder``."""
    return [path.read_bytes() for path in sorted(folder.iterdir())]
