"""A tide of hostile connections: fan clients that were there before are answered while it lasts."""

import json
from pathlib import Path
from typing import Final

import pytest

from tests.hostile.tide import MANNERS, Honest, Waits, most, tide

from .live import attacked

CROWD: Final = 1000
"""So many here; ``make hostile`` lets 10,000 come."""


@pytest.mark.timeout(180)
def test_fan_clients_are_answered_while_a_thousand_flood(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    count = min(most(), CROWD)
    with attacked(tmp_path) as live:
        honest = Honest(live, 10)
        with tide(live.port, count) as process:
            fans, operator = honest.wait(1)
            told = json.loads(process.communicate(timeout=60)[0])
        with capsys.disabled():
            print(f"\n{count} hostile connections: fan clients {fans}, operator {operator}")
        assert live.server.process.poll() is None
        assert len(fans.times) >= 10
        assert len(operator.times) >= 1
        assert live.memory("VmHWM") < 200 * 1024
        honest.close()
        live.served()
    assert told.keys() == {what for what, _, _ in MANNERS}
    assert all(one["came"] > 0 for one in told.values())


def test_waits_are_told_by_median_and_worst() -> None:
    assert str(Waits((0.5, 0.001, 0.002))) == (
        "     3 answers   median     2.0 ms   99 %   500.0 ms   worst   500.0 ms"
    )


def test_every_part_of_the_crowd_is_told_once() -> None:
    assert sum(part for _, part, _ in MANNERS) == pytest.approx(1)
