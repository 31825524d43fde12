from fand.drivers.zones import zones
from tests.drivers.tree import Tree


def test_zones_have_a_type(tree: Tree) -> None:
    assert zones(tree.root) == []
    for number, kind in ((10, "acpitz"), (2, "x86_pkg_temp")):
        tree.put(f"sys/class/thermal/thermal_zone{number}/type", f"{kind}\n")
    tree.put("sys/class/thermal/thermal_zone3/temp", "1")
    tree.put("sys/class/thermal/cooling_device0/type", "Processor\n")
    assert [(kind, folder.name) for kind, folder in zones(tree.root)] == [
        ("x86_pkg_temp", "thermal_zone2"),
        ("acpitz", "thermal_zone10"),
    ]
