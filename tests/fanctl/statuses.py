"""Statuses as servers send them."""

from typing import Any

NOW = 1_900_000_000.0


def device(name: str = "S1", **other: Any) -> dict[str, Any]:
    return {
        "name": name,
        "kind": "drive",
        "position": "1,1",
        "family": "hdd",
        "health": "good",
        "celsius": 39.25,
        "age": 3.2,
        "failure": None,
        "optional": False,
        **other,
    }


def status(**other: Any) -> dict[str, Any]:
    return {
        "duty": 62,
        "reason": "hdd S1 at 39.2 °C on curve drives -> 62 %",
        "demand": 61.5,
        "faults": [],
        "alarms": [],
        "certificates": [],
        "override": None,
        "rpm": 1500,
        "fans": [{"name": "front", "rpm": 1500, "duty": 62, "state": "ok"}],
        "fans_age": 2.0,
        "client": {"address": "127.0.0.1:50432", "state": "live", "age": 2.0},
        "devices": [device(), device("S2", position="1,2", health="asleep", celsius=None)],
        "next": None,
        **other,
    }
