"""The soak as a whole: the cast, the loop, the end, the verdict."""

import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from statistics import quantiles
from types import FrameType
from typing import Final

from fand.client import Client
from fand.exceptions import CommunicationError
from fand.units import Percent
from tests.faults.proxy import Network, Proxy
from tests.soak.census import Census
from tests.soak.chaos import Chaos
from tests.soak.judge import INTERVAL, LEASE, WATCHDOG, Judge, Site, units_settled
from tests.soak.judge import Path as Way
from tests.soak.law import CRITICAL, FLOOR, POINTS
from tests.soak.talk import Knocker, Known, Poller, Setter, Talker
from tests.soak.unit import Phase, Unit
from tests.soak.zone import FANS, MAX_AGE, Zone

TICK: Final = 0.2
SAMPLE: Final = 5.0
STALL: Final = 0.5
"""A turn that took longer shows that the host did not let us run."""
PORTS: Final = (20_000, 30_000)
"""Where the servers listen: below the ports that the system gives to whoever asks for any."""
EXCUSED: Final = 30.0
"""So long after a fan of its own was broken a fan client may starve its watchdog."""
QUIET: Final = 90.0
"""After the last fault all must be as if there had been none within so many seconds: a fan that stood still must turn
for 30 s in the fan client's eyes, and then in the server's."""

SERVERS: Final = ("steady", "mortal")
CAST: Final = {
    "zone1": ("client1", ("mortal",)),
    "zone2": ("client2", ("mortal",)),
    "zone3": ("client3", ("mortal", "steady")),
    "zone4": ("spared", ("steady",)),
    "zone5": ("client5", ("steady",)),
}
"""Shelf -> its fan client and its servers."""
SPARED: Final = ("steady", "spared")
OVERRIDDEN: Final = (("mortal", "zone2"), ("steady", "zone5"))


class Soak:
    """One run in ``folder``, its trouble drawn from ``seed``."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder = folder
        self._seed = seed
        self._chance = Random(seed)
        self._judge = Judge(seed)
        self._interrupts: list[int] = []
        self._zones = [Zone(name, folder) for name in CAST]
        self._overrides = {(server, zone): Known() for server in SERVERS for zone in CAST}

    def run(self, seconds: float, calm: float) -> int:
        """Run it; returns the exit status."""
        with ExitStack() as stack:
            stack.enter_context(self._interruptible())
            network = stack.enter_context(Network(self._seed))
            self._set_up(network, stack)
            talkers = self._talkers()
            for talker in talkers:
                talker.start()
                stack.callback(talker.stop)
            self._judge.began = self._now = time.monotonic()
            self._sampled = self._now
            before = self._calm(calm, "the calm before")
            chaos = Chaos(
                self._chance, self._judge, self._sites, self._mortals, self._reloads, self._operators, self._now
            )
            print(f"{seconds:.0f} s of trouble, seed {self._seed}, files in {self._folder}", flush=True)
            end = self._now + seconds
            self._pass(lambda: self._now >= end, chaos)
            chaos.calm(self._now)
            for proxy in self._proxies:
                proxy.cut()
            self._quieten(talkers[1])
            after = self._calm(calm, "the calm after")
            for talker in talkers:
                talker.stop()
            self._end()
            for name in () if self._ended_early() else SPARED:
                for fault in self._census.growth(name, before, after):
                    self._judge.violation(self._now, fault)
        self._search()
        return self._verdict(talkers)

    def _ended_early(self) -> bool:
        """Whether somebody wants us to end."""
        return bool(self._interrupts)

    def _set_up(self, network: Network, stack: ExitStack) -> None:
        ports = {name: _free_port(self._chance) for name in SERVERS}
        self._addresses = {name: ("127.0.0.1", port) for name, port in ports.items()}
        self._proxies: list[Proxy] = []

        def way_to(name: str) -> Proxy:
            self._proxies.append(network.proxy(lambda: self._addresses[name]))
            return self._proxies[-1]

        for zone in self._zones:
            zone.advance(time.monotonic(), TICK)
        servers = {}
        for name in SERVERS:
            config = self._folder / f"{name}.toml"
            config.write_text(self._server_config(name, ports[name]))
            servers[name] = self._unit(name, "server", config, watchdog=10.0)
        self._sites = []
        for zone in self._zones:
            name, heads = CAST[zone.name]
            paths = [Way(way_to(head), servers[head]) for head in heads]
            config = self._folder / f"{name}.toml"
            config.write_text(self._client_config(name, zone, [path.proxy.port for path in paths]))
            self._sites.append(Site(zone, self._unit(name, "client", config, watchdog=WATCHDOG), paths))
        self._units = [*servers.values(), *(site.client for site in self._sites)]
        for unit in self._units:
            stack.callback(unit.close)
        self._mortals = [unit for unit in self._units if unit.name not in SPARED]
        self._reloads = [(unit, self._folder / f"{name}.toml") for name, unit in servers.items()]
        self._ways = [(unit, way_to(name)) for name, unit in servers.items()]
        self._operators = [proxy for _, proxy in self._ways]
        self._census = Census(self._units)

    def _unit(self, name: str, service: str, config: Path, watchdog: float) -> Unit:
        python = [sys.executable, "-I"]
        words = [service, "-v", "-c", str(config)]
        counts = self._folder / f"{name}.counts"
        probed = str(Path(__file__).with_name("probed.py"))
        post = [*python, "-m", "fand", "client", "--failsafe", "-c", str(config)] if service == "client" else []

        def complain(text: str) -> None:
            self._judge.violation(time.monotonic(), text)

        return Unit(name, [*python, probed, str(counts), *words], self._folder, complain, post, watchdog)

    def _talkers(self) -> Sequence[Talker]:
        judge, chance = self._judge, self._chance
        servers = [(unit, self._addresses[unit.name]) for unit, _ in self._ways]
        return (
            Poller(judge, self._ways, self._sites, self._overrides, Random(chance.random())),
            Setter(judge, self._ways, self._overrides, OVERRIDDEN, Random(chance.random())),
            Knocker(judge, servers),
        )

    def _server_config(self, name: str, port: int) -> str:
        lines = [
            f'[server]\nport = {port}\nstate = "{self._folder}/{name}.state"',
            f"[curves.drives]\npoints = {[list(point) for point in POINTS]}\ncritical = {CRITICAL}\nhysteresis = 1",
        ]
        for zone in self._zones:
            devices = []
            for number, bay in enumerate(zone.bays, 1):
                how = f'fake = "lost", path = "{bay.path}"' if bay.kind == "fake" else f'file = "{bay.path}"'
                how += f", max_age = {MAX_AGE}" if bay.kind == "file" else ""
                common = f'name = "bay{number}", family = "hdd", interval = {INTERVAL}, timeout = {INTERVAL}'
                devices.append(f"  {{ {common}, {how} }},\n")
            head = f'[shelves.{zone.name}]\ncurves = {{ hdd = "drives" }}\nfall = 600\nfloor = {FLOOR}'
            lines.append(f"{head}\ndevices = [\n{''.join(devices)}]")
        return "\n".join(lines) + "\n"

    def _client_config(self, name: str, zone: Zone, ports: Sequence[int]) -> str:
        servers = ", ".join(f'"127.0.0.1:{port}"' for port in ports)
        text = f'[client]\nshelf = "{zone.name}"\nservers = [{servers}]\ninterval = {INTERVAL}\nlease = {LEASE}\n'
        text += f'state = "{self._folder}/{name}.state"\n'
        for fan, turner in zip(FANS, zone.fans, strict=True):
            text += f'[[client.fans]]\nname = "{fan}"\nfake = "{turner.duty_file}"\n'
            text += f'tachometer = {{ fake = "{turner.rpm_file}" }}\n'
        return text

    def _pass(self, over: Callable[[], bool], chaos: Chaos | None = None, *, again: bool = True) -> None:
        """Let time go by until it is ``over``."""
        while not over() and not self._ended_early():
            time.sleep(max(0.0, self._now + TICK - time.monotonic()))
            before, self._now = self._now, time.monotonic()
            passed = self._now - before
            if passed > TICK + STALL:
                self._judge.stalls.append((self._now, passed))
            for zone in self._zones:
                zone.advance(self._now, passed)
            for site in self._sites:
                site.client.excused = self._now - site.broken < EXCUSED
            for unit in self._units:
                unit.tick(self._now, again=again)
            if again:
                for site in self._sites:
                    self._judge.look(site, self._override(site), self._now, passed)
            if chaos is not None:
                chaos.tick(self._now)
            if self._now >= self._sampled + SAMPLE:
                self._sampled = self._now
                self._census.take(self._units, self._now)

    def _override(self, site: Site) -> float | None:
        """The lowest override that the fans of ``site`` may follow: of several servers' the greatest."""
        lowest = [self._overrides[path.server.name, site.zone.name].lowest() for path in site.paths]
        known = [each for each in lowest if each is not None]
        return max(known) if len(known) == len(lowest) else None

    def _calm(self, seconds: float, title: str) -> tuple[float, float]:
        """Nothing goes wrong for so long; returns when."""
        print(f"{seconds:.0f} s: {title}", flush=True)
        start = self._now
        self._pass(lambda: self._now >= start + seconds)
        return start, self._now

    def _quieten(self, setter: Talker) -> None:
        """See that all is well again in time, without anybody's help but that overrides are taken off."""
        start = self._now
        self._pass(lambda: units_settled(self._units, self._now, 1.0) or self._now > start + QUIET)
        setter.stop()
        if self._ended_early():
            return
        for server, zone in OVERRIDDEN:
            try:
                with Client(*self._addresses[server]) as client:
                    client.override(zone, None)
            except CommunicationError as error:
                self._judge.violation(self._now, f"an override of {server} cannot be removed: {error}")
            known = self._overrides[server, zone]
            known.version, known.sure, known.now, known.may = known.version + 1, True, None, ()
        unquiet = ["nobody looked"]
        looked = self._now

        def quiet() -> bool:
            nonlocal unquiet, looked
            if self._now >= looked + 1.0:
                looked, unquiet = self._now, list(self._unquiet())
            return not unquiet

        self._pass(lambda: quiet() or self._now > start + QUIET)
        if self._ended_early():
            return
        if unquiet:
            self._judge.violation(self._now, f"not quiet {QUIET:g} s after the last fault: {'; '.join(unquiet)}")
        print(f"quiet {self._now - start:.0f} s after the last fault", flush=True)

    def _unquiet(self) -> Iterator[str]:
        for unit in self._units:
            if unit.phase is not Phase.UP:
                yield f"{unit.name} is {unit.phase.value}"
        for site in self._sites:
            duties: list[Percent] = []
            for path in site.paths:
                try:
                    with Client(*self._addresses[path.server.name]) as client:
                        status = client.status(site.zone.name)
                except CommunicationError as error:
                    yield f"{path.server.name}: {error}"
                    continue
                duties.append(status["duty"])
                if faults := [*status["faults"], *status.get("alarms", ())]:
                    yield f"{path.server.name} has faults of {site.zone.name}: {faults}"
                elif any(fan["state"] != "ok" for fan in status["fans"]):
                    yield f"{path.server.name} has fans of {site.zone.name} that are not ok: {status['fans']}"
            for fan in site.zone.fans:
                if duties and abs(fan.duty - max(duties)) > 6:
                    yield f"{fan.duty_file.name} is at {fan.duty:g} %, served are {duties}"

    def _end(self) -> None:
        """End all units as systemd would, and see that they do and that the fans are safe then."""
        for unit in self._units:
            if unit.pid is not None:
                if unit.stopped:
                    unit.send(signal.SIGCONT, self._now)
                unit.send(signal.SIGTERM, self._now)
        interrupts, self._interrupts = self._interrupts, []
        self._pass(lambda: all(unit.phase is Phase.DOWN for unit in self._units), again=False)
        self._interrupts += interrupts
        for site in self._sites:
            for fan in site.zone.fans:
                fan.look()
                if fan.fault != "broken" and fan.duty < 100:
                    self._judge.violation(self._now, f"{fan.duty_file.name} was left at {fan.duty:g} %")

    def _search(self) -> None:
        """Look for processes that were left behind, and for tracebacks in the logs."""
        mark = f"{self._folder}/".encode()
        for process in Path("/proc").iterdir():
            if process.name.isdigit() and int(process.name) != os.getpid():
                try:
                    line = (process / "cmdline").read_bytes()
                except OSError:
                    continue
                if mark in line:
                    self._judge.violation(self._now, f"left behind: {process.name} {line!r}")
        for log in sorted(self._folder.glob("*.log")):
            text = log.read_text(errors="replace")
            if "Traceback" in text:
                at = text.index("Traceback")
                self._judge.violation(self._now, f"{log.name} has a traceback:\n{text[max(0, at - 300) : at + 1500]}")

    def _verdict(self, talkers: Sequence[Talker]) -> int:
        poller, setter, knocker = talkers
        assert isinstance(poller, Poller)
        assert isinstance(setter, Setter)
        assert isinstance(knocker, Knocker)
        print(f"\n{self._now - self._judge.began:.0f} s, seed {self._seed}")
        print("done: " + ", ".join(f"{what} {times}" for what, times in sorted(self._judge.counts.items())))
        met = sum((proxy.counts for proxy in self._proxies), start=type(self._judge.counts)())
        print("met by connections: " + ", ".join(f"{what} {times}" for what, times in sorted(met.items())))
        print(f"{poller.polls} statuses, {setter.sets} overrides set or removed, {knocker.knocks} signs of life")
        for unit in self._units:
            print(f"{unit.name}: {unit.lives} lives, {unit.watchdogs} ended by the watchdog")
        for site in self._sites:
            low, middle, high = (quantiles(site.demands, n=20)[place] for place in (0, 9, 18))
            print(
                f"{site.zone.name}: the demand was {middle:.0f} %, mostly from {low:.0f} to {high:.0f} %, and the "
                f"hottest drive at {site.hottest:.1f} °C; a fan was under the demand for {site.longest:.1f} s "
                f"at the longest, {site.lacking:.1f} s in all"
            )
        stalls = [gap for _, gap in self._judge.stalls]
        print(f"the host held this tool up {len(stalls)} times, {max(stalls, default=0.0):.1f} s at the longest\n")
        print("\n".join(self._census.table()))
        self._census.write(self._folder / "samples.csv")
        found = len(self._judge.violations)
        print(f"\n{found} violations" + (", interrupted" if self._ended_early() else ""))
        for text in self._judge.violations[:50]:
            print(text)
        return 1 if found else 130 if self._ended_early() else 0

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        def stop(number: int, frame: FrameType | None) -> None:
            self._interrupts.append(number)

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _free_port(chance: Random) -> int:
    while True:
        port = chance.randrange(*PORTS)
        with socket.socket() as sock:
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
