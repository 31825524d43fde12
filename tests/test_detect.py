import re
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest

from fand import detect, drivers
from fand.config import Config, load
from fand.detect import Host, look, main, render
from fand.drivers.found import Found
from tests.drivers.tree import Tree

DRIVE = Found('{ drive = "AD7E4EE5B03693D6" }', "hdd HGST HUS726060, now /dev/sda")
CPU = Found('{ cpu = "auto" }', "processor, by coretemp: 41.0 °C")
AIR = Found('{ hwmon = "nct6798", label = "SYSTIN", family = "air" }', "temp1 of nct6798: 31.0 °C")
GPU = Found('{ hwmon = "amdgpu", label = "edge", family = "gpu" }', "temp1 of amdgpu: 50.0 °C")


def output(number: int, duty: str = "40 %, automatic (mode 5)") -> Found:
    return Found(f'{{ hwmon = "nct6798", pwm = {number} }}', f"pwm{number} of nct6798 at /sys/devices/x: {duty}")


def tachometer(number: int, speed: str = "900 RPM") -> Found:
    return Found(
        f'{{ hwmon = "nct6798", fan = {number} }}',
        f"fan{number} of nct6798 at /sys/devices/x: {speed}",
        speed == "900 RPM",
    )


def config(text: str, folder: Path) -> Config:
    """What the services make of it: raises with every fault."""
    file = folder / "fand.toml"
    file.write_text(text)
    return load(file, drivers)


def uncommented(text: str) -> str:
    """The text after its reader has taken each offer."""
    return re.sub(r"^( *)#(?! )", r"\1", text, flags=re.MULTILINE)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path / "root")


def test_a_host_with_everything_is_ready_to_use(tmp_path: Path) -> None:
    host = Host(
        {"cpu": [CPU], "drive": [DRIVE], "hwmon": [AIR, GPU]},
        {"hwmon": [output(1), output(2), output(3)], "pwm": [Found('{ pwm = "x.pwm", channel = 0 }', "not in use")]},
        {"hwmon": [tachometer(1), tachometer(2, "0 RPM"), tachometer(9)], "gpiod": []},
    )
    text = render(host)
    made = config(text, tmp_path)
    assert made.server is not None
    (shelf,) = made.server.shelves
    assert [device.name for device in shelf.devices] == ["AD7E4EE5B03693D6", "cpu"]
    assert set(shelf.law.families) == {"hdd", "ssd", "nvme", "cpu", "gpu", "air"}
    assert made.client is not None
    assert [(fan.name, fan.kind) for fan in made.client.fans] == [("fan1", "hwmon"), ("fan2", "hwmon")]
    first, second = made.client.fans
    assert first.tachometer is not None
    assert second.tachometer is None  # the chip has no input of that number: perhaps a fan without a wire
    assert '#{ hwmon = "nct6798", label = "SYSTIN", family = "air" },  # temp1 of nct6798: 31.0 °C' in text
    assert '# tachometer = { hwmon = "nct6798", fan = 9 }' in text
    for remark in ("hdd HGST", "40 %, automatic", "900 RPM", "0 RPM", "not in use"):
        assert remark in text


def test_each_offer_may_be_taken(tmp_path: Path) -> None:
    host = Host(
        {"drive": [DRIVE], "hwmon": [AIR, GPU]},
        {"hwmon": [output(1), output(2)], "pwm": [Found('{ pwm = "x.pwm", channel = 0 }', "not in use")]},
        {"hwmon": [tachometer(1), tachometer(2, "unknown")]},
    )
    made = config(uncommented(render(host)), tmp_path)
    assert made.server is not None
    assert made.client is not None
    assert len(made.server.shelves[0].devices) == 3
    assert [fan.kind for fan in made.client.fans] == ["hwmon", "hwmon", "pwm"]


def test_without_a_fan_that_turns_nothing_is_driven(tmp_path: Path) -> None:
    text = render(Host({"drive": [DRIVE]}, {"hwmon": [output(1)]}, {"hwmon": [tachometer(1, "0 RPM")]}))
    assert config(text, tmp_path).client is None
    assert "No output was found that is known to drive a fan" in text
    assert config(uncommented(text), tmp_path).client is not None


def test_without_drives_and_processor_the_first_temperature_is_used(tmp_path: Path) -> None:
    made = config(render(Host({"hwmon": [AIR, GPU]})), tmp_path)
    assert made.server is not None
    assert [device.name for device in made.server.shelves[0].devices] == ["nct6798 SYSTIN"]


def test_a_temperature_that_cannot_be_is_not_the_one_that_is_used(tree: Tree, tmp_path: Path) -> None:
    tree.chip(0, "acpitz", "virtual/thermal/thermal_zone0", temp1_input=-263200)
    tree.chip(1, "it8728", "platform/it87.2608", temp1_input=-55000, temp2_input=33000, temp3_input=127500)
    text = render(look(tree.root))
    made = config(text, tmp_path)
    assert made.server is not None
    assert [device.name for device in made.server.shelves[0].devices] == ["it8728 temp2"]
    assert "thermal_zone0: no reading: gave -263.2 °C, which cannot be" in text
    assert text.count("no reading") == 3


def test_where_nothing_measures_the_first_is_used_all_the_same(tree: Tree, tmp_path: Path) -> None:
    tree.chip(0, "acpitz", "virtual/thermal/thermal_zone0", temp1_input="")
    tree.chip(1, "it8728", "platform/it87.2608", temp1_input=-55000)
    made = config(render(look(tree.root)), tmp_path)
    assert made.server is not None
    assert [device.name for device in made.server.shelves[0].devices] == ["acpitz temp1"]


def test_the_fan_of_a_graphics_card_and_one_that_cannot_be_measured_are_offers(tree: Tree, tmp_path: Path) -> None:
    tree.chip(
        2, "amdgpu", "pci0000:00/0000:03:00.0", pwm1=90, pwm1_enable=2, fan1_input=1500, temp1_input=38000,
        temp1_label="edge",
    )  # fmt: skip
    tree.chip(
        3, "nct6798", "platform/nct6775.656", pwm1=90, pwm1_enable=5, fan1_input="garbage", pwm2=90, fan2_input=9
    )
    made = config(render(look(tree.root)), tmp_path)
    assert made.client is not None
    assert [fan.settings for fan in made.client.fans] == [
        drivers.fan_kind("hwmon").Settings(hwmon="nct6798", pwm=2),
    ]


def test_types_of_zones_that_no_configuration_can_name_hide_no_other(tree: Tree) -> None:
    for number, kind in enumerate(("\u00b2", "a\tb", "pch_skylake")):
        tree.put(f"sys/class/thermal/thermal_zone{number}/type", f"{kind}\n")
        tree.put(f"sys/class/thermal/thermal_zone{number}/temp", "\u00b2\n" if number == 0 else "40000\n")
    text = render(look(tree.root))
    assert "could not look" not in text
    assert "thermal zone pch_skylake: 40.0 °C" in text


def test_a_drive_found_twice_is_used_once(tmp_path: Path) -> None:
    text = render(Host({"drive": [DRIVE], "smart": [Found('{ smart = "AD7E4EE5B03693D6" }', "the same")]}))
    made = config(text, tmp_path)
    assert made.server is not None
    assert [device.kind for device in made.server.shelves[0].devices] == ["drive"]
    assert '#{ smart = "AD7E4EE5B03693D6" },  # the same' in text


def test_a_host_with_nothing_gets_a_skeleton(tmp_path: Path) -> None:
    text = render(Host())
    assert tomllib.loads(text) == {}
    assert "No drive and no temperature was found" in text
    made = config(uncommented(text), tmp_path)
    assert made.server is not None
    assert made.client is not None


def test_what_hardware_calls_itself_cannot_break_out_of_a_comment(tmp_path: Path) -> None:
    odd = Found(DRIVE.line, 'hdd "\n[server]\nport = 1\r\x00\x7f\u2028')
    made = config(render(Host({"drive": [odd]})), tmp_path)
    assert made.server is not None
    assert made.server.port == 9999


def test_our_drivers_look_at_a_tree(tree: Tree, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree.chip(
        2, "nct6798", "platform/nct6775.656", pwm1=102, pwm1_enable=5, fan1_input=900, pwm2=128, pwm2_enable=1,
        fan2_input=0, temp1_input=31000, temp1_label="SYSTIN",
    )  # fmt: skip
    tree.chip(3, "coretemp", "platform/coretemp.0", temp1_input=41000, temp1_label="Package id 0")
    tree.put("sys/devices/platform/axi/1f00098000.pwm/pwm/pwmchip0/npwm", "1\n")
    tree.link("sys/class/pwm/pwmchip0", "sys/devices/platform/axi/1f00098000.pwm/pwm/pwmchip0")
    assert main(["--root", str(tree.root)]) == 0
    text = capsys.readouterr().out
    made = config(text, tmp_path)
    assert made.server is not None
    assert made.client is not None
    assert [device.kind for device in made.server.shelves[0].devices] == ["cpu"]
    assert [fan.name for fan in made.client.fans] == ["fan1"]
    assert "SYSTIN" in text
    assert "1f00098000.pwm" in text
    assert "could not look" not in text


def test_an_empty_root_is_a_host_with_nothing(tmp_path: Path) -> None:
    assert not look(tmp_path).fans


class Foreign:
    """A driver of somebody else."""

    def __init__(self, *found: Found, fault: Exception | None = None) -> None:
        self.found = found
        self.fault = fault

    def detect(self, root: Path) -> Sequence[Found]:
        if self.fault is not None:
            raise self.fault
        return self.found


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (Foreign(fault=ZeroDivisionError()), "Kind theirs could not look: ZeroDivisionError"),
        (Foreign(fault=OSError("no bus")), "Kind theirs could not look: no bus"),
        (Foreign(Found("{ not toml", "")), "Kind theirs could not look: "),
        (Foreign(Found('{ theirs = "x" }', "it is")), '#{ theirs = "x" },  # it is'),
        (object(), ""),
    ],
)
def test_a_driver_of_somebody_else_hides_no_other(
    tree: Tree, monkeypatch: pytest.MonkeyPatch, kind: object, told: str
) -> None:
    tree.chip(3, "coretemp", "platform/coretemp.0", temp1_input=41000)
    ours = drivers.sensor_kind
    monkeypatch.setattr(drivers, "sensor_kinds", lambda: ["cpu", "theirs"])
    monkeypatch.setattr(drivers, "sensor_kind", lambda name: kind if name == "theirs" else ours(name))
    text = render(look(tree.root))
    assert told in text
    assert '{ cpu = "auto" }' in text
    tomllib.loads(text)


def test_it_is_a_service_of_fand(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    assert "fand detect" in capsys.readouterr().out
    assert detect.__doc__ is not None
