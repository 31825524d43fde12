"""Real servers, agents and fan clients on loopback, as on several hosts."""

import json
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from fand.agent.board import Board
from fand.agent.conversation import News
from fand.agent.link import Link
from fand.client import Client
from fand.clock import SystemClock
from fand.ports import Temperature
from fand.units import Celsius, Seconds
from tests.certificates import Pki
from tests.fanclient.processes import Program, until
from tests.server.processes import Server, running

CURVES = """
[curves.drives]
points = [[30, 60], [40, 90], [45, 100]]
[shelves.shelf1]
curves = {{ hdd = "drives" }}
fall = 6000
devices = [{devices}]
"""

CLIENT = """
[client]
shelf = "shelf1"
servers = ["127.0.0.1:9"]
interval = 0.1
state = "{folder}/state"
[[client.fans]]
name = "front"
fake = "{folder}/duty"
"""


def remote(device: str, agent: str = "nas2", more: str = "") -> str:
    return f'{{ agent = "{agent}", device = "{device}", interval = 0.3{more} }}'


class Site:
    """Hosts that share a folder: each device is a file there, and so is the fan."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self._stack = stack

    def heat(self, device: str, celsius: float | str) -> None:
        beside = self.folder / "new"
        beside.write_text(str(celsius))
        beside.replace(self.folder / device)

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        return path

    def shelf(self, *devices: str, name: str = "server.toml", head: str = "") -> Path:
        """A configuration of a server with one shelf of these devices."""
        return self.write(name, head + CURVES.format(devices=", ".join(devices)))

    def server(self, config: Path, *options: str) -> Server:
        log = self._stack.enter_context(config.with_suffix(".log").open("ab"))
        return self._stack.enter_context(running(config, *options, stderr=log.fileno()))

    def agent(
        self,
        *servers: object,
        name: str = "nas2",
        devices: tuple[str, ...] = ("sda",),
        interval: float = 0.1,
        more: str = "",
    ) -> Program:
        """An agent that reads these devices, each a file of that name, and tells these servers, each a port or a
        path.
        """
        listed = ", ".join(
            f'{{ fake = "lost", path = "{self.folder}/{device}", name = "{device}", interval = {interval} }}'
            for device in devices
        )
        told = [server if isinstance(server, str) else f"127.0.0.1:{server}" for server in servers]
        text = f'[agent]\nname = "{name}"\nservers = {json.dumps(told)}\ninterval = 0.1\ndevices = [{listed}]\n{more}'
        config = self.write(f"{name}.toml", text)
        return self._start(name, "agent", "-c", str(config), "-v")

    def fan(self, server: Server) -> Program:
        config = self.write("client.toml", CLIENT.format(folder=self.folder))
        return self._start("client", "client", "-c", str(config), "-a", "127.0.0.1", "-p", str(server.port))

    @property
    def duty(self) -> float:
        """What the fan is driven at."""
        try:
            return float((self.folder / "duty").read_text())
        except (FileNotFoundError, ValueError):
            return -1.0

    def _start(self, log: str, *words: str) -> Program:
        return self._stack.enter_context(Program(self.folder / f"{log}.log", *words))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with ExitStack() as stack:
        yield Site(tmp_path, stack)


def status(server: Server) -> dict[str, Any]:
    with Client("127.0.0.1", server.port) as client:
        return client.status("shelf1")


def health(server: Server) -> list[str]:
    return [device["health"] for device in status(server)["devices"]]


def duty(server: Server) -> float:
    return float(status(server)["duty"])


def test_s2_a_drive_on_one_host_drives_a_fan_on_another(site: Site) -> None:
    site.heat("sda", 35)
    server = site.server(site.shelf(remote("sda")))
    site.fan(server)
    until(lambda: site.duty == 100, "S1: full speed before the agent has come")
    agent = site.agent(server.port)
    until(lambda: site.duty == 75, "the duty of 35 °C")
    site.heat("sda", 40)
    until(lambda: site.duty == 90, "the duty of 40 °C")
    agent.kill()
    until(lambda: site.duty == 100, "full speed without the agent")
    until(lambda: health(server) == ["lost"])
    assert "agent nas2 has gone" in status(server)["reason"]
    site.agent(server.port)
    until(lambda: site.duty == 90, "the duty of 40 °C again")
    site.heat("sda", "lost")
    until(lambda: site.duty == 100, "full speed without the drive")
    assert "plays a lost drive" in status(server)["reason"]


def test_s2_an_agent_that_hangs(site: Site) -> None:
    site.heat("sda", 35)
    server = site.server(site.shelf(remote("sda")))
    agent = site.agent(server.port)
    until(lambda: duty(server) == 75)
    agent.hang()
    until(lambda: health(server) == ["lost"])
    assert "agent nas2 has been silent" in status(server)["reason"]
    agent.go_on()
    until(lambda: duty(server) == 75)


def test_several_agents_tell_one_server_and_one_agent_several(site: Site) -> None:
    for device, celsius in (("sda", 33), ("sdb", 36), ("sdc", 30)):
        site.heat(device, celsius)
    one = site.server(site.shelf(remote("sda"), remote("sdb", "nas3"), "{ fake = 31 }", name="one.toml"))
    other = site.server(site.shelf(remote("sdc"), name="other.toml"))
    site.agent(one.port, other.port, devices=("sda", "sdc"))
    nas3 = site.agent(one.port, name="nas3", devices=("sdb",))
    until(lambda: duty(one) == 78)
    until(lambda: duty(other) == 60)
    nas3.kill()
    until(lambda: health(one) == ["good", "lost", "good"])
    assert health(other) == ["good"]


def test_an_agent_goes_on_with_one_server_while_another_is_gone(site: Site) -> None:
    site.heat("sda", 33)
    config = site.shelf(remote("sda"))
    server = site.server(config)
    gone = site.server(site.shelf(remote("sda"), name="gone.toml"))
    agent = site.agent(server.port, gone.port)
    until(lambda: health(server) == health(gone) == ["good"])
    gone.stop()
    until(lambda: f"{gone.port}: cannot connect" in agent.text)
    site.heat("sda", 36)
    until(lambda: duty(server) == 78)


def test_an_optional_device_is_absent_when_its_agent_stops(site: Site) -> None:
    site.heat("sda", 40)
    server = site.server(site.shelf("{ fake = 31 }", remote("sda", more=", optional = true")))
    agent = site.agent(server.port)
    until(lambda: duty(server) == 90)
    assert agent.end() == 0
    until(lambda: health(server) == ["good", "absent"])
    until(lambda: duty(server) == 63)
    site.agent(server.port)
    until(lambda: duty(server) == 90)


def test_s11_a_reload_adds_and_removes_what_agents_report(site: Site) -> None:
    for device, celsius in (("sda", 33), ("sdb", 36)):
        site.heat(device, celsius)
    server = site.server(site.shelf(remote("sda")))
    agent = site.agent(server.port, devices=("sda", "sdb"))
    until(lambda: duty(server) == 69)
    until(lambda: "takes no report of agent nas2 on sdb" in agent.text)

    def reload() -> None:
        with Client("127.0.0.1", server.port) as client:
            client.reload()

    site.shelf(remote("sda"), remote("sdb"))
    reload()
    until(lambda: health(server) == ["good", "good"])
    assert duty(server) == 78
    until(lambda: "takes our reports on sdb now" in agent.text)
    site.shelf(remote("sdb"))
    reload()
    until(lambda: "takes no report of agent nas2 on sda" in agent.text)
    assert health(server) == ["good"]


def test_s11_an_agent_reloads_at_a_hangup_without_a_gap_and_a_bad_file_changes_nothing(site: Site) -> None:
    for device, celsius in (("sda", 33), ("sdb", 36)):
        site.heat(device, celsius)
    server = site.server(site.shelf(remote("sda"), remote("sdb", more=", optional = true")))
    agent = site.agent(server.port)
    until(lambda: duty(server) == 69)
    config = site.folder / "nas2.toml"
    good = config.read_text()
    config.write_text(good.replace("devices", "devises"))
    agent.process.send_signal(signal.SIGHUP)
    until(lambda: "the configuration in force stays in force" in agent.text)
    assert "unknown key 'devises'; did you mean 'devices'?" in agent.text
    other = good.partition("devices = [")[2].partition("]")[0].replace("sda", "sdb")
    config.write_text(good.replace("devices = [", f"devices = [{other}, "))
    agent.process.send_signal(signal.SIGHUP)
    until(lambda: health(server) == ["good", "good"])
    until(lambda: duty(server) == 78)
    assert agent.end() == 0
    log = (site.folder / "server.log").read_text()
    assert log.count("agent nas2 has gone") <= 2, "but for the end of it"
    assert "Traceback" not in agent.text


def test_an_agent_with_the_role_report_comes_by_a_unix_socket(site: Site) -> None:
    site.heat("sda", 33)
    path = f"{site.folder}/s"
    config = site.shelf(remote("sda"), head=f'[server]\nsocket = "{path}"\nstate = "{site.folder}/kept"\n')
    server = site.server(config)
    site.agent(path)
    until(lambda: duty(server) == 69)


def test_an_agent_goes_by_the_name_in_its_certificate(site: Site) -> None:
    site.heat("sda", 33)
    pki, path = Pki(site.folder), f"{site.folder}/s"
    files = pki.client("nas7", "--role", "report", "--shelf", "shelf1")
    head = f'[server]\nsocket = "{path}"\nstate = "{site.folder}/kept"\n[server.tls]\nfolder = "{pki.path}"\n'
    server = site.server(site.shelf(remote("sda", "nas7"), head=head))
    site.agent(f"localhost:{server.port}", more=f'[tls]\nfolder = "{Path(files.certificate).parent}"\n')
    with Client(path, 0) as operator:
        until(lambda: operator.status("shelf1")["duty"] == 69)


@pytest.mark.parametrize("ahead", [-1e6, 1e6])
def test_the_clocks_of_hosts_do_not_matter(site: Site, ahead: float) -> None:
    class Clock(SystemClock):
        def mono(self) -> Seconds:
            return Seconds(super().mono() + ahead)

    server = site.server(site.shelf(remote("sda")))
    board, clock = Board(), Clock()
    board.beat(Seconds(clock.mono() + 1e3))
    board.put("sda", News(Temperature(Celsius(33), Seconds(clock.mono() - 9)), "hdd"))
    link = Link(("127.0.0.1", server.port), "nas2", Seconds(0.1), board=board, clock=clock)
    link.start()
    try:
        until(lambda: status(server)["devices"][0]["age"] is not None)
        assert 9 <= status(server)["devices"][0]["age"] < 30
        assert duty(server) == 69
    finally:
        link.stop()
        link.join(30)


def test_hundreds_of_devices(site: Site) -> None:
    names = tuple(f"d{number}" for number in range(300))
    site.heat("d299", 39)
    server = site.server(site.shelf(*(f'{{ agent = "nas2", device = "{name}" }}' for name in names)))
    for name in names[:-1]:
        site.heat(name, 31)
    site.agent(server.port, devices=names, interval=2)
    until(lambda: set(health(server)) == {"good"})
    until(lambda: duty(server) == 87)
