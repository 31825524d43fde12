import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fand import drivers
from fand.drivers import UnknownKind
from fand.drivers.sensors import agent, command, cpu, drive, fake, file, hwmon, smart, thermal
from fand.exceptions import DriverError
from fand.ports import SensorKind

# the type checker holds every module against the protocol
SENSORS: dict[str, SensorKind] = {
    "agent": agent,
    "command": command,
    "cpu": cpu,
    "drive": drive,
    "fake": fake,
    "file": file,
    "hwmon": hwmon,
    "smart": smart,
    "thermal": thermal,
}


def test_a_kind_is_the_module_of_that_name() -> None:
    assert drivers.sensor_kinds() == sorted(SENSORS)
    for name, kind in SENSORS.items():
        assert drivers.sensor_kind(name) is kind
        assert name in kind.Settings.__struct_fields__  # type: ignore[attr-defined]
        assert 0 < kind.INTERVAL <= 60
        assert 0 < kind.TIMEOUT <= 60


def test_an_unknown_kind_is_named_with_what_comes_close() -> None:
    with pytest.raises(UnknownKind, match="no sensor driver is called 'hwmom'; did you mean hwmon"):
        drivers.sensor_kind("hwmom")
    with pytest.raises(UnknownKind, match=r"no fan driver is called 'zzzzzz'; there are"):
        drivers.fan_kind("zzzzzz")
    with pytest.raises(UnknownKind, match="no tachometer driver"):
        drivers.tachometer_kind("")


@pytest.mark.parametrize("name", ["../fans/x", "os", "__init__", "file.Settings", "sensors"])
def test_only_modules_of_the_folder_are_kinds(name: str) -> None:
    with pytest.raises(UnknownKind):
        drivers.sensor_kind(name)


def test_names_are_listed_without_importing_any() -> None:
    code = (
        "import sys; from fand import drivers\n"
        "print(*drivers.sensor_kinds(), *drivers.fan_kinds(), *drivers.tachometer_kinds())\n"
        "kinds = [m for m in sys.modules if m.startswith('fand.drivers.') and m.count('.') > 2]\n"
        "sys.exit(f'imported {kinds}' if kinds else 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    assert {"fake", "file", "hwmon"} <= set(result.stdout.split())


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package of somebody else, with entry points."""
    info = tmp_path / "site" / "acme_fand-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-fand\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[fand.sensors]\nacme = acme_fand_kind\nfile = acme_fand_kind\nbad = acme_bad\n"
    )
    (info.parent / "acme_fand_kind.py").write_text("INTERVAL = 7.0\n")
    (info.parent / "acme_bad.py").write_text("raise RuntimeError('out of acme')\n")
    monkeypatch.syspath_prepend(info.parent)
    return info.parent


def test_another_package_adds_a_kind_by_an_entry_point(package: Path) -> None:
    assert drivers.sensor_kind("acme").INTERVAL == 7.0
    assert "acme" in drivers.sensor_kinds()
    assert "acme" not in drivers.fan_kinds()


def test_another_package_may_be_in_an_archive(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = shutil.make_archive(str(tmp_path / "archive"), "zip", package)
    monkeypatch.setattr(sys, "path", [archive, *(place for place in sys.path if place != str(package))])
    assert "acme" in drivers.sensor_kinds()


def test_entry_points_that_cannot_be_read_are_left_to_the_library(package: Path) -> None:
    file = package / "acme_fand-1.dist-info" / "entry_points.txt"
    file.unlink()
    file.mkdir()
    assert "acme" not in drivers.sensor_kinds()


def test_another_package_cannot_replace_a_kind(package: Path) -> None:
    assert drivers.sensor_kind("file").__name__ == "fand.drivers.sensors.file"  # type: ignore[attr-defined]


def test_a_kind_that_fails_to_import_is_named(package: Path) -> None:
    with pytest.raises(DriverError, match=r"driver 'bad' \(acme_bad\) cannot be imported: out of acme"):
        drivers.sensor_kind("bad")
