"""The table of attacks in the docs.

``python -m tests.hostile.table`` brings it up to date.
"""

import csv
import io
from pathlib import Path
from typing import Final

from tests.hostile import crowds, payloads, records, reports, requests, strangers, streams

PAGE: Final = Path(__file__).parents[2] / "docs" / "attacks.csv"

ALL: Final = (
    *payloads.ATTACKS,
    *streams.ATTACKS,
    *requests.ATTACKS,
    *reports.ATTACKS,
    *crowds.ATTACKS,
    *strangers.ATTACKS,
    *records.ATTACKS,
)
"""Every attack."""


def table() -> str:
    """The table as it should be."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("Attack", "What is done", "Outcome"))
    for attack in ALL:
        writer.writerow(tuple(map(_cell, (attack.name, attack.line, attack.outcome))))
    return out.getvalue()


def _cell(text: str) -> str:
    """``text`` without what the docs would take for markup, or cannot show."""
    shown = "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)
    return "".join(f"\\{char}" if char in "\\*`_|" else char for char in shown)


if __name__ == "__main__":
    PAGE.write_text(table(), encoding="utf-8")
