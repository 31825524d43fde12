"""Write the tables that a fand.ini became as the text of a fand.toml."""

import json
import re
from collections.abc import Mapping
from typing import Any


def document_to_toml(document: Mapping[str, Any], title: str) -> str:
    """The text of a fand.toml with the tables of :func:`fand.config.ini.parse`; ``title`` is its first line."""
    lines = [f"# {_comment(title)}", "# docs/configuration.rst explains every key."]
    if document["server"]:
        lines += ["", "[server]", *(f"{key} = {_value(value)}" for key, value in document["server"].items())]
    for name, curve in document["curves"].items():
        lines += [
            "",
            "# [°C, percent]: each duty holds up to the next temperature",
            f"[curves.{_key(name)}]",
            *(f"{key} = {_value(value)}" for key, value in curve.items()),
        ]
    for name, shelf in document["shelves"].items():
        lines += [
            "",
            f"[shelves.{_key(name)}]",
            f"curves = {_value(shelf['curves'])}  # NVMe drives follow ssd",
            f"floor = {_value(shelf['floor'])}  # percent: fand 0.1.1 had no least duty; the usual one is 20",
            "devices = [",
            *(f"  {_value(device)}," for device in shelf["devices"]),
            "]",
        ]
    return "\n".join(lines) + "\n"


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(key)} = {_value(entry)}" for key, entry in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, float):
        return repr(value)  # JSON would write NaN and infinity otherwise than TOML
    # a JSON string is a TOML string, but for the one control character that JSON lets stand
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _value(name)


def _comment(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)
