from pathlib import Path

import pytest

from fand import drivers
from fand.config import AgentConfig, toml
from fand.config.build import build
from fand.config.checked import Faults
from fand.dispatch.mailbox import SIGN
from fand.exceptions import ConfigError
from fand.units import Seconds

from .hand_made import faults, read

DEVICES = 'devices = [{ drive = "AB12", position = "1,1" }, { cpu = "auto", name = "processor", family = "cpu" }]\n'


def agent(text: str) -> AgentConfig:
    config = read(f"[agent]\n{text}")
    assert config.agent is not None
    return config.agent


def test_an_agent_tells_this_host_unless_told_otherwise() -> None:
    config = agent(DEVICES)
    assert (config.name, config.servers, config.interval) == ("", (("localhost", 9999),), SIGN)
    assert [(device.name, device.kind, device.family) for device in config.devices] == [
        ("AB12", "drive", None),
        ("processor", "cpu", "cpu"),
    ]


def test_everything_can_be_said() -> None:
    config = agent(f'name = "nas2"\nservers = ["a:1", "/run/fand/fand.sock"]\ninterval = 1\n{DEVICES}')
    assert (config.name, config.interval) == ("nas2", Seconds(1))
    assert config.servers == (("a", 1), ("/run/fand/fand.sock", 9999))


def test_a_file_may_describe_a_server_and_its_agent() -> None:
    shelf = '[curves.a]\npoints = [[30, 25]]\n[shelves.s]\ncurves = { hdd = "a" }\ndevices = [{ drive = "AB12" }]\n'
    config = read(f"{shelf}[agent]\n{DEVICES}")
    assert config.server is not None
    assert config.agent is not None
    assert config.client is None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("devices = []", "agent.devices: is empty; an agent has at least one device"),
        (f'name = " x"\n{DEVICES}', "agent.name: ' x' begins or ends with a space"),
        (f"interval = 6\n{DEVICES}", "agent.interval: expected a number from 0.01 to 5, not 6"),
        (f"servers = []\n{DEVICES}", "agent.servers: is empty; name at least one, like \"nas.example.org:9999\""),
        (f'servers = ["a", "a:9999"]\n{DEVICES}', "agent.servers[2]: 'a:9999' is the same server as 'a'"),
        ('devices = [{ drive = "A" }, { drive = "a" }]',
         "agent.devices[2]: drive a stands at agent.devices[1] already; a drive sits in one place only"),
        ('devices = [{ cpu = "a" }, { cpu = "a" }]',
         "agent.devices: 2 devices are called 'a'; give each a name of its own"),
        ('devices = [{ cpu = "a", family = "" }]', "agent.devices[1].family: a name must not be empty"),
        (f"shelf = 1\n{DEVICES}", "agent: unknown key 'shelf'"),
        ('name = "x"', "agent: key 'devices' is missing; it is a list"),
    ],
)  # fmt: skip
def test_s11_an_agent_that_falls_short_is_refused(text: str, fault: str) -> None:
    assert faults(f"[agent]\n{text}") == [f"f: {fault}"]


def test_s11_an_agent_does_not_report_what_another_reports() -> None:
    text = '[agent]\ndevices = [{ agent = "nas3", device = "sda" }]'
    with pytest.raises(ConfigError) as caught:
        build(toml.parse(text, "f"), Path("f"), drivers, Faults("f"))
    assert caught.value.faults == (
        "f: agent.devices: sda is reported by an agent already; let that one tell the servers",
    )
