"""The shipped units under the real systemd: whatever happens to a service, the fans are safe and it comes back.

Runs in the virtual machine. The duties of the fan chip tell who set them: 100 % is the start of the fan client, 90 %
(``failsafe`` in fand.toml) the client without a server or ``ExecStopPost=``, less is what the server asks for.
"""

import os
import shutil
import signal
import sys
import time
from pathlib import Path

from rigcheck import Checks, find_chip, run
from services import Recorder, journal, main_pid, put_in_place, restarts, show, verified

from fand.client import Client
from fand.exceptions import CommunicationError

ETC = Path("/etc/systemd/system")
CONFIG = Path("/etc/fand.toml")
SHELF = "shelf1"
SERVER, CLIENT, RASPBERRY = "fand-server", "fand-client", "fand-clientrpi"
LEASE = 8  # as in fand.toml
FULL, FAILSAFE, CURVE, OVERRIDE = 255, 230, 179, 204  # 100 %; 90 %; 70 %, that of 45 degC; 80 %
NEW = 185  # 72.5 %, that of 45 degC after a reload
ORIGINAL = 2, 128  # the chip's own mode and duty
# What would take too long here. The rest is as shipped.
DROP_INS = {
    SERVER: "[Service]\nWatchdogSec=6\nRestartSec=0.5\n",
    CLIENT: "[Service]\nWatchdogSec=6\nEnvironment=PYTHONPATH=/run/job/guest\n",
}

check = Checks()


def status():
    """The state of the shelf; nothing is known of it while there is no server."""
    try:
        with Client("127.0.0.1", 9999) as client:
            return client.status(SHELF)
    except CommunicationError:
        return {}


def alarms():
    """The sorts of what is wrong, as the server says."""
    return {alarm["sort"] for alarm in status().get("alarms", ())}


def temperature(celsius):
    """What the shelf's sensor measures."""
    fresh = Path("/run/temperature.new")
    fresh.write_text(f"{celsius}\n")
    fresh.rename("/run/temperature")


class Cases:
    """Each method is one case, and leaves both services running and the fan on the curve."""

    def __init__(self, recorder):
        self.fan = recorder

    def on_curve(self, name):
        """Check that the fan is back on the curve."""
        check.soon(name, CURVE, self.fan.duty, 30)

    def boot(self):
        """The client is started first, and needs nobody."""
        check.equal("the chip is found in its automatic mode", ORIGINAL, self.fan.now())
        done = run("systemctl", "enable", "--now", CLIENT)
        check.equal("the client starts without a server", 0, done.returncode)
        check.equal("and drives full speed", FULL, self.fan.duty())
        done = run("systemctl", "enable", "--now", SERVER)
        check.equal("the server starts", 0, done.returncode)
        self.on_curve("then the fan follows the curve")

    def client_dies(self, how, number):
        """The client's process gets a signal that it cannot answer."""
        before, mark = restarts(CLIENT), len(self.fan.seen)
        os.kill(main_pid(CLIENT), number)
        safe = f"client {how}, ExecStopPost= sets the failsafe duty"
        check.soon(safe, True, lambda: FAILSAFE in self.fan.since(mark), 30)
        self.on_curve(f"client {how}, it returns")
        check.equal(f"client {how}, systemd has started it again", before + 1, restarts(CLIENT))
        seen = self.fan.since(mark)
        check(f"client {how}, never less air meanwhile", min(seen, default=CURVE) >= CURVE, seen)

    def client_stopped(self):
        """An ordinary stop, and a start."""
        mark = len(self.fan.seen)
        run("systemctl", "stop", CLIENT)
        check.equal(
            "systemctl stop, the automatic mode of before all these deaths is restored", ORIGINAL, self.fan.now()
        )
        check.equal("systemctl stop, the service has ended well", "success", show(CLIENT, "Result"))
        seen = self.fan.since(mark)
        check("systemctl stop, ExecStopPost= has left the fan alone", FAILSAFE not in seen, seen)
        run("systemctl", "start", CLIENT)
        self.on_curve("systemctl stop, started again it drives the fan")

    def client_crashes(self):
        """An exception in the client's main thread."""
        before, mark = restarts(CLIENT), len(self.fan.seen)
        os.kill(main_pid(CLIENT), signal.SIGRTMIN)
        check.soon("client with a fault of its own, systemd starts it again", before + 1, lambda: restarts(CLIENT))
        self.on_curve("client with a fault of its own, it returns")
        seen = self.fan.seen[mark:]
        # its own duty goes before its own mode
        safe = all(mode == 2 or duty >= CURVE or duty == ORIGINAL[1] for mode, duty in seen)
        check("client with a fault of its own, never less air, unless the chip has control", safe, seen)
        check("client with a fault of its own, the log has the reason", "crashed on purpose" in journal(CLIENT))

    def raspberry(self):
        """The unit of fand-clientrpi, on the PWM chip of the kernel."""
        chip = next(Path("/sys/class/pwm").glob("pwmchip*"))
        options = f"elsewhere --pwm-chip {(chip / 'device').resolve().name} --frequency 200 -p 9"
        Path("/etc/default/fand-clientrpi").write_text(f'FAND_CLIENTRPI="{options}"\n')
        run("systemctl", "start", RASPBERRY)
        output = chip / "pwm0"
        check.equal("raspberry, its options reach it, and it drives full speed", FULL, share(output))
        before = restarts(RASPBERRY)
        os.kill(main_pid(RASPBERRY), signal.SIGKILL)
        (output / "duty_cycle").write_text("0")  # a fan at full speed would be left alone
        check.soon("raspberry, killed it is started again", before + 1, lambda: restarts(RASPBERRY), 30)
        told = "set to the failsafe duty of 100 %"
        check.soon("raspberry, ExecStopPost= has set the failsafe duty", True, lambda: told in journal(RASPBERRY))
        run("systemctl", "stop", RASPBERRY)
        check.equal("raspberry, stopped it ends well", "success", show(RASPBERRY, "Result"))

    def chip_fault(self):
        """The kernel's driver lets the chip go: no write works any more, then no fan can be found at all."""
        before = restarts(CLIENT)
        device = (find_chip() / "device").resolve()
        driver = (device / "driver").resolve()
        (driver / "unbind").write_text(device.name)
        check.soon("chip fault, the server is told", True, lambda: "fault" in states(), 15)
        check.soon("chip fault, and raises an alarm", True, lambda: bool(alarms()), 5)
        print("     alarms:", status().get("alarms"))
        check.soon("chip fault, not fed, the client is restarted", True, lambda: restarts(CLIENT) > before, 20)
        run("systemctl", "stop", SERVER)  # whose answer may end the full speed of the start before it is seen
        (driver / "bind").write_text(device.name)
        check.soon("chip fault, mended, the fan starts again at full speed", FULL, self.fan.duty, 30)
        run("systemctl", "start", SERVER)
        self.on_curve("chip fault, mended, the fan is driven again")

    def server_dies(self, how, number):
        """The server's process dies or hangs: the client holds."""
        set_override(80)
        check.soon(f"server {how}, an override is driven", OVERRIDE, self.fan.duty)
        before, mark = restarts(SERVER), len(self.fan.seen)
        os.kill(main_pid(SERVER), number)
        check.soon(f"server {how}, systemd starts it again", before + 1, lambda: restarts(SERVER), 20)
        check.soon(f"server {how}, the override has survived", {"percent": 80}, override, 20)
        check.soon(f"server {how}, and is driven", OVERRIDE, self.fan.duty, 20)
        seen = self.fan.since(mark)
        check(f"server {how}, never less air meanwhile", min(seen, default=OVERRIDE) >= OVERRIDE, seen)
        set_override(None)
        self.on_curve(f"server {how}, then the curve again")

    def server_away(self):
        """The server is stopped and stays away."""
        run("systemctl", "stop", SERVER)
        took = check.soon("server stopped, failsafe duty when the lease is over", FAILSAFE, self.fan.duty, LEASE + 5)
        check("server stopped, within the lease", took < LEASE + 2, f"{took:.1f} s")
        check.equal("server stopped, the client goes on", "active", show(CLIENT, "ActiveState"))
        run("systemctl", "start", SERVER)
        self.on_curve("server stopped, started again the fan follows")

    def reloads(self):
        """A new configuration without a restart."""
        pid, good = main_pid(SERVER), CONFIG.read_text()
        CONFIG.write_text(good.replace("[30, 40]", "[30, 50]"))
        check.equal("systemctl reload", 0, run("systemctl", "reload", SERVER).returncode)
        check.soon("reload, the new curve is driven", NEW, self.fan.duty)
        CONFIG.write_text(good.replace("[30, 40]", "[30, 400]"))
        check("reload of a bad file, it fails", run("systemctl", "reload", SERVER).returncode != 0)
        check.soon("reload of a bad file, the log names the fault", True, lambda: "400" in journal(SERVER))
        check.equal("reload of a bad file, the old one drives on", NEW, self.fan.duty())
        CONFIG.write_text(good)
        run("systemctl", "reload", SERVER)
        self.on_curve("reload, the first file again")
        check.equal("reload, all this in the same process", pid, main_pid(SERVER))

    def suspended(self):
        """The host sleeps, and its chip forgets what it was told."""
        check.soon("no alarm is left of all this", set(), alarms, 60)
        (ETC / f"{CLIENT}.service.d/z.conf").write_text("[Service]\nWatchdogSec=0\n")
        CONFIG.write_text(CONFIG.read_text().replace("interval = 1\nlease = 8", "interval = 20\nlease = 300"))
        run("systemctl", "daemon-reload")
        run("systemctl", "restart", CLIENT)
        self.on_curve("suspend, the duty is on the curve, and written again in 20 s only")
        slept = asleep()
        run("chipctl", "reg", "nct7802", "0x60", "0x20")
        run("rtcwake", "-m", "mem", "-s", "3")
        slept = asleep() - slept
        check("suspend, the host has slept", slept > 1, f"{slept:.1f} s")
        check.soon(
            "suspend, after it the fan gets its duty at once", True, lambda: (self.fan.duty() or 0) >= CURVE, 8
        )

    def ending(self):
        """Everything is stopped."""
        run("systemctl", "stop", CLIENT, SERVER)
        check.equal("at the end the chip is as it was found", ORIGINAL, self.fan.now())
        failed = run("systemctl", "--failed", "--no-legend", "--plain").stdout
        check("at the end nothing of fand has failed", "fand" not in failed, failed)


def asleep():
    """How long the host has slept since it started."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)


def share(output):
    """The duty of an output of the kernel's PWM, 0 to 255; None if it is off."""
    if int((output / "enable").read_text()) != 1:
        return None
    on, period = (int((output / name).read_text()) for name in ("duty_cycle", "period"))
    return round(on * 255 / period)


def states():
    """What the fan client says of its fans."""
    return [fan["state"] for fan in status().get("fans", ())]


def set_override(percent):
    """As an operator would."""
    with Client("127.0.0.1", 9999) as client:
        client.override(SHELF, percent)


def override():
    """The override, without its end."""
    now = status().get("override")
    return now and {"percent": now["percent"]}


def install():
    """The units as shipped, with shorter times."""
    check.equal("the commands of docs/systemd.rst put everything in place", 0, put_in_place())
    shutil.copy("fand.toml", CONFIG)
    temperature(45)
    check.equal("systemd-analyze verify finds no fault", "", verified())
    for unit, text in DROP_INS.items():
        (ETC / f"{unit}.service.d").mkdir()
        (ETC / f"{unit}.service.d/rig.conf").write_text(text)
    run("systemctl", "daemon-reload")


def main():
    """All cases, in an order in which each builds on the last; those named on the command line only, if any are."""
    recorder = Recorder()
    cases = Cases(recorder)
    wanted = sys.argv[1:]

    def case(name, *args):
        if not wanted or name in wanted:
            started = time.monotonic()
            getattr(cases, name)(*args)
            print(f"     {name} took {time.monotonic() - started:.1f} s")

    whole = False
    try:
        install()
        recorder.start()
        cases.boot()
        case("client_dies", "killed (SIGKILL)", signal.SIGKILL)
        case("client_dies", "hung (SIGSTOP)", signal.SIGSTOP)  # which the watchdog ends by SIGABRT
        case("client_crashes")
        case("client_stopped")
        case("raspberry")
        case("chip_fault")
        case("server_dies", "killed (SIGKILL)", signal.SIGKILL)
        case("server_dies", "hung (SIGSTOP)", signal.SIGSTOP)
        case("server_away")
        case("reloads")
        case("suspended")
        cases.ending()
        whole = True
    finally:
        if check.failures or not whole:
            for unit in (SERVER, CLIENT, RASPBERRY):
                print(f"--- {unit}", *journal(unit).splitlines()[-80:], sep="\n     ")
            print("--- duties", recorder.seen)
    print(f"     uptime {Path('/proc/uptime').read_text().split()[0]} s")
    return min(check.failures, 1)


if __name__ == "__main__":
    sys.exit(main())
