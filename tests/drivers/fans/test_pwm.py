import errno
import logging
import os
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fand.drivers.fans import pwm
from fand.drivers.sysfs import write
from fand.exceptions import DriverError
from fand.ports import Fan, FanKind
from fand.units import FULL, Percent
from tests.drivers.tree import Tree

DEVICE = "platform/axi/1000120000.pcie/1f00098000.pwm"


class Kernel:
    """The kernel's rules for a PWM chip, behind the files of a tree."""

    def __init__(self, tree: Tree, inverts: bool = True) -> None:
        self.folder = tree.root / f"sys/devices/{DEVICE}/pwm/pwmchip2"
        tree.put(f"sys/devices/{DEVICE}/pwm/pwmchip2/npwm", "4\n")
        for file in ("export", "unexport"):
            tree.put(f"sys/devices/{DEVICE}/pwm/pwmchip2/{file}", "")
        tree.link("sys/class/pwm/pwmchip2", f"sys/devices/{DEVICE}/pwm/pwmchip2")
        self.inverts = inverts
        self.seen: list[tuple[str, str]] = []
        self.refused: dict[str, int] = {}
        self.stored: Callable[[str, str], str] = lambda file, value: value

    def export(self, **values: str | int) -> None:
        self.folder.joinpath("pwm2").mkdir()
        for file, value in ({"period": 0, "duty_cycle": 0, "polarity": "normal", "enable": 0} | values).items():
            (self.folder / "pwm2" / file).write_text(f"{value}\n")

    def __getitem__(self, file: str) -> str:
        return (self.folder / "pwm2" / file).read_text().strip()

    @property
    def now(self) -> tuple[str, str, str, str]:
        """Period, duty, polarity, whether it is enabled."""
        return self["period"], self["duty_cycle"], self["polarity"], self["enable"]

    def write(self, path: Path, value: str | int) -> None:
        self.seen.append((path.name, str(value)))
        if number := self.refused.get(path.name) or self.fault(path.name, value):
            failure = DriverError(f"cannot write {value} to {path}: {os.strerror(number)}")
            failure.errno = number
            raise failure
        if path.name == "export":
            assert int(value) == 2
            self.export()
        elif path.name == "unexport":
            shutil.rmtree(self.folder / f"pwm{value}")
        else:
            write(path, self.stored(path.name, str(value)))

    def fault(self, file: str, value: str | int) -> int:
        if file in ("export", "unexport"):
            return 0
        if file == "polarity":
            if self["enable"] == "1":
                return errno.EBUSY
            return errno.EINVAL if not self.inverts or self["period"] == "0" else 0
        period = int(value if file == "period" else self["period"])
        duty = int(value if file == "duty_cycle" else self["duty_cycle"])
        return errno.EINVAL if period == 0 or duty > period else 0


@pytest.fixture
def kernel(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    kernel = Kernel(tree)
    monkeypatch.setattr(pwm, "write", kernel.write)
    return kernel


def no_sleep(seconds: float) -> None:
    raise AssertionError("nothing to wait for")


def fan(tree: Tree, sleep: Callable[[float], None] = no_sleep, **keys: Any) -> pwm.PwmFan:
    settings = msgspec.convert({"pwm": "1f00098000.pwm", "channel": 2} | keys, pwm.Settings)
    return pwm.open_fan(settings, "front", tree.root, tree.root, sleep)


def test_it_is_a_fan_kind(tree: Tree, kernel: Kernel) -> None:
    kind: FanKind = pwm
    assert kind.Settings is pwm.Settings
    opened: Fan = fan(tree)
    assert not kernel.seen  # not touched yet
    with opened:
        assert opened.duty() == FULL


def test_a_new_output_is_exported_and_enabled_at_full_speed_and_stays_so(tree: Tree, kernel: Kernel) -> None:
    with fan(tree) as opened:
        assert kernel.seen == [("export", "2"), ("period", "40000"), ("duty_cycle", "40000"), ("enable", "1")]
        opened.drive(Percent(30))
        assert kernel.now == ("40000", "12000", "normal", "1")
    assert kernel.now == ("40000", "40000", "normal", "1")
    assert "unexport" not in dict(kernel.seen)
    assert ("enable", "0") not in kernel.seen


def test_a_duty_is_rounded_up(tree: Tree, kernel: Kernel) -> None:
    with fan(tree, frequency=24_000) as opened:  # 41667 ns
        for duty in range(101):
            opened.drive(Percent(duty))
            assert 0 <= opened.duty() - duty <= opened.resolution
        assert kernel["duty_cycle"] == kernel["period"] == "41667"


def test_the_chip_inverts_if_it_can(tree: Tree, kernel: Kernel) -> None:
    with fan(tree, inverted=True) as opened:
        opened.drive(Percent(30))
        assert kernel.now == ("40000", "12000", "inversed", "1")
        assert opened.duty() == 30.0
    assert kernel.now == ("40000", "40000", "inversed", "1")


def test_if_it_cannot_the_duty_is_inverted_here(tree: Tree, kernel: Kernel) -> None:
    kernel.inverts = False
    with fan(tree, inverted=True) as opened:
        assert kernel.now == ("40000", "0", "normal", "1")
        opened.drive(Percent(30))
        assert kernel.now == ("40000", "28000", "normal", "1")
        assert opened.duty() == 30.0
    assert kernel.now == ("40000", "0", "normal", "1")


def test_a_chip_without_polarity_is_normal(tree: Tree, kernel: Kernel) -> None:
    kernel.export()
    (kernel.folder / "pwm2/polarity").unlink()
    with fan(tree, inverted=True) as opened:
        opened.drive(Percent(30))
        assert kernel["duty_cycle"] == "28000"


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("polarity", ["normal", "inversed"])
def test_a_running_output_is_never_disabled_nor_its_polarity_changed(
    tree: Tree, kernel: Kernel, polarity: str, inverted: bool
) -> None:
    flipped = (polarity == "inversed") != inverted
    kernel.export(period=100_000, duty_cycle=70_000, polarity=polarity, enable=1)
    with fan(tree, inverted=inverted) as opened:
        assert kernel.now == ("40000", "0" if flipped else "40000", polarity, "1")
        opened.drive(Percent(30))
        assert opened.duty() == 30.0
        assert kernel["duty_cycle"] == ("28000" if flipped else "12000")
    assert not {"polarity", "export", "unexport"} & {file for file, _ in kernel.seen}
    assert ("enable", "0") not in kernel.seen


def test_a_running_output_at_the_right_period_only_gets_its_duty(tree: Tree, kernel: Kernel) -> None:
    kernel.export(period=40_000, duty_cycle=12_000, enable=1)
    with fan(tree):
        assert kernel.seen == [("duty_cycle", "40000"), ("enable", "1")]


def test_a_longer_period_needs_no_detour(tree: Tree, kernel: Kernel) -> None:
    kernel.export(period=20_000, duty_cycle=12_000, enable=1)
    with fan(tree):
        assert kernel.seen == [("period", "40000"), ("duty_cycle", "40000"), ("enable", "1")]


def test_a_chip_that_rounds_the_period_is_taken_at_its_word(
    tree: Tree, kernel: Kernel, caplog: pytest.LogCaptureFixture
) -> None:
    kernel.stored = lambda file, value: "40016" if file == "period" else value
    with fan(tree) as opened:
        opened.drive(Percent(50))
        assert kernel.now == ("40016", "20008", "normal", "1")
    assert kernel["duty_cycle"] == "40016"
    assert not caplog.records
    kernel.stored = lambda file, value: "80000" if file == "period" else value
    (kernel.folder / "pwm2/period").write_text("80000\n")
    with pytest.raises(DriverError, match="period 40000 was written, but it reads 80000"):
        fan(tree).__enter__()


def test_what_something_else_changes_is_told_and_set_up_again(tree: Tree, kernel: Kernel) -> None:
    with fan(tree) as opened:
        for file, value, how in (("enable", "0", "disabled it"), ("period", "50000", "set a period of 50000 ns")):
            assert opened.stolen() is None
            write(kernel.folder / "pwm2" / file, value)
            assert opened.stolen() == how
            opened.drive(Percent(50))
            assert kernel.now == ("40000", "20000", "normal", "1")
        write(kernel.folder / "pwm2/enable", "0")
        assert opened.duty() == 0.0
        shutil.rmtree(kernel.folder / "pwm2")
        with pytest.raises(DriverError, match="cannot read"):
            opened.duty()
        assert opened.stolen() == "unexported it"
        opened.drive(Percent(50))
        assert kernel.now == ("40000", "20000", "normal", "1")


def test_an_output_in_use_is_told(tree: Tree, kernel: Kernel, caplog: pytest.LogCaptureFixture) -> None:
    kernel.refused = {"export": errno.EBUSY}
    with pytest.raises(DriverError, match=r"channel 2\) is in use by a driver .* fan kind hwmon"):
        fan(tree).__enter__()
    kernel.refused = {"export": errno.EACCES}
    with pytest.raises(DriverError, match=r"export: Permission denied"):
        fan(tree).__enter__()
    assert not caplog.records


def test_udev_gets_its_time_to_give_the_files(tree: Tree, kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(os, "access", lambda path, mode: len(slept) >= 3)
    with fan(tree, slept.append):
        assert len(slept) == 3
        assert kernel["enable"] == "1"
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with fan(tree, slept.append):
        assert len(slept) == 23


def test_a_frequency_that_the_chip_cannot_do_is_told_and_it_runs_at_full_speed(tree: Tree, kernel: Kernel) -> None:
    kernel.export(period=5_000_000, duty_cycle=1_000_000, enable=1)
    kernel.refused = {"period": errno.EINVAL}
    with pytest.raises(DriverError, match=r"period: Invalid argument: the chip cannot do 25000 Hz.* another freq"):
        fan(tree).__enter__()
    assert kernel.now == ("5000000", "5000000", "normal", "1")
    kernel.refused = {"period": errno.EIO}
    with pytest.raises(DriverError, match=r"period: Input/output error$"):
        fan(tree).__enter__()


def test_an_output_that_cannot_run_is_not_kept_exported(
    tree: Tree, kernel: Kernel, caplog: pytest.LogCaptureFixture
) -> None:
    kernel.refused = {"period": errno.EINVAL}
    with pytest.raises(DriverError, match="25000 Hz"):
        fan(tree).__enter__()
    assert not (kernel.folder / "pwm2").exists()
    kernel.refused |= {"unexport": errno.EIO}
    with pytest.raises(DriverError, match="25000 Hz"):
        fan(tree).__enter__()
    assert "unexport: Input/output error" in caplog.text
    with pytest.raises(DriverError, match="25000 Hz"):
        fan(tree).__enter__()
    assert (kernel.folder / "pwm2").exists()  # now it was there before


def test_a_write_dropped_in_silence_is_an_error(tree: Tree, kernel: Kernel) -> None:
    with fan(tree) as opened:
        kernel.stored = lambda file, value: "40000" if file == "duty_cycle" else value
        with pytest.raises(DriverError, match="duty_cycle 12000 was written, but it reads 40000"):
            opened.drive(Percent(30))
    kernel.stored = lambda file, value: "0" if file == "enable" else value
    write(kernel.folder / "pwm2/enable", "0")
    with pytest.raises(DriverError, match="1 was written to enable, but it reads 0"):
        fan(tree).__enter__()


def test_leaving_tries_what_is_left(tree: Tree, kernel: Kernel, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    with fan(tree) as opened:
        write(kernel.folder / "pwm2/period", "50000")
        write(kernel.folder / "pwm2/duty_cycle", "10000")
        kernel.refused = {"period": errno.EIO}
    assert kernel.now == ("50000", "50000", "normal", "1")
    assert "giving it back" in caplog.text
    kernel.refused = {"duty_cycle": errno.EIO}
    for last in (opened.hand_over, lambda: opened.__exit__(None, None, None)):
        with pytest.raises(DriverError, match="cannot write 50000"):
            last()


def test_handed_over_it_runs_at_full_speed_whatever_its_period(tree: Tree, kernel: Kernel) -> None:
    with fan(tree, inverted=True) as opened:
        opened.drive(Percent(30))
        write(kernel.folder / "pwm2/enable", 0)
        kernel.refused = {"period": errno.EIO}
        opened.hand_over()
        assert opened.duty() == FULL
        assert not opened.rivals()


def test_what_is_not_there_is_told_when_opened(tree: Tree, kernel: Kernel) -> None:
    with pytest.raises(DriverError, match="no PWM chip 'x'"):
        fan(tree, pwm="x")
    with pytest.raises(DriverError, match="has channels 0 to 3, not 4"):
        fan(tree, channel=4)


def test_outputs_are_detected(tree: Tree, kernel: Kernel) -> None:
    (any_of_them,) = pwm.detect(tree.root)
    assert any_of_them.line == '{ pwm = "1f00098000.pwm", channel = 0 }'
    assert any_of_them.comment == f"/sys/devices/{DEVICE}: any of its 4 channels, none in use"
    kernel.export(period=40_000, duty_cycle=12_000, enable=1)
    (used,) = pwm.detect(tree.root)
    assert tomllib.loads(f"fan = {used.line}")["fan"] == {"pwm": "1f00098000.pwm", "channel": 2}
    assert used.comment == f"channel 2 of /sys/devices/{DEVICE}: 12000 of 40000 ns, enabled"
    write(kernel.folder / "pwm2/enable", "0")
    assert pwm.detect(tree.root)[0].comment.endswith("disabled")
    tree.put("sys/devices/platform/b/1f00098000.pwm/pwm/pwmchip3/npwm", "1\n")
    tree.link("sys/class/pwm/pwmchip3", "sys/devices/platform/b/1f00098000.pwm/pwm/pwmchip3")
    first, second = pwm.detect(tree.root)
    assert f'"/sys/devices/{DEVICE}"' in first.line
    assert '"/sys/devices/platform/b/1f00098000.pwm"' in second.line


def test_the_pin_is_told_where_the_device_tree_tells_it(tree: Tree, kernel: Kernel) -> None:
    node = "sys/firmware/devicetree/base"
    tree.put(f"{node}/pwm_pins/phandle", b"\0\0\0\x2a")
    tree.put(f"{node}/pwm_pins/pins", b"gpio18\0")
    tree.put(f"{node}/pwm/pinctrl-0", b"\0\0\0\x2a")
    tree.link(f"sys/devices/{DEVICE}/of_node", f"{node}/pwm")
    (found,) = pwm.detect(tree.root)
    assert found.comment == f"channel 2 of /sys/devices/{DEVICE} on GPIO18: not in use"


@pytest.mark.parametrize(
    "keys",
    [{"pwm": ""}, {"pwm": "/sys/\0"}, {"channel": -1}, {"frequency": 0}, {"frequency": float("inf")}, {"gpio": 18}],
)
def test_bad_settings_are_refused(tree: Tree, keys: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        fan(tree, **keys)
