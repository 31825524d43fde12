"""Server, agent and fan client as users of their own: each does its part, and nothing else.

Runs in the virtual machine, with real drives as far as the kernel can tell, and a real fan chip.
"""

import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

from rigcheck import Checks, run
from services import ETC, Recorder, journal, main_pid, put_in_place, restarts, show, verified

from fand.client import Client
from fand.exceptions import CommunicationError

CONFIG = Path("/etc/fand.toml")
DROP_INS = Path("/opt/fand/share/fand/systemd/drop-ins")
SOCKET = "/run/fand/fand.sock"
SHELF = "shelf1"
SERVER, AGENT, CLIENT, RASPBERRY = UNITS = "fand-server", "fand-agent", "fand-client", "fand-clientrpi"
SATA, NVME, BY_SMARTCTL = ("RIGSATA0001", "RIGSATA0002"), "RIGNVME0001", "by smartctl"
FULL, FAILSAFE, CURVE = 255, 230, 179  # 100 %; 90 %; 70 %, that of 45 degC
RAWIO, ADMIN = 1 << 17, 1 << 21  # CAP_SYS_RAWIO, CAP_SYS_ADMIN of linux/capability.h
# What would take too long here, and what each may do before it starts. The rest is as shipped.
RIG = """\
[Service]
RestartSec=0.5
Environment=PYTHONPATH=/run/job PYTHONDONTWRITEBYTECODE=1
ExecStartPre=/opt/fand/bin/python /run/job/probe.py
"""
# of what probe.py tries
MAY = {
    SERVER: {"listen by TCP", "listen by a Unix socket", "have a TCP socket", "keep state"},
    AGENT: {"read a SATA drive"},
    CLIENT: {"drive a fan", "have a TCP socket", "keep state"},
}

check = Checks()


def status():
    """The state of the shelf; nothing is known of it while there is no server."""
    try:
        with Client(SOCKET, 0) as client:
            return client.status(SHELF)
    except CommunicationError:
        return {}


def devices(key, *names):
    """What the shelf's state says under ``key`` of the devices with these names."""
    listed = status().get("devices", ())
    return [each[key] for name in names for each in listed if name == each["name"]]


def celsius(*names):
    """What these devices have, in whole degrees."""
    return [None if value is None else round(value) for value in devices("celsius", *names)]


def temperature(celsius):
    """Write the temperature register of the chip."""
    run("chipctl", "temp", "nct7802", "1", str(celsius))


def drop_in(unit, name, text=None):
    """Give a unit a drop-in, one of those shipped or ``text``."""
    folder = ETC / f"{unit}.service.d"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.conf").write_text(text or (DROP_INS / f"{name}.conf").read_text())
    run("systemctl", "daemon-reload")


def exposure(unit):
    """How exposed systemd takes a unit to be: 0 is not at all, 10 wholly."""
    told = subprocess.run(
        ["systemd-analyze", "security", "--no-pager", f"{unit}.service"], capture_output=True, text=True, check=False
    ).stdout
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", told)
    if os.environ.get("RIG_VERBOSE"):
        print(told)
    return float(found[1]) if found else 10.0


def as_user(user, groups, *words):
    """Run ``words`` as a user of this host."""
    command = ["setpriv", f"--reuid={user}", "--regid=nogroup", f"--groups={groups}", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


class Cases:
    """In an order in which each builds on the last. Each leaves all services running and the fan on the curve."""

    def __init__(self, recorder):
        self.fan = recorder

    def on_curve(self, name, seconds=30):
        """Check that the fan is back on the curve."""
        check.soon(name, CURVE, self.fan.duty, seconds)

    def boot(self):
        """Whoever comes first needs nobody."""
        for unit, what in ((CLIENT, "fan client"), (AGENT, "agent"), (SERVER, "server")):
            check.equal(f"the {what} starts", 0, run("systemctl", "enable", "--now", unit).returncode)
        self.on_curve("the fan follows what the agent reports", 60)
        run("rigctl", "temp", "sata", "47")
        run("rigctl", "temp", "nvme0", "61")
        check.soon("SATA drives are read by smartctl, by the agent", [47, 47], lambda: celsius(*SATA))
        check.soon("the NVMe drive is read by the kernel, for the agent", [61], lambda: celsius(NVME))
        run("rigctl", "standby", "sata", "on")
        check.soon(
            "drives in standby are seen asleep by the agent", ["asleep"] * 2, lambda: devices("health", *SATA), 30
        )
        run("rigctl", "standby", "sata", "off")
        check.soon("and awake again", ["good"] * 2, lambda: devices("health", *SATA), 30)
        run("rigctl", "temp", "sata", "60")
        check.soon("a hot drive brings full speed", FULL, self.fan.duty)
        run("rigctl", "temp", "sata", "45")
        self.on_curve("cooled, the fan follows the curve again")

    def exposures(self):
        """systemd's own judgement of what the units can be misused for."""
        for unit in UNITS:
            value = exposure(unit)
            check(f"{unit}, exposure of 2.0 at most", value <= 2.0, value)

    def identities(self):
        """Who runs as whom, with what rights."""
        for unit, rights in ((SERVER, 0), (AGENT, RAWIO), (CLIENT, 0)):
            pid = main_pid(unit)
            told = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
            check.equal(f"{unit} runs as its own user", unit, Path(f"/proc/{pid}").owner())
            held = {int(told[name], 16) for name in ("CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb")}
            check.equal(f"{unit}, its capabilities", {rights}, held)
            check.equal(f"{unit} gets no more by any program", "1", told["NoNewPrivs"].strip())
        there = Path(SOCKET)
        mode = stat.S_IMODE(there.stat().st_mode), there.owner(), there.group()
        check.equal("the socket is for the group", (0o660, SERVER, "fand"), mode)

    def confinement(self):
        """What each was able to do when it started."""
        for unit, may in MAY.items():
            tried = dict(re.findall(r"probe (.+): (\w+)$", journal(unit), re.MULTILINE))
            print(f"     {unit}:", ", ".join(f"{name}: {result}" for name, result in tried.items()))
            check(f"{unit}, all was tried", len(tried) == 15, len(tried))
            check.equal(f"{unit} may do this", may, {name for name, result in tried.items() if result == "allowed"})
        listening = Path(f"/proc/{main_pid(AGENT)}/net/tcp").read_text()
        check("the agent is in a network where nobody listens", " 0A " not in listening, listening)

    def roles(self):
        """What the socket lets others do."""
        fanctl = "/opt/fand/bin/fanctl", "-a", SOCKET
        done = as_user("nobody", "nogroup", *fanctl, "ping")
        check("who is not in the group does not get at the socket", "Permission denied" in done.stderr, done.stderr)
        done = as_user("nobody", "fand", *fanctl, "ping")
        refused = "user 65534 is not allowed to connect"
        check("who is in the group and not in the file is refused", refused in done.stderr, done.stderr)
        done = as_user(CLIENT, "fand", *fanctl, "set-pwm-override", SHELF, "0")
        refused = "SET_PWM_OVERRIDE needs the role control"
        check("the fan client may not override", refused in done.stderr, done.stderr)
        found = run("journalctl", "-u", SERVER, "FAND_WHO=user fand-client", "-o", "json", "--no-pager").stdout
        fields = [json.loads(line) for line in found.splitlines()]
        told = [(each.get("FAND_REQUEST"), each.get("FAND_REASON")) for each in fields]
        check("the journal has it by fields", ("SET_PWM_OVERRIDE", refused) in told, told)

    def reloads(self):
        """The agent reads its configuration again, as the same process."""
        pid, mark = main_pid(AGENT), len(self.fan.seen)
        shipped = CONFIG.read_text()
        without = "".join(line for line in shipped.splitlines(True) if 'name = "chip"' not in line)
        CONFIG.write_text(without)
        check.equal("agent reloaded, systemctl says so", 0, run("systemctl", "reload", AGENT).returncode)
        check.soon("agent reloaded without a device, which is missed", FULL, self.fan.duty, 40)
        CONFIG.write_text("[agent]\nnonsense = 1\n")
        run("systemctl", "reload", AGENT)
        told = "reload: /etc/fand.toml: agent: unknown key 'nonsense'"
        check.soon("agent reloaded with a fault, the log names it", True, lambda: told in journal(AGENT))
        CONFIG.write_text(shipped)
        run("systemctl", "reload", AGENT)
        self.on_curve("agent reloaded with all, the fan follows again")
        check.equal("agent reloaded, it is the same process", pid, main_pid(AGENT))
        seen = self.fan.since(mark)
        check("agent reloaded, never less air meanwhile", min(seen, default=CURVE) >= CURVE, seen)

    def dies(self, unit, what):
        """A service is killed."""
        before, mark = restarts(unit), len(self.fan.seen)
        os.kill(main_pid(unit), signal.SIGKILL)
        if unit == CLIENT:
            check.soon(f"{what} killed, the failsafe duty", True, lambda: FAILSAFE in self.fan.since(mark), 30)
        check.soon(f"{what} killed, it returns", before + 1, lambda: restarts(unit), 30)
        healths = ["good"] * 4
        check.soon(f"{what} killed, then all is well", healths, lambda: devices("health", *SATA, NVME, "chip"), 40)
        self.on_curve(f"{what} killed, the fan follows again")
        seen = self.fan.since(mark)
        check(f"{what} killed, never less air meanwhile", min(seen, default=CURVE) >= CURVE, seen)

    def agent_away(self):
        """The agent is stopped and stays away."""
        run("systemctl", "stop", AGENT)
        check.soon("agent stopped, full speed", FULL, self.fan.duty, 40)
        check("agent stopped, the reason is told", "agent fand-agent has gone" in status()["reason"])
        run("systemctl", "start", AGENT)
        self.on_curve("agent started, the fan follows again")

    def nvme(self):
        """What asks for one more right."""
        check.soon(
            "NVMe by smartctl is not for the agent as shipped", ["absent"], lambda: devices("health", BY_SMARTCTL)
        )
        drop_in(AGENT, "agent-nvme")
        run("systemctl", "restart", AGENT)
        check.soon("with agent-nvme.conf it is", ["good"], lambda: devices("health", BY_SMARTCTL), 40)
        run("rigctl", "temp", "nvme1", "58")
        check.soon("and tells its temperature", [58], lambda: celsius(BY_SMARTCTL))
        held = re.search(r"^CapEff:\s*(\w+)$", Path(f"/proc/{main_pid(AGENT)}/status").read_text(), re.MULTILINE)
        check.equal("with these capabilities", RAWIO | ADMIN, int(held[1], 16))
        print("     fand-agent with agent-nvme.conf, exposure:", exposure(AGENT))

    def local(self):
        """Nothing but the socket leads to the server."""
        loopback = "fanctl", "-a", "127.0.0.1", "ping"
        check.equal("loopback leads to the server as shipped", 0, run(*loopback).returncode)
        drop_in(SERVER, "server-local")
        run("systemctl", "restart", SERVER)
        self.on_curve("with server-local.conf the fan follows")
        done = subprocess.run(loopback, capture_output=True, text=True, check=False)
        check("and loopback leads nowhere", "Connection refused" in done.stderr, done.stderr)
        check.equal("but a reload works", 0, run("systemctl", "reload", SERVER).returncode)
        (ETC / f"{SERVER}.service.d/server-local.conf").unlink()

    def network(self):
        """An agent that may reach other hosts is as exposed as this."""
        drop_in(AGENT, "agent-network")
        value = exposure(AGENT)
        (ETC / f"{AGENT}.service.d/agent-nvme.conf").unlink()
        run("systemctl", "daemon-reload")
        print("     fand-agent with agent-network.conf and agent-nvme.conf, exposure:", value)
        value = exposure(AGENT)
        check("fand-agent with agent-network.conf, exposure of 2.0 at most", value <= 2.0, value)

    def simple(self):
        """One service reads and decides."""
        run("systemctl", "disable", "--now", AGENT)
        shutil.copy("simple.toml", CONFIG)
        drop_in(SERVER, "server-drives")
        value = exposure(SERVER)
        check("fand-server with server-drives.conf, exposure of 2.0 at most", value <= 2.0, value)
        run("systemctl", "restart", SERVER, CLIENT)
        self.on_curve("simple set-up, the fan follows", 60)
        run("rigctl", "temp", "sata", "60")
        check.soon("simple set-up, a hot SATA drive brings full speed", FULL, self.fan.duty)
        run("rigctl", "temp", "sata", "45")
        self.on_curve("simple set-up, cooled again")
        with Client("127.0.0.1", 9999) as client:
            listed = client.status(SHELF)["devices"]
        check.equal("simple set-up, smartctl runs", ["good"] * 3, [each["health"] for each in listed])

    def ending(self, original):
        """Everything is stopped."""
        run("systemctl", "stop", CLIENT, SERVER)
        check.equal("at the end the chip is as it was found", original, self.fan.now())
        failed = run("systemctl", "--failed", "--no-legend", "--plain").stdout
        check("at the end nothing of fand has failed", "fand" not in failed, failed)


def install():
    """The units as shipped, with a probe before each."""
    check.equal("the commands of docs/systemd.rst put everything in place", 0, put_in_place())
    check.equal("systemd-analyze verify finds no fault", "", verified())
    shutil.copy("fand.toml", CONFIG)
    for unit in (SERVER, AGENT, CLIENT):
        drop_in(unit, "rig", RIG)
    temperature(45)
    run("rigctl", "temp", "sata", "45")
    run("rigctl", "temp", "nvme0", "50")
    run("rigctl", "temp", "nvme1", "50")


def main():
    """All cases."""
    recorder = Recorder()
    cases = Cases(recorder)
    whole = False

    def case(name, *args):
        started = time.monotonic()
        getattr(cases, name)(*args)
        print(f"     {name} took {time.monotonic() - started:.1f} s")

    try:
        install()
        original = recorder.now()
        recorder.start()
        case("boot")
        case("exposures")
        case("identities")
        case("confinement")
        case("roles")
        case("reloads")
        case("dies", CLIENT, "client")
        case("dies", SERVER, "server")
        case("dies", AGENT, "agent")
        case("agent_away")
        case("nvme")
        case("local")
        case("network")
        case("simple")
        case("ending", original)
        whole = True
    finally:
        if check.failures or not whole:
            for unit in (SERVER, AGENT, CLIENT):
                print(f"--- {unit}: {show(unit, 'ActiveState')}", *journal(unit).splitlines()[-80:], sep="\n     ")
            print("--- duties", recorder.seen)
    print(f"     uptime {Path('/proc/uptime').read_text().split()[0]} s")
    return min(check.failures, 1)


if __name__ == "__main__":
    sys.exit(main())
