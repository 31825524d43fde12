import struct

import pytest

from fand.drivers.pwmchips import find_pwm_chip, pwm_chips, raspberry_output
from fand.exceptions import DriverError
from tests.drivers.tree import Tree

PI5 = "platform/axi/1000120000.pcie/1f00098000.pwm"
HEADER = "platform/axi/1000120000.pcie/1f0009c000.pwm"
PI4 = "platform/soc/fe20c000.pwm"
NODE = "sys/firmware/devicetree/base"


def pwm_chip(tree: Tree, number: int, device: str, channels: int = 4) -> None:
    folder = f"sys/devices/{device}/pwm/pwmchip{number}"
    tree.put(f"{folder}/npwm", f"{channels}\n")
    tree.link(f"sys/class/pwm/pwmchip{number}", folder)


def device_tree(tree: Tree, device: str, **properties: bytes) -> None:
    """The chip's node names the node of its pins by its handle, 0x2a."""
    tree.put(f"{NODE}/soc/gpio/phandle", struct.pack(">I", 7))
    tree.put(f"{NODE}/soc/gpio/pwm_pins/phandle", struct.pack(">I", 0x2A))
    for name, value in properties.items():
        tree.put(f"{NODE}/soc/gpio/pwm_pins/{name.replace('brcm_', 'brcm,')}", value)
    tree.put(f"{NODE}/soc/pwm/pinctrl-0", struct.pack(">II", 0x11, 0x2A))
    tree.link(f"sys/devices/{device}/of_node", f"{NODE}/soc/pwm")


@pytest.mark.parametrize(
    "which",
    [
        "1f00098000.pwm",
        "1000120000.pcie/1f00098000.pwm",
        f"/sys/devices/{PI5}",
        "/sys/class/pwm/pwmchip2",
    ],
)
def test_a_chip_is_found_by_its_device(tree: Tree, which: str) -> None:
    pwm_chip(tree, 10, HEADER)
    pwm_chip(tree, 2, PI5)
    chip = find_pwm_chip(which, tree.root)
    assert (chip.name, chip.device, chip.channels) == ("1f00098000.pwm", f"/sys/devices/{PI5}", 4)
    assert [each.name for each in pwm_chips(tree.root)] == ["1f00098000.pwm", "1f0009c000.pwm"]


def test_a_chip_on_the_device_itself_is_found(tree: Tree) -> None:
    tree.put("sys/devices/platform/odd.pwm/npwm", "1\n")
    tree.link("sys/class/pwm/pwmchip0", "sys/devices/platform/odd.pwm")
    assert find_pwm_chip("odd.pwm", tree.root).device == "/sys/devices/platform/odd.pwm"


def test_what_is_not_there_or_not_alone_is_told(tree: Tree) -> None:
    with pytest.raises(DriverError, match=r"no PWM chip 'x.pwm' \(there are: none\); .* dtoverlay=pwm-2chan"):
        find_pwm_chip("x.pwm", tree.root)
    pwm_chip(tree, 0, "platform/a/0-0040")
    pwm_chip(tree, 1, "platform/b/0-0040")
    tree.put("sys/class/pwm/pwmchipX/npwm", "1\n")
    with pytest.raises(DriverError, match=r"there are: /sys/devices/platform/a/0-0040, /sys/.*/b/0-0040"):
        find_pwm_chip("40", tree.root)
    with pytest.raises(DriverError, match="2 PWM chips match '0-0040'; choose one by more of its path: /sys/dev"):
        find_pwm_chip("0-0040", tree.root)
    assert find_pwm_chip("b/0-0040", tree.root).device.endswith("b/0-0040")


@pytest.mark.parametrize(("pin", "channel"), [(12, 0), (13, 1), (18, 0), (19, 1)])
@pytest.mark.parametrize("device", [PI4, "platform/soc/3f20c000.pwm", "platform/soc/2020c000.pwm"])
def test_a_pin_of_the_older_ones(tree: Tree, device: str, pin: int, channel: int) -> None:
    pwm_chip(tree, 0, device, 2)
    device_tree(tree, device, brcm_pins=struct.pack(">II", 4, pin))
    assert raspberry_output(pin, tree.root) == (device.rsplit("/", 1)[-1], channel)
    assert raspberry_output({12: 18, 18: 12, 13: 19, 19: 13}[pin], tree.root) is None
    assert raspberry_output(4, tree.root) is None


@pytest.mark.parametrize(("pin", "channel"), [(12, 0), (13, 1), (18, 2), (19, 3)])
def test_a_pin_of_the_fifth(tree: Tree, pin: int, channel: int) -> None:
    pwm_chip(tree, 0, HEADER)
    pwm_chip(tree, 2, PI5)
    device_tree(tree, PI5, pins=f"gpio{pin}\0gpio5\0".encode())
    assert raspberry_output(pin, tree.root) == ("1f00098000.pwm", channel)
    assert raspberry_output(17, tree.root) is None


def test_a_chip_that_is_connected_with_no_pin_is_not_offered(tree: Tree) -> None:
    assert raspberry_output(18, tree.root) is None
    pwm_chip(tree, 0, PI4, 2)
    assert raspberry_output(18, tree.root) is None
    device_tree(tree, PI4, pins=b"none\0")
    assert raspberry_output(18, tree.root) is None
