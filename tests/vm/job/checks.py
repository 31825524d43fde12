"""The main job on a real kernel: drives and a fan chip in, the chip's PWM out. Runs in the virtual machine."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from rigcheck import Checks, fanctl, find_chip, run

CONFIG = "/job/fand.toml"
SHELF = "shelf1"
DRIVES = ("RIGSATA0001", "RIGSATA0002", "RIGNVME0001", "RIGNVME0002")
LEASE = 6  # as in CONFIG
CHIP = find_chip()
# ATA commands that leave a sleeping disk asleep: CHECK POWER MODE, IDENTIFY
HARMLESS = {"e5", "98", "ec"}


check = Checks()


def start(*command, log):
    """Start a daemon, its messages in a file."""
    with Path(log).open("a") as file:
        return subprocess.Popen(command, stdout=file, stderr=file)


def start_server():
    """The server of this shelf."""
    return start("fand-server", "-c", CONFIG, "-v", log="/tmp/server.log")


def start_client():
    """The fan client of this shelf."""
    os.environ["FAND_CONFIG"] = CONFIG
    return start("fand-client", "-v", log="/tmp/client.log")


def chip(file):
    """What the kernel says of the fan chip."""
    return int((CHIP / file).read_text())


def pwm():
    """The duty that the chip's output 1 has, 0 to 255."""
    return chip("pwm1")


def status():
    """The state of the shelf, as fanctl prints it for programs; nothing is known of it while there is no server."""
    return json.loads(fanctl("status", SHELF, "--json") or '{"devices": [], "rpm": null, "reason": ""}')


def devices(key, *names):
    """What the shelf's state says under ``key`` of the devices with these names."""
    listed = status()["devices"]
    return [each[key] for name in names for each in listed if name in each["name"]]


def ata():
    """The ATA commands that each SATA disk got since this was last asked."""
    return json.loads(run("rigctl", "ata").stdout)


def temperature(celsius):
    """Write the temperature register of the chip."""
    run("chipctl", "temp", "nct7802", "1", str(celsius))


def main():
    """All checks, in an order in which each builds on the last."""
    original = chip("pwm1_enable"), pwm()
    check.equal("the chip is found in its automatic mode", (2, 128), original)
    temperature(30)

    configurations()
    server, client = start_server(), start_client()
    plant = subprocess.Popen(["chipctl", "plant", "-t", "600", "-m", "2000"])
    try:
        following()
        overriding()
        sleeping()
        pulled_out()
        client = client_killed(client)
        server = server_killed(server)
        ending(server, client, original)
    finally:
        for process in (server, client, plant):
            process.kill()
        if check.failures:
            for log in ("server", "client"):
                print(f"--- {log}.log", *Path(f"/tmp/{log}.log").read_text().splitlines()[-60:], sep="\n     ")
    return min(check.failures, 1)


def configurations():
    """What the machine has, and what the server makes of a configuration."""
    detected = run("fand", "detect").stdout
    for serial in DRIVES:
        check(f"fand detect lists {serial}", serial in detected)
    check("fand detect lists the chip's fan", 'hwmon = "nct7802"' in detected and "pwm = 1" in detected)
    Path("/tmp/detected.toml").write_text(detected)
    done = run("fand-server", "--check", "-c", "/tmp/detected.toml")
    check.equal("what fand detect prints passes --check", 0, done.returncode)
    if done.returncode:
        print(detected)
    readme = Path("/job/README.md").read_text().split("```toml\n")[1].split("```")[0]
    Path("/tmp/readme.toml").write_text(readme)
    done = run("fand-server", "--check", "-c", "/tmp/readme.toml")
    check("the README's shelf passes --check", done.returncode == 0 and " 40 %: " in done.stdout, done.stdout)
    done = run("fand-server", "--check", "-c", CONFIG)
    check.equal("fand-server --check", 0, done.returncode)
    print(done.stdout)


def following():
    """The fan follows each temperature."""
    check.soon("at 30 degC the chip's pwm1 is 40 %", 102, pwm, 40)
    check.equal("the chip is under control", 1, chip("pwm1_enable"))
    temperature(40)
    check.soon("its temperature register at 40 degC moves pwm1 to 60 %", 153, pwm)
    shown = fanctl("status", SHELF)
    print(shown)
    for serial in DRIVES:
        check(f"fanctl status shows {serial}", serial in shown)
    check.soon("the tachometer is reported", True, lambda: 1100 < (status()["rpm"] or 0) < 1300)

    run("rigctl", "temp", "sata", "50")
    check.soon("a hot SATA drive raises pwm1 to 65 %", 166, pwm)
    check.soon("the SATA drives at 50 degC", [50, 50], lambda: devices("celsius", *DRIVES[:2]))
    run("rigctl", "temp", "nvme0", "80")
    check.soon("a hot NVMe drive raises pwm1 to 100 %", 255, pwm)
    check.equal("the NVMe drive at 80 degC", [80], [round(celsius) for celsius in devices("celsius", DRIVES[2])])
    run("rigctl", "temp", "nvme0", "50")
    run("rigctl", "temp", "sata", "31")
    check.soon("when they have cooled pwm1 is at 60 % again", 153, pwm)


def overriding():
    """An operator's word."""
    check.equal(
        "an override is taken", "ok\n", run("fanctl", "-a", "127.0.0.1", "set-pwm-override", SHELF, "80").stdout
    )
    check.soon("and driven", 204, pwm)
    check.equal("fanctl get-pwm", "80", fanctl("get-pwm", SHELF))
    fanctl("set-pwm-override", SHELF, "none")
    check.soon("until it is removed", 153, pwm)


def sleeping():
    """Drives in standby are seen asleep, and left so."""
    run("rigctl", "standby", "sata", "on")
    check.soon("drives in standby are seen asleep", ["asleep", "asleep"], lambda: devices("health", *DRIVES[:2]))
    ata()
    time.sleep(5)  # more than two rounds of questions
    commands = ata()
    woken = {drive: sorted(set(counts) - HARMLESS) for drive, counts in commands.items()}
    check.equal("and not woken", {"sata0": [], "sata1": []}, woken)
    check("though they are asked", all(commands.values()), commands)
    run("rigctl", "standby", "sata", "off")
    check.soon("awake again they are read", ["good", "good"], lambda: devices("health", *DRIVES[:2]))


def pulled_out():
    """A drive goes, and comes back."""
    run("rigctl", "unplug", "nvme1")
    check.soon("a drive that is pulled out brings full speed", 255, pwm, 40)
    reason = status()["reason"]
    check("and is named", DRIVES[3] in reason, reason)
    run("rigctl", "plug", "nvme1")
    check.soon("put back it is read again", 153, pwm, 30)


def client_killed(client):
    """The fan client dies and comes back."""
    client.kill()
    client.wait()
    temperature(50)
    client = start_client()
    check.soon("after kill -9 and a restart of the client pwm1 follows to 80 %", 204, pwm, 20)
    return client


def server_killed(server):
    """The server dies and comes back."""
    server.kill()
    server.wait()
    took = check.soon("without a server pwm1 goes to full speed", 255, pwm, LEASE + 3)
    check("within the lease", took < LEASE + 2, f"{took:.1f} s")
    server = start_server()
    check.soon("and back along the curve when it returns", 204, pwm, 40)
    return server


def ending(server, client, original):
    """An ordinary end."""
    client.send_signal(signal.SIGTERM)
    check.equal("the client ends with status 0", 0, client.wait(10))
    check.equal("it leaves the chip as it was found", original, (chip("pwm1_enable"), pwm()))
    server.send_signal(signal.SIGTERM)
    started = time.monotonic()
    check.equal("the server ends with status 0", 0, server.wait(10))
    print(f"     in {time.monotonic() - started:.1f} s; uptime {Path('/proc/uptime').read_text().split()[0]} s")


if __name__ == "__main__":
    sys.exit(main())
