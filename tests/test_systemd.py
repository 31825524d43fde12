"""The units of systemd/ say what the rules need; what they do is for the virtual machine to show (docs/vm.rst)."""

import re
import tomllib
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import pytest

from fand.fanclient.lease import Terms

ROOT = Path(__file__).parents[1]
SYSTEMD = ROOT / "systemd"
UNITS = sorted(path.stem for path in SYSTEMD.glob("*.service"))
CLIENTS = ["fand-client", "fand-clientrpi"]
DROP_INS = sorted(path.stem for path in (SYSTEMD / "drop-ins").glob("*.conf"))
PROGRAMS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
HANGUP = "/bin/kill -HUP $MAINPID"
PAGE = (ROOT / "docs/systemd.rst").read_text()

Sections = Mapping[str, Mapping[str, list[str]]]


def parsed(path: Path) -> Sections:
    """A unit or drop-in: its sections, in each of them the values of every key, which may be given more than once."""
    sections: dict[str, dict[str, list[str]]] = {}
    for line in path.read_text().splitlines():
        if line.startswith("["):
            section = sections.setdefault(line.strip("[]"), defaultdict(list))
        elif line and not line.startswith("#"):
            key, equals, value = line.partition("=")
            assert equals
            section[key].append(value)
    return sections


def unit(name: str) -> Sections:
    """A unit as shipped."""
    return parsed(SYSTEMD / f"{name}.service")


def service(name: str) -> Mapping[str, str]:
    """The last value of each key of a unit's service."""
    return {key: values[-1] for key, values in unit(name)["Service"].items()}


def users() -> tuple[set[str], set[str]]:
    """The users and groups that are made."""
    lines = [line.split() for line in (SYSTEMD / "sysusers.conf").read_text().splitlines() if line[0] != "#"]
    made = {words[1] for words in lines if words[0] == "u"}
    return made, made | {words[1] for words in lines if words[0] == "g"}


def test_there_is_a_unit_for_every_service() -> None:
    assert ["fand-agent", *CLIENTS, "fand-server"] == UNITS


@pytest.mark.parametrize("name", UNITS)
def test_c2_a_service_is_watched_and_never_given_up(name: str) -> None:
    assert unit(name)["Unit"]["StartLimitIntervalSec"] == ["0"]
    own = service(name)
    assert (own["Type"], own["NotifyAccess"], own["Restart"]) == ("notify", "main", "always")
    assert float(own["WatchdogSec"]) <= 30


@pytest.mark.parametrize("name", CLIENTS)
def test_c2_after_its_end_a_client_is_called_once_more_to_make_its_fans_safe(name: str) -> None:
    own = service(name)
    assert own["ExecStopPost"] == f"{own['ExecStart']} --failsafe"


def test_what_asks_nobody_reloads_by_a_signal() -> None:
    assert service("fand-agent")["ExecReload"] == HANGUP


@pytest.mark.parametrize("name", UNITS)
def test_every_program_is_one_of_ours_in_the_environment_that_the_page_makes(name: str) -> None:
    # and none has a prefix that would give it more rights than the service has
    lines = [words for key, words in service(name).items() if key.startswith("Exec")]
    commands = [words.split()[0] for words in lines if words != HANGUP]
    assert commands
    assert {Path(command).parent for command in commands} == {Path("/opt/fand/bin")}
    assert {Path(command).name for command in commands} <= set(PROGRAMS)


@pytest.mark.parametrize("name", [*CLIENTS, "fand-agent"])
def test_a_client_waits_for_no_network(name: str) -> None:
    own = unit(name)["Unit"]
    assert "network" not in "".join([*own["After"], *own["Wants"]])


def test_a_server_that_is_restarted_is_back_within_the_lease() -> None:
    own = service("fand-server")
    assert float(own["TimeoutStopSec"]) + float(own["RestartSec"]) < Terms().lease / 2


@pytest.mark.parametrize("name", UNITS)
def test_a_service_runs_as_a_user_of_its_own_who_can_be_nobody_else(name: str) -> None:
    own, (made, groups) = service(name), users()
    assert own["User"] == ("fand-client" if name in CLIENTS else name)
    assert own["User"] in made
    assert {own.get("Group", "fand"), *own["SupplementaryGroups"].split()} <= groups | {"disk"}
    assert own["NoNewPrivileges"] == own["RestrictSUIDSGID"] == own["RestrictNamespaces"] == "yes"
    assert (own["ProtectSystem"], own["ProtectHome"], own["DevicePolicy"]) == ("strict", "yes", "closed")


@pytest.mark.parametrize("name", UNITS)
def test_nobody_but_the_agent_has_a_capability(name: str) -> None:
    own = service(name)
    wanted = "CAP_SYS_RAWIO" if name == "fand-agent" else ""
    assert own["CapabilityBoundingSet"] == own.get("AmbientCapabilities", "") == wanted


def test_who_listens_has_no_device_and_who_reads_drives_cannot_listen() -> None:
    assert [name for name in UNITS if "DeviceAllow" in service(name)] == ["fand-agent", "fand-clientrpi"]
    assert service("fand-server")["PrivateDevices"] == "yes"
    denied = {name: service(name)["SystemCallFilter"].lstrip("~").split() for name in UNITS}
    assert [name for name in UNITS if not {"listen", "accept", "accept4"} <= set(denied[name])] == ["fand-server"]
    agent = service("fand-agent")
    assert (agent["PrivateNetwork"], agent["RestrictAddressFamilies"]) == ("yes", "AF_UNIX")
    assert agent["DeviceAllow"] == "block-sd r"


def test_each_keeps_its_state_where_no_other_service_does() -> None:
    folders = [service(name).get("StateDirectory") for name in UNITS]
    assert folders == [None, "fand/client", "fand/clientrpi", "fand/server"]


def test_udev_gives_the_outputs_to_the_user_of_the_client() -> None:
    rules = (SYSTEMD / "60-fand.rules").read_text()
    assert set(re.findall(r"chgrp (\S+)", rules)) == {service("fand-client")["User"]}
    assert set(re.findall(r'GROUP="(\w+)"', rules)) == {"disk", "gpio"}


@pytest.mark.parametrize("name", DROP_INS)
def test_a_drop_in_changes_what_is_there_and_stands_on_the_page(name: str) -> None:
    sections = parsed(SYSTEMD / "drop-ins" / f"{name}.conf")
    own = service(f"fand-{name.partition('-')[0]}")
    assert list(sections) == ["Service"]
    new = set(sections["Service"]) - set(own)
    assert new <= {"AmbientCapabilities", "DeviceAllow", "PrivateNetwork", "IPAddressDeny", "IPAddressAllow"}
    assert f"``{name}.conf``" in PAGE or f" {name}.conf " in PAGE
