"""The units of systemd/ say what the rules need; what they do is for the virtual machine to show (docs/vm.rst)."""

import tomllib
from configparser import ConfigParser
from pathlib import Path

import pytest

from fand.fanclient.lease import Terms

ROOT = Path(__file__).parents[1]
UNITS = sorted(path.stem for path in (ROOT / "systemd").glob("*.service"))
CLIENTS = ["fand-client", "fand-clientrpi"]
PROGRAMS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]


def unit(name: str) -> ConfigParser:
    """A unit as shipped."""
    parsed = ConfigParser(interpolation=None)
    parsed.optionxform = str  # type: ignore[assignment,method-assign] # keys of units are in mixed case
    parsed.read(ROOT / "systemd" / f"{name}.service")
    return parsed


def test_there_is_a_unit_for_every_service() -> None:
    assert [*CLIENTS, "fand-server"] == UNITS


@pytest.mark.parametrize("name", UNITS)
def test_c2_a_service_is_watched_and_never_given_up(name: str) -> None:
    parsed = unit(name)
    assert parsed["Unit"]["StartLimitIntervalSec"] == "0"
    service = parsed["Service"]
    assert (service["Type"], service["NotifyAccess"], service["Restart"]) == ("notify", "main", "always")
    assert float(service["WatchdogSec"]) <= 30


@pytest.mark.parametrize("name", CLIENTS)
def test_c2_after_its_end_a_client_is_called_once_more_to_make_its_fans_safe(name: str) -> None:
    service = unit(name)["Service"]
    assert service["ExecStopPost"] == f"{service['ExecStart']} --failsafe"


@pytest.mark.parametrize("name", UNITS)
def test_every_program_is_one_of_ours_in_the_environment_that_the_page_makes(name: str) -> None:
    commands = [words.split()[0] for key, words in unit(name)["Service"].items() if key.startswith("Exec")]
    assert commands
    assert {Path(command).parent for command in commands} == {Path("/opt/fand/bin")}
    assert {Path(command).name for command in commands} <= set(PROGRAMS)


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_waits_for_no_network(name: str) -> None:
    assert "network" not in unit(name)["Unit"].get("After", "") + unit(name)["Unit"].get("Wants", "")


def test_a_server_that_is_restarted_is_back_within_the_lease() -> None:
    service = unit("fand-server")["Service"]
    assert float(service["TimeoutStopSec"]) + float(service["RestartSec"]) < Terms().lease / 2
