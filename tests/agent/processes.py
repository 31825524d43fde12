"""Real agents, as processes of their own."""

import subprocess
import sys
from pathlib import Path

from tests.fanclient.processes import Program


def agent(config: Path, *options: str, **environ: str) -> Program:
    """A running ``fand-agent``; its log is beside its configuration."""
    return Program(config.with_suffix(".log"), "agent", "-c", str(config), "-v", *options, env=environ)


def ended(*options: str) -> "subprocess.CompletedProcess[str]":
    """A run of ``fand-agent`` that ends by itself."""
    words = [sys.executable, "-m", "fand", "agent", *options]
    return subprocess.run(words, capture_output=True, text=True, timeout=40, check=False)
