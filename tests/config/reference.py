"""The tables of keys in docs/configuration.rst, written from the types that the files are checked against.

``python -m tests.config.reference`` brings the page up to date.
"""

import json
import re
from pathlib import Path
from typing import Annotated, get_args, get_origin

import msgspec

from fand.config import curves, tables
from fand.config.checked import describe

PAGE = Path(__file__).parents[2] / "docs" / "configuration.rst"
TABLES = {
    name: kind
    for module in (tables, curves)
    for name, kind in vars(module).items()
    if isinstance(kind, type) and kind.__module__ == module.__name__
}

_TABLE = re.compile(r"^\.\. keys: (\w+)\n\n+(?:\.\. list-table::\n(?:\n|   .*\n)*)?", re.MULTILINE)
_HEAD = ["Key", "Value", "Default", "Meaning"]


def updated(page: str) -> str:
    """``page`` with its tables of keys as they should be."""
    return _TABLE.sub(lambda match: _table(match[1]), page)


def shown(page: str) -> list[str]:
    """The names of the tables that the page has."""
    return _TABLE.findall(page)


def _table(name: str) -> str:
    fields = msgspec.structs.fields(TABLES[name])
    rows = [_HEAD, *([f"``{field.name}``", *_cells(field)] for field in fields)]
    lines = [f".. keys: {name}", "", ".. list-table::", "   :header-rows: 1", "   :widths: 14 24 12 50", ""]
    for first, *rest in rows:
        lines += [f"   * - {first}", *(f"     - {cell}" for cell in rest)]
    return "\n".join(lines) + "\n\n"


def _cells(field: msgspec.structs.FieldInfo) -> list[str]:
    assert get_origin(field.type) is Annotated, f"{field.name} has no description"
    meaning = next(note.description for note in get_args(field.type)[1:] if note.description)
    default = field.default
    if field.required:
        shown_default = "must be given"
    elif default is None or isinstance(default, msgspec.Struct):
        shown_default = "none"
    else:
        shown_default = f"``{json.dumps(default).removesuffix('.0')}``"
    return [describe(field.type), shown_default, meaning]


if __name__ == "__main__":
    PAGE.write_text(updated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
