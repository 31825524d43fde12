"""A tide of hostile connections: fan clients that were there before are answered while it lasts."""

import json
from pathlib import Path
from typing import Final

import pytest

from tests.hostile.live import attacked
from tests.hostile.secure import Secured
from tests.hostile.tide import MANNERS, Honest, Waits, by_tls, most, tide

CROWD: Final = 1000
"""So many here; ``make hostile`` lets 10,000 come."""

CROWD_BY_TLS: Final = 200
"""So few, for each handshake costs either end a thousand times as much as a request."""


@pytest.mark.timeout(180)
@pytest.mark.parametrize("tls", [False, True])
def test_fan_clients_are_answered_while_a_crowd_floods(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], tls: bool
) -> None:
    known = Secured(tmp_path / "known") if tls else None
    count = min(most(), CROWD_BY_TLS if tls else CROWD)
    (tmp_path / "live").mkdir()
    with attacked(tmp_path / "live", known=known) as live:
        honest = Honest(live, 10)
        with tide(live.port, count, None if known is None else known.folder) as process:
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
    parts = MANNERS if known is None else by_tls(known.folder)
    assert told.keys() == {what for what, _, _ in parts}
    assert all(one["came"] > 0 for one in told.values())
    assert sum(part for _, part, _ in parts) == pytest.approx(1)


def test_waits_are_told_by_median_and_worst() -> None:
    assert str(Waits((0.5, 0.001, 0.002))) == (
        "     3 answers   median     2.0 ms   99 %   500.0 ms   worst   500.0 ms"
    )
