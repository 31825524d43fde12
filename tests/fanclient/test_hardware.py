import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from fand.config.values import FanConfig
from fand.drivers.fans import hwmon
from fand.drivers.sysfs import write
from fand.exceptions import DriverError
from fand.fanclient import output as outputs
from fand.fanclient.hardware import HostFan
from fand.fanclient.held import held, on_record, record
from fand.fanclient.output import Condition, Limits, Output, Pace
from fand.ports import Fan
from fand.units import Percent, Rpm, Seconds
from tests.child import Child
from tests.drivers.tree import Tree
from tests.fanclient.parts import FanFile
from tests.fanclient.processes import until

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
        self.how: str | None = None
        self.who: Sequence[str] | Exception = ()
        self.read = Percent(63)
        self.handed_over = 0

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
        return self.read

    def hand_over(self) -> None:
        self.handed_over += 1

    def stolen(self) -> str | None:
        return self.how

    def rivals(self) -> Sequence[str]:
        if isinstance(self.who, Exception):
            raise self.who
        return self.who


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


def test_c1_a_fan_that_is_not_to_be_driven_is_handed_over_at_every_try(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hardware = StubbornFan(DriverError("no"))
    with offering(tmp_path, hardware) as fan:
        output = asking(40)
        for handed_over in (0, 0, 1, 2, 3):
            output = fan.write(output, PACE, NOW)
            assert hardware.handed_over == handed_over
        hardware.error, hardware.read = None, Percent(100)
        output = fan.write(output, PACE, NOW)
        assert (output.fault, output.duty, hardware.handed_over) == (True, 100, 3)
        output = fan.write(output, PACE, Seconds(NOW + 30))
        assert output.fault is False
    assert [record.message for record in caplog.records] == [
        "fan front: no",
        "fan front: works again, watched at full speed for a while",
    ]


def test_c1_control_that_was_stolen_is_told_with_how(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    hardware = StubbornFan()
    with offering(tmp_path, hardware) as fan:
        output = fan.write(asking(63), PACE, NOW)
        hardware.how = "set mode 5"
        for _ in range(2):
            output = fan.write(output, PACE, NOW)
            assert output.condition is Condition.TAKEN
        hardware.how = None
        fan.write(output, PACE, NOW)
    assert [record.message for record in caplog.records] == [
        "fan front: somebody else set mode 5; it is set back",
        "fan front: nobody else changes it any more",
    ]


def test_c1_who_else_drives_the_fan_is_named_from_the_beginning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hardware = StubbornFan()
    hardware.who = ["thermal zone cpu-thermal"]
    with offering(tmp_path, hardware) as fan:
        output = fan.write(asking(63), PACE, NOW)
        output = fan.write(output, PACE, NOW)
        hardware.who = ()
        output = fan.write(output, PACE, NOW)
        hardware.who = ZeroDivisionError("of a driver")
        assert fan.write(output, PACE, NOW).verified  # whoever cannot tell can drive all the same
    assert [record.message for record in caplog.records] == [
        "fan front: thermal zone cpu-thermal drives it too, and will change its duty; take the fan from there",
        "fan front: nobody else drives it any more",
        "fan front: cannot tell who else drives it: ZeroDivisionError: of a driver",
    ]


class Unleavable(StubbornFan):
    """Hardware, or a driver, that fails at the end."""

    def __exit__(self, *args: object) -> None:
        raise ZeroDivisionError("of a driver")


def test_a_driver_that_fails_at_the_end_is_told_and_its_fan_stays_on_record(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = FanFile(tmp_path).config()
    kept = (record(tmp_path, "s", "front"), held("s", config, Percent(90)))
    for hardware, left in ((StubbornFan(), 0), (Unleavable(), 1)):
        with HostFan(config, tmp_path, lambda config, state: hardware, record=kept) as fan:  # noqa: B023
            fan.take()
            assert len(list(on_record(tmp_path))) == 1
        assert len(list(on_record(tmp_path))) == left
    assert [record.message for record in caplog.records] == [
        "fan front is left as it is: ZeroDivisionError: of a driver"
    ]


def test_a_tachometer_that_fails_at_the_end_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Stuck:
        def rpm(self, now: Seconds) -> Rpm | None:
            return Rpm(900)

        def close(self) -> None:
            raise DriverError("cannot close")

    with HostFan(FanFile(tmp_path).config(tachometer=True), tmp_path, tachometer=lambda config: Stuck()) as fan:
        assert fan.measure(NOW) == 900
    assert [record.message for record in caplog.records] == ["tachometer of fan front: cannot close"]


def test_c2_a_fan_that_another_client_drives_is_left_to_it_until_that_has_ended(tmp_path: Path) -> None:
    """Else the end of the one would take away what is kept for when the other is killed."""
    there = FanFile(tmp_path)
    config = there.config()
    one, other = (
        HostFan(config, tmp_path, record=(record(tmp_path, "s", "front"), held("s", config, Percent(90))))
        for _ in range(2)
    )
    one.take()
    there.set(30)
    with pytest.raises(DriverError, match="a fan client that runs drives it already"):
        other.take()
    other.give_back()
    assert there.duty == 30
    assert list(on_record(tmp_path))
    one.give_back()
    other.take()
    assert there.duty == 100
    other.give_back()


def test_a_fan_that_cannot_be_opened_is_not_put_on_record_and_one_that_may_be_touched_is(tmp_path: Path) -> None:
    config = FanFile(tmp_path).config()
    kept = (record(tmp_path, "s", "front"), held("s", config, Percent(90)))

    def absent(config: FanConfig, state: Path) -> Fan:
        raise DriverError("no such chip")

    with HostFan(config, tmp_path, absent, record=kept) as fan, pytest.raises(DriverError, match="no such chip"):
        fan.take()
    assert not list(on_record(tmp_path))
    Path(tmp_path / "front.duty").mkdir()
    with HostFan(config, tmp_path, record=kept) as fan, pytest.raises(DriverError, match="cannot write"):
        fan.take()
    assert list(on_record(tmp_path))


def test_c1_what_was_found_is_on_the_disk_before_the_first_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Brought to the disk, put in its place, and that too brought to the disk, each before what follows."""
    tree, state, done = Tree(tmp_path), tmp_path / "state", []
    tree.chip(2, "nct6798", "platform/nct6775.656", pwm2=102, pwm2_enable=5)
    fsync, rename = os.fsync, Path.replace

    def recording_fsync(handle: int) -> None:
        name = str(Path(f"/proc/self/fd/{handle}").readlink())
        done.append("folder synced" if name == str(state) else "file synced" if name.endswith(".new") else "other")
        fsync(handle)

    def recording_rename(path: Path, target: Path) -> Path:
        done.append(f"{target.name.partition('-')[0]} in place")
        return rename(path, target)

    def recording_write(path: Path, value: int) -> None:
        done.append(f"{path.name} = {value}")
        write(path, value)

    monkeypatch.setattr(os, "fsync", recording_fsync)
    monkeypatch.setattr(Path, "replace", recording_rename)
    monkeypatch.setattr(hwmon, "write", recording_write)
    config = FanConfig("front", "hwmon", hwmon.Settings("nct6798", 2))

    def open_fan(config: FanConfig, folder: Path) -> Fan:
        return hwmon.open_fan(hwmon.Settings("nct6798", 2), config.name, folder, tree.root)

    kept = (record(state, "s", "front"), held("s", config, Percent(90)))
    with HostFan(config, state, open_fan, record=kept) as fan:
        fan.take()
        assert [each for each in done if each != "other"] == [
            *("file synced", "held in place", "folder synced"),
            *("file synced", "hwmon in place", "folder synced"),
            *("pwm2_enable = 1", "pwm2 = 255"),
        ]


FIGHTER = """
import sys, pathlib
path, value = pathlib.Path(sys.argv[1]), sys.argv[2]
print(flush=True)
while True:
    beside = path.with_name(".fighter")
    beside.write_text(value)
    beside.replace(path)
"""


def test_c1_against_somebody_who_writes_all_the_time_the_fan_is_never_taken_for_driven(tmp_path: Path) -> None:
    """A real process that writes as fast as it can: what it does is seen, and in the end the fan is ours again."""
    file = FanFile(tmp_path)
    with file.host_fan() as fan:
        output = fan.write(asking(40), PACE, NOW)
        with Child([sys.executable, "-c", FIGHTER, file.path, "7"], stdout=subprocess.PIPE) as fighter:
            assert fighter.stdout is not None
            fighter.stdout.readline()
            until(lambda: file.duty == 7)
            seen = set()
            while Condition.FAULT not in seen:
                output = fan.write(output, PACE, NOW)
                seen.add(output.condition)
                assert output.verified == (output.failures == 0)
        assert Condition.TAKEN in seen
        output = fan.write(output, PACE, NOW)
        assert (file.duty, output.duty, output.condition) == (100, 100, Condition.FAULT)
