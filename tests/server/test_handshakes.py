"""Handshakes under way; real ones are given up in test_encrypted_handshake.py."""

import logging

import pytest

from fand.server import handshakes
from fand.server.handshakes import Handshakes


class One:
    def __init__(self) -> None:
        self.left: list[str] = []

    def leave(self, reason: str) -> None:
        self.left.append(reason)


def test_who_began_first_goes_for_the_next(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(handshakes, "UNDER_WAY", 4)
    there, ones = Handshakes(), [One() for _ in range(7)]
    for one in ones[:4]:
        there.begin(one)
    there.end(ones[0])
    there.end(ones[0])
    there.begin(ones[4])
    assert not caplog.records
    for one in ones[5:]:
        there.begin(one)
    assert [len(one.left) for one in ones] == [0, 1, 1, 0, 0, 0, 0]
    assert caplog.messages == ["4 handshakes are under way, and the first go for more"]
    for one in ones[3:]:
        there.end(one)
    assert caplog.messages[1:] == ["no handshake has to go for others any more"]
