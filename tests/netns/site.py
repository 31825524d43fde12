"""Three hosts: ``server`` in the middle, ``nas`` with a drive and an agent, ``pi`` with a fan and a fan client."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from fand.client import Client
from fand.tls import Files
from tests.certificates import Pki
from tests.fanclient.processes import Program, until
from tests.netns.hosts import Host, Link, hosts, why_no_clocks

SERVER: Final = """
[server]
address = "0.0.0.0"
socket = "{folder}/fand.sock"
state = "{folder}/kept"
[server.tls]
folder = "{pki}"
[curves.drives]
points = [[30, 60], [40, 90], [45, 95]]
[shelves.rack]
curves = {{ hdd = "drives" }}
fall = 6000
devices = [
  {{ agent = "nas", device = "sda", interval = 1 }},
  {{ agent = "nas2", device = "sdb", interval = 1, optional = true }},
]
[shelves.other]
curves = {{ hdd = "drives" }}
devices = [{{ fake = 30 }}]
"""

AGENT: Final = """
[agent]
name = "nas"
servers = ["{server}"]
interval = 0.5
devices = [{{ file = "{folder}/celsius", family = "hdd", interval = 0.1, name = "{device}" }}]
[tls]
folder = "{tls}"
"""

CLIENT: Final = """
[client]
shelf = "rack"
servers = ["{server}"]
interval = 0.5
lease = 2
failsafe = {failsafe}
state = "{folder}/{name}-state"
[[client.fans]]
name = "front"
fake = "{folder}/{name}-duty"
tachometer = {{ fake = 1500 }}
[tls]
folder = "{tls}"
"""

FULL, FAILSAFE, COOL, WARM, HOT = 100, 98, 75, 90, 95
"""Duties: of a fault, of a fan client without a server, and of 35, 40 and 45 °C."""


class Site:
    """The hosts, what links them, and what runs on them."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        ahead = (0, 0, 0) if why_no_clocks() else (10**6, 0, 10**8)
        self.nas, self.server, self.pi = stack.enter_context(hosts(nas=ahead[0], server=ahead[1], pi=ahead[2]))
        self.to_nas = self._link(stack, self.nas, "198.51.100")
        self.to_pi = self._link(stack, self.pi, "203.0.113")
        self.pki = Pki(folder, self.to_nas.addresses[0], self.to_pi.addresses[0])
        self._stack = stack

    def start(self) -> None:
        """Server, agent and fan client, until the fan does what the drive needs."""
        self.heat(35)
        agent = self._enrolled("nas", "--role", "report", "--shelf", "rack")
        client = self._enrolled("pi", "--role", "report", "--shelf", "rack")
        self.run(self.server, "server", "server", SERVER.format(folder=self.folder, pki=self.pki.path))
        until(lambda: (self.folder / "fand.sock").exists(), "the server listens")
        self.run_agent("nas", agent, "sda")
        self.run_client("pi", client, self.pi, self.to_pi)
        self.until_duty(COOL)

    def run(self, host: Host, name: str, service: str, config: str) -> Program:
        """Start ``fand SERVICE`` with a configuration."""
        path = self.folder / f"{name}.toml"
        path.write_text(config)
        log = self.folder / f"{name}.log"
        return self._stack.enter_context(Program(log, service, "-c", str(path), "-v", within=host.command()))

    def run_agent(self, name: str, tls: Path, device: str) -> Program:
        """An agent on the host ``nas``."""
        server = self.to_nas.addresses[0]
        text = AGENT.format(folder=self.folder, server=server, tls=tls, device=device)
        return self.run(self.nas, name, "agent", text)

    def run_client(self, name: str, tls: Path, host: Host, link: Link) -> Program:
        """A fan client of the shelf ``rack`` on ``host``, whose way to the server is ``link``."""
        text = CLIENT.format(folder=self.folder, server=link.addresses[0], tls=tls, failsafe=FAILSAFE, name=name)
        return self.run(host, name, "client", text)

    def enrolled(self, name: str, *argv: str) -> Path:
        """The folder with the certificate of a new client, which the server lets in by now."""
        folder = self._enrolled(name, *argv)
        with self.client() as client:
            client.reload()
        return folder

    def heat(self, celsius: float) -> None:
        """What the drive on the host ``nas`` has."""
        beside = self.folder / "celsius.new"
        beside.write_text(str(celsius))
        beside.replace(self.folder / "celsius")

    def duty(self, name: str = "pi") -> float:
        """What a fan client drives its fan at."""
        try:
            return float((self.folder / f"{name}-duty").read_text())
        except (FileNotFoundError, ValueError):
            return -1.0

    def until_duty(self, duty: float) -> None:
        """Wait until the fan is driven at ``duty``."""
        self.until(lambda: self.duty() == duty, f"{duty} %")

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until ``condition`` holds; if it never does, tell what the programs had to say."""
        try:
            until(condition, what)
        except AssertionError as error:
            raise AssertionError(f"{error}; the duty is {self.duty()}\n{self.logs()}") from None

    def logs(self) -> str:
        """What all programs have logged."""
        return "".join(f"--- {path.name}\n{path.read_text()}" for path in sorted(self.folder.glob("*.log")))

    def log(self, name: str) -> str:
        """What one program has logged."""
        return (self.folder / f"{name}.log").read_text()

    def client(self) -> Client:
        """A connection of an operator on the server's host."""
        return Client(str(self.folder / "fand.sock"), 0)

    def status(self) -> dict[str, Any]:
        """The state of the shelf ``rack``."""
        with self.client() as client:
            return client.status("rack")

    def health(self) -> list[str]:
        """That of each device."""
        return [device["health"] for device in self.status()["devices"]]

    def _link(self, stack: ExitStack, host: Host, network: str) -> Link:
        link = Link(self.server, host, network)
        stack.callback(link.end)
        return link

    def _enrolled(self, name: str, *argv: str) -> Path:
        self.pki.client(name, *argv)
        return self.folder / name


def variables(files: Files) -> dict[str, str]:
    """The environment in which programs show ``files``."""
    return dict(zip(("FAND_TLS_CERTIFICATE", "FAND_TLS_KEY", "FAND_TLS_AUTHORITY"), files, strict=True))


@contextmanager
def site_in(folder: Path) -> Iterator[Site]:
    """The hosts, up and running."""
    with ExitStack() as stack:
        site = Site(folder, stack)
        site.start()
        yield site
