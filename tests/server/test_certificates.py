"""Certificates over months, in made time."""

import asyncio
import logging

import pytest

from fand.dispatch import ALL, Grant, Role
from fand.dispatch.certificates import DAY, Certificate
from fand.exceptions import ConfigError
from fand.server import certificates
from fand.server.certificates import LOOK, Certificates, Shown, shown
from fand.tls.contexts import Ends, server_context
from fand.units import Timestamp
from tests.certificates import Pki

from .travel import WALL, TravelClock, travel


def _in_days(days: float) -> Timestamp:
    return Timestamp(WALL + days * DAY)


def _shown(pki: Pki, days: float) -> Shown:
    return Shown(server_context(pki.server), Ends(_in_days(days), _in_days(9999)))


def _certificate(name: str, ends: str) -> dict[str, object]:
    return {"subject": ((("commonName", name),),), "notAfter": ends}


def test_what_a_server_shows(pki: Pki) -> None:
    assert shown(pki.server).ends.certificate < shown(pki.server).ends.authority
    with pytest.raises(ConfigError, match="unsuitable certificate purpose"):
        shown(pki.client("pi1"))


def test_the_nearer_the_end_the_more_often_it_is_logged(pki: Pki, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        certificates = Certificates(_shown(pki, 40), TravelClock())
        certificates.stop()
        certificates.begin()
        await asyncio.sleep(9 * DAY)
        assert caplog.messages == []
        await asyncio.sleep(40 * DAY)
        certificates.stop()
        certificates.stop()
        count = len(caplog.messages)
        await asyncio.sleep(40 * DAY)
        assert len(caplog.messages) == count

    travel(main)
    assert caplog.messages == [
        "the certificate of the server ends at 2023-12-24 22:13 UTC; `fand pki renew` makes a new one"
    ] * 5 + ["the certificate of the server has ended at 2023-12-24 22:13 UTC; `fand pki renew` makes a new one"]
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


def test_a_new_one_counts_from_the_next_connection_on(pki: Pki, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        certificates = Certificates(_shown(pki, 5), TravelClock())
        certificates.begin()
        before = certificates._context
        certificates.become(_shown(pki, 500), {})
        assert certificates._context is not before
        certificates.stop()

    travel(main)
    assert caplog.messages[1:] == ["the certificate of the server was renewed"]


def test_those_of_clients_are_kept_in_mind_while_they_are_granted_something(
    pki: Pki, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        certificates = Certificates(_shown(pki, 500), TravelClock())
        grants = {"pi1": Grant(frozenset({Role.REPORT}), frozenset({"shelf1"})), "ann": ALL}
        for name in ("pi1", "ann", "stranger"):
            certificates._met(_certificate(name, "Nov 20 00:00:00 2023 GMT"), grants)
        assert certificates.known.keys() == {"the server", "the authority", "pi1", "ann"}
        assert certificates.known["pi1"].shelves == {"shelf1"}
        certificates._met(_certificate("pi1", "Nov 20 00:00:00 2025 GMT"), grants)
        certificates.become(_shown(pki, 500), {"pi1": ALL})
        assert certificates.known.keys() == {"the server", "the authority", "pi1"}

    travel(main)
    assert caplog.messages == [
        "the certificate of pi1 ends at 2023-11-20 00:00 UTC; `fand pki renew` makes a new one",
        "the certificate of ann ends at 2023-11-20 00:00 UTC; `fand pki renew` makes a new one",
        "the certificate of pi1 was renewed",
    ]


def test_who_comes_costs_no_look_at_all_others(pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten thousand come at once when their server was away."""
    looked: list[str] = []

    def look(certificate: Certificate, _now: Timestamp) -> None:
        looked.append(certificate.whose)

    monkeypatch.setattr(certificates, "stage", look)
    names = [f"pi{number}" for number in range(100)]

    async def main() -> None:
        there = Certificates(_shown(pki, 500), TravelClock())
        for name in names:
            there._met(_certificate(name, "Nov 20 00:00:00 2033 GMT"), dict.fromkeys(names, ALL))

    travel(main)
    assert looked == names


def test_it_is_looked_again_within_the_hour() -> None:
    assert LOOK <= 3600
