from pathlib import Path

import pytest

from fand.config.values import FanConfig
from fand.exceptions import DriverError
from fand.fanclient import machine as machines
from fand.fanclient.hardware import HostFan
from fand.fanclient.lease import Terms
from fand.fanclient.machine import Machine
from fand.fanclient.output import Condition, Limits
from fand.ports import Fan
from fand.units import Percent, Seconds
from tests.fanclient.parts import FanFile

NOW = Seconds(1000)


def begin(fans: int = 1) -> Machine:
    return machines.start(Terms(), 1, [Limits()] * fans, Seconds(5), NOW)


def asking(duty: float) -> Machine:
    return machines.answer(begin(), 0, Percent(duty), NOW, NOW)


def test_taken_over_it_runs_at_full_speed_and_left_too(tmp_path: Path) -> None:
    file = FanFile(tmp_path)
    with file.host_fan() as fan:
        fan.take()
        fan.take()
        assert (fan.taken, file.duty) == (True, 100)
        machine = fan.write(asking(40), 0, NOW)
        assert (file.duty, machine.verified) == (40, True)
    assert (fan.taken, file.duty) == (False, 100)


def test_a_fan_never_taken_over_is_not_touched(tmp_path: Path) -> None:
    file = FanFile(tmp_path)
    with file.host_fan():
        pass
    assert not file.path.exists()


def test_c1_what_somebody_else_set_is_set_back_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = FanFile(tmp_path)
    with file.host_fan() as fan:
        machine = fan.write(asking(40), 0, NOW)
        for other in (75, 75.2, 75, 30):
            file.set(other)
            machine = fan.write(machine, 0, NOW)
            assert (file.duty, machine.verified) == (40, True)
        machine = fan.write(machine, 0, NOW)
        fan.write(machine, 0, NOW)
    assert [record.message for record in caplog.records] == [
        "fan front: somebody else set it to 75 % from 40 %; it is set back",
        "fan front: somebody else set it to 30 % from 40 %; it is set back",
        "fan front: nobody else changes it any more",
    ]


def test_a_refused_write_is_told_at_its_start_and_its_end(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = FanFile(tmp_path)
    with file.host_fan() as fan:
        machine = fan.write(asking(40), 0, NOW)
        file.break_it()
        for failures in (1, 2, 3):
            machine = fan.write(machine, 0, NOW)
            assert (machine.outputs[0].failures, machine.verified) == (failures, False)
        assert machine.outputs[0].condition is Condition.FAULT
        file.mend()
        machine = fan.write(machine, 0, NOW)
        assert (file.duty, machine.verified) == (40, True)
    assert len(caplog.records) == 2
    assert str(file.path) in caplog.records[0].message
    assert caplog.records[1].message == "fan front: works again"


class StubbornFan:
    """Hardware that takes every value and keeps its own; what it raises is up to the test."""

    resolution = Percent(0.5)

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def __enter__(self) -> "StubbornFan":
        return self

    def __exit__(self, *args: object) -> None:
        pass

    def drive(self, duty: Percent) -> None:
        if self.error is not None:
            raise self.error

    def duty(self) -> Percent:
        return Percent(63)


def offering(tmp_path: Path, fan: Fan | Exception) -> HostFan:
    def open_fan(config: FanConfig, state: Path) -> Fan:
        if isinstance(fan, Exception):
            raise fan
        return fan

    return HostFan(FanFile(tmp_path).config(), tmp_path, open_fan)


def test_c1_a_value_that_does_not_hold_is_a_failure(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with offering(tmp_path, StubbornFan()) as fan:
        machine = fan.write(asking(40), 0, NOW)
        machine = fan.write(machine, 0, NOW)
    assert machine.outputs[0].failures == 2
    assert [record.message for record in caplog.records] == ["fan front: does 63 % after 40 % was written"]


def test_a_driver_that_breaks_in_its_own_way_breaks_only_its_fan(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with offering(tmp_path, StubbornFan(ZeroDivisionError("of a driver"))) as fan:
        assert fan.write(asking(40), 0, NOW).outputs[0].failures == 1
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
        machine = fan.write(asking(40), 0, NOW)
        assert (fan.taken, machine.outputs[0].failures) == (False, 1)
        file.mend()
        machine = fan.write(machine, 0, NOW)
        assert (fan.taken, file.duty, machine.verified) == (True, 40, True)


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
