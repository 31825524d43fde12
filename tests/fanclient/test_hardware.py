from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from fand.config.values import FanConfig
from fand.exceptions import DriverError
from fand.fanclient import output as outputs
from fand.fanclient.hardware import HostFan
from fand.fanclient.output import Condition, Limits, Output, Pace
from fand.ports import Fan
from fand.units import Percent, Seconds
from tests.fanclient.parts import FanFile

NOW = Seconds(1000)


PACE = Pace(Seconds(5), Seconds(20))


def asking(duty: float) -> Output:
    return outputs.aim(outputs.begun(Limits(), NOW), Percent(duty), NOW, PACE.interval)


def test_taken_over_it_runs_at_full_speed_and_left_too(tmp_path: Path) -> None:
    file = FanFile(tmp_path)
    with file.host_fan() as fan:
        fan.take()
        fan.take()
        assert (fan.taken, file.duty) == (True, 100)
        output = fan.write(asking(40), PACE, NOW)
        assert (file.duty, output.verified) == (40, True)
    assert (fan.taken, file.duty) == (False, 100)


def test_a_fan_never_taken_over_is_not_touched(tmp_path: Path) -> None:
    file = FanFile(tmp_path)
    with file.host_fan():
        pass
    assert not file.path.exists()


def test_c1_what_somebody_else_set_is_set_back_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = FanFile(tmp_path)
    with file.host_fan() as fan:
        output = fan.write(asking(40), PACE, NOW)
        for other in (75, 75.2, 75, 30):
            file.set(other)
            output = fan.write(output, PACE, NOW)
            assert (file.duty, output.verified) == (40, True)
        output = fan.write(output, PACE, NOW)
        fan.write(output, PACE, NOW)
    assert [record.message for record in caplog.records] == [
        "fan front: somebody else set it to 75 % from 40 %; it is set back",
        "fan front: somebody else set it to 30 % from 40 %; it is set back",
        "fan front: nobody else changes it any more",
    ]


def test_a_refused_write_is_told_at_its_start_and_its_end(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = FanFile(tmp_path)
    with file.host_fan() as fan:
        output = fan.write(asking(40), PACE, NOW)
        file.break_it()
        for failures in (1, 2, 3):
            output = fan.write(output, PACE, NOW)
            assert (output.failures, output.verified) == (failures, False)
        assert output.condition is Condition.FAULT
        file.mend()
        output = fan.write(output, PACE, NOW)
        assert (file.duty, output.duty, output.verified) == (100, 100, True)
    assert [record.message.partition(f" {file.path}")[0] for record in caplog.records] == [
        "fan front: cannot write",
        "fan front: cannot be brought to full speed in any way: cannot write",
        "fan front: works again, watched at full speed for a while",
        "fan front: is at full speed again",
    ]


class StubbornFan:
    """Hardware that takes every value and keeps its own; what it raises is up to the test."""

    resolution = Percent(0.5)

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def drive(self, duty: Percent) -> None:
        if self.error is not None:
            raise self.error

    def duty(self) -> Percent:
        return Percent(63)

    def hand_over(self) -> None:
        pass

    def stolen(self) -> str | None:
        return None

    def rivals(self) -> Sequence[str]:
        return ()


def offering(tmp_path: Path, fan: Fan | Exception) -> HostFan:
    def open_fan(config: FanConfig, state: Path) -> Fan:
        if isinstance(fan, Exception):
            raise fan
        return fan

    return HostFan(FanFile(tmp_path).config(), tmp_path, open_fan)


def test_c1_a_value_that_does_not_hold_is_a_failure(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with offering(tmp_path, StubbornFan()) as fan:
        output = fan.write(asking(40), PACE, NOW)
        output = fan.write(output, PACE, NOW)
    assert output.failures == 2
    assert [record.message for record in caplog.records] == ["fan front: does 63 % after 40 % was written"]


def test_a_driver_that_breaks_in_its_own_way_breaks_only_its_fan(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with offering(tmp_path, StubbornFan(ZeroDivisionError("of a driver"))) as fan:
        assert fan.write(asking(40), PACE, NOW).failures == 1
    assert [record.message for record in caplog.records] == ["fan front: ZeroDivisionError: of a driver"]


def test_a_driver_that_cannot_even_be_opened_is_a_driver_error(tmp_path: Path) -> None:
    error = ZeroDivisionError("of a driver")
    with offering(tmp_path, error) as fan, pytest.raises(DriverError, match="driver fake failed: ZeroDivision"):
        fan.take()


def test_a_fan_that_is_not_there_is_taken_when_it_comes(tmp_path: Path) -> None:
    file = FanFile(tmp_path)
    file.path.mkdir()
    with file.host_fan() as fan:
        with pytest.raises(DriverError, match=r"front\.duty"):
            fan.take()
        output = fan.write(asking(40), PACE, NOW)
        assert (fan.taken, output.failures) == (False, 1)
        file.mend()
        output = fan.write(output, PACE, NOW)
        assert (fan.taken, file.duty, output.verified) == (True, 40, True)


def test_speed_is_measured_and_unknown_is_not_zero(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = FanFile(tmp_path)
    with file.host_fan() as fan:
        assert fan.measure(NOW) is None
        assert fan.measure(NOW) is None
        file.speed.write_text("1480")
        assert fan.measure(NOW) == 1480
        file.speed.write_text("unknown")
        assert fan.measure(NOW) is None
    assert len(caplog.records) == 2
    assert caplog.records[0].message.startswith("tachometer of fan front: cannot read")
    assert caplog.records[1].message == "tachometer of fan front: measures again"


def test_a_fan_without_tachometer_has_no_known_speed(tmp_path: Path) -> None:
    with HostFan(FanFile(tmp_path).config(), tmp_path) as fan:
        assert fan.measure(NOW) is None
