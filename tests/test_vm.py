"""The lists of checks that the virtual machine owes name checks that its jobs make."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

VM = Path(__file__).parent / "vm"


def texts(job: str) -> Iterator[str]:
    """A pattern for every text in the checks of a job; what is filled in may be anything."""
    for node in ast.walk(ast.parse((VM / job / "checks.py").read_text())):
        if isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else None for part in node.values]
            yield "".join(".+" if part is None else re.escape(str(part)) for part in parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield re.escape(node.value)


@pytest.mark.parametrize("job", ["job", "job-systemd", "job-hardened"])
def test_every_check_that_is_owed_is_one_that_is_made(job: str) -> None:
    owed = [name for name in (VM / job / "checks.txt").read_text().splitlines() if not name.startswith("#")]
    assert len(set(owed)) == len(owed) > 0
    patterns = [re.compile(text) for text in texts(job)]
    assert [name for name in owed if not any(pattern.fullmatch(name) for pattern in patterns)] == []
