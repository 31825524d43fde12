import logging

import pytest

from fand.fanclient.trouble import Trouble


def test_a_fault_is_told_when_it_starts_changes_and_ends(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    trouble = Trouble("fan front")
    trouble.over("works again")
    for text in ("no such chip", "no such chip", "refused", "refused"):
        trouble.met(text)
    trouble.over("works again")
    trouble.over("works again")
    trouble.met("refused")
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("ERROR", "fan front: no such chip"),
        ("ERROR", "fan front: refused"),
        ("ERROR", "fan front: works again"),
        ("ERROR", "fan front: refused"),
    ]


def test_the_same_key_is_no_news(caplog: pytest.LogCaptureFixture) -> None:
    trouble = Trouble("fan front", logging.WARNING)
    trouble.met("set to 30 %", "taken")
    trouble.met("set to 31 %", "taken")
    assert [record.message for record in caplog.records] == ["fan front: set to 30 %"]
