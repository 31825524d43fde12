#!/usr/bin/env python3
"""vmrig - boot the test VM built by build.sh, run a job in it, drive its simulated hardware.

Python 3.9+, standard library only. See README.md; the usual entry point is run.sh.

  vmrig.py [run] [options] JOBDIR     boot, run JOBDIR/job.sh, exit with its status
  vmrig.py ctl RUNDIR WORD...         hardware control of a VM started with --keep
  vmrig.py ssh RUNDIR [COMMAND...]    shell in a VM started with --keep
  vmrig.py stop RUNDIR                end a VM started with --keep

Exit status of run: the job's own; 124 time-out, 125 the VM ended or never reported.
"""

import argparse
import ctypes
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
EXIT_TIMEOUT, EXIT_BROKEN = 124, 125


class RigError(Exception):
    """A request that could not be carried out; its text is shown to who asked."""


class Qmp:
    """QEMU's control socket, one command at a time; events are dropped."""

    def __init__(self, path, deadline):
        while True:
            try:
                self.sock = socket.socket(socket.AF_UNIX)
                self.sock.connect(str(path))
                break
            except OSError:
                self.sock.close()
                if time.monotonic() > deadline:
                    raise RigError("QEMU's control socket did not come up")
                time.sleep(0.02)
        self.sock.settimeout(30)
        self.file = self.sock.makefile("rw", encoding="utf-8")
        self.lock = threading.Lock()
        self.file.readline()
        self("qmp_capabilities")

    def __call__(self, command, **arguments):
        with self.lock:
            self.file.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
            self.file.flush()
            while True:
                line = self.file.readline()
                if not line:
                    raise RigError("QEMU closed its control socket")
                answer = json.loads(line)
                if "return" in answer:
                    return answer["return"]
                if "error" in answer:
                    raise RigError(answer["error"].get("desc", "QEMU error"))


class Memory:
    """QEMU's own memory: the values its emulated drives report have no option to set them."""

    def __init__(self, pid):
        self.pid = pid
        self.fd = os.open(f"/proc/{pid}/mem", os.O_RDWR)
        self.exe = os.readlink(f"/proc/{pid}/exe")

    def maps(self):
        with open(f"/proc/{self.pid}/maps", encoding="utf-8") as f:
            for line in f:
                part = line.split(maxsplit=5)
                start, end = (int(x, 16) for x in part[0].split("-"))
                yield start, end, part[1], int(part[2], 16), part[5].strip() if len(part) > 5 else ""

    def read(self, address, size):
        return os.pread(self.fd, size, address)

    def write(self, address, data):
        if os.pwrite(self.fd, data, address) != len(data):
            raise RigError("short write to QEMU's memory")

    def find_in_program(self, pattern):
        """Addresses where a byte regex matches QEMU's program file, as mapped."""
        text = Path(self.exe).read_bytes()
        found = []
        for match in re.finditer(pattern, text, re.S):
            for start, end, _, offset, path in self.maps():
                if path == self.exe and offset <= match.start() < offset + end - start:
                    found.append(start + match.start() - offset)
                    break
        return found

    def find_in_heap(self, needle):
        """2-aligned addresses of needle in QEMU's private writable data (not the guest's RAM)."""
        found = []
        for start, end, mode, _, path in self.maps():
            if mode != "rw-p" or path not in ("", "[heap]") or end - start > 256 << 20:
                continue
            try:
                data = self.read(start, end - start)
            except OSError:
                continue
            at = data.find(needle)
            while at >= 0:
                if at % 2 == 0:
                    found.append(start + at)
                at = data.find(needle, at + 1)
        return found


class Hardware:
    """The hardware controls, for the guest (rigctl) and the host (vmrig.py ctl)."""

    def __init__(self, qmp, memory, drives, trace, nvme_args):
        self.qmp, self.memory, self.drives, self.trace = qmp, memory, drives, trace
        self.nvme_args = nvme_args
        self.lock = threading.Lock()
        self.nvme_at = {}
        self.trace_at = 0
        self.notes = []
        self.sata_table = self.sata_power = None

    # -- found once, while the machine is still stopped before its first instruction

    def prepare(self):
        mem = self.memory
        # IDENTIFY word 93 is non-zero only on parallel ATA; QEMU sets it on AHCI too, and the
        # kernel's drivetemp then refuses the disk. Clear it, as a SATA disk has it.
        word93 = mem.find_in_program(rb"\xb8\x01\x60\x00\x00\x66\x89[\x80-\x87]\xf2\x00\x00\x00")
        for at in word93:
            mem.write(at + 1, b"\0\0")
        if not word93:
            self.notes.append("no drivetemp: IDENTIFY word 93 not found in this QEMU")
        # int[12] row of the SMART attribute table: 190, airflow temperature
        row = b"".join(x.to_bytes(4, "little") for x in (190, 3, 0, 0x45, 0x45, 0x1F))
        table = mem.find_in_program(re.escape(row))
        if len(table) == 1:
            self.sata_table = table[0]
        else:
            self.notes.append("sata temperature is fixed: attribute 190 not found in this QEMU")
        # cmd_check_power_mode: s->nsector = 0xff; return true;
        power = mem.find_in_program(rb"\xc7\x87..\x00\x00\xff\x00\x00\x00\xb8\x01\x00\x00\x00\xc3")
        if len(power) == 1:
            self.sata_power = power[0] + 6
        else:
            self.notes.append("sata standby is not to be had: CHECK POWER MODE not found in this QEMU")
        for name in self.drives:
            if name.startswith("nvme"):
                self._locate_nvme(name)

    def _locate_nvme(self, name):
        """NvmeCtrl holds { uint16 temperature; uint8 smart_critical_warning; }; QMP sets the
        second, which tells the right place from chance matches."""
        old = self.qmp("qom-get", path=f"/machine/peripheral/{name}", property="smart_critical_warning")

        def mark(value):
            self.qmp("qom-set", path=f"/machine/peripheral/{name}", property="smart_critical_warning", value=value)

        mark(0x15)
        found = self.memory.find_in_heap(b"\x43\x01\x15")
        mark(0x0A)
        found = [at for at in found if self.memory.read(at, 3) == b"\x43\x01\x0a"]
        mark(old)
        found = [at for at in found if self.memory.read(at, 3) == bytes((0x43, 0x01, old))]
        if len(found) == 1:
            self.nvme_at[name] = found[0]
        else:
            self.notes.append(f"{name} temperature is fixed: {len(found)} places found")

    # -- requests

    def request(self, line):
        words = shlex.split(line)
        if not words:
            raise RigError("empty request")
        method = getattr(self, "do_" + words[0].replace("-", "_"), None)
        if method is None:
            names = [n[3:].replace("_", "-") for n in dir(self) if n.startswith("do_")]
            raise RigError(f"unknown request {words[0]}; known: {', '.join(sorted(names))}")
        with self.lock:
            try:
                return method(*words[1:])
            except TypeError as e:
                raise RigError(f"wrong arguments for {words[0]}") from e
            except (ValueError, OSError) as e:
                raise RigError(f"{words[0]}: {e}") from e

    def do_help(self):
        """help - the requests."""
        docs = [getattr(self, n).__doc__ for n in sorted(dir(self)) if n.startswith("do_")]
        return " | ".join(" ".join(d.split()) for d in docs)

    def do_info(self):
        """info - drives, serial numbers and what could not be set up."""
        return json.dumps({"drives": self.drives, "notes": self.notes})

    def do_temp(self, drive, celsius):
        """temp nvme0|sata CELSIUS - NVMe each its own; all SATA disks share one value."""
        value = round(float(celsius))
        if drive.startswith("nvme"):
            if drive not in self.nvme_at:
                raise RigError(f"{drive}: temperature not adjustable")
            self.memory.write(self.nvme_at[drive], (value + 273).to_bytes(2, "little"))
        elif drive == "sata":
            if self.sata_table is None:
                raise RigError("sata: temperature not adjustable")
            if not 0 <= value <= 100:
                raise RigError("sata: 0 to 100")
            row = [100 - value, 100 - value, value, 0, value, value]  # value, worst, raw, min, max
            data = b"".join(x.to_bytes(4, "little") for x in row)
            self.memory.write(self.sata_table + 12, data)
        else:
            raise RigError(f"no temperature control for {drive}")
        return str(value)

    def do_standby(self, drive, state):
        """standby sata on|off - what CHECK POWER MODE answers (smartctl -n, hdparm -C)."""
        if drive != "sata" or self.sata_power is None:
            raise RigError(f"no standby control for {drive}")
        self.memory.write(self.sata_power, {"on": b"\x00", "off": b"\xff"}[state])
        return state

    def do_warn(self, drive, bits):
        """warn nvme0 BITS - NVMe critical warning (1 spare, 2 temperature, 4 reliability, ...)."""
        self.qmp(
            "qom-set",
            path=f"/machine/peripheral/{drive}",
            property="smart_critical_warning",
            value=int(bits, 0),
        )
        return bits

    def do_unplug(self, drive):
        """unplug nvme0|scsi0 - remove the drive, as a guest sees it on a hot-plug port."""
        self.qmp("device_del", id=drive)
        self.nvme_at.pop(drive, None)
        return "requested"

    def do_plug(self, drive):
        """plug nvme0 - put an unplugged NVMe drive back."""
        if drive not in self.nvme_args:
            raise RigError(f"cannot plug {drive}")
        self.qmp("stop")
        try:
            self.qmp("device_add", **self.nvme_args[drive])
            self._locate_nvme(drive)
        finally:
            self.qmp("cont")
        return "ok"

    def do_ata(self):
        """ata - ATA commands each SATA disk got since last asked, by command byte (b0 is SMART,
        e5 CHECK POWER MODE, 25/c8/60 reads): shows whether a sleeping disk was touched."""
        counts = {name: {} for name in self.drives if name.startswith("sata")}
        owner = {}
        try:
            with open(self.trace, encoding="utf-8", errors="replace") as f:
                f.seek(self.trace_at)
                text = f.read()
        except FileNotFoundError:
            text = ""
        text = text[: text.rfind("\n") + 1]
        self.trace_at += len(text.encode())
        for state, command in re.findall(r"state (0x[0-9a-f]+); cmd 0x([0-9a-f]+)", text):
            if state not in owner:
                data = self.memory.read(int(state, 16), 1024)
                owner[state] = next(
                    (n for n, s in self.drives.items() if n in counts and s.encode() + b"\0" in data), None
                )
            if owner[state]:
                count = counts[owner[state]]
                count[command] = count.get(command, 0) + 1
        return json.dumps(counts)


def serve(connection, hardware):
    """Answer request lines on one socket: 'ok TEXT' or 'err TEXT'."""
    with connection, connection.makefile("rw", encoding="utf-8", errors="replace") as f:
        try:
            for line in f:
                try:
                    answer = "ok " + hardware.request(line)
                except RigError as e:
                    answer = "err " + str(e).replace("\n", " ")
                f.write(answer + "\n")
                f.flush()
        except OSError:
            pass


def connect_unix(path, deadline):
    while True:
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.connect(str(path))
            return sock
        except OSError:
            sock.close()
            if time.monotonic() > deadline:
                raise RigError(f"{path} did not come up")
            time.sleep(0.02)


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def names(text):
    return [x for x in text.split(",") if x]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def qemu_command(args, rundir, drives, nvme_args):
    cache = Path(args.cache)
    append = [
        "console=ttyS0",
        "panic=-1",
        "quiet",
        "mitigations=off",
        "nokaslr",
        "audit=0",
        "net.ifnames=0",
        "random.trust_cpu=1",
        "rig.init=" + args.init,
    ]
    if args.keep:
        append.append("rig.keep=1")
    if args.no_udev:
        append.append("rig.udev=0")
    append += args.append
    forwards = "".join(f",hostfwd=tcp:127.0.0.1:{host}-10.0.2.15:{guest}" for host, guest in args.forward)
    accel = "tcg,thread=multi" if args.accel == "tcg" else args.accel
    cmd = [
        args.qemu,
        "-machine",
        f"q35,memory-backend=ram,usb=off",
        "-accel",
        accel,
        "-cpu",
        args.cpu,
        "-smp",
        str(args.cpus),
        "-m",
        str(args.mem),
        "-object",
        f"memory-backend-memfd,id=ram,size={args.mem}M,share=on",
        "-nodefaults",
        "-no-user-config",
        "-display",
        "none",
        "-no-reboot",
        "-S",
        "-rtc",
        "base=utc",
        "-name",
        "vmrig",
        "-kernel",
        # a wake-up resets the machine, and QEMU would then put a bare kernel into its memory once more
        cache / ("vmlinuz" if args.suspend else "vmlinux"),
        "-initrd",
        cache / "initrd.img",
        "-append",
        " ".join(append),
        "-qmp",
        f"unix:{rundir}/qmp.sock,server=on,wait=off",
        "-chardev",
        f"file,id=con,path={rundir}/console.log",
        "-serial",
        "chardev:con",
        "-drive",
        f"if=none,id=root,file={cache}/root.ext4,format=raw,snapshot=on",
        "-device",
        "virtio-blk-pci,drive=root,serial=RIGROOT",
        "-device",
        "virtio-rng-pci",
        "-device",
        "virtio-serial-pci,id=vser",
        "-fsdev",
        f"local,id=job,path={args.jobdir},security_model=none,multidevs=remap",
        "-device",
        "virtio-9p-pci,fsdev=job,mount_tag=job",
        "-netdev",
        f"user,id=net,restrict=on{forwards}",
        "-device",
        "virtio-net-pci,netdev=net,romfile=",
        "-trace",
        "ide_exec_cmd",
        "-D",
        f"{rundir}/trace.log",
    ]
    for port in ("out", "rc", "ctl"):
        cmd += [
            "-chardev",
            f"socket,id={port},path={rundir}/{port}.sock,server=on,wait=off",
            "-device",
            f"virtserialport,bus=vser.0,chardev={port},name=rig.{port}",
        ]
    for tag, path in args.share:
        cmd += [
            "-fsdev",
            f"local,id={tag},path={path},security_model=none,multidevs=remap,readonly=on",
            "-device",
            f"virtio-9p-pci,fsdev={tag},mount_tag=share.{tag}",
        ]

    def disk(name):
        path = rundir / f"{name}.img"
        with open(path, "wb") as f:
            f.truncate(64 << 20)
        return ["-drive", f"if=none,id=d-{name},file={path},format=raw,cache=unsafe"]

    def device(values):
        return [
            "-device",
            ",".join([values["driver"]] + [f"{k}={v}" for k, v in values.items() if k != "driver"]),
        ]

    for i, serial in enumerate(names(args.nvme)):
        name = f"nvme{i}"
        drives[name] = serial
        # plugged back later, the same drive node is used again
        nvme_args[name] = {
            "driver": "nvme",
            "id": name,
            "bus": f"rp{i}",
            "serial": serial,
            "drive": f"n-{name}",
        }
        path = rundir / f"{name}.img"
        with open(path, "wb") as f:
            f.truncate(64 << 20)
        cmd += ["-blockdev", f"driver=file,node-name=n-{name},filename={path}"]
        cmd += ["-device", f"pcie-root-port,id=rp{i},bus=pcie.0,chassis={i + 1},slot={i + 1}"]
        cmd += device(nvme_args[name])
    for i, serial in enumerate(names(args.sata)):
        name = f"sata{i}"
        drives[name] = serial
        # the first spins, the others are solid state
        cmd += disk(name) + device(
            {
                "driver": "ide-hd",
                "id": name,
                "bus": f"ide.{i}",
                "serial": serial,
                "drive": f"d-{name}",
                "rotation_rate": 5400 if i == 0 else 1,
                "wwn": hex(0x5000C50000000001 + i),
            }
        )
    if names(args.scsi):
        cmd += ["-device", "virtio-scsi-pci,id=vscsi"]
    for i, serial in enumerate(names(args.scsi)):
        name = f"scsi{i}"
        drives[name] = serial
        cmd += disk(name) + device(
            {"driver": "scsi-hd", "id": name, "bus": "vscsi.0", "serial": serial, "drive": f"d-{name}"}
        )
    return [str(x) for x in cmd] + args.qemu_arg


def run(args):
    started = time.monotonic()
    deadline = started + (args.timeout or 10**9)
    cache = Path(args.cache)
    for part in ("vmlinux", "vmlinuz", "initrd.img", "root.ext4"):
        if not (cache / part).exists():
            sys.exit(f"vmrig: {cache}/{part} is missing: run build.sh first")
    if not args.keep and not (args.jobdir / "job.sh").exists():
        sys.exit(f"vmrig: {args.jobdir}/job.sh is missing")
    rundir = Path(args.rundir or tempfile.mkdtemp(prefix="vmrig-run."))
    rundir.mkdir(parents=True, exist_ok=True)
    if args.keep:
        args.forward.append((args.ssh_port or free_port(), 22))
    drives, nvme_args = {}, {}
    command = qemu_command(args, rundir, drives, nvme_args)
    (rundir / "qemu.cmd").write_text(shlex.join(command) + "\n")

    qemu_log = open(rundir / "qemu.log", "wb")
    # its own session: Ctrl-C is for us; the death signal: it never outlives us
    qemu = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=qemu_log,
        stderr=qemu_log,
        start_new_session=True,
        preexec_fn=die_with_parent,
    )
    state = {"rc": None, "hello": None}
    done = threading.Event()

    def say(text):
        if not args.quiet:
            print(f"vmrig: {text}", file=sys.stderr, flush=True)

    def pump(sock):
        """The job's output, to our standard output and a file."""
        with open(rundir / "job.log", "wb") as log:
            while True:
                try:
                    data = sock.recv(65536)
                except OSError:
                    break
                if not data:
                    break
                log.write(data)
                log.flush()
                try:
                    sys.stdout.buffer.write(data)
                    sys.stdout.buffer.flush()
                except OSError:
                    pass

    def watch(sock):
        """The guest's reports: 'hello SECONDS', 'rc N', 'ready'."""
        with sock.makefile("r", encoding="utf-8", errors="replace") as f:
            try:
                for line in f:
                    word, _, rest = line.strip().partition(" ")
                    if word == "hello":
                        state["hello"] = time.monotonic() - started
                        say(f"job begins {state['hello']:.1f} s after start (guest uptime {rest} s)")
                    elif word == "rc":
                        state["rc"] = int(rest)
                        if not args.keep:
                            done.set()
                        else:
                            say(f"job ended with {rest}")
                    elif word == "ready":
                        say("ready")
                        (rundir / "ready").touch()
            except (OSError, ValueError):
                pass

    def stop(_signal=None, _frame=None):
        done.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    status = EXIT_BROKEN
    threads = []
    try:
        qmp = Qmp(rundir / "qmp.sock", min(deadline, time.monotonic() + 20))
        for port, target in (("out", pump), ("rc", watch)):
            sock = connect_unix(rundir / f"{port}.sock", deadline)
            threads.append(threading.Thread(target=target, args=(sock,), daemon=True))
        hardware = Hardware(qmp, Memory(qemu.pid), drives, rundir / "trace.log", nvme_args)
        hardware.prepare()
        say(f"hardware prepared after {time.monotonic() - started:.1f} s")
        for note in hardware.notes:
            say(note)
        guest = connect_unix(rundir / "ctl.sock", deadline)
        threads.append(threading.Thread(target=serve, args=(guest, hardware), daemon=True))
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(rundir / "host.sock"))
        listener.listen()

        def accept():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=serve, args=(connection, hardware), daemon=True).start()

        threads.append(threading.Thread(target=accept, daemon=True))
        for thread in threads:
            thread.start()
        qmp("cont")
        (rundir / "pids").write_text(f"{os.getpid()} {qemu.pid}\n")
        (rundir / "forwards").write_text("".join(f"{h} {g}\n" for h, g in args.forward))
        if args.keep:
            say(f"run folder {rundir}")
            for host, port in args.forward:
                say(f"127.0.0.1:{host} reaches port {port} of the guest")
        while not done.is_set():
            if qemu.poll() is not None:
                say(f"QEMU ended by itself with {qemu.returncode}")
                break
            if time.monotonic() > deadline:
                say(f"time-out after {args.timeout} s")
                status = EXIT_TIMEOUT
                break
            done.wait(0.05)
        if state["rc"] is not None:
            status = state["rc"]
        elif args.keep and done.is_set():
            status = 0
        try:
            if qemu.poll() is None:
                qmp("quit")
        except (RigError, OSError):
            pass
    except RigError as e:
        say(str(e))
    finally:
        try:
            qemu.wait(10)
        except subprocess.TimeoutExpired:
            qemu.kill()
            qemu.wait()
        if threads and threads[0].ident:
            threads[0].join(5)  # the rest of the job's output
        qemu_log.close()
    if status in (EXIT_TIMEOUT, EXIT_BROKEN) and state["rc"] is None:
        for name in ("qemu.log", "console.log"):
            try:
                tail = (rundir / name).read_text(errors="replace").splitlines()[-40:]
            except OSError:
                tail = []
            if tail:
                print(f"--- end of {name}", *tail, sep="\n", file=sys.stderr)
    say(f"status {status}, {time.monotonic() - started:.1f} s in all")
    if not args.rundir and not args.keep_rundir:
        for entry in rundir.iterdir():
            entry.unlink()
        rundir.rmdir()
    return status


def ask(rundir, words):
    """One hardware request to a running VM; its answer is printed."""
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(str(Path(rundir) / "host.sock"))
    with sock, sock.makefile("rw", encoding="utf-8") as f:
        f.write(shlex.join(words) + "\n")
        f.flush()
        word, _, rest = f.readline().strip().partition(" ")
    print(rest, file=sys.stdout if word == "ok" else sys.stderr)
    return 0 if word == "ok" else 1


def ssh(rundir, words, cache):
    forwards = dict(reversed(line.split()) for line in (Path(rundir) / "forwards").read_text().splitlines())
    os.execvp(
        "ssh",
        [
            "ssh",
            "-q",
            "-i",
            f"{cache}/id_rig",
            "-p",
            forwards["22"],
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "UserKnownHostsFile=/dev/null",
            "-o",
            "IdentitiesOnly=yes",
            "root@127.0.0.1",
        ]
        + words,
    )


def pair(text):
    host, _, guest = text.partition(":")
    return int(host), int(guest or host)


def share(text):
    tag, _, path = text.partition("=")
    if not tag or not Path(path).is_dir():
        raise argparse.ArgumentTypeError("TAG=FOLDER, an existing folder")
    return tag, Path(path).resolve()


def main(argv):
    cache = os.environ.get("VMRIG_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "fand-vmrig"
    )
    if argv[:1] == ["ctl"] and len(argv) > 2:
        return ask(argv[1], argv[2:])
    if argv[:1] == ["ssh"] and len(argv) > 1:
        return ssh(argv[1], argv[2:], cache)
    if argv[:1] == ["stop"] and len(argv) == 2:
        os.kill(int((Path(argv[1]) / "pids").read_text().split()[0]), signal.SIGTERM)
        return 0
    if argv[:1] == ["run"]:
        argv = argv[1:]
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("jobdir", type=lambda s: Path(s).resolve(strict=True))
    p.add_argument("--timeout", type=float, default=300, help="seconds for everything, 0 for none (300)")
    p.add_argument("--suspend", action="store_true", help="let the guest suspend to memory; it starts 3 s later")
    p.add_argument("--init", choices=("fast", "systemd"), default="fast")
    p.add_argument(
        "--keep",
        action="store_true",
        help="stay up after the job (if any), with ssh; no time-out unless given",
    )
    p.add_argument(
        "--forward",
        type=pair,
        action="append",
        default=[],
        metavar="HOST:GUEST",
        help="127.0.0.1:HOST on this machine to port GUEST in the VM; repeatable",
    )
    p.add_argument(
        "--share",
        type=share,
        action="append",
        default=[],
        metavar="TAG=FOLDER",
        help="read-only share at /mnt/TAG; repeatable",
    )
    p.add_argument("--nvme", default="RIGNVME0001,RIGNVME0002", metavar="SERIALS")
    p.add_argument("--sata", default="RIGSATA0001,RIGSATA0002", metavar="SERIALS")
    p.add_argument("--scsi", default="RIGSCSI0001", metavar="SERIALS")
    p.add_argument(
        "--no-udev",
        action="store_true",
        help="no udevd with --init fast (about 1 s less, no /dev/disk/by-id)",
    )
    p.add_argument("--accel", default="tcg")
    p.add_argument("--cpu", default="Nehalem,+rdrand", help="QEMU CPU model (Nehalem,+rdrand: fast under emulation)")
    p.add_argument("--cpus", type=int, default=2)
    p.add_argument("--mem", type=int, default=1024)
    p.add_argument("--append", action="append", default=[], help="more kernel command line")
    p.add_argument("--qemu", default="/usr/bin/qemu-system-x86_64")
    p.add_argument("--qemu-arg", action="append", default=[])
    p.add_argument("--cache", default=cache)
    p.add_argument("--rundir", help="run folder, kept afterwards (a temporary one)")
    p.add_argument("--keep-rundir", action="store_true")
    p.add_argument("--ssh-port", type=int)
    p.add_argument("--quiet", action="store_true")
    args = p.parse_args(argv)
    if args.keep and "--timeout" not in " ".join(argv):
        args.timeout = 0
    return run(args)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
